#include "engine/checkpoint/dtype.h"

#include <array>

namespace bsbr {
namespace {

struct Row {
  Dtype dtype;
  std::string_view name;
  std::size_t size;
};

constexpr std::array<Row, 13> kRows{{{Dtype::Bool, "BOOL", 1},
                                     {Dtype::U8, "U8", 1},
                                     {Dtype::I8, "I8", 1},
                                     {Dtype::I16, "I16", 2},
                                     {Dtype::U16, "U16", 2},
                                     {Dtype::F16, "F16", 2},
                                     {Dtype::BF16, "BF16", 2},
                                     {Dtype::I32, "I32", 4},
                                     {Dtype::U32, "U32", 4},
                                     {Dtype::F32, "F32", 4},
                                     {Dtype::F64, "F64", 8},
                                     {Dtype::I64, "I64", 8},
                                     {Dtype::U64, "U64", 8}}};

}  // namespace

std::string_view to_string(Dtype dtype) noexcept {
  return kRows.at(static_cast<std::size_t>(dtype)).name;
}

std::size_t size_of(Dtype dtype) noexcept {
  return kRows.at(static_cast<std::size_t>(dtype)).size;
}

std::string_view config_name(Dtype dtype) noexcept {
  switch (dtype) {
    case Dtype::F32:
      return "float32";
    case Dtype::F16:
      return "float16";
    case Dtype::BF16:
      return "bfloat16";
    default:
      return {};
  }
}

std::optional<Dtype> dtype_from_config_name(std::string_view name) noexcept {
  for (const Dtype dtype : {Dtype::F32, Dtype::F16, Dtype::BF16}) {
    if (config_name(dtype) == name) return dtype;
  }
  return std::nullopt;
}

std::optional<Dtype> dtype_from_string(std::string_view name) noexcept {
  for (const Row& row : kRows) {
    if (row.name == name) return row.dtype;
  }
  return std::nullopt;
}

}  // namespace bsbr
