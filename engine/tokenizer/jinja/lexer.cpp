#include "engine/tokenizer/jinja/lexer.h"

#include <algorithm>
#include <array>

#include "engine/base/error.h"
#include "engine/tokenizer/jinja/string_literal.h"
#include "engine/tokenizer/jinja/text.h"

namespace bsbr::jinja {
namespace {

using Kind = Token::Kind;

constexpr std::array<std::string_view, 26> kOperators = {"**", "//", "==", "!=", ">=", "<=", "+", "-", "/",
                                                         "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                         ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};

// Every line end as \n, and none at the end of the text.
std::string normalised(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') continue;
    text += source[i] == '\r' ? '\n' : source[i];
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

bool is_name_character(std::string_view text, bool first) {
  const char32_t code = first_character(text).code;
  return code == '_' || is_letter(code) || (!first && is_digit(code));
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalised(source)) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) text_and_tag();
    tokens_.push_back({Kind::End, line_});
    return std::move(tokens_);
  }

 private:
  [[nodiscard]] std::string_view rest() const { return std::string_view(source_).substr(at_); }
  [[nodiscard]] char sign(std::size_t ahead) const {
    const char next = at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
    return next == '-' || next == '+' ? next : '\0';
  }

  [[noreturn]] void invalid(const std::string& what) const {
    throw Error(ErrorKind::InvalidFile, cat("line ", line_, ": ", what));
  }

  void advance(std::size_t count) {
    const auto begin = source_.begin() + static_cast<std::ptrdiff_t>(at_);
    line_ += static_cast<int>(std::count(begin, begin + static_cast<std::ptrdiff_t>(count), '\n'));
    at_ += count;
  }

  std::size_t white_size() const { return rest().size() - strip_left(rest(), std::nullopt).size(); }

  std::size_t next_tag() const {
    for (std::size_t i = source_.find('{', at_); i != source_.npos; i = source_.find('{', i + 1)) {
      if (i + 1 < source_.size() && std::string_view("%{#").find(source_[i + 1]) != std::string_view::npos) {
        return i;
      }
    }
    return source_.npos;
  }

  void emit_text(std::string_view text) {
    if (!text.empty()) tokens_.push_back({Kind::Literal, line_, std::string(text)});
  }

  // The text before a tag, without the white space that belongs to the tag's line or that its sign drops.
  std::string_view before_tag(std::string_view text, char sign, bool is_output) const {
    if (sign == '-') return strip_right(text, std::nullopt);
    if (sign == '+' || is_output) return text;
    const std::size_t line_begin = text.rfind('\n') + 1;
    if (line_begin == 0 && !line_starting_) return text;
    const std::string_view indent = text.substr(line_begin);
    const bool blank = !indent.empty() && strip_left(indent, std::nullopt).empty();
    return blank ? text.substr(0, line_begin) : text;
  }

  void text_and_tag() {
    const std::size_t tag = next_tag();
    if (tag == source_.npos) {
      emit_text(rest());
      at_ = source_.size();
      return;
    }
    const std::string_view text = rest().substr(0, tag - at_);
    const char kind = source_[tag + 1];
    const std::size_t begin = at_;
    at_ = tag;
    const char strip = sign(2);
    at_ = begin;
    emit_text(before_tag(text, strip, kind == '{'));
    advance(tag - at_);
    const std::size_t open = strip == '\0' ? 2 : 3;
    if (kind == '#') {
      comment(open);
    } else if (kind == '%' && raw_begin(open)) {
      raw();
    } else {
      advance(open);
      tokens_.push_back({kind == '%' ? Kind::BlockBegin : Kind::OutputBegin, line_});
      inside(kind == '%');
    }
    line_starting_ = at_ > 0 && source_[at_ - 1] == '\n';
  }

  // Passes the end of a block or comment of this text ("%}" or "#}") with the white space it takes; false if
  // it is not here.
  bool pass_end(std::string_view end, bool trims_line) {
    const char strip = sign(0);
    if (strip == '+' && !trims_line) return false;
    const std::size_t skip = strip == '\0' ? 0 : 1;
    if (!rest().substr(skip).starts_with(end)) return false;
    advance(skip + end.size());
    if (strip == '-') {
      advance(white_size());
    } else if (strip == '\0' && trims_line && rest().starts_with('\n')) {
      advance(1);
    }
    return true;
  }

  void comment(std::size_t open) {
    if (at_ + open == source_.size()) return advance(open);  // Jinja asks for no end at the text's end
    const std::size_t end = source_.find("#}", at_ + open);
    if (end == source_.npos) invalid("a comment {# has no end #}");
    std::size_t stop = end;
    if (stop > at_ + open && (source_[stop - 1] == '-' || source_[stop - 1] == '+')) --stop;
    advance(stop - at_);
    pass_end("#}", true);
  }

  bool raw_begin(std::size_t open) {
    const std::string_view after = strip_left(rest().substr(open), std::nullopt);
    if (!after.starts_with("raw")) return false;
    const std::string_view end = strip_left(after.substr(3), std::nullopt);
    if (!end.starts_with("%}") && !end.starts_with("-%}")) return false;
    advance(static_cast<std::size_t>(end.data() - rest().data()));
    pass_end("%}", false);
    line_starting_ = source_[at_ - 1] == '\n';
    return true;
  }

