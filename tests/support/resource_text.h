#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "engine/base/json_file.h"
#include "engine/tokenizer/tokenizer.h"
#include "tests/support/places.h"

namespace bsbr::test {

/// The first `most` tokens of a text in resources/.
inline std::vector<TokenId> resource_tokens(const Tokenizer& tokenizer, const std::string& file,
                                            std::size_t most) {
  std::vector<TokenId> ids = tokenizer.encode(read_text_file(in_repository("resources/") + file, 1 << 20));
  ids.resize(std::min(ids.size(), most));
  return ids;
}

}  // namespace bsbr::test
