#include "engine/kernels/cuda/load.h"

#include <dlfcn.h>

#include <filesystem>
#include <string>

#include "engine/base/error.h"

namespace bsbr::cuda {
namespace {

constexpr const char* kName = "libbsbr_cuda.so";
constexpr const char* kAdvice = "; build the project again, or use --device cpu";

const Interface& open() {
  std::error_code unknown;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", unknown);
  void* library = dlopen((program.parent_path() / kName).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) library = dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw Error(ErrorKind::Device, cat("the CUDA kernels cannot be opened (", dlerror(), ")", kAdvice));
  }
  using Entry = const Interface* (*)();
  const auto entry = reinterpret_cast<Entry>(dlsym(library, "bsbr_cuda_interface"));
  const Interface* kernels = entry == nullptr ? nullptr : entry();
  if (kernels == nullptr || kernels->version != kInterfaceVersion) {
    throw Error(ErrorKind::Device, cat(kName, " has version ", kernels == nullptr ? 0 : kernels->version,
                                       " of its interface, and this program ", kInterfaceVersion, kAdvice));
  }
  return *kernels;
}

}  // namespace

const Interface& load_kernels() {
  static const Interface& kernels = open();
  return kernels;
}

}  // namespace bsbr::cuda
