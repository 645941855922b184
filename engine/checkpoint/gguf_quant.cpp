#include "engine/checkpoint/gguf_quant.h"

#include <array>
#include <bit>
#include <cstring>

#include "engine/base/error.h"

namespace bsbr {
namespace {

constexpr std::size_t kSmall = 32;   // values of a simple block
constexpr std::size_t kLarge = 256;  // values of a "K" block

using Byte = const std::uint8_t*;

float from_bits(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}

float bf16(Byte at) {
  return from_bits(static_cast<std::uint32_t>(at[0] | at[1] << 8) << 16);
}

/// IEEE 754 binary16, little-endian.
float f16(Byte at) {
  const auto half = static_cast<std::uint32_t>(at[0] | at[1] << 8);
  const std::uint32_t sign = (half & 0x8000) << 16;
  const std::uint32_t exponent = half >> 10 & 31;
  const std::uint32_t mantissa = half & 0x3FF;
  if (exponent == 31) return from_bits(sign | 0x7F800000 | mantissa << 13);
  if (exponent > 0) return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
  return sign != 0 ? -magnitude : magnitude;
}

void read_f32(Byte at, float* out) {
  std::memcpy(out, at, sizeof *out);
}
void read_f16(Byte at, float* out) {
  *out = f16(at);
}
void read_bf16(Byte at, float* out) {
  *out = bf16(at);
}

/// d, then one signed byte a value.
void read_q8_0(Byte at, float* out) {
  const float d = f16(at);
  for (std::size_t i = 0; i < kSmall; ++i)
    out[i] = static_cast<float>(static_cast<std::int8_t>(at[2 + i])) * d;
}

/// Values of 4 bits: the low halves of 16 bytes, then their high halves. With `High`, 32 bits with a fifth
/// bit of each value go before them.
template <bool High>
std::array<int, kSmall> unpack(Byte at) {
  std::array<int, kSmall> out{};
  const Byte low = High ? at + 4 : at;
  for (std::size_t i = 0; i < kSmall; ++i) {
    out[i] = low[i % 16] >> (i / 16 * 4) & 15;
    if constexpr (High) out[i] |= (at[i / 8] >> (i % 8) & 1) << 4;
  }
  return out;
}

/// d, then values around zero.
template <bool High>
void read_centred(Byte at, float* out) {
  const float d = f16(at);
  const auto values = unpack<High>(at + 2);
  for (std::size_t i = 0; i < kSmall; ++i) out[i] = static_cast<float>(values[i] - (High ? 16 : 8)) * d;
}

/// d and a lowest value, then values from zero.
template <bool High>
void read_shifted(Byte at, float* out) {
  const float d = f16(at);
  const float lowest = f16(at + 2);
  const auto values = unpack<High>(at + 4);
  for (std::size_t i = 0; i < kSmall; ++i) out[i] = static_cast<float>(values[i]) * d + lowest;
}

/// Scale and minimum, 6 bits each, of one of the 8 parts of a Q4_K or Q5_K block, packed into 12 bytes.
struct Part {
  int scale;
  int minimum;
};
Part part_of(Byte packed, std::size_t part) {
  if (part < 4) return {packed[part] & 63, packed[part + 4] & 63};
  const int low = packed[part + 4];
  return {(low & 15) | packed[part - 4] >> 6 << 4, low >> 4 | packed[part] >> 6 << 4};
}

/// d, d of the minima, 8 packed pairs of scale and minimum, with `High` 32 bytes of fifth bits, 128 bytes of
/// 4-bit values. Part p of 32 values lies in the low (even p) or high halves of the p/2-th 32 bytes.
template <bool High>
void read_k(Byte at, float* out) {
  const float d = f16(at);
  const float d_minimum = f16(at + 2);
  const Byte high = at + 16;
  const Byte low = High ? high + 32 : high;
  for (std::size_t p = 0; p < 8; ++p) {
    const Part part = part_of(at + 4, p);
    const float scale = d * static_cast<float>(part.scale);
    const float minimum = d_minimum * static_cast<float>(part.minimum);
    for (std::size_t i = 0; i < 32; ++i) {
      int value = low[p / 2 * 32 + i] >> (p % 2 * 4) & 15;
      if constexpr (High) value |= (high[i] >> p & 1) << 4;
      out[p * 32 + i] = scale * static_cast<float>(value) - minimum;
    }
  }
}

/// 128 bytes of low 4 bits, 64 bytes of high 2 bits, 16 signed scales, d. Each half of the block has four
/// parts of 32 values: parts 0 and 1 in the low halves of its 64 bytes, 2 and 3 in the high halves.
void read_q6_k(Byte at, float* out) {
  const float d = f16(at + 208);
  for (std::size_t i = 0; i < kLarge; ++i) {
    const std::size_t half = i / 128;
    const std::size_t part = i / 32 % 4;
    const std::size_t place = i % 32;
    const int low = at[half * 64 + part % 2 * 32 + place] >> (part / 2 * 4) & 15;
    const int high = at[128 + half * 32 + place] >> (part * 2) & 3;
    const float scale = d * static_cast<float>(static_cast<std::int8_t>(at[192 + i / 16]));
    out[i] = scale * static_cast<float>((low | high << 4) - 32);
  }
}

struct Row {
  GgufType type;
  GgufBlock block;
  void (*read)(Byte, float*);
};

constexpr std::array<Row, 11> kRows{{{GgufType::F32, {1, 4}, read_f32},
                                     {GgufType::F16, {1, 2}, read_f16},
                                     {GgufType::BF16, {1, 2}, read_bf16},
                                     {GgufType::Q8_0, {kSmall, 34}, read_q8_0},
                                     {GgufType::Q4_0, {kSmall, 18}, read_centred<false>},
                                     {GgufType::Q4_1, {kSmall, 20}, read_shifted<false>},
                                     {GgufType::Q5_0, {kSmall, 22}, read_centred<true>},
                                     {GgufType::Q5_1, {kSmall, 24}, read_shifted<true>},
                                     {GgufType::Q4_K, {kLarge, 144}, read_k<false>},
                                     {GgufType::Q5_K, {kLarge, 176}, read_k<true>},
                                     {GgufType::Q6_K, {kLarge, 210}, read_q6_k}}};

// By number; empty where the format has removed a type.
constexpr std::array<std::string_view, 40> kNames{
    "F32",    "F16",   "Q4_0",  "Q4_1",   "",      "",      "Q5_0",    "Q5_1",   "Q8_0",    "Q8_1",
    "Q2_K",   "Q3_K",  "Q4_K",  "Q5_K",   "Q6_K",  "Q8_K",  "IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S",
    "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8",    "I16",   "I32",     "I64",    "F64",     "IQ1_M",
    "BF16",   "",      "",      "",       "TQ1_0", "TQ2_0", "",        "",       "",        "MXFP4"};

const Row* row_of(std::uint32_t number) noexcept {
  for (const Row& row : kRows) {
    if (static_cast<std::uint32_t>(row.type) == number) return &row;
  }
  return nullptr;
}

}  // namespace

std::optional<GgufType> gguf_type(std::uint32_t number) noexcept {
  const Row* const row = row_of(number);
  return row == nullptr ? std::nullopt : std::optional(row->type);
}

std::string_view gguf_type_name(std::uint32_t number) noexcept {
  return number < kNames.size() ? kNames[number] : std::string_view();
}

std::string gguf_type_list() {
  std::string out;
  for (const Row& row : kRows) out += cat(out.empty() ? "" : ", ", to_string(row.type));
  return out;
}

GgufBlock gguf_block(GgufType type) noexcept {
  return row_of(static_cast<std::uint32_t>(type))->block;
}

void dequantize(GgufType type, std::span<const std::byte> bytes, std::span<float> out) {
  const Row* const row = row_of(static_cast<std::uint32_t>(type));
  if (row == nullptr || out.size() % row->block.values != 0 || bytes.size() % row->block.bytes != 0 ||
      out.size() / row->block.values != bytes.size() / row->block.bytes) {
    throw Error(ErrorKind::InvalidArgument, cat("cannot turn ", bytes.size(), " bytes of ", to_string(type),
                                                " into ", out.size(), " values"));
  }
  if (type == GgufType::F32) {
    if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
    return;
  }
  const auto* at = reinterpret_cast<Byte>(bytes.data());
  float* to = out.data();
  for (const float* const end = to + out.size(); to != end; to += row->block.values, at += row->block.bytes) {
    row->read(at, to);
  }
}

}  // namespace bsbr
