#pragma once

#include <QFrame>
#include <QStringList>

class QLabel;
class QScrollArea;
class QToolButton;

namespace bsbr {

/// Says inside the window what happened and what to do. A message stays until it is closed or something new
/// is said; warnings of a checkpoint stay above it until they are closed or another checkpoint is opened.
class MessageBar : public QFrame {
  Q_OBJECT

 public:
  explicit MessageBar(QWidget* parent = nullptr);

  enum class Tone { Notice, Error };
  void say(Tone tone, const QString& title, const QString& detail = {});
  void warn(const QStringList& warnings);
  /// What is shown, the warnings first; empty where nothing is.
  [[nodiscard]] QString text() const;

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void dismiss();
  void show_all();
  void fit();
  [[nodiscard]] bool is_bad() const;

  struct Message {
    Tone tone = Tone::Notice;
    QString title, detail;
  };
  QStringList warnings_;
  Message message_;
  QLabel *icon_, *text_;
  QScrollArea* area_;
  QToolButton* close_;
};

}  // namespace bsbr
