#include "engine/model/language_model.h"

#include <algorithm>

#include "engine/model/checkpoint_config.h"
#include "engine/model/decoder.h"
#include "engine/model/device.h"
#include "engine/model/family.h"
#include "engine/model/torch_border.h"
#include "engine/model/weight_loader.h"

namespace bsbr {
namespace {

/// Where the tokens of each row stand in the batch.
struct Packing {
  PackedTokens tokens;
  std::vector<std::int64_t> begins;  // first real column of each row

  /// Copies packed rows [tokens, width] to [rows, columns, width], zero elsewhere.
  [[nodiscard]] std::vector<float> unpack(const at::Tensor& packed, const TokenBatch& batch) const {
    const at::Tensor host = packed.to(at::kCPU, at::kFloat).contiguous();
    const std::int64_t width = host.size(1);
    std::vector<float> out(static_cast<std::size_t>(batch.rows * batch.columns * width));
    const float* from = host.const_data_ptr<float>();
    for (std::size_t row = 0; row < begins.size(); ++row) {
      const std::int64_t count = tokens.lengths[row] * width;
      const std::int64_t at = (static_cast<std::int64_t>(row) * batch.columns + begins[row]) * width;
      std::copy_n(from, count, out.begin() + at);
      from += count;
    }
    return out;
  }
};

Packing pack(const TokenBatch& batch) {
  const auto cells = static_cast<std::size_t>(batch.rows * batch.columns);
  if (batch.ids.size() != cells || (!batch.mask.empty() && batch.mask.size() != cells)) {
    throw Error(ErrorKind::InvalidArgument, "input_ids and attention_mask differ in shape");
  }
  Packing packing;
  for (std::int64_t row = 0; row < batch.rows; ++row) {
    const std::int64_t at = row * batch.columns;
    const auto real = [&](std::int64_t column) {
      return batch.mask.empty() || batch.mask[static_cast<std::size_t>(at + column)] != 0;
    };
    std::int64_t begin = 0;
    while (begin < batch.columns && !real(begin)) ++begin;
    std::int64_t end = begin;
    while (end < batch.columns && real(end)) ++end;
    for (std::int64_t column = end; column < batch.columns; ++column) {
      if (real(column)) {
        throw Error(ErrorKind::InvalidArgument,
                    cat("attention_mask of row ", row, " has padding between tokens, at column ", end,
                        "; padding may stand only at the ends"));
      }
    }
    packing.begins.push_back(begin);
    packing.tokens.lengths.push_back(end - begin);
    packing.tokens.ids.insert(packing.tokens.ids.end(), batch.ids.begin() + at + begin,
                              batch.ids.begin() + at + end);
  }
  return packing;
}

}  // namespace

LanguageModel LanguageModel::load(const Checkpoint& checkpoint, const std::string& device, const Job& job,
                                  const std::string& dtype) {
  return at_torch_border([&] {
    ModelConfig config = config_of(checkpoint);
    const Family& family = find_family(config.family);
    WeightLoader loader(checkpoint, find_device(device), job, find_dtype(dtype));
    family.expect(config, loader);
    loader.check();
    auto weights = std::make_shared<const DecoderWeights>(family.weights(config, loader));
    Source source{config.warnings, loader.names()};
    source.warnings.insert(source.warnings.end(), loader.warnings().begin(), loader.warnings().end());
    const std::optional<BsbrConfig> bsbr = config.bsbr;
    return LanguageModel(std::make_shared<const Decoder>(std::move(config), std::move(weights), bsbr),
                         std::make_shared<const Source>(std::move(source)));
  });
}

LanguageModel LanguageModel::with_attention(const std::optional<BsbrConfig>& bsbr) const {
  return at_torch_border([&] {
    return LanguageModel(std::make_shared<const Decoder>(decoder_->with_attention(bsbr)), source_);
  });
}

LanguageModel LanguageModel::with_dense_start(std::span<const std::int64_t> tokens) const {
  return at_torch_border([&] {
    return LanguageModel(std::make_shared<const Decoder>(decoder_->with_attention(config().bsbr, tokens)),
                         source_);
  });
}

const ModelConfig& LanguageModel::config() const {
  return decoder_->config();
}

std::vector<float> LanguageModel::logits(const TokenBatch& batch, const HiddenSink& on_hidden,
                                         const Job& job) const {
  return at_torch_border([&] {
    const Packing packing = pack(batch);
    Decoder::Options options;
    options.job = job;
    if (on_hidden) {
      options.on_hidden = [&](std::int64_t index, const at::Tensor& hidden) {
        on_hidden(index, packing.unpack(hidden, batch));
      };
    }
    return packing.unpack(decoder_->head(decoder_->forward(packing.tokens, options)), batch);
  });
}

}  // namespace bsbr
