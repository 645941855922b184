#pragma once

#include <QStackedLayout>
#include <QWidget>

#include "ui/core/controller.h"

namespace bsbr {

class EmptyState;

/// A view of the centre. Its constructor gives it the controller; it makes its content, hands it to
/// setContent(), and follows the controller's signals. What it needs before it can show anything is the
/// base's: until then the base shows a page that says what to do. Work goes through Controller::run() (what a
/// person starts, one at a time) or Controller::runForView() (what it needs to draw itself).
class Tab : public QWidget {
  Q_OBJECT

 public:
  /// What must be there before the tab shows its content.
  enum class Needs { Checkpoint, Conversion };

  /// `id`: for files and settings, e.g. "attention"; `title`: on the tab; `purpose`: a sentence on what it
  /// shows, for the page that stands in for it.
  Tab(Controller& controller, Needs needs, const QString& id, const QString& title, const QString& purpose,
      QWidget* parent = nullptr);

  [[nodiscard]] const QString& id() const { return id_; }
  [[nodiscard]] const QString& title() const { return title_; }
  [[nodiscard]] const QString& purpose() const { return purpose_; }
  /// The content is shown, not the page that stands in for it.
  [[nodiscard]] bool is_ready() const;

  /// For pictures of the window: starts what a person would start here to see something, e.g. a measurement.
  virtual void fill() {}
  /// What the tab shows is still being made, by itself and not by the controller.
  [[nodiscard]] virtual bool is_working() const { return false; }

 Q_SIGNALS:
  void openRequested();

 protected:
  void setContent(QWidget* content);
  [[nodiscard]] Controller& controller() const { return controller_; }

 private:
  void update_page();

  Controller& controller_;
  Needs needs_;
  QString id_, title_, purpose_;
  QStackedLayout* pages_;
  EmptyState* empty_;
  QWidget* content_ = nullptr;
};

}  // namespace bsbr
