#include "engine/analysis/captured_streams.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <limits>

namespace bsbr {
namespace {

/// Layers whose queries and keys are held, of each model.
constexpr std::size_t kRecentLayers = 3;
/// Rows of the original that are made at a time.
constexpr std::int64_t kRows = 128;

at::Tensor index_tensor(std::span<const std::int64_t> positions, at::Device device) {
  return at::tensor(at::IntArrayRef(positions.data(), positions.size()),
                    at::TensorOptions(at::kLong).device(device));
}

void check_converted(const LanguageModel& model) {
  if (!model.config().bsbr)
    throw Error(ErrorKind::InvalidArgument,
                "the second model is not converted; its attention is that of the first");
}

at::Tensor dense_weights(const at::Tensor& queries, const at::Tensor& keys,
                         std::span<const std::int64_t> positions) {
  const std::int64_t tokens = positions.back() + 1;
  at::Tensor logits = at::matmul(queries, keys.narrow(0, 0, tokens).t());
  const at::Tensor at_query = index_tensor(positions, queries.device());
  const at::Tensor later = at::arange(tokens, at_query.options()).unsqueeze(0) > at_query.unsqueeze(1);
  return at::softmax(logits.masked_fill_(later, -std::numeric_limits<double>::infinity()), 1);
}

}  // namespace

CapturedLayer::CapturedLayer(const Decoder& model, const AttentionInput& input)
    : shape_(model.attention_shape()),
      config_(model.config().bsbr),
      group_(shape_.heads / shape_.kv_heads),
      queries_((input.query * input.scale).transpose(0, 1).contiguous()),
      keys_(input.key.transpose(0, 1).contiguous()) {
  if (!config_) return;
  values_ = input.value.transpose(0, 1).contiguous();
  anchors_.emplace(shape_, *config_);
  anchors_->append(input.query, input.scale);
  selectors_.resize(static_cast<std::size_t>(shape_.kv_heads));
}

at::Tensor CapturedLayer::queries(std::int64_t head, std::span<const std::int64_t> positions) const {
  return queries_[head].index_select(0, index_tensor(positions, queries_.device()));
}

const Selector& CapturedLayer::selector(std::int64_t head) const {
  const std::int64_t kv_head = head / group_;
  const std::scoped_lock lock(mutex_);
  auto& selector = selectors_[static_cast<std::size_t>(kv_head)];
  if (!selector)
    selector = std::make_unique<const Selector>(keys_[kv_head], values_[kv_head], anchors_->of(kv_head),
                                                *config_, shape_.rope_frequencies);
  return *selector;
}

CapturedStreams::CapturedStreams(const LanguageModel& original, const LanguageModel& converted,
                                 std::span<const TokenId> ids, const Job& job, std::int64_t most_bytes)
    : ids_(ids.begin(), ids.end()), original_(new Side{original, {}}), converted_{converted, {}} {
  if (ids_.empty()) throw Error(ErrorKind::InvalidArgument, "the text has no tokens; enter some");
  const std::int64_t one = tokens() * model().width * static_cast<std::int64_t>(sizeof(float));
  while (stride_ < model().layers && (model().layers + stride_ - 1) / stride_ * one > most_bytes) ++stride_;
  check_converted(converted);
  run(*original_, job.stage("reading the text with the original"));
  run(converted_, job.stage("reading the text with the converted model"));
}

CapturedStreams::CapturedStreams(const CapturedStreams& other, const LanguageModel& converted, const Job& job)
    : ids_(other.ids_), stride_(other.stride_), original_(other.original_), converted_{converted, {}} {
  check_converted(converted);
  run(converted_, job.stage("reading the text with the converted model"));
}

void CapturedStreams::run(Side& side, const Job& job) const {
  Decoder::Options options;
  options.job = job;
  options.on_hidden = [&](std::int64_t index, const at::Tensor& stream) {
    if (index < model().layers && index % stride_ == 0) side.streams.push_back(stream.clone());
  };
  (void)side.model.decoder().forward({ids_, {tokens()}}, options);
}

std::int64_t CapturedStreams::bytes() const {
  std::int64_t sum = 0;
  for (const Side* side : std::initializer_list<const Side*>{original_.get(), &converted_})
    for (const at::Tensor& stream : side->streams) sum += static_cast<std::int64_t>(stream.nbytes());
  return sum;
}

std::shared_ptr<const CapturedLayer> CapturedStreams::layer(const Side& side, std::int64_t layer,
                                                            const Job& job) const {
  const std::scoped_lock lock(side.mutex);
  const auto found = std::find_if(side.recent.begin(), side.recent.end(),
                                  [&](const auto& entry) { return entry.first == layer; });
  if (found != side.recent.end()) {
    side.recent.splice(side.recent.begin(), side.recent, found);
    return side.recent.front().second;
  }
  at::Tensor stream = side.streams[static_cast<std::size_t>(layer / stride_)];
  for (std::int64_t i = layer / stride_ * stride_; i < layer; ++i) {
    job.check();
    stream = side.model.decoder().after_layer(i, stream);
  }
  const Decoder& decoder = side.model.decoder();
  side.recent.emplace_front(
      layer, std::make_shared<const CapturedLayer>(decoder, decoder.attention_input(layer, stream)));
  if (side.recent.size() > kRecentLayers) side.recent.pop_back();
  return side.recent.front().second;
}

void CapturedStreams::visit_rows(std::int64_t layer_index, std::int64_t head,
                                 std::span<const std::int64_t> positions, Sides sides, const Job& job,
                                 const std::function<void(const HeadRows&)>& visit) const {
  const auto check = [](const char* what, std::int64_t value, std::int64_t count) {
    if (value < 0 || value >= count)
      throw Error(ErrorKind::InvalidArgument, cat(what, " is ", value, "; legal: 0 to ", count - 1));
  };
  check("layer", layer_index, model().layers);
  check("head", head, model().heads);
  for (const std::int64_t position : positions) check("query", position, tokens());
  std::shared_ptr<const CapturedLayer> original, converted;
  if (sides != Sides::Converted) original = layer(*original_, layer_index, job);
  if (sides != Sides::Original) converted = layer(converted_, layer_index, job);
  const HeadPlan plan = config().heads_of(layer_index, model().heads)[static_cast<std::size_t>(head)];
  const std::int64_t piece = converted ? config().chunk_size : kRows;
  for (auto begin = positions.begin(); begin != positions.end();) {
    job.report("weighing keys",
               static_cast<double>(begin - positions.begin()) / static_cast<double>(positions.size()));
    const auto end = std::find_if(begin, positions.end(),
                                  [&](std::int64_t position) { return position / piece != *begin / piece; });
    HeadRows rows{std::span(begin, end), {}, {}, {}};
    if (original)
      rows.original =
          dense_weights(original->queries(head, rows.positions), original->keys(head), rows.positions);
    if (converted) {
      const Selector& selector = converted->selector(head);
      rows.selection = selector.select(converted->queries(head, rows.positions), rows.positions, plan);
      rows.converted = selector.weights(rows.selection);
    }
    visit(rows);
    begin = end;
  }
}

}  // namespace bsbr
