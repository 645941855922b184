#include "engine/export/verify.h"

#include <algorithm>
#include <cstring>

#include "engine/base/error.h"
#include "engine/export/exported_tensors.h"
#include "engine/export/recast.h"
#include "engine/export/write_weights.h"

namespace bsbr {
namespace {

[[noreturn]] void differ(const Checkpoint& written, const std::string& what) {
  throw Error(ErrorKind::Io, cat(written.folder().string(), ": what was written is not what was meant: ",
                                 what, ". The disk or its memory may be faulty; nothing was put in place"));
}

bool same_bytes(Recast expected, std::span<const std::byte> actual) {
  if (expected.bytes() != actual.size()) return false;
  constexpr std::uint64_t kPiece = 8U << 20;
  for (std::uint64_t at = 0; at < actual.size(); at += kPiece) {
    const auto piece = expected.read(at, std::min(kPiece, actual.size() - at));
    if (std::memcmp(actual.data() + at, piece.data(), piece.size()) != 0) return false;
  }
  return true;
}

void compare_tensors(std::span<const TensorView> tensors, const Checkpoint& written,
                     std::optional<Dtype> dtype, const Job& job) {
  if (tensors.size() != written.tensors().size()) differ(written, "the number of tensors differs");
  std::size_t done = 0;
  for (const TensorView& tensor : tensors) {
    job.report("verifying tensors", static_cast<double>(done++) / static_cast<double>(tensors.size()));
    const TensorView* actual = written.find(tensor.name);
    const Recast expected(tensor, dtype);
    if (actual == nullptr || actual->dtype != expected.dtype() || actual->shape != tensor.shape ||
        !same_bytes(expected, actual->bytes)) {
      differ(written, "tensor " + tensor.name);
    }
  }
}

void compare_logits(const Checkpoint& written, const LanguageModel& reopened, const LanguageModel& converted,
                    const Job& job) {
  // Long enough that a query has far blocks, short enough to take seconds.
  const BsbrConfig& bsbr = *converted.config().bsbr;
  const std::int64_t wanted = bsbr.sink_in_blocks() + (bsbr.window + 2) * bsbr.chunk_size + bsbr.retrieve;
  TokenBatch batch{1, std::min({wanted, converted.config().context, std::int64_t{1024}}), {}, {}};
  for (std::int64_t i = 0; i < batch.columns; ++i) {
    batch.ids.push_back((i * 7919 + 17) % converted.config().vocabulary);
  }
  const std::vector<float> expected = converted.logits(batch, {}, job);
  const std::vector<float> actual = reopened.logits(batch, {}, job);
  // By bytes: weights with NaN give NaN on both sides.
  if (std::memcmp(actual.data(), expected.data(), expected.size() * sizeof(float)) != 0)
    differ(written, "the logits");
}

}  // namespace

LanguageModel verify_export(std::span<const TensorView> tensors, const Checkpoint& written,
                            const LanguageModel& converted, std::optional<Dtype> dtype, const Job& job) {
  compare_tensors(tensors, written, dtype, job);
  LanguageModel reopened = LanguageModel::load(written, "cpu", job);
  if (reopened.config().bsbr != converted.config().bsbr) differ(written, "the bsbr settings in config.json");
  if (reopened.config().tied_head != converted.config().tied_head)
    differ(written, "which tensor is the head");
  if (reopened.config().end_tokens != converted.config().end_tokens)
    differ(written, "the tokens that end a text");
  if (keeps_bits(tensors, dtype)) compare_logits(written, reopened, converted, job);
  return reopened;
}

}  // namespace bsbr
