#include "engine/hub/fetch.h"

#include <algorithm>
#include <optional>

#include "engine/checkpoint/checkpoint_place.h"
#include "engine/checkpoint/folder_config.h"
#include "engine/checkpoint/hub_cache.h"
#include "engine/checkpoint/hub_snapshot.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/shard_index.h"
#include "engine/hub/file_fetch.h"
#include "engine/hub/wanted_files.h"

namespace bsbr {
namespace {

/// The name of a model that no path goes before.
std::optional<HubName> as_name(const std::string& text) {
  if (text.find('\0') != std::string::npos || has_entry(text)) return std::nullopt;
  return parse_hub_name(text);
}

/// The cache has what Checkpoint::open() needs.
bool can_be_opened(const std::string& text) {
  try {
    (void)find_hub_snapshot(text);
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// … of the very revision that is meant, with a tokenizer if it has one.
bool is_cached(const std::string& text, const HubName& name) {
  if (!knows_hub_revision(name)) return false;
  try {
    const std::filesystem::path snapshot = find_hub_snapshot(text);
    return !name.file.empty() || !name.quantisation.empty() || !may_lack_tokenizer(snapshot);
  } catch (const Error&) {
    return false;
  }
}

/// Fetches files of one commit, with their bytes as the job's progress.
class Fetcher {
 public:
  Fetcher(HubApi& hub, std::string commit, const Job& job)
      : hub_(hub), cache_(hub.name().model), commit_(std::move(commit)), job_(job) {}

  void fetch(std::vector<HubFile> files) {
    std::uint64_t missing = 0;
    for (HubFile& file : files) {
      file = hub_.describe(file, commit_, job_);
      missing += cache_.missing_bytes(file);
    }
    make_folders(cache_.snapshot(commit_));
    cache_.require_space(missing);
    const std::string stage = cat("fetching ", hub_.name().model, ", ", mebibytes(missing));
    std::int64_t come = 0;
    const auto advanced = [&](std::int64_t bytes) {
      come += bytes;
      const double part = missing == 0 ? 1 : static_cast<double>(come) / static_cast<double>(missing);
      job_.report(stage, std::clamp(part, 0.0, 1.0));
    };
    for (const HubFile& file : files) {
      advanced(0);
      fetch_blob(hub_, cache_, file, commit_, advanced, job_);
      cache_.link(file, commit_);
    }
  }
  [[nodiscard]] const CacheWriter& cache() const { return cache_; }

 private:
  HubApi& hub_;
  CacheWriter cache_;
  std::string commit_;
  const Job& job_;
};

}  // namespace

void fetch_from_hub(const HubName& name, const HubSettings& settings, const Job& job) {
  HubApi hub(settings, name);
  job.report(cat("asking ", hub.page()), 0);
  const HubListing listing = hub.list(job);
  WantedFiles wanted = choose_files(listing, name);
  Fetcher fetcher(hub, listing.commit, job);
  // The weights come last: where they are, all of it is.
  fetcher.fetch(wanted.first);
  const CacheWriter& cache = fetcher.cache();
  std::vector<std::string> told_when_opened;
  if (!wanted.first.empty()) (void)read_folder_config(cache.snapshot(listing.commit), told_when_opened);
  if (!wanted.index.empty()) {
    const ShardIndex index =
        read_shard_index(cache.snapshot(listing.commit) / wanted.index, told_when_opened);
    wanted.weights = find_shards(listing, index.shards, name);
  }
  fetcher.fetch(wanted.weights);
  if (!wanted.tokenizer) cache.note_absent("tokenizer.json", listing.commit);
  cache.write_ref(name.revision, listing.commit);
}

bool is_to_be_fetched(const std::string& given) {
  const std::string text = without_pasted_marks(given);
  const std::optional<HubName> name = as_name(text);
  return name && !HubSettings::is_offline() && !is_cached(text, *name);
}

void fetch_model(const std::string& given, const Job& job) {
  const std::string text = without_pasted_marks(given);
  const std::optional<HubName> name = as_name(text);
  if (!name || is_cached(text, *name)) return;
  if (HubSettings::is_offline()) {
    try {
      (void)find_hub_snapshot(text);
    } catch (const Error& error) {
      throw Error(error.kind(), cat(error.what(), "; it is not fetched here, because HF_HUB_OFFLINE is set"));
    }
    return;
  }
  try {
    fetch_from_hub(*name, HubSettings::from_environment(), job);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Io || !can_be_opened(text)) throw;
  }
}

Checkpoint fetch_and_open(const std::string& path_or_name, const Job& job) {
  fetch_model(path_or_name, job);
  return Checkpoint::open(path_or_name, job);
}

}  // namespace bsbr
