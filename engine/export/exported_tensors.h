#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/checkpoint/checkpoint.h"
#include "engine/model/language_model.h"

namespace bsbr {

/// What an export holds: the tensors that `model` is made of, by their names in HuggingFace checkpoints and
/// in the order of these. Others of its checkpoint `source`, such as a value head, surplus layers or masks
/// that older programs stored, are left out.
std::vector<TensorView> exported_tensors(const Checkpoint& source, const LanguageModel& model);

/// Bytes of tensors where weights are written as `dtype` (Recast); nothing: as they are.
std::uint64_t written_bytes(std::span<const TensorView> tensors, std::optional<Dtype> dtype);

/// Whether every one of them is then written as it is.
bool keeps_bits(std::span<const TensorView> tensors, std::optional<Dtype> dtype);

}  // namespace bsbr
