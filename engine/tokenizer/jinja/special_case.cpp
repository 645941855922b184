#include "engine/tokenizer/jinja/special_case.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace bsbr::jinja {
namespace {

using Entry = std::pair<char32_t, std::u32string_view>;
using Range = std::pair<char32_t, char32_t>;

constexpr Entry kUpper[] = {{0x00DF, U"SS"},
                            {0x0149, U"\u02BCN"},
                            {0x01F0, U"J\u030C"},
                            {0x0390, U"\u0399\u0308\u0301"},
                            {0x03B0, U"\u03A5\u0308\u0301"},
                            {0x0587, U"\u0535\u0552"},
                            {0x1E96, U"H\u0331"},
                            {0x1E97, U"T\u0308"},
                            {0x1E98, U"W\u030A"},
                            {0x1E99, U"Y\u030A"},
                            {0x1E9A, U"A\u02BE"},
                            {0x1F50, U"\u03A5\u0313"},
                            {0x1F52, U"\u03A5\u0313\u0300"},
                            {0x1F54, U"\u03A5\u0313\u0301"},
                            {0x1F56, U"\u03A5\u0313\u0342"},
                            {0x1F80, U"\u1F08\u0399"},
                            {0x1F81, U"\u1F09\u0399"},
                            {0x1F82, U"\u1F0A\u0399"},
                            {0x1F83, U"\u1F0B\u0399"},
                            {0x1F84, U"\u1F0C\u0399"},
                            {0x1F85, U"\u1F0D\u0399"},
                            {0x1F86, U"\u1F0E\u0399"},
                            {0x1F87, U"\u1F0F\u0399"},
                            {0x1F88, U"\u1F08\u0399"},
                            {0x1F89, U"\u1F09\u0399"},
                            {0x1F8A, U"\u1F0A\u0399"},
                            {0x1F8B, U"\u1F0B\u0399"},
                            {0x1F8C, U"\u1F0C\u0399"},
                            {0x1F8D, U"\u1F0D\u0399"},
                            {0x1F8E, U"\u1F0E\u0399"},
                            {0x1F8F, U"\u1F0F\u0399"},
                            {0x1F90, U"\u1F28\u0399"},
                            {0x1F91, U"\u1F29\u0399"},
                            {0x1F92, U"\u1F2A\u0399"},
                            {0x1F93, U"\u1F2B\u0399"},
                            {0x1F94, U"\u1F2C\u0399"},
                            {0x1F95, U"\u1F2D\u0399"},
                            {0x1F96, U"\u1F2E\u0399"},
                            {0x1F97, U"\u1F2F\u0399"},
                            {0x1F98, U"\u1F28\u0399"},
                            {0x1F99, U"\u1F29\u0399"},
                            {0x1F9A, U"\u1F2A\u0399"},
                            {0x1F9B, U"\u1F2B\u0399"},
                            {0x1F9C, U"\u1F2C\u0399"},
                            {0x1F9D, U"\u1F2D\u0399"},
                            {0x1F9E, U"\u1F2E\u0399"},
                            {0x1F9F, U"\u1F2F\u0399"},
                            {0x1FA0, U"\u1F68\u0399"},
                            {0x1FA1, U"\u1F69\u0399"},
                            {0x1FA2, U"\u1F6A\u0399"},
                            {0x1FA3, U"\u1F6B\u0399"},
                            {0x1FA4, U"\u1F6C\u0399"},
                            {0x1FA5, U"\u1F6D\u0399"},
                            {0x1FA6, U"\u1F6E\u0399"},
                            {0x1FA7, U"\u1F6F\u0399"},
                            {0x1FA8, U"\u1F68\u0399"},
                            {0x1FA9, U"\u1F69\u0399"},
                            {0x1FAA, U"\u1F6A\u0399"},
                            {0x1FAB, U"\u1F6B\u0399"},
                            {0x1FAC, U"\u1F6C\u0399"},
                            {0x1FAD, U"\u1F6D\u0399"},
                            {0x1FAE, U"\u1F6E\u0399"},
                            {0x1FAF, U"\u1F6F\u0399"},
                            {0x1FB2, U"\u1FBA\u0399"},
                            {0x1FB3, U"\u0391\u0399"},
                            {0x1FB4, U"\u0386\u0399"},
                            {0x1FB6, U"\u0391\u0342"},
                            {0x1FB7, U"\u0391\u0342\u0399"},
                            {0x1FBC, U"\u0391\u0399"},
                            {0x1FC2, U"\u1FCA\u0399"},
                            {0x1FC3, U"\u0397\u0399"},
                            {0x1FC4, U"\u0389\u0399"},
                            {0x1FC6, U"\u0397\u0342"},
                            {0x1FC7, U"\u0397\u0342\u0399"},
                            {0x1FCC, U"\u0397\u0399"},
                            {0x1FD2, U"\u0399\u0308\u0300"},
                            {0x1FD3, U"\u0399\u0308\u0301"},
                            {0x1FD6, U"\u0399\u0342"},
                            {0x1FD7, U"\u0399\u0308\u0342"},
                            {0x1FE2, U"\u03A5\u0308\u0300"},
                            {0x1FE3, U"\u03A5\u0308\u0301"},
                            {0x1FE4, U"\u03A1\u0313"},
                            {0x1FE6, U"\u03A5\u0342"},
                            {0x1FE7, U"\u03A5\u0308\u0342"},
                            {0x1FF2, U"\u1FFA\u0399"},
                            {0x1FF3, U"\u03A9\u0399"},
                            {0x1FF4, U"\u038F\u0399"},
                            {0x1FF6, U"\u03A9\u0342"},
                            {0x1FF7, U"\u03A9\u0342\u0399"},
                            {0x1FFC, U"\u03A9\u0399"},
                            {0xFB00, U"FF"},
                            {0xFB01, U"FI"},
                            {0xFB02, U"FL"},
                            {0xFB03, U"FFI"},
                            {0xFB04, U"FFL"},
                            {0xFB05, U"ST"},
                            {0xFB06, U"ST"},
                            {0xFB13, U"\u0544\u0546"},
                            {0xFB14, U"\u0544\u0535"},
                            {0xFB15, U"\u0544\u053B"},
                            {0xFB16, U"\u054E\u0546"},
                            {0xFB17, U"\u0544\u053D"}};
constexpr Entry kTitle[] = {{0x00DF, U"Ss"},
                            {0x0149, U"\u02BCN"},
                            {0x01F0, U"J\u030C"},
                            {0x0390, U"\u0399\u0308\u0301"},
                            {0x03B0, U"\u03A5\u0308\u0301"},
                            {0x0587, U"\u0535\u0582"},
                            {0x1E96, U"H\u0331"},
                            {0x1E97, U"T\u0308"},
                            {0x1E98, U"W\u030A"},
                            {0x1E99, U"Y\u030A"},
                            {0x1E9A, U"A\u02BE"},
                            {0x1F50, U"\u03A5\u0313"},
                            {0x1F52, U"\u03A5\u0313\u0300"},
                            {0x1F54, U"\u03A5\u0313\u0301"},
                            {0x1F56, U"\u03A5\u0313\u0342"},
                            {0x1FB2, U"\u1FBA\u0345"},
                            {0x1FB4, U"\u0386\u0345"},
                            {0x1FB6, U"\u0391\u0342"},
                            {0x1FB7, U"\u0391\u0342\u0345"},
                            {0x1FC2, U"\u1FCA\u0345"},
                            {0x1FC4, U"\u0389\u0345"},
                            {0x1FC6, U"\u0397\u0342"},
                            {0x1FC7, U"\u0397\u0342\u0345"},
                            {0x1FD2, U"\u0399\u0308\u0300"},
                            {0x1FD3, U"\u0399\u0308\u0301"},
                            {0x1FD6, U"\u0399\u0342"},
                            {0x1FD7, U"\u0399\u0308\u0342"},
                            {0x1FE2, U"\u03A5\u0308\u0300"},
                            {0x1FE3, U"\u03A5\u0308\u0301"},
                            {0x1FE4, U"\u03A1\u0313"},
                            {0x1FE6, U"\u03A5\u0342"},
                            {0x1FE7, U"\u03A5\u0308\u0342"},
                            {0x1FF2, U"\u1FFA\u0345"},
                            {0x1FF4, U"\u038F\u0345"},
                            {0x1FF6, U"\u03A9\u0342"},
                            {0x1FF7, U"\u03A9\u0342\u0345"},
                            {0xFB00, U"Ff"},
                            {0xFB01, U"Fi"},
                            {0xFB02, U"Fl"},
                            {0xFB03, U"Ffi"},
                            {0xFB04, U"Ffl"},
                            {0xFB05, U"St"},
                            {0xFB06, U"St"},
                            {0xFB13, U"\u0544\u0576"},
                            {0xFB14, U"\u0544\u0565"},
                            {0xFB15, U"\u0544\u056B"},
                            {0xFB16, U"\u054E\u0576"},
                            {0xFB17, U"\u0544\u056D"}};

// Other_Uppercase, Other_Lowercase.
constexpr Range kCased[] = {{0x00AA, 0x00AA},   {0x00BA, 0x00BA},   {0x02B0, 0x02B8},   {0x02C0, 0x02C1},
                            {0x02E0, 0x02E4},   {0x0345, 0x0345},   {0x037A, 0x037A},   {0x1D2C, 0x1D6A},
                            {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},   {0x2071, 0x2071},   {0x207F, 0x207F},
                            {0x2090, 0x209C},   {0x2160, 0x217F},   {0x24B6, 0x24E9},   {0x2C7C, 0x2C7D},
                            {0xA69C, 0xA69D},   {0xA770, 0xA770},   {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},
                            {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA},
                            {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
// Word_Break is MidLetter, MidNumLet or Single_Quote.
constexpr Range kIgnorable[] = {{0x0027, 0x0027}, {0x002E, 0x002E}, {0x003A, 0x003A}, {0x00B7, 0x00B7},
                                {0x0387, 0x0387}, {0x055F, 0x055F}, {0x05F4, 0x05F4}, {0x2018, 0x2019},
                                {0x2024, 0x2024}, {0x2027, 0x2027}, {0xFE13, 0xFE13}, {0xFE52, 0xFE52},
                                {0xFE55, 0xFE55}, {0xFF07, 0xFF07}, {0xFF0E, 0xFF0E}, {0xFF1A, 0xFF1A}};

template <std::size_t N>
std::u32string_view find(const Entry (&entries)[N], char32_t code) {
  const Entry* found =
      std::lower_bound(std::begin(entries), std::end(entries), code,
                       [](const Entry& entry, char32_t wanted) { return entry.first < wanted; });
  return found != std::end(entries) && found->first == code ? found->second : std::u32string_view();
}

template <std::size_t N>
bool is_in(const Range (&ranges)[N], char32_t code) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](const Range& range) { return range.first <= code && code <= range.second; });
}

utf8proc_category_t category(char32_t code) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code));
}

}  // namespace

std::u32string_view special_upper(char32_t code) {
  return find(kUpper, code);
}
std::u32string_view special_title(char32_t code) {
  return find(kTitle, code);
}

bool is_cased(char32_t code) {
  const utf8proc_category_t kind = category(code);
  return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL || kind == UTF8PROC_CATEGORY_LT ||
         is_in(kCased, code);
}

bool is_case_ignorable(char32_t code) {
  switch (category(code)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return is_in(kIgnorable, code);
  }
}

}  // namespace bsbr::jinja
