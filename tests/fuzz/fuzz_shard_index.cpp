#include "engine/checkpoint/shard_index.h"
#include "tests/fuzz/fuzz.h"

using namespace bsbr;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  const auto file = folder.write("model.safetensors.index.json", fuzz::text_of(data, size));
  fuzz::reads([&] {
    std::vector<std::string> warnings;
    const ShardIndex index = read_shard_index(file, warnings);
    fuzz::expect(!index.shard_of.empty() && !index.shards.empty(), "an empty index is taken");
    for (const std::string& shard : index.shards) {
      fuzz::expect(shard.find_first_of(std::string_view("/\0", 2)) == std::string::npos && shard != ".." &&
                       shard != "." && !shard.empty(),
                   "a shard leads out of its folder");
    }
    fuzz::expect(missing_shards(index, folder.path()).size() <= index.shards.size(),
                 "more shards are missing than there are");
  });
  return 0;
}
