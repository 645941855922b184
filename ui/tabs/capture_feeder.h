#pragma once

#include <QTimer>

#include "ui/attention/attention_scene.h"
#include "ui/attention/latest_task.h"
#include "ui/core/controller.h"

namespace bsbr {

/// Lets both models read the text for the tabs that look into their attention, while one of them is in sight,
/// and again when the models or the text have changed. Keeps layer, head and query common with the
/// controller's selection.
class CaptureFeeder : public QObject {
  Q_OBJECT

 public:
  explicit CaptureFeeder(Controller& controller, QObject* parent = nullptr);

  [[nodiscard]] AttentionScene& scene() { return scene_; }
  /// A tab has come into sight, or is no longer.
  void addViewer(const QWidget* viewer);
  void removeViewer(const QWidget* viewer);
  [[nodiscard]] bool working() const { return task_.busy() || patience_.isActive(); }

 Q_SIGNALS:
  /// The text is being read: what is done, 0 to 1 of it.
  void progressed(const QString& stage, double fraction);
  /// It is no longer.
  void settled();

 private:
  /// Takes over the controller's selection.
  void follow();
  void changed();
  void read();

  Controller& controller_;
  AttentionScene scene_;
  LatestTask task_;
  QTimer patience_;
  std::vector<const QWidget*> viewers_;
  std::weak_ptr<const OpenedModel> read_by_;  // what the scene's capture is of
  std::weak_ptr<const TokenizedText> read_;
  bool stale_ = true, following_ = false;
};

}  // namespace bsbr
