# Sourced by run and check. step LABEL LOG COMMAND...: one line to the screen, the command's output into LOG,
# and what LOG says to the screen when the command fails. Returns the command's status.
# shellcheck shell=bash

# The lines of compilers, linkers and Clang's tools that name a fault; else the end of the log.
excerpt() {
  { grep -E '(error|warning): |undefined reference' "$1" || tail -n 40 "$1"; } |
    sed -E 's/:[0-9]+:[0-9]+: error: (code should be clang-formatted).*/: \1/' | uniq | head -n 60
}

step() {
  local label=$1 log=$2 start=$SECONDS status=0
  shift 2
  mkdir -p "$(dirname "$log")"
  printf '%s … ' "$label"
  "$@" >"$log" 2>&1 || status=$?
  if ((status == 0)); then
    printf 'done (%d s)\n' $((SECONDS - start))
  else
    printf 'failed. From %s:\n' "$log"
    excerpt "$log" | sed 's/^/    /'
  fi
  return "$status"
}

# configure PRESET: CMake's configure step, through ccache where it is installed.
configure() {
  local launcher=()
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  step "Configure $1" "build/$1-configure.log" cmake --preset "$1" "${launcher[@]}"
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  step "Build $preset" "build/$preset-build.log" cmake --build --preset "$preset" -j "$(nproc)" ${1:+--target "$@"}
}
