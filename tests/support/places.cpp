#include "tests/support/places.h"

namespace bsbr::test {

std::string in_repository(const std::string& path) {
  return BSBR_SOURCE_DIR "/" + path;
}

std::string in_golden(const std::string& path) {
  return in_repository("tests/golden/" + path);
}

}  // namespace bsbr::test
