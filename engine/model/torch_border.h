#pragma once

#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>

#include <new>
#include <string>

#include "engine/base/error.h"

namespace bsbr {

/// Runs `work` in inference mode and lets nothing but bsbr::Error out: the engine's border to torch.
template <class Work>
auto at_torch_border(Work&& work) {
  try {
    const c10::InferenceMode inference;
    return work();
  } catch (const Error&) {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    throw Error(ErrorKind::OutOfMemory,
                cat("the device's memory is exhausted: ", error.what_without_backtrace()));
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    if (text.find("allocate memory") != std::string::npos) {
      throw Error(ErrorKind::OutOfMemory, "memory is exhausted; use a shorter text or close other programs");
    }
    throw Error(ErrorKind::Internal, cat("LibTorch refused an operation: ", text));
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::OutOfMemory, "memory is exhausted; use a shorter text or close other programs");
  }
}

}  // namespace bsbr
