# OpenMP, warnings, sanitizers and the one function that every library of the engine is declared with.
add_library(bsbr_options INTERFACE)
# Without OpenMP, at::parallel_for compiles to a loop on one thread; for fuzzing that is wanted.
if(NOT BSBR_FUZZ)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  target_link_libraries(bsbr_options INTERFACE OpenMP::OpenMP_CXX)
endif()
target_include_directories(bsbr_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(bsbr_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wimplicit-fallthrough -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  # False alarms on std::string + (GCC bug 105651).
  target_compile_options(bsbr_options INTERFACE -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow
                                              -Wno-stringop-overread)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(bsbr_options INTERFACE -fpch-preprocess)  # ccache then sees precompiled headers
endif()
# It links in a tenth of the time.
find_program(BSBR_MOLD mold)
if(BSBR_MOLD)
  target_link_options(bsbr_options INTERFACE -fuse-ld=mold)
endif()
if(BSBR_FUZZ)
  target_compile_options(bsbr_options INTERFACE
    -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_definitions(bsbr_options INTERFACE _GLIBCXX_ASSERTIONS)
  target_link_options(bsbr_options INTERFACE -fsanitize=address,undefined)
elseif(BSBR_SANITIZE)
  target_compile_options(bsbr_options INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(bsbr_options INTERFACE -fsanitize=address,undefined)
endif()

# bsbr_library(NAME SOURCES... PUBLIC libs... PRIVATE libs...)
function(bsbr_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ${arg_PUBLIC} PRIVATE bsbr_options ${arg_PRIVATE})
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()
