#pragma once

#include <string>

#include "engine/tokenizer/tokenizer.h"

namespace bsbr {

/// Decodes tokens as they arrive, for showing: gives out whole UTF-8 characters only, since a character may
/// be spread over several tokens. All that push() and finish() return, joined, is decode() of all tokens.
/// Bytes that cannot become a valid character any more are passed on as they are. For one thread.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

  /// What `id` completes; may be empty. Throws Error(InvalidArgument) for a negative id.
  std::string push(TokenId id);

  /// The bytes still held back, of a character that was cut short. Afterwards a new text may begin.
  std::string finish();

 private:
  Tokenizer tokenizer_;
  std::string pending_;  // begins a character; at most three bytes between calls
};

}  // namespace bsbr
