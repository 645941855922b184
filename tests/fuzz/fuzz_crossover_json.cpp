#include "engine/analysis/crossover_file.h"
#include "tests/fuzz/fuzz.h"

using namespace bsbr;

/// The file that remembers crossovers, which any program may have written: read, and written to.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  const auto file = folder.write("crossover.json", fuzz::text_of(data, size));
  if (const auto found = find_crossover(file, "key", 2)) {
    fuzz::expect(found->size() == 2, "another number of layers is found than was asked for");
    for (const std::int64_t tokens : *found) fuzz::expect(tokens >= 0, "a length is negative");
  }
  const std::vector<std::int64_t> kept{512, 0};
  keep_crossover(file, "key", kept);
  fuzz::expect(find_crossover(file, "key", 2) == kept, "what was kept is not found");
  return 0;
}
