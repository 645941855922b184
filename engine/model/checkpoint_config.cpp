#include "engine/model/checkpoint_config.h"

#include <string_view>

#include "engine/base/error.h"

namespace bsbr {

ModelConfig config_of(const Checkpoint& checkpoint) {
  try {
    return ModelConfig::from_json(checkpoint.config());
  } catch (const Error& error) {
    constexpr std::string_view kFile = "config.json";
    const std::string_view what = error.what();
    const std::string file = (checkpoint.folder() / kFile).string();
    // Settings out of range are a bad argument elsewhere; here they come from the file.
    const ErrorKind kind = error.kind() == ErrorKind::InvalidArgument ? ErrorKind::InvalidFile : error.kind();
    throw Error(kind, what.starts_with(kFile) ? cat(file, what.substr(kFile.size())) : cat(file, ": ", what));
  }
}

}  // namespace bsbr
