#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/checkpoint/hub_name.h"

namespace bsbr {

/// The folder of the HuggingFace hub cache, found as huggingface_hub finds it: $HF_HUB_CACHE, else
/// $HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else
/// ~/.cache/huggingface/hub. Their values are expanded as expand_path() does.
std::filesystem::path hub_cache_folder();

/// Where huggingface_hub keeps what is not of one model, such as the token: the folder above, but for
/// $HF_HUB_CACHE.
std::filesystem::path hub_home_folder();

/// The folder of a model in that cache, be it there or not: blobs/ with the files, named by their hashes,
/// snapshots/COMMIT/ with links to them, refs/REVISION with the commit.
std::filesystem::path hub_model_folder(const std::string& model);

/// The snapshot folder of a model in the local hub cache; `name` as parse_hub_name() reads it. Without a
/// revision it is main, or the only snapshot where the cache has no revision by name. Nothing is downloaded.
/// Throws Error(NotFound) that says where it looked, Error(InvalidFile) for an incomplete or damaged
/// snapshot, naming what is missing, Error(InvalidArgument) if `name` is not a name.
std::filesystem::path find_hub_snapshot(const std::string& name);

/// True if the cache knows which commit that revision was: by its name, or because it is one.
bool knows_hub_revision(const HubName& name);

/// One commit of a model in the local hub cache.
struct HubSnapshot {
  std::string commit;
  std::vector<std::string> revisions;  ///< names of it: "main", "refs/pr/1"; sorted
  std::filesystem::path folder;
  std::uint64_t bytes = 0;                ///< of its files, be they shared with other snapshots
  std::vector<std::string> missing = {};  ///< files that an opening would ask for; empty: complete
};

/// A model in the local hub cache.
struct HubModel {
  std::string name;     ///< "gpt2", "org/name"
  std::string problem;  ///< why it cannot be opened by its name, e.g. what is missing; empty: it can
  std::vector<HubSnapshot> snapshots = {};  ///< those with names first
  std::uint64_t bytes = 0;                  ///< of all blobs
  std::size_t broken_off = 0;               ///< downloads that have begun and not ended
  std::uint64_t broken_off_bytes = 0;       ///< what there is of them
};

/// All of them, sorted by name; none where there is no cache. Weights are not read.
std::vector<HubModel> list_hub_models();

}  // namespace bsbr
