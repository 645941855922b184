#include "engine/base/resources.h"

#include <system_error>

#include "engine/base/error.h"

namespace bsbr {

std::filesystem::path resource(const std::filesystem::path& name) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  fs::path installed = program.parent_path().parent_path() / "share" / "bsbr" / name;
  if (!error && fs::exists(installed, error)) return installed;
  fs::path source = fs::path(BSBR_SOURCE_RESOURCES) / name;
  if (fs::exists(source, error)) return source;
  throw Error(ErrorKind::NotFound,
              cat("the program's own file ", name.string(), " is neither at ", installed.string(), " nor at ",
                  source.string(), "; install the program again"));
}

}  // namespace bsbr
