#include "app/bsbr/comparison_report.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "app/bsbr/conversion.h"
#include "app/bsbr/terminal.h"

namespace bsbr::cli {

std::vector<TokenId> take_tokens(const std::vector<TokenId>& text, std::optional<std::int64_t> length,
                                 const ModelConfig& model, const std::string& source,
                                 const std::string& option) {
  const auto there = static_cast<std::int64_t>(text.size());
  const auto refuse = [](const std::string& what) { throw Error(ErrorKind::InvalidArgument, what); };
  if (there < 2)
    refuse(cat(source, ": has ", there, " tokens; at least 2 are needed to compare predictions"));
  if (length && *length < 2) refuse(cat(option, " is ", *length, "; legal: 2 to ", model.context));
  if (length && *length > model.context) {
    refuse(cat(option, " is ", *length, ", longer than the model's context; legal: 2 to ", model.context));
  }
  if (length && *length > there) {
    refuse(cat(source, ": has only ", there, " tokens, ", option, " asks for ", *length,
               "; use a longer text or a smaller ", option));
  }
  const std::int64_t count = length.value_or(std::min(there, model.context));
  return {text.begin(), text.begin() + count};
}

void print_models(std::ostream& out, const ModelConfig& converted, const std::string& name) {
  const BsbrConfig& bsbr = *converted.bsbr;
  out << name << ": " << converted.family << ", " << converted.layers << " layers, " << converted.heads
      << " heads, context " << with_commas(converted.context) << '\n'
      << "BSBR: chunk " << bsbr.chunk_size << ", block " << bsbr.block_size << ", compression "
      << bsbr.compression_factor << ", window " << bsbr.window << ", " << plan_words(bsbr) << '\n';
}

void print_report(std::ostream& out, const Comparison& comparison, const ModelConfig& converted,
                  const std::string& name, const std::string& text_name) {
  const Fidelity& fidelity = comparison.fidelity;
  const auto row = [&](const std::string& title, const std::string& original, const std::string& other,
                       double ratio) {
    out << "  " << std::left << std::setw(18) << title << std::right << std::setw(14) << original
        << std::setw(14) << other << std::setw(10) << fixed(ratio, 3) << '\n';
  };
  const auto cost_row = [&](const std::string& title, double a, double b, int digits, const char* unit) {
    if (a > 0) row(title, fixed(a, digits) + unit, fixed(b, digits) + unit, b / a);
  };
  print_models(out, converted, name);
  out << "Text: " << text_name << ", " << with_commas(fidelity.tokens) << " tokens\n\n"
      << "  " << std::left << std::setw(18) << "" << std::right << std::setw(14) << "original"
      << std::setw(14) << "converted" << std::setw(10) << "ratio" << '\n';
  row("perplexity", fixed(fidelity.original_perplexity, 2), fixed(fidelity.converted_perplexity, 2),
      fidelity.perplexity_ratio());
  cost_row("prefill", comparison.original.prefill_ms.median, comparison.converted.prefill_ms.median, 1,
           " ms");
  cost_row("decoding, 1 token", comparison.original.decode_ms.median, comparison.converted.decode_ms.median,
           2, " ms");
  const auto memory_row = [&](const std::string& title, std::int64_t a, std::int64_t b) {
    row(title, human_bytes(a), human_bytes(b), static_cast<double>(b) / static_cast<double>(a));
  };
  memory_row("cache", comparison.original.cache_bytes, comparison.converted.cache_bytes);
  memory_row("peak memory", comparison.original.peak_bytes, comparison.converted.peak_bytes);
  out << "\n  KL divergence     " << fixed(fidelity.kl, 5) << " nats a token\n"
      << "  top-1 agreement   " << fixed(100 * fidelity.top1_agreement, 2) << " %\n"
      << "  density           " << fixed(100 * fidelity.density, 1)
      << " % of all query-key pairs are read exactly\n\n"
      << "  perplexity by position\n";
  for (const PositionRange& range : fidelity.positions) {
    row(cat(with_commas(range.from), " to ", with_commas(range.to - 1)), fixed(range.original, 2),
        fixed(range.converted, 2), range.converted / range.original);
  }
}

}  // namespace bsbr::cli
