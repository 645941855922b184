#include "engine/checkpoint/torch_globals.h"

#include <algorithm>
#include <array>

#include "engine/base/error.h"
#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

constexpr std::array kGlobals{
    TorchGlobal{"collections", "OrderedDict", TorchRole::OrderedDict},
    TorchGlobal{"torch._utils", "_rebuild_tensor", TorchRole::Tensor1},
    TorchGlobal{"torch._utils", "_rebuild_tensor_v2", TorchRole::Tensor2},
    TorchGlobal{"torch._utils", "_rebuild_tensor_v3", TorchRole::Tensor3},
    TorchGlobal{"torch._utils", "_rebuild_parameter", TorchRole::Parameter3},
    TorchGlobal{"torch._utils", "_rebuild_parameter_with_state", TorchRole::ParameterState},
    TorchGlobal{"torch.nn.parameter", "Parameter", TorchRole::Parameter},
    TorchGlobal{"torch", "FloatStorage", TorchRole::StorageType, Dtype::F32},
    TorchGlobal{"torch", "HalfStorage", TorchRole::StorageType, Dtype::F16},
    TorchGlobal{"torch", "BFloat16Storage", TorchRole::StorageType, Dtype::BF16},
    TorchGlobal{"torch", "DoubleStorage", TorchRole::StorageType, Dtype::F64},
    TorchGlobal{"torch", "LongStorage", TorchRole::StorageType, Dtype::I64},
    TorchGlobal{"torch", "IntStorage", TorchRole::StorageType, Dtype::I32},
    TorchGlobal{"torch", "ShortStorage", TorchRole::StorageType, Dtype::I16},
    TorchGlobal{"torch", "CharStorage", TorchRole::StorageType, Dtype::I8},
    TorchGlobal{"torch", "ByteStorage", TorchRole::StorageType, Dtype::U8},
    TorchGlobal{"torch", "BoolStorage", TorchRole::StorageType, Dtype::Bool},
    TorchGlobal{"torch.storage", "UntypedStorage", TorchRole::StorageType, Dtype::U8},
    TorchGlobal{"torch", "UntypedStorage", TorchRole::StorageType, Dtype::U8},
    TorchGlobal{"torch", "float32", TorchRole::ElementType, Dtype::F32},
    TorchGlobal{"torch", "float16", TorchRole::ElementType, Dtype::F16},
    TorchGlobal{"torch", "bfloat16", TorchRole::ElementType, Dtype::BF16},
    TorchGlobal{"torch", "float64", TorchRole::ElementType, Dtype::F64},
    TorchGlobal{"torch", "int64", TorchRole::ElementType, Dtype::I64},
    TorchGlobal{"torch", "int32", TorchRole::ElementType, Dtype::I32},
    TorchGlobal{"torch", "int16", TorchRole::ElementType, Dtype::I16},
    TorchGlobal{"torch", "int8", TorchRole::ElementType, Dtype::I8},
    TorchGlobal{"torch", "uint64", TorchRole::ElementType, Dtype::U64},
    TorchGlobal{"torch", "uint32", TorchRole::ElementType, Dtype::U32},
    TorchGlobal{"torch", "uint16", TorchRole::ElementType, Dtype::U16},
    TorchGlobal{"torch", "uint8", TorchRole::ElementType, Dtype::U8},
    TorchGlobal{"torch", "bool", TorchRole::ElementType, Dtype::Bool}};

}  // namespace

std::optional<std::uint32_t> find_torch_global(std::string_view module, std::string_view name) noexcept {
  const auto at = std::ranges::find_if(
      kGlobals, [&](const TorchGlobal& global) { return global.name == name && global.module == module; });
  if (at == kGlobals.end()) return std::nullopt;
  return static_cast<std::uint32_t>(at - kGlobals.begin());
}

const TorchGlobal& torch_global(std::uint32_t index) noexcept {
  return kGlobals[index];
}

std::string refused_global(std::string_view module, std::string_view name) {
  constexpr std::size_t kMostShown = 100;
  std::string out =
      cat("asks for ", in_quotes(cat(module.substr(0, kMostShown), '.', name.substr(0, kMostShown))),
          ", but nothing is let in except tensors of plain types, their storages and dictionaries");
  if (module == "torch" || module.starts_with("torch.")) {
    return out + "; save the model's weights alone, as torch.save(model.state_dict(), …) does";
  }
  return out +
         ". A file of weights has no need of it: load it with nothing else either, unless you trust who made "
         "it";
}

}  // namespace bsbr
