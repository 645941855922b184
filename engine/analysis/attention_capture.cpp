#include "engine/analysis/attention_capture.h"

#include "engine/analysis/captured_streams.h"
#include "engine/model/torch_border.h"

namespace bsbr {

AttentionCapture::AttentionCapture(const LanguageModel& original, const LanguageModel& converted,
                                   std::span<const TokenId> ids, const Job& job, std::int64_t most_bytes)
    : streams_(at_torch_border([&] {
        return std::make_shared<const CapturedStreams>(original, converted, ids, job, most_bytes);
      })) {}

AttentionCapture AttentionCapture::with_conversion(const LanguageModel& converted, const Job& job) const {
  return at_torch_border(
      [&] { return AttentionCapture(std::make_shared<const CapturedStreams>(*streams_, converted, job)); });
}

std::int64_t AttentionCapture::tokens() const {
  return streams_->tokens();
}

std::int64_t AttentionCapture::layers() const {
  return streams_->model().layers;
}

std::int64_t AttentionCapture::heads() const {
  return streams_->model().heads;
}

const BsbrConfig& AttentionCapture::config() const {
  return streams_->config();
}

HeadPlan AttentionCapture::plan(std::int64_t layer, std::int64_t head) const {
  return config().heads_of(layer, heads()).at(static_cast<std::size_t>(head));
}

std::int64_t AttentionCapture::bytes() const {
  return streams_->bytes();
}

}  // namespace bsbr