  void raw() {
    const std::size_t begin = at_;
    for (std::size_t tag = source_.find("{%", at_); tag != source_.npos; tag = source_.find("{%", tag + 1)) {
      at_ = tag;
      const char strip = sign(2);
      const std::string_view after = strip_left(rest().substr(strip == '\0' ? 2 : 3), std::nullopt);
      const std::string_view end =
          after.starts_with("endraw") ? strip_left(after.substr(6), std::nullopt) : "";
      at_ = begin;
      const std::size_t skip = end.starts_with('-') || end.starts_with('+') ? 1 : 0;
      if (!end.substr(skip).starts_with("%}")) continue;
      emit_text(before_tag(rest().substr(0, tag - begin), strip, false));
      advance(static_cast<std::size_t>(end.data() - source_.data()) - at_);
      pass_end("%}", true);
      return;
    }
    invalid("{% raw %} has no {% endraw %}");
  }

  void inside(bool is_block) {
    std::string brackets;
    while (true) {
      advance(white_size());
      if (at_ == source_.size()) invalid(is_block ? "a {% has no end %}" : "a {{ has no end }}");
      if (brackets.empty() && pass_end(is_block ? "%}" : "}}", is_block)) {
        tokens_.push_back({is_block ? Kind::BlockEnd : Kind::OutputEnd, line_});
        return;
      }
      token(brackets);
    }
  }

  void token(std::string& brackets) {
    const char c = source_[at_];
    if (c >= '0' && c <= '9') return number();
    if (is_name_character(rest(), true)) return name();
    if (c == '\'' || c == '"') return string(c);
    for (const std::string_view operation : kOperators) {
      if (!rest().starts_with(operation)) continue;
      balance(brackets, operation);
      tokens_.push_back({Kind::Operator, line_, std::string(operation)});
      return advance(operation.size());
    }
    invalid(cat("unexpected character '", rest().substr(0, first_character(rest()).size), "'"));
  }

  void balance(std::string& brackets, std::string_view operation) const {
    static constexpr std::string_view kOpen = "([{";
    static constexpr std::string_view kClose = ")]}";
    if (operation.size() != 1) return;
    if (kOpen.find(operation[0]) != kOpen.npos) brackets += operation;
    const std::size_t closes = kClose.find(operation[0]);
    if (closes == kClose.npos) return;
    if (brackets.empty() || brackets.back() != kOpen[closes]) invalid(cat("unexpected '", operation, "'"));
    brackets.pop_back();
  }

  void name() {
    std::size_t size = first_character(rest()).size;
    while (size < rest().size() && is_name_character(rest().substr(size), false)) {
      size += first_character(rest().substr(size)).size;
    }
    tokens_.push_back({Kind::Name, line_, std::string(rest().substr(0, size))});
    advance(size);
  }

  void string(char quote) {
    std::size_t end = 1;
    while (end < rest().size() && rest()[end] != quote) end += rest()[end] == '\\' ? std::size_t{2} : 1;
    if (end >= rest().size()) invalid("a string has no end");
    std::string value;
    try {
      value = string_literal(rest().substr(1, end - 1));
    } catch (const Error& error) {
      throw Error(error.kind(), cat("line ", line_, ": ", error.what()));
    }
    tokens_.push_back({Kind::String, line_, std::move(value)});
    advance(end + 1);
  }

  std::size_t digits(std::size_t from) const {
    std::size_t to = from;
    while (to < rest().size() && ((rest()[to] >= '0' && rest()[to] <= '9') ||
                                  (rest()[to] == '_' && to > from && to + 1 < rest().size() &&
                                   rest()[to + 1] >= '0' && rest()[to + 1] <= '9'))) {
      ++to;
    }
    return to - from;
  }

  void number() {
    if (rest().size() > 1 && rest()[0] == '0' &&
        std::string_view("xXbBoO").find(rest()[1]) != std::string_view::npos) {
      throw Error(ErrorKind::Unsupported, cat("line ", line_, ": a number that is not decimal"));
    }
    std::size_t size = digits(0);
    bool real = false;
    const bool after_dot = !tokens_.empty() && tokens_.back().is(Kind::Operator, ".");
    if (!after_dot && rest().substr(size).starts_with('.') && digits(size + 1) > 0) {
      size += 1 + digits(size + 1);
      real = true;
    }
    if (!after_dot && size < rest().size() && (rest()[size] == 'e' || rest()[size] == 'E')) {
      const std::size_t sign_size = sign(size + 1) == '\0' ? 0 : 1;
      const std::size_t exponent = digits(size + 1 + sign_size);
      if (exponent > 0) {
        size += 1 + sign_size + exponent;
        real = true;
      }
    }
    std::string text(rest().substr(0, size));
    if (!real && text.size() > 1 && text[0] == '0' && text.find_first_not_of("0_") != text.npos) {
      invalid("a number begins with 0");
    }
    std::erase(text, '_');
    tokens_.push_back({real ? Kind::Float : Kind::Integer, line_, std::move(text)});
    advance(size);
  }

  const std::string source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // what comes next begins a line
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace bsbr::jinja
