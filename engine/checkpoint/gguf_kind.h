#pragma once

#include "engine/checkpoint/gguf_file.h"

namespace bsbr {

/// Throws Error(Unsupported) that says what `file` is and what to do, if it is a GGUF file that holds
/// something other than a model: an adapter, a control vector, an importance matrix, the encoder of a
/// multimodal model, a vocabulary alone.
void refuse_other_gguf(const GgufFile& file);

}  // namespace bsbr
