#include "engine/analysis/fidelity.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/tensor.h>

#include <cmath>

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

Fidelity measure_fidelity(const LanguageModel& original, const LanguageModel& converted,
                          std::span<const TokenId> ids, const Job& job) {
  const auto tokens = static_cast<std::int64_t>(ids.size());
  if (tokens < 2) {
    throw Error(ErrorKind::InvalidArgument,
                cat("the text has ", tokens,
                    " tokens; at least 2 are needed, since each is predicted from those before"));
  }
  return at_torch_border([&] {
    const PackedTokens packed{{ids.begin(), ids.end()}, {tokens}};
    Decoder::Options options;
    const auto stage = [&](const char* name) {
      return Job{[&job, name](std::string_view, double part) { job.report(name, part); }, job.cancel};
    };
    options.job = stage("running the original");
    const at::Tensor dense = original.decoder().forward(packed, options);
    std::vector<PairCount> pairs;
    options.pairs = &pairs;
    options.job = stage("running the converted");
    const at::Tensor sparse = converted.decoder().forward(packed, options);

    const at::Tensor next =
        at::tensor(packed.ids, at::TensorOptions(at::kLong).device(dense.device())).narrow(0, 1, tokens - 1);
    constexpr std::int64_t kPiece = 256;
    std::vector<at::Tensor> losses, converted_losses, kls, same;
    for (std::int64_t begin = 0; begin < tokens - 1; begin += kPiece) {
      job.report("comparing predictions", static_cast<double>(begin) / static_cast<double>(tokens));
      const std::int64_t count = std::min(kPiece, tokens - 1 - begin);
      const PerPosition piece = score(original.decoder(), dense.narrow(0, begin, count),
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
    // The token at position i is predicted at i - 1.
    for (std::int64_t from = 1, to = 64; from < tokens; from = to, to *= 2) {
      const std::int64_t end = std::min(to, tokens);
      result.positions.push_back({from, end, perplexity(loss.narrow(0, from - 1, end - from)),
                                  perplexity(converted_loss.narrow(0, from - 1, end - from))});
    }
    return result;
  });
}

}  // namespace bsbr
