#include "engine/checkpoint/gguf_rows.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <vector>

namespace bsbr {
namespace {

/// Rows that make a turn of a thread, about as many values.
constexpr std::size_t kTurn = 65536;

constexpr std::size_t kTall = 16;   // values of a cache line
constexpr std::size_t kWide = 256;  // a whole number of blocks of any type

/// Some rows of a tensor, all its dimensions but the last taken together. Reading throws nothing and takes no
/// memory, for it happens on threads of which OpenMP lets nothing out.
class Part {
 public:
  Part(const GgufReading& reading, std::size_t width, std::size_t first, std::size_t count)
      : reading_(&reading), width_(width), first_(first), count_(count) {}

  [[nodiscard]] const GgufReading* reading() const { return reading_; }

  void read() const {
    if (reading_->order == GgufOrder::Transposed) {
      read_transposed();
    } else if (reading_->order == GgufOrder::Rotated && reading_->tensor->shape.size() == 1) {
      read_rotated_bias();
    } else {
      read_rows();
    }
  }

 private:
  /// Values of row `i` from column `left` on, whole blocks.
  void read_some(std::size_t i, std::size_t left, std::span<float> out) const {
    const GgufTensor& tensor = *reading_->tensor;
    const GgufBlock block = gguf_block(tensor.type);
    dequantize(tensor.type,
               tensor.bytes.subspan((i * width_ + left) / block.values * block.bytes,
                                    out.size() / block.values * block.bytes),
               out);
  }

  [[nodiscard]] std::size_t rotated(std::size_t i) const {
    const std::size_t place = i % reading_->head_dim;
    return i - place + place % 2 * (reading_->head_dim / 2) + place / 2;
  }

  void read_rows() const {
    for (std::size_t i = first_; i < first_ + count_; ++i) {
      const std::size_t place = reading_->order == GgufOrder::Rotated ? rotated(i) : i;
      read_some(i, 0, reading_->out.subspan(place * width_, width_));
    }
  }

  void read_rotated_bias() const {
    std::array<float, kWide> some;
    for (std::size_t left = 0; left < width_; left += kWide) {
      const std::size_t wide = std::min(kWide, width_ - left);
      read_some(0, left, std::span(some).first(wide));
      for (std::size_t j = 0; j < wide; ++j) reading_->out[rotated(left + j)] = some[j];
    }
  }

  void read_transposed() const {
    const std::size_t rows = reading_->out.size() / width_;
    std::array<float, kTall * kWide> tile;
    for (std::size_t top = first_; top < first_ + count_; top += kTall) {
      const std::size_t tall = std::min(kTall, first_ + count_ - top);
      for (std::size_t left = 0; left < width_; left += kWide) {
        const std::size_t wide = std::min(kWide, width_ - left);
        for (std::size_t i = 0; i < tall; ++i) {
          read_some(top + i, left, std::span(tile).subspan(i * kWide, wide));
        }
        for (std::size_t j = 0; j < wide; ++j) {
          float* const to = reading_->out.data() + (left + j) * rows + top;
          for (std::size_t i = 0; i < tall; ++i) to[i] = tile[i * kWide + j];
        }
      }
    }
  }

  const GgufReading* reading_;
  std::size_t width_, first_, count_;
};

std::vector<Part> divide(std::span<const GgufReading> readings) {
  std::vector<Part> parts;
  for (const GgufReading& reading : readings) {
    const auto& shape = reading.tensor->shape;
    const auto width = static_cast<std::size_t>(shape.empty() ? 1 : shape.back());
    const std::size_t rows = reading.out.size() / width;
    const std::size_t most = (kTurn / width / kTall + 1) * kTall;
    for (std::size_t first = 0; first < rows; first += most) {
      parts.emplace_back(reading, width, first, std::min(most, rows - first));
    }
  }
  return parts;
}

}  // namespace

void read_gguf_tensors(std::span<const GgufReading> readings, const Job& job) {
  const std::vector<Part> parts = divide(readings);
  if (parts.empty()) return;
  std::atomic<std::size_t> next{0};
  std::exception_ptr stopped;
  const GgufReading* reported = nullptr;
  const auto report = [&](std::size_t i) {
    job.check();
    if (parts[i].reading() == reported) return;
    reported = parts[i].reading();
    job.report("reading GGUF", static_cast<double>(i) / static_cast<double>(parts.size()));
  };
  report(0);
  // One region for all: where other programs use the processors too, each end of one is a long wait. Small
  // models are not worth waking threads for.
#pragma omp parallel if (parts.size() > readings.size())
  for (std::size_t i = next++; i < parts.size(); i = next++) {
#pragma omp master
    try {
      report(i);
    } catch (...) {
      stopped = std::current_exception();
      next = parts.size();
    }
    parts[i].read();
  }
  if (stopped) std::rethrow_exception(stopped);
  job.check();
}

}  // namespace bsbr
