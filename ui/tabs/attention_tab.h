#pragma once

#include "ui/tabs/tab.h"

namespace bsbr {

class AttentionView;
class CaptureFeeder;

/// What both models attend to.
class AttentionTab : public Tab {
  Q_OBJECT

 public:
  AttentionTab(Controller& controller, CaptureFeeder& feeder, QWidget* parent = nullptr);
  void fill() override;
  [[nodiscard]] bool is_working() const override;
  [[nodiscard]] AttentionView* view() const { return view_; }

 protected:
  void showEvent(QShowEvent* event) override;
  void hideEvent(QHideEvent* event) override;

 private:
  CaptureFeeder& feeder_;
  AttentionView* view_;
};

}  // namespace bsbr
