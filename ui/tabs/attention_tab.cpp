#include "ui/tabs/attention_tab.h"

#include "ui/attention/attention_view.h"
#include "ui/tabs/capture_feeder.h"
#include "ui/tabs/reading_bar.h"

namespace bsbr {

AttentionTab::AttentionTab(Controller& controller, CaptureFeeder& feeder, QWidget* parent)
    : Tab(controller, Needs::Conversion, QStringLiteral("attention"), tr("Attention"),
          tr("What each head attends to, in the original and in the converted model, pair by pair."), parent),
      feeder_(feeder),
      view_(new AttentionView(feeder.scene())) {
  setContent(with_reading_bar(view_, feeder));
}

void AttentionTab::fill() {
  AttentionScene& scene = feeder_.scene();
  if (!scene.query() && controller().tokens())
    scene.setQuery(static_cast<std::int64_t>(controller().usable_tokens().size()) * 3 / 4);
}

bool AttentionTab::is_working() const {
  return feeder_.working() || view_->working();
}

void AttentionTab::showEvent(QShowEvent* event) {
  Tab::showEvent(event);
  feeder_.addViewer(this);
}

void AttentionTab::hideEvent(QHideEvent* event) {
  feeder_.removeViewer(this);
  Tab::hideEvent(event);
}

}  // namespace bsbr
