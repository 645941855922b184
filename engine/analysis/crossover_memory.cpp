#include <pwd.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <functional>

#include "engine/analysis/crossover.h"
#include "engine/analysis/machine.h"
#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/model/decoder.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;

// Raised where a change of the kernels moves the crossover.
constexpr int kVersion = 3;

/// What a crossover depends on; the plan as a hash of its text.
std::string key_of(const LanguageModel& converted) {
  const Machine machine = this_machine();
  const ModelConfig& config = converted.config();
  const std::string plan = config.bsbr ? config.bsbr->to_json().dump() : "";
  return cat(machine.processor, ", ", machine.threads, " threads, ", machine.instruction_set, ", LibTorch ",
             machine.torch, ", ", converted.decoder().device().str(), "; ", config.layers, " layers, ",
             config.heads, " heads, ", config.kv_heads, " key-value heads of ", config.head_dim, "; plan ",
             std::hash<std::string>()(plan));
}

nlohmann::json read_entries(const fs::path& file) {
  try {
    const nlohmann::json json = read_json_object(file);
    if (json.value("version", 0) == kVersion && json.at("entries").is_object()) return json.at("entries");
  } catch (const Error&) {
    return nlohmann::json::object();
  } catch (const nlohmann::json::exception&) {
    return nlohmann::json::object();
  }
  return nlohmann::json::object();
}

fs::path from_environment(const char* variable) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

/// Where a user's caches lie; nothing where no absolute path is known, since a relative one would be another
/// file for every working folder.
fs::path cache_folder() {
  fs::path cache = from_environment("XDG_CACHE_HOME");
  if (cache.is_absolute()) return cache;
  fs::path home = from_environment("HOME");
  if (home.empty()) {
    const passwd* const user = ::getpwuid(::getuid());
    if (user != nullptr) home = user->pw_dir;
  }
  return home.is_absolute() ? home / ".cache" : fs::path();
}

}  // namespace

CrossoverMemory CrossoverMemory::of_user() {
  const fs::path folder = cache_folder();
  return CrossoverMemory(folder.empty() ? fs::path() : folder / "bsbr" / "crossover.json");
}

std::optional<std::vector<std::int64_t>> CrossoverMemory::find(const LanguageModel& converted) const {
  if (file_.empty()) return std::nullopt;
  const nlohmann::json entries = read_entries(file_);
  const auto entry = entries.find(key_of(converted));
  if (entry == entries.end() || !entry->is_array()) return std::nullopt;
  std::vector<std::int64_t> tokens;
  for (const nlohmann::json& number : *entry) {
    if (!number.is_number_unsigned()) return std::nullopt;
    tokens.push_back(number.get<std::int64_t>());
  }
  if (tokens.size() != static_cast<std::size_t>(converted.config().layers)) return std::nullopt;
  return tokens;
}

void CrossoverMemory::keep(const LanguageModel& converted, const std::vector<std::int64_t>& tokens) const {
  if (file_.empty()) return;
  nlohmann::json entries = read_entries(file_);
  entries[key_of(converted)] = tokens;
  std::error_code failed;
  fs::create_directories(file_.parent_path(), failed);
  // Renamed when it is whole, so that another process never reads half of it.
  const fs::path staged = file_.string() + cat(".", ::getpid());
  {
    std::ofstream out(staged);
    out << nlohmann::json{{"version", kVersion}, {"entries", std::move(entries)}}.dump(
               1, ' ', false, nlohmann::json::error_handler_t::replace)
        << '\n';
    out.close();
    if (!out) failed = std::make_error_code(std::errc::io_error);
  }
  if (!failed) fs::rename(staged, file_, failed);
  if (failed) fs::remove(staged, failed);
}

}  // namespace bsbr
