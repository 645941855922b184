#include "app/bsbr/bench_report.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>

#include "app/bsbr/terminal.h"

namespace bsbr::cli {
namespace {

std::string milliseconds(double value) {
  if (value >= 1000) return fixed(value / 1000, 2) + " s";
  return fixed(value, value < 10 ? 2 : 1) + " ms";
}

/// "1.23 s ± 3 %": half the distance between the quartiles, as a share of the median.
std::string with_spread(const Spread& spread) {
  if (spread.runs == 0) return "-";
  if (spread.runs == 1) return milliseconds(spread.median);
  const double half = (spread.high - spread.low) / 2;
  return milliseconds(spread.median) + " ± " + fixed(100 * half / spread.median, 0) + " %";
}

std::string times_as_fast(const Spread& original, const Spread& other) {
  return original.runs == 0 || other.runs == 0 ? "-" : fixed(original.median / other.median, 2);
}

std::string plain(double value) {
  return fixed(value, 6);
}

struct Part {
  const char* name;
  double PartSeconds::*seconds;
};
constexpr std::array<Part, 5> kParts{{{"attention", &PartSeconds::attention},
                                      {"of it scoring", &PartSeconds::scoring},
                                      {"projections", &PartSeconds::projections},
                                      {"MLP", &PartSeconds::mlp},
                                      {"head", &PartSeconds::head}}};

/// What a model's time is spent on; `times` and `parts` choose prefill or decoding.
Table parts_table(const Bench& bench, Spread Cost::*times, PartSeconds Cost::*parts) {
  std::vector<std::string> heading{"tokens", "model"};
  for (const Part& part : kParts) heading.emplace_back(part.name);
  heading.emplace_back("other");
  Table table(std::move(heading));
  for (const BenchPoint& point : bench.points) {
    for (std::size_t m = 0; m < bench.models.size(); ++m) {
      const Cost& cost = point.costs[m];
      if ((cost.*times).runs == 0) continue;
      std::vector<std::string> row{with_commas(point.tokens), bench.models[m]};
      double rest = (cost.*times).median;
      for (const Part& part : kParts) {
        const double ms = 1e3 * (cost.*parts).*part.seconds;
        if (part.seconds != &PartSeconds::scoring) rest -= ms;
        row.push_back(milliseconds(ms));
      }
      row.push_back(milliseconds(std::max(0.0, rest)));
      table.add(std::move(row));
    }
  }
  return table;
}

/// Times of all models, how they compare, and what was predicted of them.
Table times_table(const Bench& bench, Spread Cost::*times, double (PredictedCost::*predicted)() const) {
  const bool pair = bench.models.size() == 2;
  const bool predictions = !bench.points.front().predicted.empty();
  std::vector<std::string> heading{"tokens"};
  for (const std::string& model : bench.models) heading.push_back(model);
  if (pair) heading.emplace_back("times as fast");
  if (pair) heading.emplace_back("density");
  for (const std::string& model : bench.models) {
    if (predictions) heading.push_back(model + ", predicted");
  }
  Table table(std::move(heading));
  for (const BenchPoint& point : bench.points) {
    std::vector<std::string> row{with_commas(point.tokens)};
    for (const Cost& cost : point.costs) row.push_back(with_spread(cost.*times));
    if (pair) row.push_back(times_as_fast(point.costs[0].*times, point.costs[1].*times));
    if (pair) row.push_back(fixed(100 * point.costs[1].density, 1) + " %");
    for (const PredictedCost& cost : point.predicted) row.push_back(milliseconds((cost.*predicted)()));
    table.add(std::move(row));
  }
  return table;
}

Table memory_table(const Bench& bench) {
  std::vector<std::string> heading{"tokens"};
  for (const char* what : {"cache", "peak"}) {
    for (const std::string& model : bench.models) heading.push_back(cat(what, ", ", model));
  }
  Table table(std::move(heading));
  for (const BenchPoint& point : bench.points) {
    std::vector<std::string> row{with_commas(point.tokens)};
    for (std::int64_t Cost::*bytes : {&Cost::cache_bytes, &Cost::peak_bytes}) {
      for (const Cost& cost : point.costs) row.push_back(human_bytes(cost.*bytes));
    }
    table.add(std::move(row));
  }
  return table;
}

}  // namespace

void Table::print_markdown(std::ostream& out) const {
  std::vector<std::size_t> width(rows_.front().size(), 3);
  const auto length = [](const std::string& text) {  // in characters: UTF-8's continuation bytes are none
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  };
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], length(row[i]));
  }
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (std::size_t i = 0; i < rows_[r].size(); ++i)
      out << "| " << std::string(width[i] - length(rows_[r][i]), ' ') << rows_[r][i] << ' ';
    out << "|\n";
    if (r > 0) continue;
    for (const std::size_t w : width) out << '|' << std::string(w + 1, '-') << ':';
    out << "|\n";
  }
}

void Table::print_csv(std::ostream& out) const {
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) out << (i == 0 ? "" : ",") << row[i];
    out << '\n';
  }
}

void print_bench(std::ostream& out, const Bench& bench) {
  out << "Prefill\n\n";
  times_table(bench, &Cost::prefill_ms, &PredictedCost::prefill_ms).print_markdown(out);
  out << "\nDecoding, one token at that length\n\n";
  times_table(bench, &Cost::decode_ms, &PredictedCost::decode_ms).print_markdown(out);
  out << "\nMemory\n\n";
  memory_table(bench).print_markdown(out);
  out << "\nPrefill, where the time goes\n\n";
  parts_table(bench, &Cost::prefill_ms, &Cost::prefill_parts).print_markdown(out);
  out << "\nDecoding, where the time goes\n\n";
  parts_table(bench, &Cost::decode_ms, &Cost::decode_parts).print_markdown(out);
  out << '\n';
  if (bench.points.size() > 1) {
    for (std::size_t m = 0; m < bench.models.size(); ++m) {
      out << "Prefill time of the " << bench.models[m] << " grows as tokens^"
          << fixed(bench.prefill_exponent(m), 2) << ".\n";
    }
  }
  out << "Medians, ± half the distance of the quartiles; parts are means. " << bench.machine.text() << ".\n";
}

