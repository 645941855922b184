#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace bsbr {

/// The folder of the HuggingFace hub cache, found as huggingface_hub finds it: $HF_HUB_CACHE, else
/// $HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub, else $XDG_CACHE_HOME/huggingface/hub, else
/// ~/.cache/huggingface/hub.
std::filesystem::path hub_cache_folder();

/// True if `text` has the form of a model's name on the hub: "name" or "org/name".
bool is_hub_name(std::string_view text);

/// The snapshot folder of model `name` ("gpt2", "org/name") in the local hub cache, revision main; the
/// only snapshot if no revision is named main. Nothing is downloaded. Throws Error(NotFound) that says where
/// it looked, Error(InvalidFile) for an incomplete or damaged snapshot, naming what is missing,
/// Error(InvalidArgument) if `name` is not a name.
std::filesystem::path find_hub_snapshot(const std::string& name);

/// A model in the local hub cache.
struct HubModel {
  std::string name;     ///< "gpt2", "org/name"
  std::string problem;  ///< why it cannot be opened, e.g. what is missing; empty: it can
};

/// All of them, sorted by name; none where there is no cache. Weights are not read.
std::vector<HubModel> list_hub_models();

}  // namespace bsbr
