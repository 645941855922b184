#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/job.h"
#include "engine/hub/hub_settings.h"

namespace bsbr {

/// What a server answered.
struct HttpAnswer {
  long status = 0;
  std::map<std::string, std::string, std::less<>> headers;  ///< names in lower case
  std::string url;                                          ///< after redirects
  std::string from;                                         ///< whom it came from, as Origin::text()
  bool from_endpoint = false;

  /// Empty where there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// A failure that may pass: the network's, or a status that asks for patience.
class PassingError : public Error {
 public:
  PassingError(const std::string& message, std::optional<std::int64_t> wait_seconds = {},
               bool unreachable = false)
      : Error(ErrorKind::Io, message), wait_seconds_(wait_seconds), unreachable_(unreachable) {}
  /// What the server asked for with Retry-After.
  [[nodiscard]] std::optional<std::int64_t> wait_seconds() const { return wait_seconds_; }
  /// No connection was made.
  [[nodiscard]] bool unreachable() const { return unreachable_; }

 private:
  std::optional<std::int64_t> wait_seconds_;
  bool unreachable_;
};

/// Asks the hub, and those that it redirects to, by HTTP. The token goes to the endpoint's origin alone, a
/// redirect from https to http is refused, and certificates are always checked. Proxies are those of
/// libcurl's variables. Connections are kept. Not thread-safe.
class HttpClient {
 public:
  /// Called with pieces of the body of a final answer of status 200 or 206. What it throws ends the transfer
  /// and leaves get().
  using Sink = std::function<void(const HttpAnswer&, std::span<const std::byte>)>;

  explicit HttpClient(const HubSettings& settings);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Fetches from byte `from` on. Redirects are followed. Throws PassingError where the network or the server
  /// fails, Error(Io) where trying again is of no use, Error(Cancelled) within a fraction of a second.
  HttpAnswer get(const std::string& url, const Sink& sink, const Job& job, std::uint64_t from = 0);
  /// The body, of at most `most` bytes; throws Error(InvalidFile) for a longer one.
  HttpAnswer get_text(const std::string& url, std::string& body, std::size_t most, const Job& job);
  /// The endpoint's last answer: redirects to others are not followed.
  HttpAnswer head(const std::string& url, const Job& job);

 private:
  struct State;
  HttpAnswer follow(const std::string& url, const Sink* sink, std::uint64_t from, const Job& job);
  HttpAnswer exchange(const std::string& url, const Sink* sink, std::uint64_t from, const Job& job);
  std::unique_ptr<State> state_;
};

}  // namespace bsbr
