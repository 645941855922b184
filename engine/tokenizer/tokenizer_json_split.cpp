#include <array>
#include <utility>

#include "engine/tokenizer/oniguruma_pattern.h"
#include "engine/tokenizer/tokenizer_json.h"

namespace bsbr {
namespace {

using Steps = std::vector<PreTokenizer::Step>;

SplitBehavior behavior_of(const JsonEntry& entry) {
  static constexpr std::array<std::pair<const char*, SplitBehavior>, 5> kNames = {
      {{"Isolated", SplitBehavior::Isolated},
       {"Removed", SplitBehavior::Removed},
       {"MergedWithPrevious", SplitBehavior::MergedWithPrevious},
       {"MergedWithNext", SplitBehavior::MergedWithNext},
       {"Contiguous", SplitBehavior::Contiguous}}};
  for (const auto& [name, behavior] : kNames) {
    if (entry.text() == name) return behavior;
  }
  entry.unsupported(cat("is ", quoted(entry.text()), "; Isolated, Removed, MergedWithPrevious, ",
                        "MergedWithNext and Contiguous are known"));
}

SplitPattern pattern_of(const JsonEntry& entry) {
  try {
    if (const JsonEntry regex = entry.at("Regex"); !regex.is_null()) {
      return SplitPattern(pcre2_pattern_of(regex.text()));
    }
    if (const JsonEntry literal = entry.at("String"); !literal.is_null()) {
      return SplitPattern(pcre2_literal(literal.text()));
    }
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::Unsupported) throw;
    entry.unsupported(cat("cannot be used: ", error.what()));
  }
  entry.invalid("has neither \"Regex\" nor \"String\"");
}

// Appends the steps of one pre-tokenizer; true if it was ByteLevel, which has to be the last.
bool add_steps(const JsonEntry& entry, Steps& steps) {
  const std::string& type = entry.at("type").text();
  if (type == "ByteLevel") {
    add_byte_level(steps, entry.at("add_prefix_space").flag(true), entry.at("use_regex").flag(true));
    return true;
  }
  if (type == "Digits") {
    const bool individual = entry.at("individual_digits").flag(false);
    steps.push_back({.pattern = SplitPattern(individual ? "\\p{N}" : "\\p{N}++")});
    return false;
  }
  if (type == "Split") {
    steps.push_back({.pattern = pattern_of(entry.at("pattern")),
                     .behavior = behavior_of(entry.at("behavior")),
                     .invert = entry.at("invert").flag(false)});
    return false;
  }
  if (type == "Sequence") {
    bool last = false;
    for (const JsonEntry& part : entry.at("pretokenizers").list()) {
      if (last) part.unsupported("comes after ByteLevel; it would see the byte alphabet and not the text");
      last = add_steps(part, steps);
    }
    return last;
  }
  entry.unsupported(cat("is a ", quoted(type), "; Split, Digits, ByteLevel and sequences of them are known"));
}

}  // namespace

PreTokenizer read_pre_tokenizer(const JsonEntry& entry) {
  if (entry.is_null()) entry.unsupported("is null; only byte-level tokenizers are known");
  Steps steps;
  if (!add_steps(entry, steps)) {
    entry.unsupported("does not end in ByteLevel; only byte-level tokenizers are known");
  }
  return PreTokenizer(std::move(steps));
}

}  // namespace bsbr
