#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bsbr::jinja {

struct Token {
  enum class Kind {
    Literal,
    OutputBegin,
    OutputEnd,
    BlockBegin,
    BlockEnd,
    Name,
    String,
    Integer,
    Float,
    Operator,
    End
  };
  Kind kind;
  int line;
  std::string text = {};  ///< of strings: what they stand for

  [[nodiscard]] bool is(Kind other, std::string_view says) const { return kind == other && text == says; }
};

/// The tokens of a template, the last one of kind End; comments are left out, and white space as Jinja does
/// with trim_blocks and lstrip_blocks (https://jinja.palletsprojects.com, "Whitespace Control"). Throws
/// Error(InvalidFile) with the line, and Error(Unsupported).
std::vector<Token> tokenize(std::string_view source);

}  // namespace bsbr::jinja
