#include "engine/hub/hub_settings.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "engine/base/json_file.h"
#include "engine/checkpoint/expand_path.h"
#include "engine/checkpoint/hub_cache.h"
#include "engine/checkpoint/problems.h"
#include "engine/hub/url.h"

namespace bsbr {
namespace {

constexpr const char* kDefaultEndpoint = "https://huggingface.co";
constexpr std::size_t kMaxToken = 4096;

std::string environment(const char* variable) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

/// As huggingface_hub reads switches.
bool is_on(const char* variable) {
  static constexpr std::array<std::string_view, 4> kYes{"1", "ON", "YES", "TRUE"};
  std::string value = environment(variable);
  std::ranges::transform(value, value.begin(), [](unsigned char c) { return std::toupper(c); });
  return std::ranges::find(kYes, value) != kYes.end();
}

std::string trimmed(std::string text) {
  const auto blank = [](unsigned char c) { return std::isspace(c) != 0; };
  text.erase(text.begin(), std::ranges::find_if_not(text, blank));
  while (!text.empty() && blank(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

/// A token becomes part of a header, so it must be one word. The error does not show it.
std::string checked_token(std::string token, const std::string& where) {
  const bool word = std::ranges::all_of(token, [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  if (word && token.size() <= kMaxToken) return token;
  throw Error(ErrorKind::InvalidArgument,
              where + ": holds something other than a token, which is one word such as hf_...");
}

std::string find_token() {
  if (is_on("HF_HUB_DISABLE_IMPLICIT_TOKEN")) return {};
  for (const char* variable : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (std::string token = trimmed(environment(variable)); !token.empty())
      return checked_token(std::move(token), variable);
  }
  const std::string path = environment("HF_TOKEN_PATH");
  const std::filesystem::path file =
      path.empty() ? hub_home_folder() / "token" : std::filesystem::path(expand_path(path));
  try {
    return checked_token(trimmed(read_text_file(file, kMaxToken)), file.string());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::NotFound) return {};
    throw;
  }
}

std::string find_endpoint() {
  std::string endpoint = trimmed(environment("HF_ENDPOINT"));
  if (endpoint.empty()) return kDefaultEndpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (!parse_origin(endpoint) || endpoint.find_first_of("?#") != std::string::npos) {
    throw Error(ErrorKind::InvalidArgument,
                "HF_ENDPOINT is not the address of a hub, such as https://huggingface.co");
  }
  return endpoint;
}

}  // namespace

bool HubSettings::is_offline() {
  return is_on(environment("HF_HUB_OFFLINE").empty() ? "TRANSFORMERS_OFFLINE" : "HF_HUB_OFFLINE");
}

HubSettings HubSettings::from_environment() {
  HubSettings settings;
  settings.endpoint = find_endpoint();
  settings.token = find_token();
  settings.offline = is_offline();
  return settings;
}

}  // namespace bsbr
