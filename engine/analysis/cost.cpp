#include "engine/analysis/cost.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "engine/analysis/memory_meter.h"
#include "engine/model/decoder.h"
#include "engine/model/device.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

using Clock = std::chrono::steady_clock;

/// Runs that took a time each, and their parts.
struct Runs {
  std::vector<double> ms;
  PartSeconds parts;  // sums

  void add(double milliseconds, const PartSeconds& of) {
    ms.push_back(milliseconds);
    parts.attention += of.attention;
    parts.scoring += of.scoring;
    parts.projections += of.projections;
    parts.mlp += of.mlp;
    parts.head += of.head;
  }
  [[nodiscard]] PartSeconds mean_parts() const {
    const auto n = static_cast<double>(std::max<std::size_t>(1, ms.size()));
    return {parts.attention / n, parts.scoring / n, parts.projections / n, parts.mlp / n, parts.head / n};
  }
};

/// One model under measurement.
struct Subject {
  const Decoder& decoder;
  Sequence sequence;
  Runs prefill, decode;
  std::vector<PairCount> pairs;
  double spent_ms = 0;
  std::int64_t cache_bytes = 0, peak_bytes = 0;
  double density = 1;
};

class CostMeter {
 public:
  CostMeter(std::span<const LanguageModel* const> models, std::span<const TokenId> ids,
            const CostOptions& options, const Job& job)
      : ids_(ids), options_(options), job_(job), tokens_(static_cast<std::int64_t>(ids.size())) {
    const auto following = static_cast<std::int64_t>(options.following.size());
    steps_ = std::min(options.decode_tokens, following > 0 ? following : tokens_ / 2);
    for (const LanguageModel* model : models)
      subjects_.push_back({model->decoder(), {}, {}, {}, {}, 0, 0, 0, 1});
  }

  std::vector<Cost> measure() {
    time_prefills();
    time_decoding();
    std::vector<Cost> costs;
    costs.reserve(subjects_.size());
    for (const Subject& subject : subjects_) {
      costs.push_back({spread(subject.prefill.ms), spread(subject.decode.ms), subject.prefill.mean_parts(),
                       subject.decode.mean_parts(), subject.cache_bytes, subject.peak_bytes,
                       subject.density});
    }
    return costs;
  }

 private:
  [[nodiscard]] bool enough(const Subject& subject) const {
    return enough_runs(subject.prefill.ms.size(), subject.spent_ms, options_.repetitions,
                       options_.most_seconds);
  }

  void time_prefills() {
    for (int run = 0;; ++run) {
      bool done = true;
      for (std::size_t i = 0; i < subjects_.size(); ++i) {
        Subject& subject = subjects_[i];
        if (enough(subject)) continue;
        done = false;
        const double part = static_cast<double>(i) / static_cast<double>(subjects_.size());
        job_.report("timing prefill", std::min(1.0, (run + part) / (options_.repetitions + 1)));
        time_prefill(subject, run);
      }
      if (done) return;
    }
  }

  void time_prefill(Subject& subject, int run) {
    subject.sequence = {};
    subject.pairs.clear();
    const MemoryMeter meter;
    PartSeconds parts;
    const auto start = Clock::now();
    subject.sequence = subject.decoder.make_sequence(tokens_ + (follows() ? steps_ : 0));
    const double ms = advance(subject, ids_, parts, start);
    subject.spent_ms += ms;
    if (run > 0 || ms > kNoWarmUpMs) subject.prefill.add(ms, parts);
    subject.density = density_of(subject.pairs);
    subject.cache_bytes = subject.sequence.bytes();
    subject.peak_bytes = std::max(subject.peak_bytes, meter.peak_bytes());
  }

  void time_decoding() {
    const std::span<const TokenId> next =
        follows() ? options_.following : ids_.last(static_cast<std::size_t>(steps_));
    if (steps_ > 0 && !follows()) {
      for (Subject& subject : subjects_) {
        subject.sequence = subject.decoder.make_sequence(tokens_);
        PartSeconds ignored;
        advance(subject, ids_.first(static_cast<std::size_t>(tokens_ - steps_)), ignored, Clock::now());
      }
    }
    for (std::int64_t step = 0; step < steps_; ++step) {
      job_.report("timing decoding", static_cast<double>(step) / static_cast<double>(steps_));
      for (Subject& subject : subjects_) {
        PartSeconds parts;
        const double ms =
            advance(subject, next.subspan(static_cast<std::size_t>(step), 1), parts, Clock::now());
        if (step > 0 || steps_ == 1) subject.decode.add(ms, parts);
      }
    }
  }

  /// Appends tokens to the sequence; returns the milliseconds since `start` when the logits after the last of
  /// them are on the host.
  double advance(Subject& subject, std::span<const TokenId> ids, PartSeconds& parts,
                 Clock::time_point start) const {
    Sequence* const sequences[] = {&subject.sequence};
    Decoder::Options options;
    options.sequences = sequences;
    options.pairs = &subject.pairs;
    options.seconds = &parts;
    options.beyond_context = options_.beyond_context;
    options.job.cancel = job_.cancel;
    const auto count = static_cast<std::int64_t>(ids.size());
    const at::Tensor hidden = subject.decoder.forward({{ids.begin(), ids.end()}, {count}}, options);
    const auto before_head = Clock::now();
    (void)subject.decoder.head(hidden.narrow(0, count - 1, 1)).to(at::kCPU);
    const auto end = Clock::now();
    parts.head += std::chrono::duration<double>(end - before_head).count();
    return std::chrono::duration<double, std::milli>(end - start).count();
  }

  [[nodiscard]] bool follows() const { return !options_.following.empty(); }

  std::span<const TokenId> ids_;
  const CostOptions& options_;
  const Job& job_;
  std::int64_t tokens_, steps_;
  std::vector<Subject> subjects_;
};

}  // namespace

std::vector<Cost> measure_cost(std::span<const LanguageModel* const> models, std::span<const TokenId> ids,
                               const CostOptions& options, const Job& job) {
  if (ids.empty()) throw Error(ErrorKind::InvalidArgument, "there are no tokens to measure with");
  return at_torch_border([&] { return CostMeter(models, ids, options, job).measure(); });
}

}  // namespace bsbr
