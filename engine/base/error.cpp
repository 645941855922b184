#include "engine/base/error.h"

#include <system_error>

namespace bsbr {

const char* to_string(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::InvalidArgument:
      return "invalid argument";
    case ErrorKind::NotFound:
      return "not found";
    case ErrorKind::InvalidFile:
      return "invalid file";
    case ErrorKind::Unsupported:
      return "unsupported";
    case ErrorKind::Io:
      return "input/output";
    case ErrorKind::OutOfMemory:
      return "out of memory";
    case ErrorKind::Device:
      return "device";
    case ErrorKind::Cancelled:
      return "cancelled";
    case ErrorKind::Internal:
      return "internal";
  }
  return "unknown";
}

std::string system_message(int code) {
  return std::generic_category().message(code);
}

}  // namespace bsbr
