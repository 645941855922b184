# OpenMP, warnings, sanitizers and the one function that every library of the engine is declared with.
add_library(bsbr_options INTERFACE)
# Without it, at::parallel_for would compile to a loop on one thread.
find_package(OpenMP REQUIRED COMPONENTS CXX)
target_link_libraries(bsbr_options INTERFACE OpenMP::OpenMP_CXX)
target_include_directories(bsbr_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(bsbr_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms on std::string + (GCC bug 105651), and on what a temporary only points to.
  target_compile_options(bsbr_options INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
                                              -Wno-stringop-overread)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 13)
    target_compile_options(bsbr_options INTERFACE -Wno-dangling-reference)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(bsbr_options INTERFACE -fpch-preprocess)  # ccache then sees precompiled headers
else()
  target_compile_options(bsbr_options INTERFACE "SHELL:-Xclang -fno-pch-timestamp")  # ccache then knows them again
endif()
# It links in a tenth of the time.
find_program(BSBR_MOLD mold)
if(BSBR_MOLD)
  target_link_options(bsbr_options INTERFACE -fuse-ld=mold)
endif()
if(BSBR_SANITIZE)
  # What is left out AddressSanitizer sees where such a pointer is used; without it compiling takes a third less.
  target_compile_options(bsbr_options INTERFACE -fsanitize=address,undefined
    -fno-sanitize=null,object-size,pointer-overflow -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(bsbr_options INTERFACE -fsanitize=address,undefined)
endif()
if(BSBR_FUZZ)
  target_compile_options(bsbr_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# bsbr_library(NAME SOURCES... PUBLIC libs... PRIVATE libs...)
function(bsbr_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE bsbr_options ${arg_PRIVATE})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()
