#include "app/bsbr/fidelity_report.h"

#include <algorithm>
#include <functional>

#include "app/bsbr/terminal.h"

namespace bsbr::cli {
namespace {

constexpr std::size_t kTitle = 24;   // width of a row's title
constexpr std::size_t kColumn = 19;  // of an estimate
constexpr std::size_t kNumber = 11;  // of a plain number
constexpr std::size_t kWorst = 10;   // heads that are shown

/// "70.98 ± 1.20", as the mean alone where there is no margin. `factor` 100 makes percent.
std::string words(const Estimate& value, int digits, double factor = 1) {
  const std::string unit = factor == 100 ? " %" : "";
  if (!value.margin) return fixed(factor * value.mean, digits) + unit;
  return cat(fixed(factor * value.mean, digits), " ± ", fixed(factor * *value.margin, digits), unit);
}

void print_lengths(std::ostream& out, const std::vector<LengthFidelity>& lengths) {
  const auto row = [&](const std::string& title,
                       const std::function<std::string(const LengthFidelity&)>& cell) {
    out << "  " << left(title, kTitle);
    for (const LengthFidelity& length : lengths) out << right(cell(length), kColumn);
    out << '\n';
  };
  row("tokens", [](const LengthFidelity& x) { return with_commas(x.tokens); });
  row("passages", [](const LengthFidelity& x) { return with_commas(x.passages); });
  row("perplexity, original", [](const LengthFidelity& x) { return words(x.original_perplexity, 2); });
  row("perplexity, converted", [](const LengthFidelity& x) { return words(x.converted_perplexity, 2); });
  row("ratio", [](const LengthFidelity& x) { return words(x.perplexity_ratio, 4); });
  row("KL, nats a token", [](const LengthFidelity& x) { return words(x.kl, 5); });
  row("top-1 agreement", [](const LengthFidelity& x) { return words(x.top1_agreement, 2, 100); });
  row("density", [](const LengthFidelity& x) { return words(x.density, 1, 100); });
  if (std::any_of(lengths.begin(), lengths.end(), [](const auto& x) { return x.passages > 1; })) {
    out << "  ± is half of the 95 % confidence interval over the passages.\n";
  }
  for (const LengthFidelity& length : lengths) {
    if (length.passages == 1)
      out << "  " << with_commas(length.tokens) << " tokens: a single passage, so without an interval.\n";
  }
}

void print_positions(std::ostream& out, const LengthFidelity& length) {
  out << "\n  " << left("perplexity by position", kTitle);
  for (const char* title : {"original", "converted", "ratio"}) out << right(title, kColumn);
  out << '\n';
  for (const RangeEstimate& range : length.positions) {
    out << "  " << left(cat(with_commas(range.from), " to ", with_commas(range.to - 1)), kTitle)
        << right(words(range.original, 2), kColumn) << right(words(range.converted, 2), kColumn)
        << right(words(range.ratio, 4), kColumn) << '\n';
  }
}

/// "5 trials each, ± over them".
std::string trial_words(int count, const std::string& what) {
  return count == 1 ? cat("1 ", what) : cat(count, " ", what, "s each, ± over them");
}

/// Those parts that the original does not solve, in one line: "left out: <why> 1,024, 2,048 tokens".
template <class Part>
void print_left_out(std::ostream& out, const std::vector<Part>& parts, std::int64_t Part::*size,
                    const std::string& why) {
  std::string sizes;
  for (const Part& part : parts) {
    if (!part.solved()) sizes += (sizes.empty() ? "" : ", ") + with_commas(part.*size);
  }
  if (!sizes.empty()) out << "  left out: " << why << ' ' << sizes << " tokens\n";
}

template <class Part>
bool any_solved(const std::vector<Part>& parts) {
  return std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.solved(); });
}

