#pragma once

#include <string>
#include <vector>

#include "engine/hub/hub_api.h"

namespace bsbr {

/// What an opening and an export read of a repository.
struct WantedFiles {
  /// config.json, tokenizer, chat template, generation settings, model card, licence; and the index of
  /// shards.
  std::vector<HubFile> first;
  /// The index among them whose shards are the weights; empty: `weights` has them.
  std::string index;
  /// One file, of the first kind that is there: safetensors, torch.save's .bin, the only GGUF file; or all
  /// parts of a split GGUF model.
  std::vector<HubFile> weights;
  bool tokenizer = false;  ///< there is one, or none is needed
};

/// Throws Error(InvalidArgument) where a person must choose a GGUF file, naming them; Error(NotFound) for a
/// file that is not there; Error(Unsupported) for a repository without weights that can be read.
WantedFiles choose_files(const HubListing& listing, const HubName& name);

/// The shards that an index names. Throws Error(InvalidFile) for one that the repository does not have.
std::vector<HubFile> find_shards(const HubListing& listing, const std::vector<std::string>& shards,
                                 const HubName& name);

}  // namespace bsbr
