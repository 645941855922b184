#include "engine/base/caught.h"

#include <new>
#include <string_view>
#include <system_error>

namespace bsbr {
namespace {

/// Without what libraries add below it, such as the calls that led there.
std::string first_line(std::string_view text) {
  return std::string(text.substr(0, text.find('\n')));
}

std::string told(std::string_view message) {
  return message.empty() ? "this program has a defect that says nothing of itself; please report what you did"
                         : std::string(message);
}

}  // namespace

Error caught_error() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.kind(), told(error.what())};
  } catch (const std::bad_alloc&) {
    return {ErrorKind::OutOfMemory, "memory is exhausted; close other programs, or choose a shorter text"};
  } catch (const std::system_error& error) {
    return {ErrorKind::Io, told(first_line(error.what()))};
  } catch (const std::exception& error) {
    return {ErrorKind::Internal, told(first_line(error.what()))};
  } catch (...) {
    return {ErrorKind::Internal, told({})};
  }
}

}  // namespace bsbr
