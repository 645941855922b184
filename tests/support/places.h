#pragma once

#include <string>

namespace bsbr::test {

/// Where a file or folder of the repository lies.
std::string in_repository(const std::string& path);

/// Where one of tests/golden lies.
std::string in_golden(const std::string& path);

}  // namespace bsbr::test
