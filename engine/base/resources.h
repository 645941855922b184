#pragma once

#include <filesystem>

namespace bsbr {

/// A file that comes with the program, e.g. "demo/sample.txt": installed beside it, else in the source tree
/// it was built from. Throws Error(NotFound).
std::filesystem::path resource(const std::filesystem::path& name);

}  // namespace bsbr
