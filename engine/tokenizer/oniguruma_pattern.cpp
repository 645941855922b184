#include "engine/tokenizer/oniguruma_pattern.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "engine/base/error.h"

namespace bsbr {
namespace {

// Contents of a character class. PCRE2's own \s has U+180E as well, and its \w other characters.
constexpr std::string_view kWhite = "\\t-\\r\\x{85}\\p{Z}";
constexpr std::string_view kWord = "\\p{L}\\p{M}\\p{Nd}\\p{Pc}";
constexpr std::string_view kHex = "0-9A-Fa-f";

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  std::string run() {
    while (!done()) element();
    return std::move(out_);
  }

 private:
  [[nodiscard]] bool done() const { return at_ == pattern_.size(); }
  [[nodiscard]] std::string_view rest() const { return pattern_.substr(at_); }
  [[nodiscard]] char peek() const { return done() ? '\0' : pattern_[at_]; }
  char take() {
    if (done()) fail("ends too early");
    return pattern_[at_++];
  }
  bool accept(std::string_view text) {
    if (!rest().starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::Unsupported,
                cat("the regular expression \"", pattern_, "\", at byte ", at_, ": ", what));
  }

  void element() {
    switch (const char c = take()) {
      case '\\':
        escape(false);
        break;
      case '[':
        character_class();
        break;
      case '(':
        group();
        break;
      case '{':
        repeat();
        break;
      case '.':
        out_ += "[^\\n]";
        break;
      case '^':
        out_ += "(?m:^)";
        break;
      case '$':
        out_ += "(?=\\n|\\z)";
        break;
      default:
        out_ += c;
    }
  }

  void group() {
    out_ += '(';
    if (peek() == '*') fail("\"(*\" is not understood");
    if (peek() != '?') return;
    if (at_ == 1 && accept("?i)")) {
      out_ += "?i)";
      return;
    }
    static constexpr std::array<std::string_view, 7> kKnown = {"?:", "?=", "?!", "?<=", "?<!", "?>", "?i:"};
    const auto known =
        std::find_if(kKnown.begin(), kKnown.end(), [&](std::string_view form) { return accept(form); });
    if (known == kKnown.end()) fail(cat("\"(", rest().substr(0, 3), "\" is not understood"));
    out_ += *known;
  }

  // After "{": a repetition, or a brace that stands for itself.
  void repeat() {
    const std::size_t end = pattern_.find_first_not_of("0123456789,", at_);
    const std::string_view range = pattern_.substr(at_, end == pattern_.npos ? end : end - at_);
    const auto commas = std::count(range.begin(), range.end(), ',');
    if (end == pattern_.npos || pattern_[end] != '}' || commas > 1 || range.empty() || range == ",") {
      out_ += "\\{";
      return;
    }
    at_ = end + 1;
    // Ruby repeats the repetition where PCRE2 makes it possessive or lazy.
    if (peek() == '+' || (peek() == '?' && commas == 0)) fail(cat("\"}", peek(), "\" is not understood"));
    out_ += range.starts_with(',') ? "{0" : "{";
    out_.append(range).append("}");
  }

  void character_class() {
    out_ += '[';
    if (accept("^")) out_ += '^';
    if (peek() == ']') fail("a class that is empty or begins with \"]\" is not understood");
    while (!accept("]")) {
      if (rest().starts_with("&&")) fail("\"&&\" in a class is not understood");
      switch (const char c = take()) {
        case '[':
          fail("\"[\" in a class is not understood");
        case '\\':
          escape(true);
          break;
        default:
          out_ += c;
      }
    }
    out_ += ']';
  }

  // A set that PCRE2 knows by another name; `inside` a class or as one.
  void set(std::string_view content, bool inside) {
    if (inside) {
      out_ += content;
    } else {
      out_.append("[").append(content).append("]");
    }
  }
  void all_but(std::string_view content, char name, bool inside) {
    if (inside) fail(cat("\"\\", name, "\" in a class is not understood"));
    out_.append("[^").append(content).append("]");
  }

  void escape(bool inside) {
    const char c = take();
    switch (c) {
      case 's':
        return set(kWhite, inside);
      case 'w':
        return set(kWord, inside);
      case 'h':
        return set(kHex, inside);
      case 'S':
        if (!inside) return all_but(kWhite, c, inside);
        out_ += "\\S\\x{180E}";
        return;
      case 'W':
        return all_but(kWord, c, inside);
      case 'H':
        return all_but(kHex, c, inside);
      case 'v':
        out_ += "\\x0B";
        return;
      case 'd':
      case 'D':
      case 'n':
      case 'r':
      case 't':
      case 'f':
      case 'a':
      case 'e':
        out_.append("\\").append(1, c);
        return;
      case 'A':
      case 'z':
        if (!inside) {
          out_.append("\\").append(1, c);
          return;
        }
        break;
      case 'p':
      case 'P':
        return property(c);
      case 'u':
        return code_point(4);
      case 'x':
        if (accept("{")) {
          const std::size_t end = pattern_.find('}', at_);
          if (end == pattern_.npos) fail("\"\\x{\" has no end");
          code_point(end - at_);
          take();
        } else {
          if (peek() >= '8') fail("\"\\x\" of a single byte above 7F is not understood");
          code_point(2);
        }
        return;
      default:
        if (static_cast<unsigned char>(c) < 0x80 && !is_letter(c) && !is_digit(c)) {
          out_.append("\\").append(1, c);
          return;
        }
    }
    fail(cat("\"\\", c, "\"", inside ? " in a class" : "", " is not understood"));
  }

  void code_point(std::size_t digits) {
    const std::string_view number = rest().substr(0, digits);
    if (number.size() != digits || number.empty() || !std::all_of(number.begin(), number.end(), is_hex)) {
      fail("hexadecimal digits are expected");
    }
    out_.append("\\x{").append(number).append("}");
    at_ += digits;
  }

  // \p{L}, \P{Lu}, \p{^L}, \p{Han}. PCRE2 would take a bare script's name for the wider script extensions.
  void property(char letter) {
    if (!accept("{")) fail(cat("\"\\", letter, "\" without braces is not understood"));
    const std::size_t end = pattern_.find('}', at_);
    if (end == pattern_.npos) fail(cat("\"\\", letter, "{\" has no end"));
    out_.append("\\").append(1, letter).append("{");
    if (accept("^")) out_ += '^';
    const std::string_view name = pattern_.substr(at_, end - at_);
    if (name.size() > 2 && name != "Any") out_ += "sc:";
    out_.append(name).append("}");
    at_ = end + 1;
  }

  std::string_view pattern_;
  std::size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string pcre2_pattern_of(std::string_view oniguruma) {
  return Translator(oniguruma).run();
}

std::string pcre2_literal(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !is_letter(c) && !is_digit(c)) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

}  // namespace bsbr
