#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/job.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// Perplexity of both models on the tokens at positions [from, to) of a text.
struct PositionRange {
  std::int64_t from;
  std::int64_t to;
  double original;
  double converted;
};

/// How well a converted model predicts what the original predicts, over one text. Every position but the
/// first is predicted once; means are over the positions that count.
struct Fidelity {
  std::int64_t tokens;
  double original_perplexity;
  double converted_perplexity;
  double kl;              ///< mean of KL(original ‖ converted) of the next-token distributions, nats
  double top1_agreement;  ///< share of positions where both rank the same token first
  double density;  ///< exact (query, key) pairs of the converted model / all causal pairs, of all tokens
  std::vector<PositionRange> positions;  ///< ranges that double: [1, 64), [64, 128), [128, 256) …

  [[nodiscard]] double perplexity_ratio() const { return converted_perplexity / original_perplexity; }
};

/// How what a head of a converted model makes of its queries, keys and values differs from what exact
/// attention would make of the same.
struct HeadFidelity {
  std::int64_t layer;
  std::int64_t head;
  double density;    ///< its exact pairs / all causal pairs
  double error;      ///< |ô - o| / |o| of its output, mean over a sample of the queries that count
  double lost_mass;  ///< share of the exact softmax that it leaves to states or drops, mean over the same
};

/// Compares models with an original over one text. The original runs once, when the meter is made.
class FidelityMeter {
 public:
  /// `ids`: 2 tokens to the context; predictions of the tokens at positions `from` on count.
  /// Throws Error(InvalidArgument | OutOfMemory | Cancelled).
  FidelityMeter(const LanguageModel& original, std::span<const TokenId> ids, const Job& job = {},
                std::int64_t from = 1);
  FidelityMeter(const FidelityMeter&) = delete;
  FidelityMeter& operator=(const FidelityMeter&) = delete;
  ~FidelityMeter();
  FidelityMeter(FidelityMeter&&) noexcept;
  FidelityMeter& operator=(FidelityMeter&&) noexcept;
  /// Logits are made in pieces, so memory stays O(n). `heads`, if given, gets one entry for each head, layer
  /// by layer; the model must be a converted one then. `cache_bytes`, if given, gets the memory of keys,
  /// values and states after the text. Throws as the constructor does.
  [[nodiscard]] Fidelity measure(const LanguageModel& converted, const Job& job = {},
                                 std::vector<HeadFidelity>* heads = nullptr,
                                 std::int64_t* cache_bytes = nullptr) const;

 private:
  struct Content;
  std::unique_ptr<const Content> content_;
};

/// The same for one model.
Fidelity measure_fidelity(const LanguageModel& original, const LanguageModel& converted,
                          std::span<const TokenId> ids, const Job& job = {});

}  // namespace bsbr
