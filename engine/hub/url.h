#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bsbr {

/// Whom an address reaches. Secrets go to nobody else.
struct Origin {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< in lower case
  std::string port;    ///< a number; the scheme's own where none is given

  bool operator==(const Origin&) const = default;
  /// "https://huggingface.co", without what an address may hold of user and password.
  [[nodiscard]] std::string text() const;
};

/// Nothing where `url` is not an http or https address.
std::optional<Origin> parse_origin(const std::string& url);

/// The address that a Location header means at `url`; nothing where that is no http or https address.
std::optional<std::string> resolve_location(const std::string& url, const std::string& location);

/// Escapes all but letters, digits and "-_.~", and the characters of `keep` (RFC 3986).
std::string percent_encode(std::string_view text, std::string_view keep = {});

}  // namespace bsbr
