#include "engine/model/decoder.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tensor.h>

#include <chrono>
#include <numeric>

#include "engine/attention/bsbr_cuda.h"
#include "engine/base/error.h"
#include "engine/model/device.h"
#include "engine/model/linear.h"
#include "engine/model/memory_need.h"

namespace bsbr {
namespace {

/// Adds the time that a scope takes to one of the parts, where there are any.
class PartTimer {
 public:
  PartTimer(PartSeconds* parts, double PartSeconds::*part, at::Device device)
      : part_(parts == nullptr ? nullptr : &(parts->*part)), device_(device) {
    if (part_ == nullptr) return;
    synchronize(device_);
    start_ = Clock::now();
  }
  PartTimer(const PartTimer&) = delete;
  PartTimer& operator=(const PartTimer&) = delete;
  ~PartTimer() {
    if (part_ == nullptr) return;
    synchronize(device_);
    *part_ += std::chrono::duration<double>(Clock::now() - start_).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  double* part_;
  at::Device device_;
  Clock::time_point start_;
};

/// work(begin, count) for pieces of so many rows.
template <class Work>
void for_rows(std::int64_t rows, const Work& work) {
  for (std::int64_t begin = 0; begin < rows; begin += kPieceRows)
    work(begin, std::min(kPieceRows, rows - begin));
}

at::Tensor apply(const Norm& norm, const at::Tensor& x, double epsilon) {
  if (!norm.bias.defined()) return at::rms_norm(x, {x.size(1)}, norm.weight, epsilon);
  return at::layer_norm(x, {x.size(1)}, norm.weight, norm.bias, epsilon);
}

at::Tensor apply(const Linear& layer, const at::Tensor& x) {
  return linear(x, layer.weight, layer.bias);
}

}  // namespace

Decoder::Decoder(ModelConfig config, std::shared_ptr<const DecoderWeights> weights,
                 const std::optional<BsbrConfig>& bsbr, std::span<const std::int64_t> dense_until)
    : config_(std::move(config)), weights_(std::move(weights)) {
  config_.bsbr = bsbr;
  if (config_.rope) rope_.emplace(*config_.rope, config_.head_dim, device());
  shape_ = {config_.heads, config_.kv_heads, config_.head_dim, {}};
  if (rope_) shape_.rope_frequencies = rope_->frequencies();
  if (bsbr) {
    bsbr->validate(config_.context);
    bsbr->check_plan(config_.layers, config_.heads);
  }
  for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
    const std::int64_t dense = dense_until.empty() ? 0 : dense_until[static_cast<std::size_t>(layer)];
    attention_.push_back(bsbr ? make_bsbr_attention(shape_, *bsbr, device(), layer, dense)
                              : make_dense_attention(shape_, device()));
  }
}

Sequence Decoder::make_sequence(std::int64_t capacity) const {
  Sequence sequence;
  for (const auto& attention : attention_) sequence.layers.push_back(attention->make_cache(capacity));
  return sequence;
}

void Decoder::check(const PackedTokens& tokens, const Options& options) const {
  for (std::size_t row = 0; row < tokens.lengths.size(); ++row) {
    const std::int64_t before = options.sequences.empty() ? 0 : options.sequences[row]->tokens;
    const bool may_go_on = options.beyond_context && rope_;
    if (before + tokens.lengths[row] > config_.context && !may_go_on) {
      throw Error(ErrorKind::InvalidArgument,
                  cat("a sequence of ", before + tokens.lengths[row],
                      " tokens is longer than the model's context of ", config_.context, "; shorten it"));
    }
  }
  for (const std::int64_t id : tokens.ids) {
    if (id < 0 || id >= config_.vocabulary) {
      throw Error(ErrorKind::InvalidArgument,
                  cat("token id ", id, " is outside the model's vocabulary, 0 to ", config_.vocabulary - 1));
    }
  }
}

at::Tensor Decoder::forward(const PackedTokens& tokens, const Options& options) const {
  check(tokens, options);
  try {
    return run(tokens, options);
  } catch (const c10::OutOfMemoryError&) {
    std::int64_t before = 0;
    for (const Sequence* sequence : options.sequences) before += sequence->tokens;
    MemoryNeed need(config_, weights_->token_embedding.element_size(), !options.sequences.empty());
    if (config_.bsbr && device().is_cuda())
      need.fixed += static_cast<std::int64_t>(cuda_scratch_bytes(device()));
    throw out_of_memory(need, before, static_cast<std::int64_t>(tokens.ids.size()), free_bytes(device()));
  }
}

at::Tensor Decoder::run(const PackedTokens& tokens, const Options& options) const {
  if (options.pairs != nullptr)
    options.pairs->resize(static_cast<std::size_t>(config_.layers * config_.heads));
  std::vector<std::int64_t> places;
  places.reserve(tokens.ids.size());
  for (std::size_t row = 0; row < tokens.lengths.size(); ++row) {
    const std::int64_t before = options.sequences.empty() ? 0 : options.sequences[row]->tokens;
    for (std::int64_t i = 0; i < tokens.lengths[row]; ++i) places.push_back(before + i);
  }
  const at::TensorOptions integers = at::TensorOptions(at::kLong).device(device());
  at::Tensor x = weights_->token_embedding.index_select(0, at::tensor(tokens.ids, integers));
  const at::Tensor positions = at::tensor(places, integers);
  Rope::Turn turn;
  if (rope_) {
    turn = rope_->at_positions(positions);
  } else {
    x.add_(weights_->position_embedding.index_select(0, positions));
  }
  if (options.on_hidden) options.on_hidden(0, x);

  for (std::int64_t i = 0; i < config_.layers; ++i) {
    options.job.report("running the model", static_cast<double>(i) / static_cast<double>(config_.layers));
    run_layer(i, x, turn, tokens, options);
    if (options.on_hidden && i + 1 < config_.layers) options.on_hidden(i + 1, x);
  }
  x = apply(weights_->final_norm, x, config_.norm_epsilon);
  if (options.on_hidden) options.on_hidden(config_.layers, x);
  for (std::size_t row = 0; row < options.sequences.size(); ++row)
    options.sequences[row]->tokens += tokens.lengths[row];
  return x;
}

void Decoder::run_layer(std::int64_t layer, at::Tensor& x, const Rope::Turn& turn, const PackedTokens& tokens,
                        const Options& options) const {
  const DecoderLayer& weights = weights_->layers[static_cast<std::size_t>(layer)];
  const at::Tensor attended = attend(layer, x, turn, tokens, options);
  for_rows(x.size(0), [&](std::int64_t begin, std::int64_t count) {
    at::Tensor rows = x.narrow(0, begin, count);
    {
      const PartTimer timer(options.seconds, &PartSeconds::projections, device());
      rows.add_(apply(weights.attention_out, attended.narrow(0, begin, count)));
    }
    const PartTimer timer(options.seconds, &PartSeconds::mlp, device());
    rows.add_(mlp(weights, apply(weights.mlp_norm, rows, config_.norm_epsilon)));
  });
}

Rope::Turn Decoder::turn_of(std::int64_t tokens) const {
  if (!rope_) return {};
  return rope_->at_positions(at::arange(tokens, at::TensorOptions(at::kLong).device(device())));
}

AttentionInput Decoder::attention_input(std::int64_t layer, const at::Tensor& residual) const {
  const DecoderLayer& weights = weights_->layers[static_cast<std::size_t>(layer)];
  const auto [query, key, value] = project(weights, residual, turn_of(residual.size(0)));
  return {layer, residual, query, key, value, config_.attention_scale(layer)};
}

at::Tensor Decoder::after_layer(std::int64_t layer, const at::Tensor& residual) const {
  at::Tensor x = residual.clone();
  const PackedTokens whole{{}, {residual.size(0)}};
  run_layer(layer, x, turn_of(residual.size(0)), whole, {});
  return x;
}

std::array<at::Tensor, 3> Decoder::project(const DecoderLayer& layer, const at::Tensor& x,
                                           const Rope::Turn& turn) const {
  if (x.size(0) <= kPieceRows) return project_rows(layer, x, turn);
  std::array<at::Tensor, 3> parts{at::empty({x.size(0), config_.heads, config_.head_dim}, x.options()),
                                  at::empty({x.size(0), config_.kv_heads, config_.head_dim}, x.options()),
                                  at::empty({x.size(0), config_.kv_heads, config_.head_dim}, x.options())};
  for_rows(x.size(0), [&](std::int64_t begin, std::int64_t count) {
    const auto rows = [&](const at::Tensor& t) { return t.narrow(0, begin, count); };
    const Rope::Turn part = rope_ ? Rope::Turn{rows(turn.cosine), rows(turn.sine)} : Rope::Turn();
    const std::array<at::Tensor, 3> made = project_rows(layer, rows(x), part);
    for (std::size_t i = 0; i < parts.size(); ++i) rows(parts[i]).copy_(made[i]);
  });
  return parts;
}

std::array<at::Tensor, 3> Decoder::project_rows(const DecoderLayer& layer, const at::Tensor& x,
                                                const Rope::Turn& turn) const {
  const at::Tensor normed = apply(layer.attention_norm, x, config_.norm_epsilon);
  const std::array<std::int64_t, 3> heads{config_.heads, config_.kv_heads, config_.kv_heads};
  std::array<at::Tensor, 3> parts;
  std::int64_t begin = 0;
  const at::Tensor fused = layer.qkv.size() == 1 ? apply(layer.qkv[0], normed) : at::Tensor();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::int64_t width = heads[i] * config_.head_dim;
    const at::Tensor part = fused.defined() ? fused.narrow(1, begin, width) : apply(layer.qkv[i], normed);
    parts[i] = part.view({normed.size(0), heads[i], config_.head_dim});
    begin += width;
  }
  if (rope_) {
    parts[0] = rotate(parts[0], turn);
    parts[1] = rotate(parts[1], turn);
  }
  return parts;
}

