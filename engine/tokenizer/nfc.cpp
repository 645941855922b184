#include "engine/tokenizer/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "engine/base/error.h"
#include "engine/base/utf8.h"

namespace bsbr {
namespace {

struct Free {
  void operator()(utf8proc_uint8_t* text) const noexcept { std::free(text); }
};

// utf8proc 2.8 takes U+11A7 for a Hangul final consonant, and drops it after a syllable. It is a starter that
// composes with nothing, so the text can be cut there.
constexpr std::string_view kNoFinal = "\u11A7";

utf8proc_option_t options(UnicodeForm form) {
  const bool composes = form == UnicodeForm::C || form == UnicodeForm::KC;
  const bool compatible = form == UnicodeForm::KC || form == UnicodeForm::KD;
  const int flags = UTF8PROC_STABLE | (composes ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                    (compatible ? UTF8PROC_COMPAT : 0);
  // utf8proc's flags are an enumeration of C, meant to be joined.
  // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange)
  return static_cast<utf8proc_option_t>(flags);
}

void append_mapped(std::string_view text, UnicodeForm form, std::string& normal) {
  if (text.empty()) return;
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &composed, options(form));
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(composed);
  if (length < 0) {
    throw Error(length == UTF8PROC_ERROR_NOMEM ? ErrorKind::OutOfMemory : ErrorKind::Internal,
                cat("normalising ", text.size(), " bytes of text failed: ", utf8proc_errmsg(length)));
  }
  normal.append(reinterpret_cast<const char*>(composed), static_cast<std::size_t>(length));
}

void append_valid(std::string_view text, UnicodeForm form, std::string& normal) {
  for (std::size_t cut = text.find(kNoFinal); cut != text.npos; cut = text.find(kNoFinal)) {
    append_mapped(text.substr(0, cut), form, normal);
    normal += kNoFinal;
    text.remove_prefix(cut + kNoFinal.size());
  }
  append_mapped(text, form, normal);
}

}  // namespace

bool may_need_nfc(std::string_view text) noexcept {
  // Below U+0300 every character is its own composition, and none combines.
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0xCC; });
}

std::string to_form(std::string_view text, UnicodeForm form) {
  std::string normal;
  normal.reserve(text.size());
  while (!text.empty()) {
    const std::size_t valid = valid_utf8_prefix(text);
    append_valid(text.substr(0, valid), form, normal);
    text.remove_prefix(valid);
    if (text.empty()) break;
    normal += text[0];
    text.remove_prefix(1);
  }
  return normal;
}

}  // namespace bsbr
