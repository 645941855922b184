#include "engine/checkpoint/folder_config.h"

#include "engine/base/error.h"
#include "engine/base/json_file.h"
#include "engine/checkpoint/other_model.h"
#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/quantised.h"
#include "engine/checkpoint/weight_files.h"

namespace bsbr {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 2u << 20;

}  // namespace

nlohmann::json read_folder_config(const std::filesystem::path& folder, std::vector<std::string>& warnings) {
  const std::filesystem::path path = folder / kConfigFile;
  if (!has_entry(path)) {
    throw Error(ErrorKind::NotFound, cat(folder.string(),
                                         ": has weights, but no config.json, without which they mean "
                                         "nothing; copy it from where the weights come from"));
  }
  require_file(path);
  nlohmann::json config = read_python_json(path, kMaxConfigBytes, warnings);
  refuse_other_model(path, config);
  refuse_quantised_config(folder, config);
  return config;
}

}  // namespace bsbr
