#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/checkpoint/hub_name.h"

namespace bsbr {

/// Why the snapshot folder of a model cannot be opened: names of files that are missing, dangling links
/// among them. A folder of GGUF files alone needs no other. With `file`, a GGUF file, only that one
/// is asked for, and the other parts if it is one of a split model.
/// Weights are not read. Throws as find_weight_files() and read_shard_index() do.
std::vector<std::string> missing_files(const std::filesystem::path& snapshot, const std::string& file = {});

/// The GGUF file that `name` asks for, the first one of a split model; empty if it asks for none. Throws as
/// choose_quantisation() does.
std::string chosen_gguf(const std::filesystem::path& snapshot, const HubName& name);

/// True if a folder has no tokenizer and it is not known that its repository has none: huggingface_hub keeps
/// an empty file .no_exist/COMMIT/NAME for that.
bool may_lack_tokenizer(const std::filesystem::path& snapshot);

/// The GGUF files in and below a folder that has neither config.json nor weights of another format; sorted.
std::vector<std::string> lone_gguf_files(const std::filesystem::path& snapshot);

/// Of all files that a snapshot's links lead to.
std::uint64_t snapshot_bytes(const std::filesystem::path& snapshot);

}  // namespace bsbr
