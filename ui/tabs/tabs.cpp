#include "ui/tabs/tabs.h"

#include "ui/tabs/attention_tab.h"
#include "ui/tabs/capture_feeder.h"
#include "ui/tabs/cost_tab.h"
#include "ui/tabs/export_tab.h"
#include "ui/tabs/fidelity_tab.h"
#include "ui/tabs/generate_tab.h"
#include "ui/tabs/retrieval_tab.h"

namespace bsbr {

std::vector<Tab*> make_tabs(Controller& controller) {
  // Both look at the same captured text; it goes with the controller, after them.
  auto* feeder = new CaptureFeeder(controller, &controller);
  return {new AttentionTab(controller, *feeder),
          new RetrievalTab(controller, *feeder),
          new CostTab(controller),
          new FidelityTab(controller),
          new GenerateTab(controller),
          new ExportTab(controller)};
}

}  // namespace bsbr
