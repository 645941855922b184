#include "engine/checkpoint/hub_name.h"

#include <algorithm>
#include <cctype>

#include "engine/base/error.h"
#include "engine/checkpoint/gguf_names.h"
#include "engine/checkpoint/hub_address.h"

namespace bsbr {
namespace {

constexpr std::size_t kMaxHubName = 96;  // the hub's own bound
constexpr std::size_t kMaxPath = 512, kMaxPart = 200;
constexpr std::size_t kMaxQuantisation = 40;

bool is_name_part(std::string_view part) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  return !part.empty() && std::ranges::all_of(part, allowed) && part.front() != '-' && part.front() != '.' &&
         part.back() != '-' && part.back() != '.';
}

/// Every part between slashes passes `good`.
template <class Good>
bool is_path_of(std::string_view text, Good good) {
  if (text.empty() || text.size() > kMaxPath) return false;
  while (true) {
    const std::size_t slash = text.find('/');
    const std::string_view part = text.substr(0, slash);
    if (part.empty() || part.size() > kMaxPart || part.front() == '.' || !std::ranges::all_of(part, good))
      return false;
    if (slash == text.npos) return true;
    text.remove_prefix(slash + 1);
  }
}

/// The names that git allows for refs, less what is unusual.
bool is_revision(std::string_view text) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '+';
  };
  return is_path_of(text, allowed) && text.front() != '-' && text.find("..") == text.npos;
}

/// "Q4_K_M", "UD-IQ2_XXS", "BF16".
bool is_quantisation(std::string_view text) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_'; };
  return !text.empty() && text.size() <= kMaxQuantisation && std::ranges::all_of(text, allowed);
}

}  // namespace

bool is_hub_name(std::string_view text) {
  if (text.size() > kMaxHubName || text.find("--") != text.npos || text.find("..") != text.npos) return false;
  const auto slash = text.find('/');
  if (slash == text.npos) return is_name_part(text);
  return is_name_part(text.substr(0, slash)) && is_name_part(text.substr(slash + 1));
}

bool is_commit_hash(std::string_view text) {
  return text.size() == 40 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

bool is_repository_path(std::string_view text) {
  return is_path_of(text, [](unsigned char c) { return c >= 0x20 && c != 0x7F && c != '\\'; });
}

std::optional<HubName> parse_hub_name(std::string_view text) {
  if (auto address = parse_hub_address(text)) return std::move(address->model);
  HubName name;
  if (const std::size_t colon = text.find(':'); colon != text.npos) {
    const std::string_view wanted = text.substr(colon + 1);
    const bool file = is_repository_path(wanted) && wanted.ends_with(kGgufEnding);
    if (!file && !is_quantisation(wanted)) return std::nullopt;
    (file ? name.file : name.quantisation) = wanted;
    text = text.substr(0, colon);
  }
  if (const std::size_t at = text.find('@'); at != text.npos) {
    name.revision = text.substr(at + 1);
    if (!is_revision(name.revision)) return std::nullopt;
    text = text.substr(0, at);
  }
  if (!is_hub_name(text)) return std::nullopt;
  name.model = text;
  return name;
}

std::string HubName::text() const {
  const std::string wanted = file.empty() ? quantisation : file;
  return cat(model, revision == HubName().revision ? "" : "@" + revision, wanted.empty() ? "" : ":", wanted);
}

}  // namespace bsbr
