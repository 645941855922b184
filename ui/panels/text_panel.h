#pragma once

#include <QTimer>
#include <QWidget>

#include "ui/core/controller.h"

class QLabel;
class QListView;
class QPushButton;
class QStackedWidget;

namespace bsbr {

class LongTextEdit;
class TokenModel;

/// The text that is measured on: an editor with its count of tokens; the same as tokens.
class TextPanel : public QWidget {
  Q_OBJECT

 public:
  explicit TextPanel(Controller& controller, QWidget* parent = nullptr);

  /// Asks for a file and takes its text.
  void openText();
  void loadText(const QString& path);

 private:
  void make_samples();
  void show_count();

  Controller& controller_;
  LongTextEdit* editor_;
  QListView* chips_;
  TokenModel* tokens_;
  QStackedWidget* pages_;
  QLabel* count_;
  QPushButton *samples_, *as_tokens_;
  QTimer typing_;
};

}  // namespace bsbr
