#include "engine/tokenizer/byte_alphabet.h"

#include <array>
#include <cstdint>

namespace bsbr {
namespace {

// Every character of the alphabet is below U+0800: one or two bytes of UTF-8.
struct Symbol {
  char utf8[2];
  std::uint8_t length;
};

constexpr int kFirstStandIn = 0x100;
constexpr int kCharacters = kFirstStandIn + 68;

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

struct Alphabet {
  std::array<Symbol, 256> symbol_of{};
  std::array<std::int16_t, kCharacters> byte_of{};

  constexpr Alphabet() {
    byte_of.fill(-1);
    int stand_in = kFirstStandIn;
    for (int byte = 0; byte < 256; ++byte) {
      const int character = stands_for_itself(byte) ? byte : stand_in++;
      byte_of[std::size_t(character)] = std::int16_t(byte);
      symbol_of[std::size_t(byte)] =
          character < 0x80 ? Symbol{{char(character), 0}, 1}
                           : Symbol{{char(0xC0 | (character >> 6)), char(0x80 | (character & 0x3F))}, 2};
    }
  }
};

constexpr Alphabet kAlphabet;

}  // namespace

std::string_view byte_symbol(unsigned char byte) noexcept {
  const Symbol& symbol = kAlphabet.symbol_of[byte];
  return {symbol.utf8, symbol.length};
}

std::optional<std::string> bytes_of_symbols(std::string_view symbols) {
  std::string bytes;
  bytes.reserve(symbols.size());
  for (std::size_t at = 0; at < symbols.size(); ++at) {
    unsigned character = static_cast<unsigned char>(symbols[at]);
    if (character >= 0x80) {
      if ((character & 0xE0) != 0xC0 || at + 1 == symbols.size()) return std::nullopt;
      character = (character & 0x1F) << 6 | (static_cast<unsigned char>(symbols[++at]) & 0x3F);
    }
    if (character >= kAlphabet.byte_of.size() || kAlphabet.byte_of[character] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kAlphabet.byte_of[character]));
  }
  return bytes;
}

}  // namespace bsbr
