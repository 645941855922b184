#pragma once

#include <vector>

namespace bsbr {

class Controller;
class Tab;

/// One of each, in the order in which they stand; without a parent.
std::vector<Tab*> make_tabs(Controller& controller);

}  // namespace bsbr
