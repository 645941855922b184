#pragma once

#include <span>
#include <vector>

#include "engine/analysis/fidelity.h"
#include "engine/model/decoder.h"

namespace bsbr {

/// Looks at the heads of a converted model while it runs on one sequence, and holds what each of them makes
/// of its queries against exact attention over the same keys and values.
class HeadMeter {
 public:
  /// A sample of the queries at positions [from, to) is looked at. Throws Error(InvalidArgument) for a model
  /// that is not converted.
  HeadMeter(const Decoder& converted, std::int64_t from, std::int64_t to, Job job);

  /// For Decoder::Options::on_attended.
  void look(const AttentionInput& input, const at::Tensor& out);

  /// One entry for each head, layer by layer; `pairs` as the decoder counted them.
  [[nodiscard]] std::vector<HeadFidelity> result(std::span<const PairCount> pairs) const;

 private:
  BsbrConfig config_;
  AttentionShape shape_;
  std::vector<std::int64_t> positions_;
  Job job_;
  std::vector<HeadFidelity> heads_;
};

}  // namespace bsbr
