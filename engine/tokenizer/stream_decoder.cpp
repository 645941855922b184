#include "engine/tokenizer/stream_decoder.h"

#include <utility>

#include "engine/base/utf8.h"

namespace bsbr {

std::string StreamDecoder::push(TokenId id) {
  pending_ += tokenizer_.decode(id);
  const std::size_t ready = pending_.size() - cut_utf8_suffix(pending_);
  std::string out = pending_.substr(0, ready);
  pending_.erase(0, ready);
  return out;
}

std::string StreamDecoder::finish() {
  return std::exchange(pending_, {});
}

}  // namespace bsbr
