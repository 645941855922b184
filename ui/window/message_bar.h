#pragma once

#include <QFrame>

class QLabel;
class QToolButton;

namespace bsbr {

/// Says inside the window what happened and what to do; stays until it is closed or something new is said.
class MessageBar : public QFrame {
  Q_OBJECT

 public:
  explicit MessageBar(QWidget* parent = nullptr);

  enum class Tone { Notice, Error };
  void say(Tone tone, const QString& title, const QString& detail = {});
  [[nodiscard]] QString text() const;

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  QLabel *icon_, *text_;
  QToolButton* close_;
  Tone tone_ = Tone::Notice;
};

}  // namespace bsbr
