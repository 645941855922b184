#include "engine/model/tied_head.h"

#include <algorithm>

#include "engine/base/error.h"
#include "engine/model/weight_loader.h"

namespace bsbr {
namespace {

bool same_values(const TensorView& a, const TensorView& b) {
  if (a.dtype != b.dtype || a.shape != b.shape) return false;
  return a.bytes.data() == b.bytes.data() || std::ranges::equal(a.bytes, b.bytes);
}

}  // namespace

void expect_embedding_and_head(ModelConfig& config, WeightLoader& loader, const std::string& embedding) {
  const TensorView* const table = loader.find(embedding);
  const TensorView* const head = loader.find(kHead);
  const bool asked = config.tied_head;
  if (table != nullptr && head != nullptr) {
    config.tied_head = table == head || (asked && same_values(*table, *head));
    if (asked && !config.tied_head) {
      loader.warn(cat("config.json ties ", kHead, " to ", embedding,
                      ", but the checkpoint holds two different tensors; each is used as what it is named"));
    }
  } else if (table != nullptr || head != nullptr) {
    config.tied_head = true;
    if (table == nullptr) loader.stored_as(embedding, kHead);
    if (!asked) {
      loader.warn(cat("config.json does not tie ", kHead, " to ", embedding,
                      ", but the checkpoint holds only ", table == nullptr ? kHead : embedding,
                      "; it is used as both"));
    }
  }
  loader.expect(embedding, {config.vocabulary, config.width});
  if (config.tied_head) {
    loader.ignore(kHead);
  } else {
    loader.expect(kHead, {config.vocabulary, config.width});
  }
}

}  // namespace bsbr
