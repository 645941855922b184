// usage: fuzz_replay TARGET PATH…: gives the target each file, and every file of each folder. Takes Clang's
// libFuzzer's place in builds with any compiler.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

using Target = int(const std::uint8_t*, std::size_t);
#define BSBR_FUZZ_TARGET(name) extern "C" Target fuzz_##name;
#include "fuzz_targets.inc"
#undef BSBR_FUZZ_TARGET

namespace {

namespace fs = std::filesystem;

const std::map<std::string, Target*> kTargets{
#define BSBR_FUZZ_TARGET(name) {#name, fuzz_##name},
#include "fuzz_targets.inc"
#undef BSBR_FUZZ_TARGET
};

std::set<fs::path> files_of(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::set<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) files.insert(entry.path());
  }
  return files;
}

bool run(Target* target, const fs::path& file) {
  std::fprintf(stderr, "%s\n", file.c_str());  // the last one is that which ended the program
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) return false;
  target(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const auto target = argc < 3 ? kTargets.end() : kTargets.find(argv[1]);
  if (target == kTargets.end()) {
    std::fputs("usage: fuzz_replay TARGET PATH...\ntargets:", stderr);
    for (const auto& [name, function] : kTargets) std::fprintf(stderr, " %s", name.c_str());
    std::fputs("\n", stderr);
    return 2;
  }
  std::size_t count = 0;
  for (int i = 2; i < argc; ++i) {
    for (const fs::path& file : files_of(argv[i])) {
      if (!run(target->second, file)) {
        std::fprintf(stderr, "%s: cannot be read\n", file.c_str());
        return 1;
      }
      ++count;
    }
  }
  if (count == 0) std::fputs("no inputs are there\n", stderr);
  return count == 0 ? 1 : 0;
}
