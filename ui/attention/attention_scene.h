#pragma once

#include <QObject>

#include <memory>
#include <optional>
#include <vector>

#include "engine/analysis/attention_capture.h"

namespace bsbr {

/// What is looked at: a captured text, a head, perhaps a query. The views share one.
class AttentionScene : public QObject {
  Q_OBJECT

 public:
  using QObject::QObject;

  /// `pieces`: each token's text. Null: there is nothing to look at.
  void setCapture(std::shared_ptr<const AttentionCapture> capture, std::vector<QString> pieces);
  [[nodiscard]] const std::shared_ptr<const AttentionCapture>& capture() const { return capture_; }
  [[nodiscard]] std::int64_t tokens() const { return capture_ ? capture_->tokens() : 0; }

  /// Held within what there is.
  void setHead(int layer, int head);
  [[nodiscard]] int layer() const { return layer_; }
  [[nodiscard]] int head() const { return head_; }
  void setQuery(std::optional<std::int64_t> query);
  [[nodiscard]] std::optional<std::int64_t> query() const { return query_; }

  /// “text” of tokens [begin, end), line ends and tabs made visible, in at most so many characters.
  [[nodiscard]] QString text(std::int64_t begin, std::int64_t end, qsizetype most = 40) const;
  /// "layer 3, head 2".
  [[nodiscard]] QString headName() const;

 Q_SIGNALS:
  void captureChanged();
  void headChanged();
  void queryChanged();
  void failed(const QString& message);

 private:
  std::shared_ptr<const AttentionCapture> capture_;
  std::vector<QString> pieces_;
  int layer_ = 0, head_ = 0;
  std::optional<std::int64_t> query_;
};

}  // namespace bsbr
