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
  printf '%s …\n' "$label"
  "$@" 3>&2 >"$log" 2>&1 || status=$?
  if ((status == 0)); then
    printf '%s: done (%s)\n' "$label" "$(duration $((SECONDS - start)))"
  else
    printf '%s: failed. From %s:\n' "$label" "$log"
    excerpt "$log" | sed 's/^/    /'
  fi
  return "$status"
}

# What is compiled is kept beside the other downloads, for every clone of this user: none of its paths counts. Which
# headers were read the compiler says itself, once; the large precompiled ones are hashed once.
export CCACHE_DIR=${BSBR_CACHE:-$HOME/.cache/bsbr}/ccache CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=true
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
export CCACHE_DEPEND=true CCACHE_INODECACHE=true CCACHE_MAXSIZE=${CCACHE_MAXSIZE:-6G}

duration() { if (($1 < 90)); then printf '%d s' "$1"; else printf '%d min' $((($1 + 30) / 60)); fi; }

# watch LABEL: copies standard input, in which lines begin with [DONE/ALL]; says on the screen how far it is and about
# how long it will take: on a terminal in one line that is rewritten, elsewhere in a line now and then.
watch() {
  local label=$1 start=$SECONDS said=0 line ready all elapsed pause=30 text
  if [[ -t 2 ]]; then pause=1; fi
  while IFS= read -r line; do
    printf '%s\n' "$line"
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    ready=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]} elapsed=$((SECONDS - start))
    if ((elapsed < said + pause)); then continue; fi
    said=$elapsed
    text="$label: $ready of $all steps"
    if ((ready < all && elapsed >= 10)); then text+=", about $(duration $((elapsed * (all - ready) / ready))) left"; fi
    if [[ -t 2 ]]; then printf '\r\033[K%s' "$text" >&2; else printf '%s\n' "$text" >&2; fi
  done
  if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
}

# long_step LABEL LOG COMMAND...: a step whose output watch() understands.
long_step() {
  local label=$1 log=$2
  shift 2
  step "$label" "$log" watched "$label" "$@"
}
watched() {
  local label=$1
  shift
  "$@" 2>&1 | watch "$label" 2>&3
}

# configure PRESET [OPTION...]: CMake's configure step, through ccache where it is installed.
configure() {
  local preset=$1 launcher=()
  shift
  if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
  step "Configure $preset" "build/$preset-configure.log" cmake --preset "$preset" "${launcher[@]}" "$@"
}

# build PRESET [TARGET...]
build() {
  local preset=$1
  shift
  long_step "Build $preset" "build/$preset-build.log" cmake --build --preset "$preset" -j "$(nproc)" \
    ${1:+--target "$@"}
}
