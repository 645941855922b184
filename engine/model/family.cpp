#include "engine/model/family.h"

#include <array>

#include "engine/base/error.h"

namespace bsbr {

const Family& find_family(const std::string& model_type) {
  constexpr std::array kFamilies{&kGpt2, &kLlama, &kQwen2};
  std::string known;
  for (const Family* family : kFamilies) {
    if (model_type == family->model_type) return *family;
    known += cat(known.empty() ? "\"" : ", \"", family->model_type, "\"");
  }
  throw Error(ErrorKind::Unsupported,
              cat("config.json: model_type is \"", model_type, "\"; this program opens ", known));
}

}  // namespace bsbr
