#pragma once

#include <QProcess>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/hub/fetch.h"
#include "tests/support/files.h"

namespace bsbr::test {

inline constexpr const char* kCommit = "607a30d783dfa663caf39e06633721c8d4cfcd7e";
inline constexpr const char* kOtherCommit = "11c5a3d5811f50298f278a704980280950aedb10";

/// hub_server.py, running, and a cache of its own that the environment names.
class HubServer {
 public:
  /// `certificate`: a file with a certificate and its key, for tls().
  explicit HubServer(const std::filesystem::path& certificate = {});
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;
  ~HubServer();

  /// As it was at first: no models, no faults, nothing asked, an empty cache.
  void reset();

  using Files = std::map<std::string, std::string>;
  /// `about`: what the model's repository.json says besides its revisions {"main": kCommit}.
  void add_model(const std::string& name, const Files& files, const nlohmann::json& about = {}) const;
  /// Config, tokenizer and one file of weights, `bytes` long.
  static Files small_model(std::size_t bytes = 300'000);

  /// One fault, as hub_server.py has them, for requests whose path holds `path`; the earlier ones stay.
  void fail(const std::string& path, nlohmann::json fault);
  void fail_no_more();
  /// What was asked so far; every one with server, method, path, authorization, range.
  [[nodiscard]] std::vector<nlohmann::json> requests() const;
  /// Those of them for files whose path holds `part`.
  [[nodiscard]] std::vector<nlohmann::json> requests(const std::string& part) const;

  [[nodiscard]] std::string endpoint() const { return address("hub"); }
  [[nodiscard]] std::string cdn() const { return address("cdn"); }
  [[nodiscard]] std::string tls() const;
  [[nodiscard]] std::filesystem::path cache() const { return folder_ / "cache"; }
  [[nodiscard]] std::filesystem::path model_folder(const std::string& name) const;
  /// From the environment, with waits that do not take a test's time.
  [[nodiscard]] static HubSettings settings();
  static void fetch(const std::string& name, const Job& job = {});

 private:
  [[nodiscard]] std::string address(const char* port) const;

  TempFolder folder_;
  QProcess process_;
  nlohmann::json ports_;
  std::vector<nlohmann::json> faults_;
  int fault_count_ = 0;
};

/// Every entry below a folder by its path, with the content of files and the targets of links.
std::map<std::string, std::string> tree_of(const std::filesystem::path& folder);

}  // namespace bsbr::test
