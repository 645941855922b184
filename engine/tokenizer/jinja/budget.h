#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "engine/base/error.h"

namespace bsbr::jinja {

// What a template may use. Published templates stay far below.
constexpr std::size_t kMostTemplateBytes = std::size_t{1} << 20;
constexpr int kMostNesting = 200;  ///< of expressions and of blocks in a template's text, of lists in values
constexpr int kMostDepth = 500;    ///< of calls while rendering; macros may call themselves
constexpr std::uint64_t kMostRange = 100'000;  ///< elements of range(), as Jinja's sandbox has it
constexpr std::uint64_t kMostWork = 10'000'000;
constexpr std::uint64_t kBytesPerWork = 16;
constexpr std::uint64_t kWorkPerInputByte = 16;

/// What Python would raise while rendering. Throws Error(InvalidArgument).
[[noreturn]] inline void fail(const std::string& what) {
  throw Error(ErrorKind::InvalidArgument, what);
}
/// What this interpreter does not do. Throws Error(Unsupported).
[[noreturn]] inline void unsupported(const std::string& what) {
  throw Error(ErrorKind::Unsupported, what);
}

/// Counts what rendering costs, in steps of the evaluator; time and memory are in proportion. Every function
/// that makes or reads values of unbounded size charges it first.
class Budget {
 public:
  /// `input_bytes`: of the variables and the template.
  explicit Budget(std::uint64_t input_bytes) : left_(kMostWork + kWorkPerInputByte * input_bytes) {}

  /// Throws Error(Unsupported) if the template has used up what it may.
  void work(std::uint64_t steps) {
    if (steps > left_) unsupported("takes too much time or memory to render");
    left_ -= steps;
  }
  void bytes(std::uint64_t count) { work(1 + count / kBytesPerWork); }
  /// `count` times `each` bytes, which may overflow.
  void bytes(std::uint64_t count, std::uint64_t each) {
    if (each != 0 && count > UINT64_MAX / each) work(UINT64_MAX);
    bytes(count * each);
  }

 private:
  std::uint64_t left_;
};

}  // namespace bsbr::jinja
