#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "engine/checkpoint/gguf_file.h"

namespace bsbr {

/// The tensor by whose values the rotary frequencies are divided. config.json has no place for such a list:
/// it names the rule that gave the values.
constexpr std::string_view kRopeFactors = "rope_freqs.weight";

/// The rule of Llama 3.1: frequencies that turn fewer than `low` times within the original context are
/// divided by the factor, those that turn more than `high` times are kept, those between are blended. Source:
/// Llama models repository of Meta, apply_scaling.
struct Llama3Scaling {
  double factor;
  std::int64_t context;
  // As in all such models. Files cannot tell: context, low and high, all doubled, give the same values.
  static constexpr double low = 1, high = 4;
};

/// The rule that gave the file's factors, to 1e-5; nothing where the tensor is absent or all ones. The
/// context is sought among the powers of two. Throws Error(InvalidFile) for a tensor that is no list of
/// head_dim / 2 positive F32 numbers, Error(Unsupported) where no such rule gives the factors.
std::optional<Llama3Scaling> read_rope_factors(const GgufFile& file, std::int64_t head_dim, double theta);

}  // namespace bsbr
