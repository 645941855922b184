#include "engine/checkpoint/hub_cache.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "engine/base/json_file.h"
#include "engine/checkpoint/expand_path.h"
#include "engine/checkpoint/hub_snapshot.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kPrefix = "models--";

std::string environment(const char* variable) {
  const char* const value = std::getenv(variable);
  return value == nullptr ? "" : value;
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

/// The commit that a file below refs/ holds.
std::string read_ref(const fs::path& path) {
  std::string text = read_text_file(path, 4096);
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  if (text.size() > 64 || !is_hub_name(text) || text.find('/') != text.npos) {
    throw Error(ErrorKind::InvalidFile, cat(path.string(), ": holds ", in_quotes(text),
                                            " where a commit hash is expected; download the model again"));
  }
  return text;
}

/// Names of revisions with the commits that they were; what cannot be read is left out.
std::vector<std::pair<std::string, std::string>> read_refs(const fs::path& repository) {
  std::vector<std::pair<std::string, std::string>> refs;
  std::error_code error;
  const fs::path folder = repository / "refs";
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (!at->is_regular_file(ignored)) continue;
    try {
      refs.emplace_back(at->path().lexically_relative(folder).string(), read_ref(at->path()));
    } catch (const Error&) {
      continue;  // said of it when it is opened
    }
  }
  std::ranges::sort(refs);
  return refs;
}

fs::path choose_snapshot(const fs::path& repository, const HubName& name, const std::string& again) {
  const fs::path snapshots = repository / "snapshots";
  if (is_commit_hash(name.revision)) {
    if (leads_somewhere(snapshots / name.revision)) return snapshots / name.revision;
    throw Error(ErrorKind::NotFound,
                cat(repository.string(), ": holds no snapshot ", name.revision, " of the model", again));
  }
  const fs::path ref = repository / "refs" / name.revision;
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
  if (name.revision != HubName().revision || !read_refs(repository).empty()) {
    throw Error(ErrorKind::NotFound,
                cat(repository.string(), ": holds no revision ", name.revision, " of the model", again));
  }
  const std::vector<std::string> there = subfolders(snapshots);
  if (there.size() == 1) return snapshots / there.front();
  throw Error(ErrorKind::InvalidFile,
              there.empty() ? cat(repository.string(), ": holds no snapshot of the model", again)
                            : cat(repository.string(), ": has no refs/main, and the snapshots ",
                                  list_names(there, 5), "; give the folder of the one you mean"));
}

bool is_incomplete_blob(const fs::directory_entry& entry) {
  return entry.path().extension() == ".incomplete";
}

void check_complete(const fs::path& snapshot, const fs::path& repository, const HubName& name,
                    const std::string& again) {
  const std::vector<std::string> missing = missing_files(snapshot, chosen_gguf(snapshot, name));
  if (missing.empty()) return;
  const auto broken_off = entries(repository / "blobs", is_incomplete_blob);
  throw Error(
      ErrorKind::InvalidFile,
      cat(snapshot.string(), ": this snapshot is incomplete: it lacks ", list_names(missing),
          broken_off.empty() ? "" : cat("; ", broken_off.size(), " download(s) were broken off"), again));
}

/// Its problem is left open.
HubModel scan(const fs::path& repository) {
  HubModel model{hub_name(repository.filename().string()), {}};
  for (const auto& [revision, commit] : read_refs(repository)) {
    auto known = std::ranges::find(model.snapshots, commit, &HubSnapshot::commit);
    if (known == model.snapshots.end())
      known = model.snapshots.insert(known, {commit, {}, repository / "snapshots" / commit});
    known->revisions.push_back(revision);
  }
  for (const std::string& commit : subfolders(repository / "snapshots")) {
    if (std::ranges::find(model.snapshots, commit, &HubSnapshot::commit) == model.snapshots.end())
      model.snapshots.push_back({commit, {}, repository / "snapshots" / commit});
  }
  for (HubSnapshot& snapshot : model.snapshots) {
    snapshot.bytes = snapshot_bytes(snapshot.folder);
    try {
      snapshot.missing = missing_files(snapshot.folder);
    } catch (const Error& error) {
      snapshot.missing = {error.what()};
    }
  }
  const fs::path blobs = repository / "blobs";
  for (const std::string& name : entries(blobs, [](const fs::directory_entry&) { return true; })) {
    std::error_code error;
    const std::uint64_t bytes = fs::file_size(blobs / name, error);
    if (error) continue;
    const bool begun = name.ends_with(".incomplete");
    (begun ? model.broken_off_bytes : model.bytes) += bytes;
    model.broken_off += begun ? 1 : 0;
  }
  return model;
}

}  // namespace

fs::path hub_home_folder() {
  if (const std::string home = environment("HF_HOME"); !home.empty()) return expand_path(home);
  const std::string cache = environment("XDG_CACHE_HOME");
  return (cache.empty() ? home_folder() / ".cache" : fs::path(expand_path(cache))) / "huggingface";
}

fs::path hub_cache_folder() {
  for (const char* variable : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const std::string value = environment(variable); !value.empty()) return expand_path(value);
  }
  return hub_home_folder() / "hub";
}

fs::path hub_model_folder(const std::string& model) {
  std::error_code error;
  const fs::path cache = fs::absolute(hub_cache_folder(), error);
  const std::size_t slash = model.find('/');
  return cache / (slash == model.npos ? cat(kPrefix, model)
                                      : cat(kPrefix, model.substr(0, slash), "--", model.substr(slash + 1)));
}

fs::path find_hub_snapshot(const std::string& text) {
  const std::optional<HubName> name = parse_hub_name(text);
  if (!name) {
    throw Error(ErrorKind::InvalidArgument,
                in_quotes(text) + ": is not the name of a model, as in \"gpt2\" or \"org/name\"");
  }
  const fs::path repository = hub_model_folder(name->model);
  if (!has_entry(repository)) refuse_unknown(name->model, repository.parent_path());
  require_folder(repository);
  const std::string again = cat("; to download it again, run `hf download ", name->model, "`");
  fs::path snapshot = choose_snapshot(repository, *name, again);
  check_complete(snapshot, repository, *name, again);
  return snapshot;
}

bool knows_hub_revision(const HubName& name) {
  return is_commit_hash(name.revision) || has_entry(hub_model_folder(name.model) / "refs" / name.revision);
}

std::vector<HubModel> list_hub_models() {
  std::vector<HubModel> models;
  const fs::path cache = hub_cache_folder();
  for (const std::string& folder : subfolders(cache)) {
    if (!folder.starts_with(kPrefix)) continue;
    if (!is_hub_name(hub_name(folder))) continue;
    HubModel model = scan(cache / folder);
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
