#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/checkpoint/dtype.h"

namespace bsbr {

/// What a name of Python's stands for in a checkpoint.
enum class TorchRole {
  OrderedDict,
  StorageType,    ///< torch.FloatStorage …; `dtype` is its elements'
  ElementType,    ///< torch.float32 …
  Tensor1,        ///< torch._utils._rebuild_tensor
  Tensor2,        ///< …_v2
  Tensor3,        ///< …_v3
  Parameter,      ///< torch.nn.parameter.Parameter
  Parameter3,     ///< torch._utils._rebuild_parameter
  ParameterState  ///< torch._utils._rebuild_parameter_with_state
};

struct TorchGlobal {
  std::string_view module;
  std::string_view name;
  TorchRole role;
  Dtype dtype{};
};

/// The place in the table of all names that are let in; nothing for every other name.
std::optional<std::uint32_t> find_torch_global(std::string_view module, std::string_view name) noexcept;
const TorchGlobal& torch_global(std::uint32_t index) noexcept;

/// Why no other name is let in, for a message.
std::string refused_global(std::string_view module, std::string_view name);

}  // namespace bsbr
