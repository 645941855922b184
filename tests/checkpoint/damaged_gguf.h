#pragma once

#include <vector>

#include "tests/checkpoint/damaged_files.h"

namespace bsbr::test {

/// Files that are no sound GGUF files.
std::vector<Damage> damaged_gguf_files();

}  // namespace bsbr::test