void print_repetition(std::ostream& out, const Recall& recall) {
  out << "\n  A passage of random words, and again after a distance (" << trial_words(recall.trials, "trial")
      << "; loss in nats a token)\n";
  if (any_solved(recall.repetition)) {
    out << "  " << right("distance", kNumber);
    for (const char* title : {"first reading", "again, original", "again, converted", "extra loss"})
      out << right(title, kColumn);
    out << '\n';
  }
  for (const RepetitionRecall& part : recall.repetition) {
    if (!part.solved()) continue;
    out << "  " << right(with_commas(part.distance), kNumber) << right(words(part.first, 3), kColumn)
        << right(words(part.original, 3), kColumn) << right(words(*part.converted, 3), kColumn)
        << right(words(*part.extra, 4), kColumn) << '\n';
  }
  print_left_out(out, recall.repetition, &RepetitionRecall::distance, "the original does not recall it over");
  if (recall.repetition.empty()) out << "  left out: too short for it, or no words in the text\n";
}

void print_lookup(std::ostream& out, const Recall& recall) {
  out << "\n  A list of random words, \"key: value\" a line, then " << kLookupQuestions << " of its keys ("
      << trial_words(recall.trials, "list") << "; share answered right)\n";
  if (any_solved(recall.lookup)) {
    out << "  " << right("tokens", kNumber) << right("entries", kNumber) << right("original", kColumn)
        << right("converted", kColumn) << '\n';
  }
  for (const LookupRecall& part : recall.lookup) {
    if (!part.solved()) continue;
    out << "  " << right(with_commas(part.tokens), kNumber) << right(with_commas(part.entries), kNumber)
        << right(words(part.original, 1, 100), kColumn) << right(words(*part.converted, 1, 100), kColumn)
        << '\n';
  }
  print_left_out(out, recall.lookup, &LookupRecall::tokens, "the original finds less than half in lists of");
  if (recall.lookup.empty()) out << "  left out: too short for it, or too few different words in the text\n";
}

template <class Part>
void print_part(std::ostream& out, const Part& part) {
  out << right(percent(part.density), kNumber) << right(fixed(part.error, 4), kNumber)
      << right(percent(part.lost_mass), kNumber) << '\n';
}

void print_heads(std::ostream& out, const LengthFidelity& length) {
  const auto titles = [&](std::initializer_list<const char*> of) {
    out << "  ";
    for (const char* title : of) out << right(title, kNumber);
    out << '\n';
  };
  std::vector<HeadFidelity> worst = length.heads;
  std::stable_sort(worst.begin(), worst.end(),
                   [](const HeadFidelity& a, const HeadFidelity& b) { return a.error > b.error; });
  worst.resize(std::min(worst.size(), kWorst));
  out << "\n  The " << worst.size() << " heads of " << length.heads.size() << " that err most, at "
      << with_commas(length.tokens) << " tokens\n";
  titles({"layer", "head", "density", "error", "lost mass"});
  for (const HeadFidelity& head : worst) {
    out << "  " << right(cat(head.layer), kNumber) << right(cat(head.head), kNumber);
    print_part(out, head);
  }
  out << "\n  Every layer, mean of its heads\n";
  titles({"layer", "density", "error", "lost mass"});
  for (const LayerFidelity& layer : length.layers()) {
    out << "  " << right(cat(layer.layer), kNumber);
    print_part(out, layer);
  }
  out << "  error: how far a head's output is from that of exact attention, as a share of it\n"
         "  lost mass: share of exact attention that is not read exactly\n";
}

}  // namespace

void print_fidelity(std::ostream& out, const std::vector<LengthFidelity>& lengths,
                    const std::optional<Recall>& recall) {
  const LengthFidelity& longest = *std::max_element(
      lengths.begin(), lengths.end(), [](const auto& a, const auto& b) { return a.tokens < b.tokens; });
  print_lengths(out, lengths);
  print_positions(out, longest);
  if (recall) {
    print_repetition(out, *recall);
    print_lookup(out, *recall);
  }
  print_heads(out, longest);
}

}  // namespace bsbr::cli
