#include "engine/hub/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <mutex>

#include "engine/checkpoint/problems.h"
#include "engine/hub/url.h"

namespace bsbr {
namespace {

constexpr long kConnectSeconds = 15, kStallSeconds = 30;
constexpr long kBufferBytes = 512L << 10;
constexpr int kPollMs = 100;
constexpr int kMaxRedirects = 10;
constexpr std::size_t kMaxHeaders = 500;

template <auto free>
struct Freed {
  template <class Handle>
  void operator()(Handle* handle) const {
    (void)free(handle);
  }
};
using Easy = std::unique_ptr<CURL, Freed<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, Freed<curl_multi_cleanup>>;
using Headers = std::unique_ptr<curl_slist, Freed<curl_slist_free_all>>;

void start_curl() {
  static std::once_flag started;
  std::call_once(started, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
      throw Error(ErrorKind::Internal, "libcurl cannot be started");
  });
}

void add_header(Headers& list, const std::string& line) {
  curl_slist* const shorter = list.release();
  curl_slist* const longer = curl_slist_append(shorter, line.c_str());
  list.reset(longer == nullptr ? shorter : longer);
  if (longer == nullptr) throw std::bad_alloc();
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

/// What one transfer's callbacks work on; they must not throw through libcurl.
struct Transfer {
  HttpAnswer answer;
  const HttpClient::Sink* sink = nullptr;
  CURL* easy = nullptr;
  std::exception_ptr thrown;

  void add_line(std::string_view line) {
    if (line.starts_with("HTTP/")) {
      answer.headers.clear();  // what came before was a 1xx answer, or a proxy's
      return;
    }
    const std::size_t colon = line.find(':');
    if (colon == line.npos || answer.headers.size() >= kMaxHeaders) return;
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    answer.headers.insert_or_assign(std::move(name), trimmed(line.substr(colon + 1)));
  }
  void take(std::span<const std::byte> bytes) {
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
    if (sink != nullptr && (answer.status == 200 || answer.status == 206)) (*sink)(answer, bytes);
  }
};

template <class Work>
std::size_t guarded(void* transfer, std::size_t size, Work work) {
  auto& self = *static_cast<Transfer*>(transfer);
  try {
    work(self);
    return size;
  } catch (...) {
    self.thrown = std::current_exception();
    return size == 0 ? 1 : 0;
  }
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* transfer) {
  return guarded(transfer, size, [&](Transfer& self) { self.add_line({data, size}); });
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* transfer) {
  return guarded(transfer, size, [&](Transfer& self) { self.take(std::as_bytes(std::span(data, size))); });
}

bool is_unreachable(CURLcode code) {
  return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
         code == CURLE_COULDNT_CONNECT;
}

bool may_pass(CURLcode code) {
  static constexpr std::array kPassing{CURLE_OPERATION_TIMEDOUT, CURLE_PARTIAL_FILE,     CURLE_GOT_NOTHING,
                                       CURLE_SEND_ERROR,         CURLE_RECV_ERROR,       CURLE_HTTP2,
                                       CURLE_HTTP2_STREAM,       CURLE_SSL_CONNECT_ERROR};
  return is_unreachable(code) || std::ranges::find(kPassing, code) != kPassing.end();
}

[[noreturn]] void refuse(CURLcode code, const std::string& detail, const std::string& from) {
  const std::string why = detail.empty() ? curl_easy_strerror(code) : detail;
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
    throw Error(ErrorKind::Io,
                cat(from, ": its certificate is not trusted (", why,
                    "); check the address, or name your own authorities' file in SSL_CERT_FILE"));
  }
  if (is_unreachable(code)) {
    throw PassingError(
        cat(from, " cannot be reached: ", why, "; check the network, the proxy variables, and HF_ENDPOINT"),
        {}, true);
  }
  if (may_pass(code)) throw PassingError(cat(from, ": the transfer broke off: ", why));
  throw Error(ErrorKind::Io, cat(from, ": the transfer failed: ", why));
}

/// A transfer among those of a multi handle, while this lives.
class Membership {
 public:
  Membership(CURLM* multi, CURL* easy) : multi_(multi), easy_(easy) {
    if (curl_multi_add_handle(multi, easy) != CURLM_OK)
      throw Error(ErrorKind::Internal, "libcurl cannot start a transfer");
  }
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;
  ~Membership() { curl_multi_remove_handle(multi_, easy_); }

 private:
  CURLM* multi_;
  CURL* easy_;
};

}  // namespace

struct HttpClient::State {
  Multi multi{curl_multi_init()};
  std::optional<Origin> endpoint;
  std::string token, authorities;

  [[nodiscard]] Headers headers_for(const Origin& origin) const {
    Headers headers;
    // What is stored compressed could neither be resumed nor checked.
    add_header(headers, "Accept-Encoding: identity");
    if (!token.empty() && origin == endpoint) add_header(headers, "Authorization: Bearer " + token);
    return headers;
  }
  void run(CURL* easy, const Job& job, CURLcode& result) const;
};

