#include "engine/analysis/attention_map.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/analysis/captured_streams.h"
#include "engine/analysis/zones.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// First of the pairs that cell i of `count` holds, of those in [begin, end).
std::int64_t first_in_cell(std::int64_t i, std::int64_t count, std::int64_t begin, std::int64_t end) {
  return begin + (end - begin) * i / count;
}

std::vector<std::int64_t> queries_of(const MapRequest& request, std::int64_t rows) {
  std::vector<std::int64_t> queries;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t begin = first_in_cell(row, rows, request.window.query_begin, request.window.query_end);
    const std::int64_t end =
        first_in_cell(row + 1, rows, request.window.query_begin, request.window.query_end);
    const std::int64_t count =
        request.queries_per_row > 0 ? std::min(request.queries_per_row, end - begin) : end - begin;
    // The last ones of equal parts: the last query of the text is one.
    for (std::int64_t i = 1; i <= count; ++i) queries.push_back(begin + (end - begin) * i / count - 1);
  }
  return queries;
}

/// Gathers cells from rows of weights.
class CellPool {
 public:
  CellPool(AttentionMap& map, Pooling pooling)
      : map_(map),
        mean_(pooling == Pooling::Mean),
        cells_(static_cast<std::size_t>(map.rows * map.columns)) {}

  /// Row r of the tensors is the query at positions[r].
  void add(std::span<const std::int64_t> positions, const at::Tensor& original, const at::Tensor& converted,
           const at::Tensor& exact) {
    const MapWindow& window = map_.window;
    for (std::size_t r = 0; r < positions.size(); ++r) {
      const std::int64_t position = positions[r];
      const std::int64_t row =
          ((position - window.query_begin + 1) * map_.rows - 1) / (window.query_end - window.query_begin);
      const auto at = [&](const at::Tensor& x) {
        return x.defined() ? x.const_data_ptr<float>() + static_cast<std::int64_t>(r) * x.stride(0) : nullptr;
      };
      add_row(cells_.data() + row * map_.columns, position, at(original), at(converted), at(exact));
    }
  }

  void finish() {
    const auto fill = [&](std::vector<float>& to, bool wanted, auto value) {
      if (!wanted) return;
      to.resize(cells_.size());
      for (std::size_t i = 0; i < cells_.size(); ++i) to[i] = cells_[i].pairs > 0 ? value(cells_[i]) : kNaN;
    };
    const auto pooled = [this](const Sum& sum, const Cell& cell) {
      return mean_ ? static_cast<float>(sum.sum / cell.pairs) : sum.most;
    };
    fill(map_.original, has_original_, [&](const Cell& c) { return pooled(c.original, c); });
    fill(map_.converted, has_converted_, [&](const Cell& c) { return pooled(c.converted, c); });
    fill(map_.exact, has_converted_, [](const Cell& c) { return static_cast<float>(c.exact / c.pairs); });
    fill(map_.difference, has_original_ && has_converted_, [&](const Cell& c) {
      if (mean_) return static_cast<float>((c.converted.sum - c.original.sum) / c.pairs);
      return c.above > -c.below ? c.above : c.below;
    });
  }

 private:
  struct Sum {
    double sum = 0;
    float most = 0;
    void add(const float* values, std::int64_t count) {
      float total = 0;
      for (std::int64_t i = 0; i < count; ++i) {
        total += values[i];
        most = std::max(most, values[i]);
      }
      sum += total;
    }
  };
  struct Cell {
    Sum original, converted;
    float above = 0, below = 0;  // differences farthest from 0
    double exact = 0, pairs = 0;
  };

