#include "engine/model/generation.h"

#include <ATen/ops/tensor.h>

#include <algorithm>

#include "engine/model/decoder.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

/// A prompt that is still being continued.
struct Row {
  std::size_t number;
  Sequence sequence;
  Sampler sampler;
  std::int64_t room;  // tokens that may still come
  TokenId last;
};

/// Runs the tokens through the model and returns the logits [rows, vocabulary] after the last token of each
/// row.
at::Tensor step(const Decoder& decoder, const PackedTokens& tokens, std::vector<Row>& rows, const Job& job) {
  std::vector<Sequence*> sequences;
  sequences.reserve(rows.size());
  for (Row& row : rows) sequences.push_back(&row.sequence);
  Decoder::Options options;
  options.sequences = sequences;
  options.job.cancel = job.cancel;
  const at::Tensor hidden = decoder.forward(tokens, options);
  std::vector<std::int64_t> last;
  last.reserve(rows.size());
  std::int64_t end = 0;
  for (const std::int64_t length : tokens.lengths) last.push_back((end += length) - 1);
  const at::Tensor at_last = at::tensor(last, at::TensorOptions(at::kLong).device(hidden.device()));
  return decoder.head(hidden.index_select(0, at_last)).to(at::kCPU).contiguous();
}

}  // namespace

std::vector<std::vector<TokenId>> generate(const LanguageModel& model,
                                           const std::vector<std::vector<TokenId>>& prompts,
                                           const GenerationOptions& options, const TokenSink& on_token,
                                           const Job& job) {
  if (options.tokens < 0) {
    throw Error(ErrorKind::InvalidArgument, cat("tokens is ", options.tokens, "; legal: 0 or more"));
  }
  options.sampling.validate();
  const std::int64_t context = model.config().context;
  for (const auto& prompt : prompts) {
    if (prompt.empty())
      throw Error(ErrorKind::InvalidArgument, "the prompt is empty; give at least one token");
    if (static_cast<std::int64_t>(prompt.size()) >= context) {
      throw Error(ErrorKind::InvalidArgument,
                  cat("the prompt has ", prompt.size(), " tokens and the model's context is ", context,
                      "; nothing can follow it. Shorten the prompt"));
    }
  }
  return at_torch_border([&] {
    std::vector<std::vector<TokenId>> result(prompts.size());
    std::vector<Row> rows;
    PackedTokens tokens;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      const auto length = static_cast<std::int64_t>(prompts[i].size());
      const std::int64_t room = std::min(options.tokens, context - length);
      if (room == 0) continue;
      SamplingOptions sampling = options.sampling;
      sampling.seed += i;
      rows.push_back({i, model.decoder().make_sequence(length + room), Sampler(sampling), room, 0});
      tokens.ids.insert(tokens.ids.end(), prompts[i].begin(), prompts[i].end());
      tokens.lengths.push_back(length);
    }
    bool wanted = true;
    while (!rows.empty() && wanted) {
      const at::Tensor logits = step(model.decoder(), tokens, rows, job);
      const auto vocabulary = static_cast<std::size_t>(logits.size(1));
      for (std::size_t i = 0; i < rows.size() && wanted; ++i) {
        Row& row = rows[i];
        row.last = row.sampler.next({logits.const_data_ptr<float>() + i * vocabulary, vocabulary});
        --row.room;
        if (std::find(options.stops.begin(), options.stops.end(), row.last) != options.stops.end()) {
          row.room = 0;
          continue;
        }
        result[row.number].push_back(row.last);
        if (on_token) wanted = on_token(row.number, row.last);
      }
      std::erase_if(rows, [](const Row& row) { return row.room == 0; });
      tokens = {};
      for (const Row& row : rows) {
        tokens.ids.push_back(row.last);
        tokens.lengths.push_back(1);
      }
    }
    return result;
  });
}

}  // namespace bsbr
