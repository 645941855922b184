#include "engine/checkpoint/hub_cache.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <system_error>
#include <vector>

#include "engine/base/json_file.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/shard_index.h"
#include "engine/checkpoint/weight_files.h"

namespace bsbr {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "models--";
constexpr std::size_t kMaxHubName = 96;  // the hub's own bound

std::string environment(const char* variable) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? "" : value;
}

fs::path home_folder() {
  if (std::string home = environment("HOME"); !home.empty()) return home;
  const passwd* const user = ::getpwuid(::getuid());
  return user == nullptr ? "/" : user->pw_dir;
}

fs::path expand_home(const std::string& text) {
  if (text == "~" || text.starts_with("~/"))
    return home_folder() / text.substr(std::min<std::size_t>(2, text.size()));
  return text;
}

bool is_name_part(std::string_view part) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  };
  return !part.empty() && std::ranges::all_of(part, allowed) && part.front() != '-' && part.front() != '.' &&
         part.back() != '-' && part.back() != '.';
}

/// Names of the entries of a folder that pass `wanted`, sorted; none if it cannot be listed.
template <class Wanted>
std::vector<std::string> entries(const fs::path& folder, Wanted wanted) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (wanted(*at)) names.push_back(at->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::vector<std::string> subfolders(const fs::path& folder) {
  return entries(folder, [](const fs::directory_entry& entry) {
    std::error_code error;
    return entry.is_directory(error);
  });
}

/// "models--org--name" to "org/name".
std::string hub_name(std::string_view folder) {
  const std::string_view name = folder.substr(kPrefix.size());
  const std::size_t at = name.find("--");
  return at == name.npos ? std::string(name) : cat(name.substr(0, at), '/', name.substr(at + 2));
}

[[noreturn]] void refuse_unknown(const std::string& name, const fs::path& cache) {
  std::vector<std::string> there = subfolders(cache);
  std::erase_if(there, [](const std::string& folder) { return !folder.starts_with(kPrefix); });
  std::ranges::transform(there, there.begin(), hub_name);
  const std::string last = name.substr(name.rfind('/') + 1);
  std::stable_partition(there.begin(), there.end(),
                        [&](const std::string& other) { return other.ends_with(last); });
  throw Error(ErrorKind::NotFound,
              cat(name, ": is neither a folder here nor a model in the hub cache ", cache.string(),
                  there.empty() ? "" : cat(", which has ", list_names(there, 5)),
                  "; to download it, run `hf download ", name, "`"));
}

/// The commit that refs/main holds.
std::string read_ref(const fs::path& path) {
  std::string text = read_text_file(path, 4096);
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  if (text.size() > 64 || !is_name_part(text)) {
    throw Error(ErrorKind::InvalidFile, cat(path.string(), ": holds ", in_quotes(text),
                                            " where a commit hash is expected; download the model again"));
  }
  return text;
}

fs::path choose_snapshot(const fs::path& repository, const std::string& again) {
  const fs::path snapshots = repository / "snapshots";
  const fs::path ref = repository / "refs" / "main";
  if (has_entry(ref)) {
    require_file(ref);
    const std::string commit = read_ref(ref);
    if (!leads_somewhere(snapshots / commit)) {
      throw Error(ErrorKind::InvalidFile, cat(ref.string(), ": names the snapshot ", commit,
                                              ", which is not in ", snapshots.string(), again));
    }
    require_folder(snapshots / commit);
    return snapshots / commit;
  }
  const std::vector<std::string> there = subfolders(snapshots);
  if (there.size() == 1) return snapshots / there.front();
  throw Error(ErrorKind::InvalidFile,
              there.empty() ? cat(repository.string(), ": holds no snapshot of the model", again)
                            : cat(repository.string(), ": has no refs/main, and the snapshots ",
                                  list_names(there, 5), "; give the folder of the one you mean"));
}

void check_complete(const fs::path& snapshot, const fs::path& repository, const std::string& again) {
  std::vector<std::string> missing =
      entries(snapshot, [](const fs::directory_entry& entry) { return !leads_somewhere(entry.path()); });
  const auto note = [&](std::string_view name) {
    if (std::ranges::find(missing, name) == missing.end()) missing.emplace_back(name);
  };
  if (!leads_somewhere(snapshot / kConfigFile)) note(kConfigFile);
  const WeightFiles weights = find_weight_files(snapshot);
  if (weights.none()) note(kSingleFile);
  if (const auto index = weights.chosen_index(); !index.empty() && leads_somewhere(snapshot / index)) {
    for (const std::string& shard : missing_shards(read_shard_index(snapshot / index), snapshot)) note(shard);
  }
  if (missing.empty()) return;
  const auto broken_off = entries(repository / "blobs", [](const fs::directory_entry& entry) {
    return entry.path().extension() == ".incomplete";
  });
  throw Error(
      ErrorKind::InvalidFile,
      cat(snapshot.string(), ": this snapshot is incomplete: it lacks ", list_names(missing),
          broken_off.empty() ? "" : cat("; ", broken_off.size(), " download(s) were broken off"), again));
}

}  // namespace

fs::path hub_cache_folder() {
  for (const char* variable : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const std::string value = environment(variable); !value.empty()) return expand_home(value);
  }
  if (const std::string home = environment("HF_HOME"); !home.empty()) return expand_home(home) / "hub";
  const std::string cache = environment("XDG_CACHE_HOME");
  return (cache.empty() ? home_folder() / ".cache" : expand_home(cache)) / "huggingface" / "hub";
}

bool is_hub_name(std::string_view text) {
  if (text.size() > kMaxHubName || text.find("--") != text.npos || text.find("..") != text.npos) return false;
  const auto slash = text.find('/');
  if (slash == text.npos) return is_name_part(text);
  return is_name_part(text.substr(0, slash)) && is_name_part(text.substr(slash + 1));
}

fs::path find_hub_snapshot(const std::string& name) {
  if (!is_hub_name(name)) {
    throw Error(ErrorKind::InvalidArgument,
                in_quotes(name) + ": is not the name of a model, as in \"gpt2\" or \"org/name\"");
  }
  std::error_code error;
  fs::path cache = fs::absolute(hub_cache_folder(), error);
  const std::size_t slash = name.find('/');
  const std::string folder = slash == name.npos
                                 ? cat(kPrefix, name)
                                 : cat(kPrefix, name.substr(0, slash), "--", name.substr(slash + 1));
  const fs::path repository = cache / folder;
  if (!has_entry(repository)) refuse_unknown(name, cache);
  require_folder(repository);
  const std::string again = cat("; to download it again, run `hf download ", name, "`");
  fs::path snapshot = choose_snapshot(repository, again);
  check_complete(snapshot, repository, again);
  return snapshot;
}

std::vector<HubModel> list_hub_models() {
  std::vector<HubModel> models;
  for (const std::string& folder : subfolders(hub_cache_folder())) {
    if (!folder.starts_with(kPrefix)) continue;
    HubModel model{hub_name(folder), {}};
    if (!is_hub_name(model.name)) continue;
    try {
      (void)find_hub_snapshot(model.name);
    } catch (const Error& error) {
      model.problem = error.what();
    }
    models.push_back(std::move(model));
  }
  return models;
}

}  // namespace bsbr
