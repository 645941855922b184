#pragma once

#include <vector>

#include "tests/checkpoint/damaged_files.h"

namespace bsbr::test {

/// Files that are no sound files of torch.save, or that ask for what is not let in.
std::vector<Damage> damaged_torch_files();

}  // namespace bsbr::test
