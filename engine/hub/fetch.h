#pragma once

#include <string>

#include "engine/base/job.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/hub_name.h"
#include "engine/hub/hub_settings.h"

namespace bsbr {

/// True if `path_or_name` is the name of a model of the hub (parse_hub_name()), no path of that name exists,
/// the local cache does not have all of it, and HF_HUB_OFFLINE does not forbid to fetch it.
bool is_to_be_fetched(const std::string& path_or_name);

/// Fetches a model into the local hub cache, in the layout that huggingface_hub reads. Only what an opening
/// and an export need: config, tokenizer, model card, and the weights as safetensors, else as .bin, else as
/// the only GGUF file or the one that was named. What is there already is not fetched again, and what was
/// broken off is gone on with; every file's hash is checked; the revision is noted once all of it is there.
/// `job` hears of the bytes. Throws Error(NotFound | Io | InvalidFile | InvalidArgument | Unsupported |
/// Cancelled).
void fetch_from_hub(const HubName& name, const HubSettings& settings, const Job& job);

/// The same where is_to_be_fetched(), and nothing elsewhere. Where the network fails and the cache has enough
/// to open the model, that is taken.
void fetch_model(const std::string& path_or_name, const Job& job);

/// fetch_model(), then Checkpoint::open().
Checkpoint fetch_and_open(const std::string& path_or_name, const Job& job);

}  // namespace bsbr
