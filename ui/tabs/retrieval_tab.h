#pragma once

#include "ui/tabs/tab.h"

namespace bsbr {

class CaptureFeeder;
class RetrievalView;

/// What the converted model retrieves, why, and what it loses.
class RetrievalTab : public Tab {
  Q_OBJECT

 public:
  RetrievalTab(Controller& controller, CaptureFeeder& feeder, QWidget* parent = nullptr);
  void fill() override;
  [[nodiscard]] bool is_working() const override;
  [[nodiscard]] RetrievalView* view() const { return view_; }

 protected:
  void showEvent(QShowEvent* event) override;
  void hideEvent(QHideEvent* event) override;

 private:
  CaptureFeeder& feeder_;
  RetrievalView* view_;
};

}  // namespace bsbr
