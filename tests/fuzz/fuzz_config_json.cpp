#include "engine/checkpoint/checkpoint.h"
#include "engine/model/checkpoint_config.h"
#include "tests/fuzz/fuzz.h"

using namespace bsbr;

/// config.json of a folder that has one tensor.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  static constexpr std::string_view kHeader = R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  static const auto weights = folder.write(
      "model.safetensors",
      std::string{static_cast<char>(kHeader.size()), 0, 0, 0, 0, 0, 0, 0}.append(kHeader).append(4, '\0'));
  folder.write("config.json", fuzz::text_of(data, size));
  fuzz::reads([&] {
    const ModelConfig config = config_of(Checkpoint::open(folder.path()));
    fuzz::expect(config.vocabulary > 0 && config.context > 0 && config.width > 0 && config.inner > 0 &&
                     config.layers > 0 && config.heads > 0 && config.kv_heads > 0 && config.head_dim > 0 &&
                     config.heads % config.kv_heads == 0,
                 "sizes are taken that are none");
    if (config.bsbr) {
      config.bsbr->check_plan(config.layers, config.heads);
      fuzz::expect(BsbrConfig::from_json(config.bsbr->to_json()) == *config.bsbr,
                   "what is written of a conversion is read as another");
    }
  });
  return 0;
}
