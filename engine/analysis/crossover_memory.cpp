#include <pwd.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <functional>

#include "engine/analysis/crossover.h"
#include "engine/analysis/crossover_file.h"
#include "engine/analysis/machine.h"
#include "engine/base/error.h"
#include "engine/model/decoder.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;

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
  return find_crossover(file_, key_of(converted), converted.config().layers);
}

void CrossoverMemory::keep(const LanguageModel& converted, const std::vector<std::int64_t>& tokens) const {
  if (!file_.empty()) keep_crossover(file_, key_of(converted), tokens);
}

}  // namespace bsbr
