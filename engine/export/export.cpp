#include "engine/export/export.h"

#include <algorithm>
#include <set>
#include <string>
#include <system_error>

#include "engine/base/error.h"
#include "engine/checkpoint/gguf_file.h"
#include "engine/export/companion_files.h"
#include "engine/export/exported_config.h"
#include "engine/export/exported_tensors.h"
#include "engine/export/model_card.h"
#include "engine/export/python_files.h"
#include "engine/export/staged_folder.h"
#include "engine/export/verify.h"
#include "engine/export/write_weights.h"
#include "engine/model/checkpoint_config.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;

fs::path absolute_of(const fs::path& path) {
  fs::path full = fs::absolute(path).lexically_normal();
  return full.has_filename() ? full : full.parent_path();
}

/// Of two absolute paths without links. A folder is inside itself.
bool is_inside(const fs::path& path, const fs::path& folder) {
  const fs::path relative = path.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

/// Whether the checkpoint's folder, or what its entries link to, lies in `folder`.
bool holds_source(const fs::path& folder, const fs::path& checkpoint) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  const auto held = [&](const fs::path& path) { return is_inside(fs::weakly_canonical(path, error), real); };
  const fs::directory_iterator entries(checkpoint, error);
  return held(checkpoint) ||
         std::any_of(begin(entries), end(entries), [&](const auto& entry) { return held(entry.path()); });
}

/// Refuses what must not be overwritten.
void check_overwritten(const Checkpoint& source, const fs::path& destination, bool force) {
  std::error_code error;
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorKind::InvalidArgument, cat(destination.string(), ": ", what));
  };
  if (fs::equivalent(destination, source.folder(), error)) {
    refuse(
        "is the checkpoint that is being converted; choose another folder, the original is never "
        "overwritten");
  }
  const fs::path real_source = fs::weakly_canonical(source.folder(), error);
  // A GGUF file is the whole checkpoint; the folder that it lies in may hold anything.
  if (source.gguf() == nullptr && is_inside(fs::weakly_canonical(destination, error), real_source)) {
    refuse("lies inside the checkpoint that is being converted; choose a folder outside it");
  }
  const fs::file_status status = fs::symlink_status(destination, error);
  if (!fs::exists(status)) return;
  if (!force) refuse("exists already; choose another folder, or replace it with --force");
  if (!fs::is_directory(status)) refuse("is no folder; --force replaces only checkpoint folders");
  if (!fs::is_empty(destination, error) && !fs::exists(destination / "config.json", error)) {
    refuse("holds no config.json, so it is no checkpoint, and --force does not delete it");
  }
  if (holds_source(destination, source.folder())) {
    refuse(
        "holds the checkpoint that is being converted, or files that it links to, and --force would delete "
        "them; "
        "choose another folder");
  }
}

void check_space(const Checkpoint& source, const fs::path& folder, std::optional<Dtype> dtype) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  const std::uint64_t needed = written_bytes(source.tensors(), dtype) + (16U << 20);
  if (!error && space.available < needed) {
    throw Error(ErrorKind::Io, cat(folder.string(), ": ", needed >> 20, " MiB are needed and only ",
                                   space.available >> 20, " MiB are free; make room or choose another disk"));
  }
}

void write_files(const Checkpoint& source, const LanguageModel& converted, const fs::path& folder,
                 std::optional<Dtype> dtype) {
  write_text_file(folder / "config.json", config_text(exported_config(source, converted.config(), dtype)));
  for (const TextFile& file : python_files()) write_text_file(folder / file.name, file.text);
  write_companion_files(source, converted.config(), folder);
}

/// How many of the source's tensors the model is not made of.
std::size_t left_out(const Checkpoint& source, const LanguageModel& model) {
  std::set<std::string> used;
  for (const auto& [name, stored] : model.tensor_names()) used.insert(stored);
  return source.tensors().size() - used.size();
}

/// What the re-opened checkpoint keeps of the original.
std::optional<Fidelity> fidelity_of(const LanguageModel& reopened, const LanguageModel& converted,
                                    bool same_bits, const ExportOptions& options, const Job& job) {
  // Its logits have the bits of the model in memory, so that what was measured of that holds for it.
  if (same_bits && options.check) return options.check;
  if (!options.check_text) return std::nullopt;
  const std::vector<TokenId> text = options.check_text();
  if (text.size() < 2) return std::nullopt;
  return measure_fidelity(converted.with_attention(std::nullopt), reopened, text, job);
}

/// Refuses a place where nothing may be written. Returns it, absolute.
fs::path checked_place(const Checkpoint& source, const fs::path& destination, const ExportOptions& options) {
  if (destination.empty()) throw Error(ErrorKind::InvalidArgument, "the destination is empty; name a folder");
  fs::path folder = absolute_of(destination);
  check_overwritten(source, folder, options.force);
  return folder;
}

}  // namespace

void check_destination(const Checkpoint& source, const fs::path& destination, const ExportOptions& options) {
  const StagedFolder staged(checked_place(source, destination, options));
  check_space(source, staged.path(), options.dtype);
  // transformers, and so this program, reads a tokenizer by what config.json says of the family.
  write_text_file(staged.path() / "config.json", config_text(source.config()));
  write_companion_files(source, config_of(source), staged.path());
  (void)check_tokenizer(source, staged.path());
}

ExportReport export_checkpoint(const Checkpoint& source, const LanguageModel& converted,
                               const fs::path& destination, const ExportOptions& options, const Job& job) {
  if (!converted.config().bsbr) {
    throw Error(ErrorKind::InvalidArgument, "the model is not converted; there is nothing to export");
  }
  const fs::path folder = checked_place(source, destination, options);
  StagedFolder staged(folder);
  check_space(source, staged.path(), options.dtype);
  write_files(source, converted, staged.path(), options.dtype);
  const TokenizerCheck tokenizer = check_tokenizer(source, staged.path());
  const std::vector<TensorView> tensors = exported_tensors(source, converted);
  write_weights(tensors, staged.path(), options.dtype, options.shard_bytes, job);
  ExportReport report{
      folder,    0, tensors.size(), left_out(source, converted), keeps_bits(tensors, options.dtype),
      tokenizer, {}};
  const Checkpoint written = Checkpoint::open(staged.path().string());
  const LanguageModel reopened = verify_export(tensors, written, converted, options.dtype, job);
  report.fidelity = fidelity_of(reopened, converted, report.same_bits, options, job);
  write_text_file(staged.path() / "README.md",
                  model_card(source, converted.config(), *converted.config().bsbr,
                             report.same_bits ? std::nullopt : options.dtype, report.tokenizer,
                             report.fidelity ? &*report.fidelity : nullptr));
  for (const auto& entry : fs::recursive_directory_iterator(staged.path()))
    if (entry.is_regular_file()) report.bytes += entry.file_size();
  job.check();
  staged.commit(options.force);
  return report;
}

}  // namespace bsbr
