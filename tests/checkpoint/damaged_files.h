#pragma once

#include <string>
#include <vector>

#include "engine/base/error.h"

namespace bsbr::test {

/// A file that is no sound safetensors file, and what the error about it must be and say.
struct Damage {
  std::string what;
  std::string bytes;
  ErrorKind kind;
  std::vector<std::string> says;
};

std::vector<Damage> damaged_files();

/// The header's entry of one F32 tensor.
std::string entry(const std::string& shape, const std::string& offsets, const std::string& name = "w");
/// A safetensors file whose tensors are `fields`, before `data` bytes.
std::string file(const std::string& fields, std::size_t data);
std::string repeat(const std::string& text, std::size_t times);

}  // namespace bsbr::test