  void add_row(Cell* cells, std::int64_t position, const float* original, const float* converted,
               const float* exact) {
    has_original_ = original != nullptr;
    has_converted_ = converted != nullptr;
    const MapWindow& window = map_.window;
    for (std::int64_t column = 0; column < map_.columns; ++column) {
      const std::int64_t begin = first_in_cell(column, map_.columns, window.key_begin, window.key_end);
      if (begin > position) break;
      const std::int64_t end =
          std::min(position + 1, first_in_cell(column + 1, map_.columns, window.key_begin, window.key_end));
      Cell& cell = cells[column];
      const std::int64_t count = end - begin;
      cell.pairs += static_cast<double>(count);
      if (original != nullptr) cell.original.add(original + begin, count);
      if (converted == nullptr) continue;
      cell.converted.add(converted + begin, count);
      float sum = 0;
      for (std::int64_t i = begin; i < end; ++i) sum += exact[i];
      cell.exact += sum;
      if (original == nullptr) continue;
      for (std::int64_t i = begin; i < end; ++i) {
        cell.above = std::max(cell.above, converted[i] - original[i]);
        cell.below = std::min(cell.below, converted[i] - original[i]);
      }
    }
  }

  AttentionMap& map_;
  bool mean_;
  std::vector<Cell> cells_;
  bool has_original_ = false, has_converted_ = false;
};

void check_window(const MapRequest& request, std::int64_t tokens) {
  const MapWindow& w = request.window;
  const auto inside = [&](std::int64_t begin, std::int64_t end) {
    return begin >= 0 && begin < end && end <= tokens;
  };
  if (!inside(w.query_begin, w.query_end) || !inside(w.key_begin, w.key_end)) {
    throw Error(ErrorKind::InvalidArgument,
                cat("the window is queries ", w.query_begin, " to ", w.query_end, " × keys ", w.key_begin,
                    " to ", w.key_end, "; legal: some of the ", tokens, " tokens"));
  }
  if (request.rows < 1 || request.columns < 1 || request.queries_per_row < 0)
    throw Error(ErrorKind::InvalidArgument, "a map needs at least one row and one column");
  if (!request.original && !request.converted)
    throw Error(ErrorKind::InvalidArgument, "a map of neither model was asked for");
}

at::Tensor on_host(const at::Tensor& x) {
  return x.defined() ? x.to(at::kCPU, at::kFloat).contiguous() : x;
}

}  // namespace

AttentionMap attention_map(const AttentionCapture& capture, const MapRequest& request, const Job& job) {
  return at_torch_border([&] {
    check_window(request, capture.tokens());
    const MapWindow& window = request.window;
    AttentionMap map{window,
                     std::min(request.rows, window.query_end - window.query_begin),
                     std::min(request.columns, window.key_end - window.key_begin),
                     {},
                     {},
                     {},
                     {}};
    CellPool pool(map, request.pooling);
    const Sides sides = !request.converted  ? Sides::Original
                        : !request.original ? Sides::Converted
                                            : Sides::Both;
    capture.streams().visit_rows(request.layer, request.head, queries_of(request, map.rows), sides, job,
                                 [&](const HeadRows& rows) {
                                   pool.add(rows.positions, on_host(rows.original), on_host(rows.converted),
                                            on_host(rows.selection.exact));
                                 });
    pool.finish();
    return map;
  });
}

QueryAttention attention_of_query(const AttentionCapture& capture, std::int64_t layer, std::int64_t head,
                                  std::int64_t position) {
  return at_torch_border([&] {
    QueryAttention result{position, {}, {}, {}};
    capture.streams().visit_rows(layer, head, std::span(&position, 1), Sides::Both, {},
                                 [&](const HeadRows& rows) {
                                   const auto vector = [](const at::Tensor& x) {
                                     const at::Tensor host = on_host(x).flatten();
                                     return std::vector<float>(host.const_data_ptr<float>(),
                                                               host.const_data_ptr<float>() + host.numel());
                                   };
                                   result.original = vector(rows.original);
                                   result.converted = vector(rows.converted);
                                   result.zones = zones_of(rows.selection, 0, capture.plan(layer, head));
                                 });
    return result;
  });
}

}  // namespace bsbr
