#include "engine/hub/wanted_files.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "engine/checkpoint/folder_kind.h"
#include "engine/checkpoint/gguf_names.h"
#include "engine/checkpoint/part_name.h"
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
    if (file.name.ends_with(kGgufEnding) && is_repository_path(file.name)) names.push_back(file.name);
  }
  std::ranges::sort(names);
  return names;
}

std::string revision_part(const HubName& name) {
  return name.revision == HubName().revision ? "" : "@" + name.revision;
}

WantedFiles one_gguf(const HubListing& listing, const GgufFiles& files, const HubName& name) {
  if (const auto part = parse_part_name(files.front(), kGgufEnding); part && files.size() < part->count) {
    throw Error(ErrorKind::InvalidFile, cat(name.model, ": has only ", files.size(), " of the ", part->count,
                                            " parts of the model ", part->stem, "; choose another"));
  }
  WantedFiles wanted;
  for (const std::string& file : files) wanted.weights.push_back(*listing.find(file));
  wanted.tokenizer = true;  // in the file itself
  return wanted;
}

/// The model that `file` is of: itself, or all parts of a split one.
GgufFiles model_of(const std::vector<GgufFiles>& models, const std::string& file) {
  const auto has = [&](const GgufFiles& files) { return std::ranges::find(files, file) != files.end(); };
  const auto at = std::ranges::find_if(models, has);
  return at == models.end() ? GgufFiles{file} : *at;
}

/// Names at the top of the repository, of files and of folders.
std::vector<std::string> top_names(const HubListing& listing) {
  std::set<std::string> names;
  for (const HubFile& file : listing.files) names.insert(file.name.substr(0, file.name.find('/')));
  return {names.begin(), names.end()};
}

WantedFiles choose_gguf(const HubListing& listing, const HubName& name) {
  const std::vector<std::string> there = gguf_files(listing);
  const std::vector<GgufFiles> models = group_gguf_files(there);
  if (!name.quantisation.empty())
    return one_gguf(listing, choose_quantisation(models, name.quantisation, name.model), name);
  if (!name.file.empty()) {
    if (std::ranges::find(there, name.file) != there.end())
      return one_gguf(listing, model_of(models, name.file), name);
    throw Error(ErrorKind::NotFound,
                cat(name.model, ": has no file ", name.file,
                    there.empty() ? "; it has no GGUF files at all, so leave the file out" : "; it has ",
                    there.empty() ? "" : list_names(there, 20)));
  }
  if (models.size() == 1) return one_gguf(listing, models.front(), name);
  if (!models.empty()) {
    throw Error(ErrorKind::InvalidArgument,
                cat(name.model, ": has its weights as GGUF files only: ", list_names(first_files(models), 20),
                    "; choose one, as in ", name.model, revision_part(name), ':', models.front().front()));
  }
  refuse_other_names(name.model, top_names(listing));
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
  if (!name.file.empty() || !name.quantisation.empty()) return choose_gguf(listing, name);
  WantedFiles wanted;
  const auto kind = std::ranges::find_if(kKinds, [&](const Kind& each) {
    return listing.find(each.single) != nullptr || listing.find(each.index) != nullptr;
  });
  if (kind == kKinds.end()) return choose_gguf(listing, name);
  for (const std::string_view small : kSmallFiles) {
    if (const HubFile* const file = listing.find(small)) wanted.first.push_back(*file);
  }
  if (listing.find(kConfigFile) == nullptr) {
    refuse_other_names(name.model, top_names(listing));
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
