#include "engine/analysis/retrieval.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "engine/analysis/captured_streams.h"
#include "engine/model/torch_border.h"

namespace bsbr {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// [queries, tokens] each.
struct Masses {
  at::Tensor truth, lost, exact;
};

Masses masses_of(const HeadRows& rows) {
  const at::Tensor truth = at::softmax(rows.selection.logits, 1);
  const at::Tensor lost = (truth - rows.converted).clamp_min_(0).masked_fill_(rows.selection.exact, 0);
  return {truth, lost, rows.selection.exact};
}

/// Mean over rows, then sums of each `size` columns; the last may be short. On the host.
std::vector<double> column_sums(const at::Tensor& x, std::int64_t size) {
  const at::Tensor mean = x.to(at::kDouble).mean(0).to(at::kCPU).contiguous();
  std::vector<double> sums(static_cast<std::size_t>((mean.numel() + size - 1) / size));
  for (std::int64_t i = 0; i < mean.numel(); ++i)
    sums[static_cast<std::size_t>(i / size)] += mean.const_data_ptr<double>()[i];
  return sums;
}

std::vector<std::int64_t> all_positions(std::int64_t tokens) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(tokens));
  std::iota(positions.begin(), positions.end(), 0);
  return positions;
}

/// Sorts by score, unscored last and by true mass.
void rank(std::vector<RankedPart>& parts) {
  const auto retrieved = static_cast<std::size_t>(std::count_if(
      parts.begin(), parts.end(), [](const RankedPart& part) { return part.exact_tokens > 0; }));
  std::stable_sort(parts.begin(), parts.end(),
                   [](const RankedPart& a, const RankedPart& b) { return a.true_mass > b.true_mass; });
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool best = i < retrieved;
    parts[i].verdict = parts[i].exact_tokens > 0 ? (best ? Verdict::Hit : Verdict::Surplus)
                                                 : (best ? Verdict::Miss : Verdict::Rest);
  }
  std::stable_sort(parts.begin(), parts.end(), [](const RankedPart& a, const RankedPart& b) {
    if (std::isnan(a.score) || std::isnan(b.score)) return !std::isnan(a.score) && std::isnan(b.score);
    return a.score > b.score;
  });
}

}  // namespace

RetrievalGrid retrieval_grid(const AttentionCapture& capture, std::int64_t layer, std::int64_t head,
                             const Job& job) {
  return at_torch_border([&] {
    const std::int64_t size = capture.config().chunk_size;
    const std::int64_t b = capture.config().block_size;
    const std::int64_t chunks = (capture.tokens() + size - 1) / size;
    const std::vector<float> nothing(static_cast<std::size_t>(chunks * chunks), kNaN);
    RetrievalGrid grid{chunks, size, nothing, nothing, nothing, nothing, {}};
    capture.streams().visit_rows(
        layer, head, all_positions(capture.tokens()), Sides::Converted, job, [&](const HeadRows& rows) {
          const Selection& selection = rows.selection;
          const Masses masses = masses_of(rows);
          const std::int64_t row = rows.positions.front() / size;
          const auto put = [&](std::vector<float>& to, const std::vector<double>& values,
                               std::int64_t first) {
            for (std::size_t i = 0; i < values.size(); ++i)
              to[static_cast<std::size_t>(row * chunks + first) + i] = static_cast<float>(values[i]);
          };
          put(grid.true_mass, column_sums(masses.truth, size), 0);
          put(grid.lost, column_sums(masses.lost, size), 0);
          const at::Tensor lost = masses.lost.sum(1).to(at::kCPU).contiguous();
          const auto* at_lost = lost.const_data_ptr<float>();
          grid.lost_by_query.insert(grid.lost_by_query.end(), at_lost, at_lost + lost.numel());
          if (selection.recent == selection.sink) return;
          // A sink may cut the first chunk with far blocks: those before it count as nothing.
          const std::int64_t first = selection.sink / size;
          const std::int64_t cut = selection.sink % size / b;
          const auto per_chunk = [&](const at::Tensor& of_blocks) {
            const at::Tensor whole =
                at::cat({at::zeros({of_blocks.size(0), cut}, of_blocks.options()), of_blocks}, 1);
            return column_sums(whole, size / b);
          };
          if (selection.scores.defined()) put(grid.score, per_chunk(selection.scores.exp()), first);
          std::vector<double> share = per_chunk(selection.retrieved.to(at::kDouble));
          for (std::size_t i = 0; i < share.size(); ++i) {
            const std::int64_t blocks = size / b - (i == 0 ? cut : 0);
            share[i] /= static_cast<double>(blocks);
          }
          put(grid.retrieved, share, first);
        });
    return grid;
  });
}

