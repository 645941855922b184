#pragma once

#include <functional>
#include <vector>

#include "engine/model/generation.h"

namespace bsbr {

/// A token that one of two models added.
struct DuelToken {
  int model;  ///< 0: original, 1: converted
  TokenId id;
  double seconds;  ///< that this model has worked so far, its prompt included
};

/// Lets two models continue the same prompt in turns, a token each, so that both stream at once and neither
/// takes the other's time. `on_token` is called from both models' threads, one at a time. Throws Error.
void duel(const LanguageModel& original, const LanguageModel& converted, const std::vector<TokenId>& prompt,
          const GenerationOptions& options, const std::function<void(const DuelToken&)>& on_token,
          const Job& job);

}  // namespace bsbr
