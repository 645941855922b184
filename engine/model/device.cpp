#include "engine/model/device.h"

#include <ATen/Context.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>

#include "engine/base/error.h"

namespace bsbr {

c10::Device find_device(const std::string& name) {
  if (name == "cpu") return c10::kCPU;
  if (name != "cuda") {
    throw Error(ErrorKind::InvalidArgument, cat("device is \"", name, "\"; legal: cpu, cuda"));
  }
  // Registers the CUDA back end with libtorch_cpu. It is kept open for the life of the program.
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw Error(ErrorKind::Device,
                cat("CUDA's part of LibTorch cannot be opened (", dlerror(),
                    "); on a machine with an NVIDIA driver run resources/setup/setup again, "
                    "elsewhere use --device cpu"));
  }
  if (!at::hasCUDA() || at::getNumGPUs() == 0) {
    throw Error(ErrorKind::Device,
                "LibTorch finds no CUDA device; check the driver with nvidia-smi, or use --device cpu");
  }
  return {c10::kCUDA, 0};
}

c10::ScalarType find_dtype(const std::string& name) {
  if (name == "float32") return c10::kFloat;
  if (name == "float16") return c10::kHalf;
  if (name == "bfloat16") return c10::kBFloat16;
  throw Error(ErrorKind::InvalidArgument, cat("dtype is \"", name, "\"; legal: float32, float16, bfloat16"));
}

void synchronize(c10::Device device) {
  if (!device.is_cpu()) c10::impl::getDeviceGuardImpl(device.type())->synchronizeDevice(device.index());
}

}  // namespace bsbr
