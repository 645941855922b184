#include "ui/tabs/retrieval_tab.h"

#include "ui/attention/retrieval_view.h"
#include "ui/tabs/capture_feeder.h"
#include "ui/tabs/reading_bar.h"

namespace bsbr {

RetrievalTab::RetrievalTab(Controller& controller, CaptureFeeder& feeder, QWidget* parent)
    : Tab(controller, Needs::Conversion, QStringLiteral("retrieval"), tr("Retrieval"),
          tr("What each head retrieves of its far past, why, and what it loses by leaving the rest to "
             "condensed states."),
          parent),
      feeder_(feeder),
      view_(new RetrievalView(feeder.scene())) {
  setContent(with_reading_bar(view_, feeder));
}

void RetrievalTab::fill() {
  AttentionScene& scene = feeder_.scene();
  if (!scene.query() && controller().tokens())
    scene.setQuery(static_cast<std::int64_t>(controller().usable_tokens().size()) * 3 / 4);
}

bool RetrievalTab::is_working() const {
  return feeder_.working() || view_->working();
}

void RetrievalTab::showEvent(QShowEvent* event) {
  Tab::showEvent(event);
  feeder_.addViewer(this);
}

void RetrievalTab::hideEvent(QHideEvent* event) {
  feeder_.removeViewer(this);
  Tab::hideEvent(event);
}

}  // namespace bsbr
