#include "ui/attention/attention_scene.h"

#include <algorithm>

#include "ui/attention/token_text.h"

namespace bsbr {

void AttentionScene::setCapture(std::shared_ptr<const AttentionCapture> capture,
                                std::vector<QString> pieces) {
  capture_ = std::move(capture);
  pieces_ = std::move(pieces);
  if (capture_) {
    layer_ = std::clamp(layer_, 0, static_cast<int>(capture_->layers()) - 1);
    head_ = std::clamp(head_, 0, static_cast<int>(capture_->heads()) - 1);
    if (query_ && *query_ >= tokens()) query_ = tokens() - 1;
  }
  Q_EMIT captureChanged();
}

void AttentionScene::setHead(int layer, int head) {
  if (capture_) {
    layer = std::clamp(layer, 0, static_cast<int>(capture_->layers()) - 1);
    head = std::clamp(head, 0, static_cast<int>(capture_->heads()) - 1);
  }
  if (layer == layer_ && head == head_) return;
  layer_ = layer;
  head_ = head;
  Q_EMIT headChanged();
}

void AttentionScene::setQuery(std::optional<std::int64_t> query) {
  if (query && capture_) query = std::clamp<std::int64_t>(*query, 0, tokens() - 1);
  if (query == query_) return;
  query_ = query;
  Q_EMIT queryChanged();
}

QString AttentionScene::text(std::int64_t begin, std::int64_t end, qsizetype most) const {
  QString all;
  for (std::int64_t i = begin; i < end && i < static_cast<std::int64_t>(pieces_.size()); ++i) {
    all += shortened(pieces_[static_cast<std::size_t>(i)], 4 * most);
    if (all.size() > 4 * most) break;
  }
  return quoted_text(all, most);
}

QString AttentionScene::headName() const {
  return tr("layer %1, head %2").arg(layer_).arg(head_);
}

}  // namespace bsbr