void HttpClient::State::run(CURL* easy, const Job& job, CURLcode& result) const {
  const Membership membership(multi.get(), easy);
  int running = 1;
  while (running > 0) {
    if (curl_multi_perform(multi.get(), &running) != CURLM_OK)
      throw Error(ErrorKind::Internal, "libcurl cannot go on with a transfer");
    job.check();
    if (running > 0) curl_multi_poll(multi.get(), nullptr, 0, kPollMs, nullptr);
  }
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg == CURLMSG_DONE && message->easy_handle == easy) result = message->data.result;
  }
}

std::string_view HttpAnswer::header(std::string_view name) const {
  const auto at = headers.find(name);
  return at == headers.end() ? std::string_view() : at->second;
}

HttpClient::HttpClient(const HubSettings& settings) {
  start_curl();
  state_ = std::make_unique<State>();
  state_->endpoint = parse_origin(settings.endpoint);
  state_->token = settings.token;
  // OpenSSL's own programs read it; libcurl's library does not.
  for (const char* variable : {"CURL_CA_BUNDLE", "SSL_CERT_FILE"}) {
    const char* const value = std::getenv(variable);
    if (state_->authorities.empty() && value != nullptr) state_->authorities = value;
  }
}

HttpClient::~HttpClient() = default;

HttpAnswer HttpClient::exchange(const std::string& url, const Sink* sink, std::uint64_t from,
                                const Job& job) {
  const std::optional<Origin> origin = parse_origin(url);
  if (!origin) throw Error(ErrorKind::Io, "a server named an address that is none");
  Transfer transfer;
  const Headers headers = state_->headers_for(*origin);
  std::array<char, CURL_ERROR_SIZE> detail{};
  const Easy easy(curl_easy_init());
  if (easy == nullptr) throw Error(ErrorKind::Internal, "libcurl cannot start a transfer");
  transfer.sink = sink;
  transfer.easy = easy.get();
  const auto set = [&](CURLoption option, auto value) {
    if (curl_easy_setopt(easy.get(), option, value) != CURLE_OK)
      throw Error(ErrorKind::Internal, cat("libcurl does not take option ", static_cast<int>(option)));
  };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_USERAGENT, "bsbr-studio");
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));  // a proxy sees none of them
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_ERRORBUFFER, detail.data());
  set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, kStallSeconds);
  set(CURLOPT_BUFFERSIZE, kBufferBytes);
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  if (sink == nullptr) set(CURLOPT_NOBODY, 1L);
  if (from > 0) set(CURLOPT_RANGE, cat(from, '-').c_str());
  if (!state_->authorities.empty()) set(CURLOPT_CAINFO, state_->authorities.c_str());
  CURLcode result = CURLE_OK;
  state_->run(easy.get(), job, result);
  if (transfer.thrown) std::rethrow_exception(transfer.thrown);
  if (result != CURLE_OK) refuse(result, detail.data(), origin->text());
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &transfer.answer.status);
  transfer.answer.url = url;
  transfer.answer.from = origin->text();
  transfer.answer.from_endpoint = origin == state_->endpoint;
  return std::move(transfer.answer);
}

HttpAnswer HttpClient::follow(const std::string& url, const Sink* sink, std::uint64_t from, const Job& job) {
  std::string at = url;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    HttpAnswer answer = exchange(at, sink, from, job);
    const std::string location(answer.header("location"));
    if (answer.status / 100 != 3 || location.empty()) return answer;
    const std::optional<std::string> next = resolve_location(at, location);
    const std::optional<Origin> origin = next ? parse_origin(*next) : std::nullopt;
    if (!origin || (origin->scheme == "http" && at.starts_with("https:"))) {
      throw Error(ErrorKind::Io, cat(answer.from, ": redirects to an address that is not safe to follow"));
    }
    if (sink == nullptr && origin != state_->endpoint) return answer;
    at = *next;
  }
  throw Error(ErrorKind::Io,
              cat(parse_origin(url)->text(), ": redirects more than ", kMaxRedirects, " times"));
}

HttpAnswer HttpClient::get(const std::string& url, const Sink& sink, const Job& job, std::uint64_t from) {
  return follow(url, &sink, from, job);
}

HttpAnswer HttpClient::get_text(const std::string& url, std::string& body, std::size_t most, const Job& job) {
  body.clear();
  const Sink collect = [&](const HttpAnswer&, std::span<const std::byte> bytes) {
    if (bytes.size() > most - body.size()) {
      throw Error(ErrorKind::InvalidFile,
                  cat(parse_origin(url)->text(), ": answers with more than ", most >> 20, " MiB"));
    }
    body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  return follow(url, &collect, 0, job);
}

HttpAnswer HttpClient::head(const std::string& url, const Job& job) {
  return follow(url, nullptr, 0, job);
}

}  // namespace bsbr
