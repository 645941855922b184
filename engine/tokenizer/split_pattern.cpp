#include "engine/tokenizer/split_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <string>

#include "engine/base/error.h"

namespace bsbr {
namespace {

constexpr std::size_t kJitStackStart = 64u << 10;
constexpr std::size_t kJitStackMost = 16u << 20;

struct Free {
  void operator()(pcre2_code* code) const noexcept { pcre2_code_free(code); }
  void operator()(pcre2_match_data* data) const noexcept { pcre2_match_data_free(data); }
  void operator()(pcre2_match_context* context) const noexcept { pcre2_match_context_free(context); }
  void operator()(pcre2_jit_stack* stack) const noexcept { pcre2_jit_stack_free(stack); }
};

std::string pcre2_message(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

template <class T>
std::unique_ptr<T, Free> owned(T* pointer) {
  if (pointer == nullptr)
    throw Error(ErrorKind::OutOfMemory, "out of memory while splitting text into pieces");
  return std::unique_ptr<T, Free>(pointer);
}

}  // namespace

#define WHITE "\\t-\\r\\x{85}\\p{Z}"
const std::string_view kGpt2Split =
    "'(?:[stmd]|re|ve|ll)"
    "| ?\\p{L}++"
    "| ?\\p{N}++"
    "| ?[^" WHITE
    "\\p{L}\\p{N}]++"
    "|[" WHITE "]+(?![^" WHITE
    "])"
    "|[" WHITE "]++";
#undef WHITE

struct SplitPattern::Code {
  std::unique_ptr<pcre2_code, Free> compiled;
  bool jit = false;
};

SplitPattern::SplitPattern(std::string_view pattern, Engine engine) {
  int error = 0;
  PCRE2_SIZE at = 0;
  auto code = std::make_shared<Code>();
  code->compiled.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                     PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &at, nullptr));
  if (code->compiled == nullptr) {
    throw Error(ErrorKind::Unsupported,
                cat("split pattern \"", pattern, "\": at byte ", at, ": ", pcre2_message(error)));
  }
  // Where the system forbids executable memory there is no JIT; the interpreter finds the same matches.
  code->jit =
      engine == Engine::JitIfPossible && pcre2_jit_compile(code->compiled.get(), PCRE2_JIT_COMPLETE) == 0;
  code_ = std::move(code);
}

struct SplitPattern::Scan::State {
  std::shared_ptr<const Code> code;
  std::unique_ptr<pcre2_match_data, Free> data;
  std::unique_ptr<pcre2_match_context, Free> context;
  std::unique_ptr<pcre2_jit_stack, Free> stack;
  bool jit;
};

SplitPattern::Scan::Scan(const SplitPattern& pattern)
    : state_(new State{.code = pattern.code_,
                       .data = owned(pcre2_match_data_create(1, nullptr)),
                       .context = owned(pcre2_match_context_create(nullptr)),
                       .stack = nullptr,
                       .jit = pattern.code_->jit}) {}

SplitPattern::Scan::Scan(Scan&&) noexcept = default;
SplitPattern::Scan& SplitPattern::Scan::operator=(Scan&&) noexcept = default;
SplitPattern::Scan::~Scan() = default;

void SplitPattern::Scan::start(std::string_view text) noexcept {
  text_ = text;
  at_ = match_begin_ = match_end_ = 0;
}

std::string_view SplitPattern::Scan::next() {
  if (at_ == text_.size()) return {};
  if (match_end_ <= at_) match();
  const std::size_t begin = at_;
  is_match_ = begin == match_begin_;
  at_ = is_match_ ? match_end_ : match_begin_;
  return text_.substr(begin, at_ - begin);
}

// Sets match_begin_ and match_end_ to the next match that is not empty, or to an empty one at the text's end.
void SplitPattern::Scan::match() {
  State& state = *state_;
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text_.data());
  const pcre2_code* code = state.code->compiled.get();
  int found = PCRE2_ERROR_JIT_STACKLIMIT;
  while (state.jit) {
    found = pcre2_jit_match(code, subject, text_.size(), at_, PCRE2_NOTEMPTY, state.data.get(),
                            state.context.get());
    if (found != PCRE2_ERROR_JIT_STACKLIMIT) break;
    if (state.stack == nullptr) {
      // The machine stack's 32 KiB were too few.
      state.stack = owned(pcre2_jit_stack_create(kJitStackStart, kJitStackMost, nullptr));
      pcre2_jit_stack_assign(state.context.get(), nullptr, state.stack.get());
    } else {
      state.jit = false;
    }
  }
  if (!state.jit) {
    found = pcre2_match(code, subject, text_.size(), at_, PCRE2_NOTEMPTY | PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                        state.data.get(), state.context.get());
  }
  if (found == PCRE2_ERROR_NOMATCH) {
    match_begin_ = match_end_ = text_.size();
    return;
  }
  if (found < 0) {
    throw Error(ErrorKind::Unsupported,
                cat("splitting text into pieces failed at byte ", at_, ": ", pcre2_message(found)));
  }
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(state.data.get());
  match_begin_ = bounds[0];
  match_end_ = bounds[1];
}

}  // namespace bsbr
