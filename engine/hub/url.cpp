#include "engine/hub/url.h"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <memory>

namespace bsbr {
namespace {

struct Freed {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
};
using Url = std::unique_ptr<CURLU, Freed>;

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, Freed> owned(text);
  return text;
}

Url parse(const std::string& text) {
  Url url(curl_url());
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
  return url;
}

bool is_web_address(CURLU* url) {
  const std::string scheme = part(url, CURLUPART_SCHEME);
  return scheme == "http" || scheme == "https";
}

}  // namespace

std::string Origin::text() const {
  const bool usual = port == (scheme == "https" ? "443" : "80");
  return scheme + "://" + host + (usual ? "" : ":" + port);
}

std::optional<Origin> parse_origin(const std::string& text) {
  const Url url = parse(text);
  if (url == nullptr || !is_web_address(url.get())) return std::nullopt;
  Origin origin{part(url.get(), CURLUPART_SCHEME), part(url.get(), CURLUPART_HOST),
                part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  std::ranges::transform(origin.host, origin.host.begin(), [](unsigned char c) { return std::tolower(c); });
  if (origin.host.empty()) return std::nullopt;
  return origin;
}

std::optional<std::string> resolve_location(const std::string& text, const std::string& location) {
  const Url url = parse(text);
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, location.c_str(), 0) != CURLUE_OK ||
      !is_web_address(url.get()))
    return std::nullopt;
  return part(url.get(), CURLUPART_URL);
}

std::string percent_encode(std::string_view text, std::string_view keep) {
  constexpr std::string_view kDigits = "0123456789ABCDEF", kPlain = "-_.~";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte < 0x80 && (std::isalnum(byte) != 0 || kPlain.find(c) != kPlain.npos ||
                                       keep.find(c) != keep.npos);
    if (plain) {
      out += c;
    } else {
      out.append(1, '%').append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
    }
  }
  return out;
}

}  // namespace bsbr
