#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/job.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// A layer's attention over the first tokens of a text.
struct AttentionRun {
  std::int64_t layer;
  std::int64_t tokens;
  bool dense;  ///< as in the original; else converted
};

/// Runs `work`, which is that run, and says how many milliseconds it took.
using Stopwatch = std::function<double(const AttentionRun& run, const std::function<void()>& work)>;
double milliseconds(const AttentionRun& run, const std::function<void()>& work);

/// Of each layer of a converted model, the longest of some sequences, in tokens, that dense attention reads
/// faster on this machine's CPU; 0 where it reads none of them faster, and on other devices. Times both on
/// the start of `text`, up to 2,048 tokens, through the original's activations. Throws Error(OutOfMemory |
/// Cancelled).
std::vector<std::int64_t> measure_crossover(const LanguageModel& converted, std::span<const TokenId> text,
                                            const Job& job = {}, const Stopwatch& stopwatch = milliseconds);

/// What was measured on a machine, kept in a file: an entry for every processor, number of threads, shape of
/// attention and plan. The file is a cache: one that cannot be read counts as empty, one that cannot be
/// written is left.
class CrossoverMemory {
 public:
  /// An empty path: nothing is kept.
  explicit CrossoverMemory(std::filesystem::path file) : file_(std::move(file)) {}
  /// $XDG_CACHE_HOME/bsbr/crossover.json, with ~/.cache where that is no absolute path; nothing is kept where
  /// the home folder is none either.
  static CrossoverMemory of_user();

  [[nodiscard]] std::optional<std::vector<std::int64_t>> find(const LanguageModel& converted) const;
  void keep(const LanguageModel& converted, const std::vector<std::int64_t>& tokens) const;
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }

 private:
  std::filesystem::path file_;
};

}  // namespace bsbr
