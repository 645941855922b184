#pragma once

#include <set>
#include <string>
#include <string_view>

#include "engine/checkpoint/safetensors.h"

namespace bsbr {

/// What becomes of a checkpoint's tensors that a model does not expect.
class SpareTensors {
 public:
  enum class Kind {
    Constant,  ///< follows from config.json; older versions of transformers stored it
    Spare,     ///< the model computes without it: a head for another task, a layer above the counted ones
    Foreign    ///< a weight of a part that the model has: left out, the model would compute something else
  };

  /// A tensor that the model has.
  void expect(std::string_view name);
  /// Of a tensor that was not expected, once all that are have been named.
  [[nodiscard]] Kind kind_of(const TensorView& tensor) const;

 private:
  std::set<std::string, std::less<>> modules_;  // of expected tensors, and the layers that they are in
};

}  // namespace bsbr
