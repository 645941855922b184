#pragma once

#include <filesystem>
#include <string>

namespace bsbr {

/// The folder of the HuggingFace hub cache: $HF_HUB_CACHE, else $HF_HOME/hub, else ~/.cache/huggingface/hub.
std::filesystem::path hub_cache_folder();

/// The snapshot folder of model `name` ("gpt2", "org/name") in the local hub cache, revision main.
/// Nothing is downloaded. Throws Error(NotFound) that says where it looked, Error(InvalidFile) for an
/// incomplete or damaged snapshot, naming what is missing.
std::filesystem::path find_hub_snapshot(const std::string& name);

}  // namespace bsbr
