#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bsbr {

/// Element types of GGUF tensors that can be read, by the format's numbers.
enum class GgufType : std::uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  BF16 = 30,
};

/// `values` consecutive elements of a row are stored together in `bytes` bytes.
struct GgufBlock {
  std::size_t values;
  std::size_t bytes;
};

/// The type of that number if it can be read.
std::optional<GgufType> gguf_type(std::uint32_t number) noexcept;

/// The format's name of a type's number, also of those that cannot be read; empty for numbers that it does
/// not define.
std::string_view gguf_type_name(std::uint32_t number) noexcept;
inline std::string_view to_string(GgufType type) noexcept {
  return gguf_type_name(static_cast<std::uint32_t>(type));
}

/// "F32, F16, …": what can be read.
std::string gguf_type_list();

GgufBlock gguf_block(GgufType type) noexcept;

/// Turns whole blocks into float32, in the arithmetic of the format's reference implementation (float32
/// throughout). Layouts: https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h. `bytes` may begin at
/// any address. Throws Error(InvalidArgument) unless both spans hold the same number of whole blocks.
void dequantize(GgufType type, std::span<const std::byte> bytes, std::span<float> out);

}  // namespace bsbr
