#pragma once

namespace bsbr {

/// Where the time of a forward pass goes.
struct PartSeconds {
  double attention = 0;    ///< from queries, keys and values to each head's result, the cache included
  double scoring = 0;      ///< of that, choosing what is read exactly; its states are weighed in it
  double projections = 0;  ///< to queries, keys and values, their rotation, and from the heads' results
  double mlp = 0;
  double head = 0;  ///< from the residual stream to logits
};

}  // namespace bsbr
