#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace bsbr {

/// Element types of the safetensors format, by its names.
enum class Dtype { Bool, U8, I8, I16, U16, F16, BF16, I32, U32, F32, F64, I64, U64 };

/// The format's name of a type, e.g. "BF16".
std::string_view to_string(Dtype dtype) noexcept;

/// The type of that name, or nothing.
std::optional<Dtype> dtype_from_string(std::string_view name) noexcept;

/// What config.json calls a type that weights can have, "float32", "float16" or "bfloat16"; empty for others.
std::string_view config_name(Dtype dtype) noexcept;

/// The type that config.json calls so, or nothing.
std::optional<Dtype> dtype_from_config_name(std::string_view name) noexcept;

/// Size of one element in bytes.
std::size_t size_of(Dtype dtype) noexcept;

}  // namespace bsbr
