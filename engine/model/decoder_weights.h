#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace bsbr {

/// y = x · weightᵀ + bias.
struct Linear {
  at::Tensor weight;  ///< [out, in], any strides
  at::Tensor bias;    ///< [out]
};

struct LayerNorm {
  at::Tensor weight, bias;
};

struct DecoderLayer {
  LayerNorm attention_norm;
  Linear qkv;  ///< queries of all heads, then keys, then values
  Linear attention_out;
  LayerNorm mlp_norm;
  Linear mlp_in, mlp_out;
};

struct DecoderWeights {
  at::Tensor token_embedding;     ///< [vocabulary, width]
  at::Tensor position_embedding;  ///< [context, width]
  std::vector<DecoderLayer> layers;
  LayerNorm final_norm;
  at::Tensor head;  ///< [vocabulary, width]
};

}  // namespace bsbr
