#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <fstream>
#include <functional>

#include "engine/analysis/crossover.h"
#include "engine/analysis/machine.h"
#include "engine/base/error.h"
#include "engine/base/json_file.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;

// Raised where a change of the kernels moves the crossover.
constexpr int kVersion = 2;

/// What a crossover depends on; the plan as a hash of its text.
std::string key_of(const LanguageModel& converted) {
  const Machine machine = this_machine();
  const ModelConfig& config = converted.config();
  const std::string plan = config.bsbr ? config.bsbr->to_json().dump() : "";
  return cat(machine.processor, ", ", machine.threads, " threads, ", machine.instruction_set, ", LibTorch ",
             machine.torch, "; ", config.layers, " layers, ", config.heads, " heads, ", config.kv_heads,
             " key-value heads of ", config.head_dim, "; plan ", std::hash<std::string>()(plan));
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

}  // namespace

CrossoverMemory CrossoverMemory::of_user() {
  const auto folder = [](const char* name) {
    const char* value = std::getenv(name);
    return fs::path(value == nullptr ? "" : value);
  };
  const fs::path cache = folder("XDG_CACHE_HOME");
  return CrossoverMemory((cache.is_absolute() ? cache : folder("HOME") / ".cache") / "bsbr" /
                         "crossover.json");
}

std::optional<std::vector<std::int64_t>> CrossoverMemory::find(const LanguageModel& converted) const {
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
  nlohmann::json entries = read_entries(file_);
  entries[key_of(converted)] = tokens;
  std::error_code failed;
  fs::create_directories(file_.parent_path(), failed);
  // Renamed when it is whole, so that another process never reads half of it.
  const fs::path staged = file_.string() + cat(".", ::getpid());
  {
    std::ofstream out(staged);
    out << nlohmann::json{{"version", kVersion}, {"entries", std::move(entries)}}.dump(1) << '\n';
    out.close();
    if (!out) failed = std::make_error_code(std::errc::io_error);
  }
  if (!failed) fs::rename(staged, file_, failed);
  if (failed) fs::remove(staged, failed);
}

}  // namespace bsbr
