#include "engine/model/model_text.h"

#include <algorithm>

#include "engine/base/error.h"

namespace bsbr {

void check_embedded(std::span<const TokenId> ids, const Tokenizer& tokenizer, const ModelConfig& config) {
  const auto above = std::ranges::find_if(ids, [&](TokenId id) { return id >= config.vocabulary; });
  if (above == ids.end()) return;
  throw Error(ErrorKind::InvalidArgument,
              cat("the text uses the token \"", tokenizer.decode(*above), "\" (", *above,
                  "), but the model embeds ", config.vocabulary, " tokens, 0 to ", config.vocabulary - 1,
                  "; leave it out of the text, or use the model that it was added for"));
}

std::vector<TokenId> encode_for_model(std::string_view text, const Tokenizer& tokenizer,
                                      const ModelConfig& config) {
  std::vector<TokenId> ids = tokenizer.encode_with_special(text);
  check_embedded(ids, tokenizer, config);
  return ids;
}

}  // namespace bsbr
