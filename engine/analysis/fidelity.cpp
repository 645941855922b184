#include "engine/analysis/fidelity.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "engine/analysis/head_meter.h"
#include "engine/model/decoder.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

/// What one position says about the two models.
struct PerPosition {
  at::Tensor original_loss, converted_loss, kl, same;  // [positions], double
};

PerPosition score(const Decoder& model, const at::Tensor& original, const at::Tensor& converted,
                  const at::Tensor& next) {
  const at::Tensor p = at::log_softmax(model.head(original), 1);
  const at::Tensor q = at::log_softmax(model.head(converted), 1);
  const at::Tensor wanted = next.unsqueeze(1);
  return {-p.gather(1, wanted).squeeze(1).to(at::kDouble), -q.gather(1, wanted).squeeze(1).to(at::kDouble),
          (p.exp() * (p - q)).sum(1, false, at::kDouble), p.argmax(1).eq(q.argmax(1)).to(at::kDouble)};
}

double perplexity(const at::Tensor& loss) {
  return std::exp(loss.mean().item<double>());
}

}  // namespace

struct FidelityMeter::Content {
  LanguageModel original;
  PackedTokens packed;
  at::Tensor hidden;  // of the original, [tokens, width]
  std::int64_t from;
};

FidelityMeter::FidelityMeter(const LanguageModel& original, std::span<const TokenId> ids, const Job& job,
                             std::int64_t from) {
  const auto tokens = static_cast<std::int64_t>(ids.size());
  if (tokens < 2) {
    throw Error(ErrorKind::InvalidArgument,
                cat("the text has ", tokens,
                    " tokens; at least 2 are needed, since each is predicted from those before"));
  }
  if (from < 1 || from >= tokens) {
    throw Error(ErrorKind::InvalidArgument,
                cat("positions from ", from, " on are to count; legal: 1 to ", tokens - 1));
  }
  content_ = at_torch_border([&] {
    const PackedTokens packed{{ids.begin(), ids.end()}, {tokens}};
    Decoder::Options options;
    options.job = job.stage("running the original");
    return std::make_unique<const Content>(
        Content{original, packed, original.decoder().forward(packed, options), from});
  });
}

FidelityMeter::~FidelityMeter() = default;
FidelityMeter::FidelityMeter(FidelityMeter&&) noexcept = default;
FidelityMeter& FidelityMeter::operator=(FidelityMeter&&) noexcept = default;

Fidelity FidelityMeter::measure(const LanguageModel& converted, const Job& job,
                                std::vector<HeadFidelity>* heads, std::int64_t* cache_bytes) const {
  return at_torch_border([&] {
    const at::Tensor& dense = content_->hidden;
    const std::int64_t tokens = dense.size(0);
    const std::int64_t first = content_->from - 1;  // the token at position i is predicted at i - 1
    std::vector<PairCount> pairs;
    Decoder::Options options;
    options.pairs = &pairs;
    options.job = job.stage("running the converted");
    std::optional<HeadMeter> head_meter;
    if (heads != nullptr) {
      head_meter.emplace(converted.decoder(), first, tokens - 1, job);
      options.on_attended = [&](const AttentionInput& input, const at::Tensor& out) {
        head_meter->look(input, out);
      };
    }
    Sequence sequence;
    Sequence* const sequences[] = {&sequence};
    if (cache_bytes != nullptr) {
      sequence = converted.decoder().make_sequence(tokens);
      options.sequences = sequences;
    }
    const at::Tensor sparse = converted.decoder().forward(content_->packed, options);

    if (cache_bytes != nullptr) *cache_bytes = sequence.bytes();
    if (heads != nullptr) *heads = head_meter->result(pairs);
    const at::Tensor next =
        at::tensor(content_->packed.ids, at::TensorOptions(at::kLong).device(dense.device()))
            .narrow(0, 1, tokens - 1);
    constexpr std::int64_t kPiece = 256;
    std::vector<at::Tensor> losses, converted_losses, kls, same;
    for (std::int64_t begin = first; begin < tokens - 1; begin += kPiece) {
      job.report("comparing predictions",
                 static_cast<double>(begin - first) / static_cast<double>(tokens - first));
      const std::int64_t count = std::min(kPiece, tokens - 1 - begin);
      const PerPosition piece = score(content_->original.decoder(), dense.narrow(0, begin, count),
                                      sparse.narrow(0, begin, count), next.narrow(0, begin, count));
      losses.push_back(piece.original_loss);
      converted_losses.push_back(piece.converted_loss);
      kls.push_back(piece.kl);
      same.push_back(piece.same);
    }
    const at::Tensor loss = at::cat(losses);
    const at::Tensor converted_loss = at::cat(converted_losses);
    const double kl = at::cat(kls).mean().item<double>();
    Fidelity result{tokens,
                    perplexity(loss),
                    perplexity(converted_loss),
                    kl < 0 ? 0 : kl,  // rounding can leave it below 0; NaN stays
                    at::cat(same).mean().item<double>(),
                    density_of(pairs),
                    {}};
    for (std::int64_t from = 1, to = 64; from < tokens; from = to, to *= 2) {
      const std::int64_t begin = std::max(from - 1, first);
      const std::int64_t end = std::min(to, tokens) - 1;
      if (begin >= end) continue;
      result.positions.push_back({begin + 1, end + 1, perplexity(loss.narrow(0, begin - first, end - begin)),
                                  perplexity(converted_loss.narrow(0, begin - first, end - begin))});
    }
    return result;
  });
}

Fidelity measure_fidelity(const LanguageModel& original, const LanguageModel& converted,
                          std::span<const TokenId> ids, const Job& job) {
  return FidelityMeter(original, ids, job).measure(converted, job);
}

}  // namespace bsbr
