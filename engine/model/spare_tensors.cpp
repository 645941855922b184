#include "engine/model/spare_tensors.h"

#include <algorithm>
#include <array>

#include "engine/model/weight_loader.h"

namespace bsbr {
namespace {

/// Causal masks, rotary frequencies and positions, by the ends of their names.
constexpr std::array<std::string_view, 6> kConstants{"attn.bias",
                                                     "attn.masked_bias",
                                                     "rotary_emb.inv_freq",
                                                     "rotary_emb.cos_cached",
                                                     "rotary_emb.sin_cached",
                                                     "position_ids"};

/// "model.layers.0" of "model.layers.0.mlp.up_proj.weight"; empty outside the layers.
std::string_view layer_of(std::string_view name) {
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    const bool number = !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    if (number) return name.substr(0, end);
    begin = end + 1;
  }
  return {};
}

/// "lm_head" of "lm_head.bias"; empty for a name without a dot.
std::string_view module_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == name.npos ? std::string_view() : name.substr(0, dot);
}

}  // namespace

void SpareTensors::expect(std::string_view name) {
  for (const std::string_view part : {layer_of(name), module_of(name)}) {
    if (!part.empty()) modules_.emplace(part);
  }
}

SpareTensors::Kind SpareTensors::kind_of(const TensorView& tensor) const {
  const std::string_view name = tensor.name;
  for (const std::string_view end : kConstants) {
    const bool whole =
        name.size() == end.size() || (name.size() > end.size() && name[name.size() - end.size() - 1] == '.');
    if (name.ends_with(end) && whole) return Kind::Constant;
  }
  const bool inside = modules_.contains(layer_of(name)) || modules_.contains(module_of(name));
  return inside && is_weight_type(tensor.dtype) ? Kind::Foreign : Kind::Spare;
}

}  // namespace bsbr
