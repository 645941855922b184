# Imported target bsbr_libtorch: libtorch_cpu and libc10 from the PyPI wheel that resources/setup/libtorch unpacks.
# torch's own CMake package wants a CUDA toolkit at configure time; the engine opens CUDA at run time instead.
set(BSBR_TORCH_VERSION 2.11.0)
if(DEFINED ENV{BSBR_CACHE})
  set(_bsbr_cache "$ENV{BSBR_CACHE}")
else()
  set(_bsbr_cache "$ENV{HOME}/.cache/bsbr")
endif()
set(BSBR_LIBTORCH "${_bsbr_cache}/libtorch-${BSBR_TORCH_VERSION}" CACHE PATH "LibTorch folder with include/ and lib/")

if(NOT EXISTS "${BSBR_LIBTORCH}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "LibTorch ${BSBR_TORCH_VERSION} is not in ${BSBR_LIBTORCH}. Run resources/setup/setup first, "
                      "or set BSBR_LIBTORCH to a folder that holds it.")
endif()

# The headers of ATen that most of its users include; they take seconds each to read, so they are precompiled.
set(bsbr_torch_headers <ATen/Parallel.h> <ATen/TensorOperators.h> <ATen/ops/arange.h> <ATen/ops/cat.h>
    <ATen/ops/empty.h> <ATen/ops/matmul.h> <ATen/ops/softmax.h> <ATen/ops/tensor.h> <ATen/ops/zeros.h>)

add_library(bsbr_libtorch INTERFACE)
target_include_directories(bsbr_libtorch SYSTEM INTERFACE
  ${BSBR_LIBTORCH}/include ${BSBR_LIBTORCH}/include/torch/csrc/api/include)
target_link_libraries(bsbr_libtorch INTERFACE
  ${BSBR_LIBTORCH}/lib/libtorch_cpu.so ${BSBR_LIBTORCH}/lib/libc10.so)
target_link_options(bsbr_libtorch INTERFACE
  -Wl,-rpath,${BSBR_LIBTORCH}/lib -Wl,-rpath-link,${BSBR_LIBTORCH}/lib)
