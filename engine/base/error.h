#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace bsbr {

/// What went wrong, coarsely enough for a caller to react to.
enum class ErrorKind {
  InvalidArgument,  ///< a parameter is out of its legal range
  NotFound,         ///< a file, folder, model or tensor is not there
  InvalidFile,      ///< a file's content breaks its format
  Unsupported,      ///< well-formed, but something this program does not do
  Io,               ///< the operating system refused to read or write
  OutOfMemory,      ///< host or device memory is exhausted
  Device,           ///< the requested device is missing or failed
  Cancelled,        ///< the caller's CancelToken was set
  Internal,         ///< a defect of this program
};

/// Every error that leaves the engine. The message says what is wrong, where, and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

/// Short English name of a kind, e.g. "invalid file".
const char* to_string(ErrorKind kind) noexcept;

/// The text of errno `code`, e.g. "No space left on device". Thread-safe.
std::string system_message(int code);

/// Concatenates its arguments as operator<< prints them.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return std::move(out).str();
}

}  // namespace bsbr