void print_bench_csv(std::ostream& out, const Bench& bench) {
  std::vector<std::string> heading{"tokens", "model"};
  for (const char* what : {"prefill", "decode"}) {
    for (const char* which : {"median_ms", "low_ms", "high_ms", "runs", "attention_ms", "scoring_ms",
                              "projections_ms", "mlp_ms", "head_ms"}) {
      heading.push_back(cat(what, "_", which));
    }
  }
  for (const char* what : {"cache_bytes", "peak_bytes", "density"}) heading.emplace_back(what);
  const bool predictions = !bench.points.front().predicted.empty();
  if (predictions) heading.insert(heading.end(), {"predicted_prefill_ms", "predicted_decode_ms"});
  Table table(std::move(heading));
  for (const BenchPoint& point : bench.points) {
    for (std::size_t m = 0; m < bench.models.size(); ++m) {
      const Cost& cost = point.costs[m];
      std::vector<std::string> row{std::to_string(point.tokens), bench.models[m]};
      const auto add = [&](const Spread& spread, const PartSeconds& parts) {
        for (const double value : {spread.median, spread.low, spread.high}) row.push_back(plain(value));
        row.push_back(std::to_string(spread.runs));
        for (const Part& part : kParts) row.push_back(plain(1e3 * parts.*part.seconds));
      };
      add(cost.prefill_ms, cost.prefill_parts);
      add(cost.decode_ms, cost.decode_parts);
      row.push_back(std::to_string(cost.cache_bytes));
      row.push_back(std::to_string(cost.peak_bytes));
      row.push_back(plain(cost.density));
      if (predictions) {
        row.push_back(plain(point.predicted[m].prefill_ms()));
        row.push_back(plain(point.predicted[m].decode_ms()));
      }
      table.add(std::move(row));
    }
  }
  table.print_csv(out);
}

void print_attention(std::ostream& out, const std::vector<std::string>& models,
                     std::span<const AttentionPoint> points, std::int64_t layer, double product_flops) {
  std::vector<std::string> heading{"tokens"};
  for (const std::string& model : models) heading.push_back(model);
  if (models.size() == 2) {
    for (const char* name : {"times as fast", "density", "of it scoring", "of it exact pairs",
                             "their arithmetic", "memory beyond cache and result"}) {
      heading.emplace_back(name);
    }
  }
  Table table(std::move(heading));
  for (const AttentionPoint& point : points) {
    std::vector<std::string> row{with_commas(point.tokens)};
    for (const AttentionCost& cost : point.costs) row.push_back(with_spread(cost.ms));
    if (models.size() == 2) {
      const AttentionCost& converted = point.costs[1];
      const double exact_ms = converted.exact_ms > 0 ? converted.exact_ms : converted.ms.median;
      const double useful = converted.exact_flops / (1e-3 * exact_ms);
      row.push_back(times_as_fast(point.costs[0].ms, converted.ms));
      row.push_back(fixed(100 * converted.density, 1) + " %");
      row.push_back(milliseconds(converted.scoring_ms));
      row.push_back(milliseconds(exact_ms));
      row.push_back(cat(fixed(useful / 1e9, 0), " GFLOP/s, ", fixed(100 * useful / product_flops, 0), " %"));
      row.push_back(human_bytes(converted.scratch_bytes));
    }
    table.add(std::move(row));
  }
  table.print_markdown(out);
  out << "\nAttention of layer " << layer << " alone, medians, ± half the distance of the quartiles. "
      << "100 % of the arithmetic is what a product of two matrices of 1,024 reaches here, "
      << fixed(product_flops / 1e9, 0) << " GFLOP/s.\n"
      << this_machine().text() << ".\n";
}

void print_dense_start(std::ostream& out, const std::vector<std::int64_t>& start) {
  if (start.empty()) return;
  const auto [least, most] = std::minmax_element(start.begin(), start.end());
  if (*most == 0) {
    out << "The conversion attends sparsely from its first chunk on.\n";
  } else if (*least == *most) {
    out << "The conversion attends densely at its first " << with_commas(*most) << " positions.\n";
  } else {
    out << "The conversion attends densely at its first " << with_commas(*least) << " to "
        << with_commas(*most) << " positions, depending on the layer.\n";
  }
}

void print_attention_csv(std::ostream& out, const std::vector<std::string>& models,
                         std::span<const AttentionPoint> points) {
  Table table({"tokens", "model", "median_ms", "low_ms", "high_ms", "runs", "scoring_ms", "exact_ms",
               "scratch_bytes", "density", "exact_flops"});
  for (const AttentionPoint& point : points) {
    for (std::size_t m = 0; m < models.size(); ++m) {
      const AttentionCost& cost = point.costs[m];
      table.add({std::to_string(point.tokens), models[m], plain(cost.ms.median), plain(cost.ms.low),
                 plain(cost.ms.high), std::to_string(cost.ms.runs), plain(cost.scoring_ms),
                 plain(cost.exact_ms), std::to_string(cost.scratch_bytes), plain(cost.density),
                 plain(cost.exact_flops)});
    }
  }
  table.print_csv(out);
}

}  // namespace bsbr::cli
