#pragma once

#include <array>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "engine/analysis/attention_cost.h"
#include "engine/analysis/bench.h"

namespace bsbr::cli {

/// Rows of cells under a heading row; printed as a Markdown table whose columns are aligned, or as CSV.
class Table {
 public:
  explicit Table(std::vector<std::string> heading) : rows_{std::move(heading)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void print_markdown(std::ostream& out) const;
  /// Cells hold no commas, quotes or line breaks.
  void print_csv(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Attention of one layer at one length, of each model.
struct AttentionPoint {
  std::int64_t tokens;
  std::vector<AttentionCost> costs;
};

/// For people: times beside each other, parts, exponents, the machine.
void print_bench(std::ostream& out, const Bench& bench);
/// One row for each length and model, plain numbers in the units that the heading names.
void print_bench_csv(std::ostream& out, const Bench& bench);

/// Up to where each layer of the conversion attended densely, in tokens.
void print_dense_start(std::ostream& out, const std::vector<std::int64_t>& start);

void print_attention(std::ostream& out, const std::vector<std::string>& models,
                     std::span<const AttentionPoint> points, std::int64_t layer, double product_flops);
void print_attention_csv(std::ostream& out, const std::vector<std::string>& models,
                         std::span<const AttentionPoint> points);

}  // namespace bsbr::cli
