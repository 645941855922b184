# The CUDA kernels, libbsbr_cuda.so, compiled by an nvcc of CUDA 13 on the PATH or by the one that
# resources/setup/nvcc brings. By commands of our own: CMake's CUDA language wants a whole toolkit to link with, and
# the wheels are not one.
set(BSBR_CUDA_VERSION 13.0)
find_program(BSBR_NVCC nvcc NO_DEFAULT_PATH PATHS ENV PATH DOC "CUDA compiler, version 13")
if(BSBR_NVCC)
  execute_process(COMMAND ${BSBR_NVCC} --version OUTPUT_VARIABLE _nvcc_version)
  if(NOT _nvcc_version MATCHES "release 13\\.")
    message(STATUS "${BSBR_NVCC} is not of CUDA 13; the one of resources/setup/nvcc is taken")
    set(BSBR_NVCC BSBR_NVCC-NOTFOUND)
  endif()
endif()
if(NOT BSBR_NVCC)
  set(BSBR_NVCC "${_bsbr_cache}/nvcc-${BSBR_CUDA_VERSION}/bin/nvcc")
endif()
if(NOT EXISTS "${BSBR_NVCC}")
  message(FATAL_ERROR "There is no nvcc of CUDA 13 on the PATH, nor ${BSBR_NVCC}. Run resources/setup/setup first.")
endif()
message(STATUS "CUDA compiler: ${BSBR_NVCC}")
get_filename_component(_nvcc "${BSBR_NVCC}" REALPATH)
get_filename_component(_cuda_bin "${_nvcc}" DIRECTORY)
get_filename_component(_cuda_home "${_cuda_bin}" DIRECTORY)

# bsbr_cuda_library(NAME SOURCES...): a loadable library beside the programs, for all GPUs since Ampere: machine code
# for sm_80 and sm_90, and what the driver can compile for later ones. cudart is linked in, so that it needs no CUDA.
function(bsbr_cuda_library name)
  set(objects)
  foreach(source ${ARGN})
    set(object "${CMAKE_CURRENT_BINARY_DIR}/${source}.o")
    get_filename_component(folder "${object}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    add_custom_command(
      OUTPUT "${object}"
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} "${BSBR_NVCC}" -std=c++17 -O3 --expt-relaxed-constexpr -ccbin "${CMAKE_CXX_COMPILER}"
              -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=[sm_90,compute_90]
              -Werror all-warnings -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra
              -I "${PROJECT_SOURCE_DIR}" -MD -MF "${object}.d" -c -o "${object}" "${CMAKE_CURRENT_SOURCE_DIR}/${source}"
      DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${source}"
      DEPFILE "${object}.d"
      COMMENT "Building CUDA object ${source}.o"
      VERBATIM)
    list(APPEND objects "${object}")
  endforeach()
  find_library(BSBR_CUDART_STATIC cudart_static REQUIRED NO_DEFAULT_PATH
               PATHS "${_cuda_home}/lib" "${_cuda_home}/lib64" "${_cuda_home}/targets/x86_64-linux/lib")
  add_library(${name} MODULE ${objects})
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX LIBRARY_OUTPUT_DIRECTORY ${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
  target_link_libraries(${name} PRIVATE ${BSBR_CUDART_STATIC} Threads::Threads ${CMAKE_DL_LIBS} rt)
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,defs)
endfunction()