at::Tensor Decoder::attend(std::int64_t layer, const at::Tensor& x, const Rope::Turn& turn,
                           const PackedTokens& tokens, const Options& options) const {
  const auto [query, key, value] = [&] {
    const PartTimer timer(options.seconds, &PartSeconds::projections, device());
    return project(weights_->layers[static_cast<std::size_t>(layer)], x, turn);
  }();
  const double scale = config_.attention_scale(layer);
  const std::span<PairCount> pairs = options.pairs == nullptr
                                         ? std::span<PairCount>()
                                         : std::span(*options.pairs)
                                               .subspan(static_cast<std::size_t>(layer * config_.heads),
                                                        static_cast<std::size_t>(config_.heads));
  double* const scoring = options.seconds == nullptr ? nullptr : &options.seconds->scoring;
  const AttentionInput input{layer, x, query, key, value, scale};
  if (options.on_attention) options.on_attention(input);
  const auto attend_row = [&, &query = query, &key = key, &value = value](std::size_t row,
                                                                          std::int64_t begin) {
    const std::int64_t count = tokens.lengths[row];
    LayerCache* cache = options.sequences.empty()
                            ? nullptr
                            : options.sequences[row]->layers[static_cast<std::size_t>(layer)].get();
    return attention_[static_cast<std::size_t>(layer)]->forward(
        query.narrow(0, begin, count), key.narrow(0, begin, count), value.narrow(0, begin, count), scale,
        cache, {pairs, scoring});
  };
  at::Tensor out = [&] {
    const PartTimer timer(options.seconds, &PartSeconds::attention, device());
    if (tokens.lengths.size() == 1) return attend_row(0, 0);
    at::Tensor rows = at::empty({x.size(0), config_.heads * config_.head_dim}, x.options());
    std::int64_t begin = 0;
    for (std::size_t row = 0; row < tokens.lengths.size(); ++row) {
      options.job.check();
      if (tokens.lengths[row] > 0) rows.narrow(0, begin, tokens.lengths[row]).copy_(attend_row(row, begin));
      begin += tokens.lengths[row];
    }
    return rows;
  }();
  if (options.on_attended) options.on_attended(input, out);
  return out;
}

at::Tensor Decoder::mlp(const DecoderLayer& layer, const at::Tensor& normed) const {
  // With a gate, that is what goes through the activation.
  const bool gated = layer.mlp_gate.weight.defined();
  at::Tensor inner = apply(gated ? layer.mlp_gate : layer.mlp_in, normed);
  switch (config_.activation) {
    case Activation::GeluNew:
      at::gelu_(inner, "tanh");
      break;
    case Activation::Gelu:
      at::gelu_(inner);
      break;
    case Activation::Relu:
      at::relu_(inner);
      break;
    case Activation::Silu:
      at::silu_(inner);
      break;
  }
  if (gated) inner.mul_(apply(layer.mlp_in, normed));
  return apply(layer.mlp_out, inner);
}

at::Tensor Decoder::head(const at::Tensor& hidden) const {
  try {
    return bsbr::linear(hidden, weights_->head).to(at::kFloat);
  } catch (const c10::OutOfMemoryError&) {
    MemoryNeed need(config_, hidden.element_size(), false);
    need.cache_each = need.fixed = 0;
    need.work_each = config_.vocabulary * hidden.element_size();
    throw out_of_memory(need, 0, hidden.size(0), free_bytes(device()));
  }
}

}  // namespace bsbr
