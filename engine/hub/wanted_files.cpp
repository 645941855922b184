#include "engine/hub/wanted_files.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/weight_files.h"

namespace bsbr {
namespace {

constexpr std::array<std::string_view, 15> kSmallFiles{kConfigFile,
                                                       "generation_config.json",
                                                       "tokenizer.json",
                                                       "tokenizer_config.json",
                                                       "vocab.json",
                                                       "merges.txt",
                                                       "special_tokens_map.json",
                                                       "added_tokens.json",
                                                       "tokenizer.model",
                                                       "chat_template.jinja",
                                                       "chat_template.json",
                                                       "README.md",
                                                       "LICENSE",
                                                       "LICENSE.txt",
                                                       "LICENSE.md"};
constexpr std::array<std::string_view, 3> kTokenizers{"tokenizer.json", "vocab.json", "tokenizer.model"};

/// In the order of preference.
struct Kind {
  std::string_view single, index;
};
constexpr std::array<Kind, 2> kKinds{{{kSingleFile, kIndexFile}, {kTorchFile, kTorchIndexFile}}};

std::vector<std::string> gguf_files(const HubListing& listing) {
  std::vector<std::string> names;
  for (const HubFile& file : listing.files) {
    if (file.name.ends_with(".gguf") && is_repository_path(file.name)) names.push_back(file.name);
  }
  std::ranges::sort(names);
  return names;
}

std::string revision_part(const HubName& name) {
  return name.revision == HubName().revision ? "" : "@" + name.revision;
}

WantedFiles one_gguf(const HubListing& listing, const std::string& file) {
  WantedFiles wanted;
  wanted.weights.push_back(*listing.find(file));
  wanted.tokenizer = true;  // in the file itself
  return wanted;
}

WantedFiles choose_gguf(const HubListing& listing, const HubName& name) {
  const std::vector<std::string> there = gguf_files(listing);
  const auto is_asked = [&](const std::string& file) { return file == name.file; };
  if (!name.file.empty()) {
    if (std::ranges::any_of(there, is_asked)) return one_gguf(listing, name.file);
    throw Error(ErrorKind::NotFound,
                cat(name.model, ": has no file ", name.file,
                    there.empty() ? "; it has no GGUF files at all, so leave the file out" : "; it has ",
                    there.empty() ? "" : list_names(there, 20)));
  }
  if (there.size() == 1) return one_gguf(listing, there.front());
  if (!there.empty()) {
    throw Error(ErrorKind::InvalidArgument,
                cat(name.model, ": has its weights as GGUF files only: ", list_names(there, 20),
                    "; choose one, as in ", name.model, revision_part(name), ':', there.front()));
  }
  std::vector<std::string> others;
  others.reserve(listing.files.size());
  for (const HubFile& file : listing.files) others.push_back(file.name);
  throw Error(
      ErrorKind::Unsupported,
      cat(name.model, ": has no weights that can be read, which are model.safetensors, pytorch_model.bin ",
          "(or an index of either), or a GGUF file; it has ",
          others.empty() ? "no files" : list_names(others, 10)));
}

}  // namespace

WantedFiles choose_files(const HubListing& listing, const HubName& name) {
  if (!name.file.empty()) return choose_gguf(listing, name);
  WantedFiles wanted;
  const auto kind = std::ranges::find_if(kKinds, [&](const Kind& each) {
    return listing.find(each.single) != nullptr || listing.find(each.index) != nullptr;
  });
  if (kind == kKinds.end()) return choose_gguf(listing, name);
  for (const std::string_view small : kSmallFiles) {
    if (const HubFile* const file = listing.find(small)) wanted.first.push_back(*file);
  }
  if (listing.find(kConfigFile) == nullptr) {
    throw Error(
        ErrorKind::Unsupported,
        cat(name.model, ": has weights, but no config.json, without which they mean nothing; it may be an ",
            "adapter of another model"));
  }
  if (const HubFile* const single = listing.find(kind->single)) {
    wanted.weights.push_back(*single);
  } else {
    wanted.index = kind->index;
    wanted.first.push_back(*listing.find(kind->index));
  }
  wanted.tokenizer = std::ranges::any_of(
      kTokenizers, [&](std::string_view tokenizer) { return listing.find(tokenizer) != nullptr; });
  return wanted;
}

std::vector<HubFile> find_shards(const HubListing& listing, const std::vector<std::string>& shards,
                                 const HubName& name) {
  std::vector<HubFile> files;
  std::vector<std::string> missing;
  for (const std::string& shard : shards) {
    if (const HubFile* const file = listing.find(shard)) {
      files.push_back(*file);
    } else {
      missing.push_back(shard);
    }
  }
  if (missing.empty()) return files;
  throw Error(
      ErrorKind::InvalidFile,
      cat(name.model, ": its index names shards that the repository does not have: ", list_names(missing)));
}

}  // namespace bsbr