HeadLoss head_loss(const AttentionCapture& capture, std::int64_t layer, std::int64_t head,
                   std::int64_t sample, const Job& job) {
  return at_torch_border([&] {
    const std::int64_t count = std::clamp<std::int64_t>(sample, 1, capture.tokens());
    std::vector<std::int64_t> positions;
    for (std::int64_t i = 1; i <= count; ++i) positions.push_back(capture.tokens() * i / count - 1);
    HeadLoss loss{0, 0};
    capture.streams().visit_rows(layer, head, positions, Sides::Converted, job, [&](const HeadRows& rows) {
      const Masses masses = masses_of(rows);
      loss.unread +=
          masses.truth.masked_fill(masses.exact, 0).sum().item<double>() / static_cast<double>(count);
      loss.lost += masses.lost.sum().item<double>() / static_cast<double>(count);
    });
    return loss;
  });
}

QueryRetrieval retrieval_of_query(const AttentionCapture& capture, std::int64_t layer, std::int64_t head,
                                  std::int64_t position) {
  return at_torch_border([&] {
    const std::int64_t b = capture.config().block_size;
    const std::int64_t size = capture.config().chunk_size;
    QueryRetrieval result{position, 0, 0, {}, {}};
    capture.streams().visit_rows(
        layer, head, std::span(&position, 1), Sides::Converted, {}, [&](const HeadRows& rows) {
          const Selection& selection = rows.selection;
          const Masses masses = masses_of(rows);
          const std::int64_t far = selection.recent - selection.sink;
          const auto of_far = [&](const at::Tensor& x) {
            return column_sums(x.narrow(1, selection.sink, far), b);
          };
          result.lost = masses.lost.sum().item<double>();
          result.near_mass = 1 - masses.truth.narrow(1, selection.sink, far).sum().item<double>();
          const std::vector<double> truth = of_far(masses.truth), weight = of_far(rows.converted),
                                    lost = of_far(masses.lost), exact = of_far(masses.exact);
          const at::Tensor scores = selection.scores.defined()
                                        ? selection.scores[0].to(at::kCPU, at::kDouble).contiguous()
                                        : at::Tensor();
          for (std::int64_t i = 0; i < far / b; ++i) {
            const auto at = static_cast<std::size_t>(i);
            const double log_score = scores.defined() ? scores.const_data_ptr<double>()[i] : -INFINITY;
            const std::int64_t begin = selection.sink + i * b;
            const RankedPart block{
                begin,      begin + b, std::isinf(log_score) ? NAN : std::exp(log_score), truth[at],
                weight[at], lost[at],  static_cast<std::int64_t>(std::lround(exact[at])), Verdict::Rest};
            result.blocks.push_back(block);
            if (result.chunks.empty() || begin / size != result.chunks.back().begin / size) {
              result.chunks.push_back(block);
              continue;
            }
            RankedPart& chunk = result.chunks.back();
            chunk.end = block.end;
            chunk.score += block.score;
            chunk.true_mass += block.true_mass;
            chunk.weight += block.weight;
            chunk.lost += block.lost;
            chunk.exact_tokens += block.exact_tokens;
          }
          rank(result.blocks);
          rank(result.chunks);
        });
    return result;
  });
}

}  // namespace bsbr
