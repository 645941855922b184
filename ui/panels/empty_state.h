#pragma once

#include <QWidget>

#include "ui/core/job_runner.h"

class QLabel;
class QProgressBar;
class QPushButton;

namespace bsbr {

/// The page that stands where there is nothing to show yet: what is missing, and what to do.
class EmptyState : public QWidget {
  Q_OBJECT

 public:
  explicit EmptyState(QWidget* parent = nullptr);

  struct Action {
    QString text, tip;
  };
  /// Buttons without a text are hidden.
  void showActions(const QString& title, const QString& text, const Action& first, const Action& second);
  void showBusy(const QString& title, const QString& text);
  /// Of what is busy.
  void setProgress(const JobProgress& progress);

 Q_SIGNALS:
  void firstClicked();
  void secondClicked();

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void set(const QString& title, const QString& text);
  void style_title();

  QLabel *title_, *text_, *stage_;
  QProgressBar* progress_;
  QPushButton *first_, *second_;
};

}  // namespace bsbr
