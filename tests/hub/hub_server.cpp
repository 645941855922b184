#include "tests/hub/hub_server.h"

#include <fstream>

#include "engine/base/json_file.h"
#include "engine/checkpoint/hub_cache.h"
#include "tests/support/places.h"

namespace bsbr::test {
namespace fs = std::filesystem;

HubServer::HubServer(const fs::path& certificate) {
  QStringList arguments{QString::fromStdString(in_repository("tests/hub/hub_server.py")),
                        QString::fromStdString(folder_.path().string())};
  if (!certificate.empty()) arguments << QString::fromStdString(certificate.string());
  process_.setProcessChannelMode(QProcess::ForwardedErrorChannel);
  process_.start("python3", arguments);
  while (!process_.canReadLine()) {
    if (!process_.waitForReadyRead(30'000)) qFatal("the hub's server does not start");
  }
  ports_ = nlohmann::json::parse(process_.readLine().toStdString());
  reset();
}

void HubServer::reset() {
  for (const char* left : {"models", "blobs", "cache", "home", "requests.jsonl"})
    fs::remove_all(folder_ / left);
  fail_no_more();
  for (const char* name :
       {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_DISABLE_IMPLICIT_TOKEN",
        "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "http_proxy",
        "https_proxy", "all_proxy", "ALL_PROXY", "HTTPS_PROXY"})
    qunsetenv(name);
  qputenv("HF_ENDPOINT", endpoint().c_str());
  qputenv("HF_HUB_CACHE", cache().c_str());
  qputenv("HF_HOME", (folder_ / "home").c_str());
}

HubServer::~HubServer() {
  process_.closeWriteChannel();
  if (!process_.waitForFinished(10'000)) process_.kill();
  process_.waitForFinished();
}

void HubServer::add_model(const std::string& name, const Files& files, const nlohmann::json& about) const {
  const fs::path folder = folder_ / "models" / name;
  fs::remove_all(folder);
  nlohmann::json repository{{"revisions", {{"main", kCommit}}}};
  repository.update(about.is_null() ? nlohmann::json::object() : about);
  write_file(folder / "repository.json", repository.dump());
  for (const auto& [file, text] : files) write_file(folder / "files" / file, text);
}

HubServer::Files HubServer::small_model(std::size_t bytes) {
  std::string weights(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) weights[i] = static_cast<char>((i * i) >> 7);
  return {{"config.json", "{\"model_type\": \"gpt2\"}"},
          {"tokenizer.json", "{}"},
          {"model.safetensors", weights}};
}

void HubServer::fail(const std::string& path, nlohmann::json fault) {
  fault["path"] = path;
  fault["id"] = std::to_string(++fault_count_);
  faults_.push_back(std::move(fault));
  write_file(folder_ / "faults.json", nlohmann::json(faults_).dump());
}

void HubServer::fail_no_more() {
  faults_.clear();
  fs::remove(folder_ / "faults.json");
}

std::vector<nlohmann::json> HubServer::requests() const {
  std::vector<nlohmann::json> all;
  std::ifstream log(folder_ / "requests.jsonl");
  for (std::string line; std::getline(log, line);) all.push_back(nlohmann::json::parse(line));
  return all;
}

std::vector<nlohmann::json> HubServer::requests(const std::string& part) const {
  std::vector<nlohmann::json> some = requests();
  std::erase_if(some, [&](const nlohmann::json& request) {
    return request["path"].get<std::string>().find(part) == std::string::npos;
  });
  return some;
}

std::string HubServer::address(const char* port) const {
  return cat("http://127.0.0.1:", ports_[port].get<int>());
}
std::string HubServer::tls() const {
  return cat("https://127.0.0.1:", ports_["tls"].get<int>());
}

fs::path HubServer::model_folder(const std::string& name) const {
  return hub_model_folder(name);
}

HubSettings HubServer::settings() {
  HubSettings settings = HubSettings::from_environment();
  settings.first_wait = std::chrono::milliseconds(10);
  return settings;
}

void HubServer::fetch(const std::string& name, const Job& job) {
  fetch_from_hub(*parse_hub_name(name), settings(), job);
}

std::map<std::string, std::string> tree_of(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).string();
    if (entry.is_symlink()) {
      all[name] = "link to " + fs::read_symlink(entry.path()).string();
    } else if (entry.is_regular_file()) {
      all[name] = read_text_file(entry.path(), std::uint64_t{1} << 30);
    }
  }
  return all;
}

}  // namespace bsbr::test
