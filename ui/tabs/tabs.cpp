#include "ui/tabs/tabs.h"

#include "ui/tabs/cost_tab.h"
#include "ui/tabs/export_tab.h"
#include "ui/tabs/fidelity_tab.h"
#include "ui/tabs/generate_tab.h"

namespace bsbr {

std::vector<Tab*> make_tabs(Controller& controller) {
  return {new CostTab(controller), new FidelityTab(controller), new GenerateTab(controller),
          new ExportTab(controller)};
}

}  // namespace bsbr
