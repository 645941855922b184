#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace bsbr {

/// y = x · weightᵀ + bias.
struct Linear {
  at::Tensor weight;  ///< [out, in], any strides
  at::Tensor bias;    ///< [out], or undefined
};

/// LayerNorm, or RMSNorm where there is no bias.
struct Norm {
  at::Tensor weight, bias;
};

struct DecoderLayer {
  Norm attention_norm;
  /// One projection to the queries of all heads, then keys, then values; or one projection for each of the
  /// three.
  std::vector<Linear> qkv;
  Linear attention_out;
  Norm mlp_norm;
  Linear mlp_in;
  Linear mlp_gate;  ///< undefined where the activation is not gated
  Linear mlp_out;
};

struct DecoderWeights {
  at::Tensor token_embedding;     ///< [vocabulary, width]
  at::Tensor position_embedding;  ///< [context, width]; undefined with rotary positions
  std::vector<DecoderLayer> layers;
  Norm final_norm;
  at::Tensor head;  ///< [vocabulary, width]
};

}  // namespace bsbr
