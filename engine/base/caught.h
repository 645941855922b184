#pragma once

#include "engine/base/error.h"

namespace bsbr {

/// The exception that is being handled, whatever it is, as an error with a message that a person can read.
/// For catch blocks only.
Error caught_error();

}  // namespace bsbr
