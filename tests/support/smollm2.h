#pragma once

#include <cstdlib>
#include <filesystem>

namespace bsbr::test {

/// Where resources/setup/smollm2 puts that checkpoint; it may not be there.
inline std::filesystem::path smollm2() {
  const char* cache = std::getenv("BSBR_CACHE");
  const char* home = std::getenv("HOME");
  const std::filesystem::path folder =
      cache != nullptr ? cache : std::filesystem::path(home != nullptr ? home : "/") / ".cache" / "bsbr";
  return folder / "smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf";
}

}  // namespace bsbr::test
