#pragma once

#include "engine/checkpoint/pickle_stream.h"
#include "engine/checkpoint/torch_objects.h"

namespace bsbr {

/// Runs one pickle of protocol 2 to 5 from the stream's position to its STOP, where the stream then stands,
/// and returns what it makes: numbers, texts, tuples, lists, dictionaries, and what `objects` makes. Nothing
/// else is run: no name is looked up and no function called beside those of `objects`; other opcodes are
/// refused. Does not recurse; memory is bounded by the pickle's size and by 4 million opcodes.
/// Format: https://github.com/python/cpython/blob/main/Lib/pickletools.py.
/// Throws Error(InvalidFile | Unsupported) that names the file and the byte.
PickleValue run_pickle(PickleStream& stream, TorchObjects& objects);

}  // namespace bsbr
