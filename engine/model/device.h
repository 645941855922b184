#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <string>

namespace bsbr {

/// "cpu" or "cuda". CUDA's libraries are opened here, when they are first asked for, so that a machine
/// without a GPU never needs them. Throws Error(Device) that says what is missing, Error(InvalidArgument) for
/// another name.
c10::Device find_device(const std::string& name);

/// "float32", "float16" or "bfloat16". Throws Error(InvalidArgument) for another name.
c10::ScalarType find_dtype(const std::string& name);

/// Waits until the device has done what it was given; nothing to wait for on the CPU.
void synchronize(c10::Device device);

}  // namespace bsbr
