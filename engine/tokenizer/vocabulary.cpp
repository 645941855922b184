#include "engine/tokenizer/vocabulary.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "engine/base/error.h"
#include "engine/base/utf8.h"
#include "engine/tokenizer/byte_alphabet.h"

namespace bsbr {
namespace {

constexpr std::size_t kMostIdsPerToken = 16;
constexpr std::size_t kSpareIds = 1u << 16;
constexpr std::size_t kQuoted = 64;

// "0x00-0x1F, 0x41"
std::string ranges(const std::vector<int>& bytes) {
  std::ostringstream out;
  out << std::hex << std::uppercase << std::setfill('0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::size_t last = i;
    while (last + 1 < bytes.size() && bytes[last + 1] == bytes[last] + 1) ++last;
    out << (i == 0 ? "" : ", ") << "0x" << std::setw(2) << bytes[i];
    if (last != i) out << "-0x" << std::setw(2) << bytes[last];
    i = last;
  }
  return std::move(out).str();
}

std::uint32_t hash_of(std::string_view text) {
  return static_cast<std::uint32_t>(std::hash<std::string_view>{}(text));
}

}  // namespace

std::string quoted(std::string_view text) {
  const std::string_view part = text.substr(0, valid_utf8_prefix(text.substr(0, kQuoted)));
  return nlohmann::json(part).dump() + (part.size() < text.size() ? "…" : "");
}

Vocabulary::Vocabulary(std::filesystem::path file, std::size_t count)
    : file_(std::move(file)),
      id_limit_(std::min<std::uint64_t>(kSymbolIdEnd, kMostIdsPerToken * count + kSpareIds)),
      room_(count),
      slots_(std::bit_ceil(2 * count + 2)) {
  texts_.reserve(count);
}

SymbolId Vocabulary::checked_id(std::uint64_t id, std::string_view text,
                                const std::filesystem::path& file) const {
  if (id >= id_limit_) {
    throw Error(ErrorKind::InvalidFile,
                cat(file.string(), ": the id ", id, " of ", quoted(text), " is too large; ",
                    "with so many tokens at most ", id_limit_ - 1, " is believed"));
  }
  return static_cast<SymbolId>(id);
}

void Vocabulary::add(std::string_view text, std::uint64_t wide_id) {
  if (room_-- == 0) throw Error(ErrorKind::Internal, cat(file_.string(), ": more tokens than announced"));
  const SymbolId id = checked_id(wide_id, text, file_);
  const std::uint32_t hash = hash_of(text);
  Slot& slot = slots_[slot_of(text, hash)];
  if (slot.id != kNone) {
    throw Error(ErrorKind::InvalidFile, cat(file_.string(), ": the token ", quoted(text), " occurs twice"));
  }
  if (const auto other = this->text(id)) {
    throw Error(ErrorKind::InvalidFile, cat(file_.string(), ": the tokens ", quoted(*other), " and ",
                                            quoted(text), " have the same id ", id));
  }
  slot = {hash, id};
  if (id >= texts_.size()) texts_.resize(id + 1);
  texts_[id] = {all_.size(), static_cast<std::uint32_t>(text.size())};
  all_ += text;
  ++size_;
}

std::size_t Vocabulary::slot_of(std::string_view text, std::uint32_t hash) const {
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at].id != kNone && (slots_[at].hash != hash || *this->text(slots_[at].id) != text)) {
    at = (at + 1) & (slots_.size() - 1);
  }
  return at;
}

std::optional<SymbolId> Vocabulary::id(std::string_view text) const {
  const SymbolId id = slots_[slot_of(text, hash_of(text))].id;
  return id == kNone ? std::nullopt : std::optional(id);
}

std::optional<std::string_view> Vocabulary::text(SymbolId id) const {
  if (id >= texts_.size() || texts_[id].length == kNone) return std::nullopt;
  return std::string_view(all_).substr(texts_[id].begin, texts_[id].length);
}

std::array<SymbolId, 256> Vocabulary::byte_ids(std::optional<SymbolId> stand_in) const {
  std::array<SymbolId, 256> result{};
  std::vector<int> missing;
  bool printable = false;  // one that is printable ASCII is missing
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = id(byte_symbol(static_cast<unsigned char>(byte)));
    if (!found) {
      missing.push_back(byte);
      printable = printable || (byte >= ' ' && byte <= '~');
    }
    result[static_cast<std::size_t>(byte)] = found ? *found : stand_in.value_or(0);
  }
  if (!missing.empty() && (!stand_in || printable)) {
    throw Error(ErrorKind::InvalidFile,
                cat(file_.string(), ": has no token for ", missing.size(),
                    " of the 256 bytes, so it is not a byte-level vocabulary; missing: ", ranges(missing)));
  }
  return result;
}

}  // namespace bsbr
