#include "tests/support/cuda_emulator.h"

#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_emulator {

dim3 thread_index, block_index, block_size, grid_size;

namespace {

constexpr std::size_t kStackBytes = 128 << 10;
constexpr unsigned kWarp = 32;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "cuda_emulator: %s (block %u, %u, %u; thread %u)\n", what, block_index.x,
               block_index.y, block_index.z, thread_index.x);
  std::abort();
}

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
// As swapcontext, but without its system calls: saves what a callee must preserve, exchanges stacks.
extern "C" void cuda_emulator_switch(void** from, void* to);
asm(R"(
.text
.globl cuda_emulator_switch
.type cuda_emulator_switch,@function
cuda_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_emulator_switch,.-cuda_emulator_switch
)");

/// A flow of control with a stack of its own.
class Context {
 public:
  void start(std::vector<char>& stack, void (*entry)()) {
    auto top = reinterpret_cast<std::uintptr_t>(stack.data() + stack.size()) / 16 * 16;
    auto** at = reinterpret_cast<void**>(top);
    *--at = nullptr;  // so that the stack is aligned as after a call
    *--at = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; ++i) *--at = nullptr;
    pointer_ = static_cast<void*>(at);
  }
  void switch_to(Context& to) { cuda_emulator_switch(&pointer_, to.pointer_); }
  void end_in(Context& to) { switch_to(to); }
  void arrived() {}

 private:
  void* pointer_ = nullptr;
};
#else
class Context {
 public:
  void start(std::vector<char>& stack, void (*entry)()) {
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack.data();
    context_.uc_stack.ss_size = stack.size();
    fake_ = nullptr;
    bottom_ = stack.data();
    size_ = stack.size();
    context_.uc_link = nullptr;
    makecontext(&context_, entry, 0);
  }
  void switch_to(Context& to) { leave(to, &fake_); }
  /// For ever: what the sanitizer keeps for the stack is given back.
  void end_in(Context& to) { leave(to, nullptr); }
  /// What a fiber calls first.
  void arrived() {
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_finish_switch_fiber(fake_, &last_->bottom_, &last_->size_);
#endif
  }

 private:
  void leave(Context& to, [[maybe_unused]] void** keep) {
#ifdef __SANITIZE_ADDRESS__
    last_ = this;
    __sanitizer_start_switch_fiber(keep, to.bottom_, to.size_);
#endif
    swapcontext(&context_, &to.context_);
    arrived();
  }

  ucontext_t context_{};
  void* fake_ = nullptr;
  const void* bottom_ = nullptr;
  std::size_t size_ = 0;
  static inline Context* last_ = nullptr;
};
#endif

enum class State { Ready, Waiting, Ended };

struct Fiber {
  Context context;
  std::vector<char> stack = std::vector<char>(kStackBytes);
  State state = State::Ready;
  Collective waits_for = Collective::SyncBlock;
  unsigned round[2] = {0, 0};  // collectives of its block and of its warp so far: where it leaves its value
};

/// One for all; blocks run one after the other.
struct Machine {
  Context scheduler;
  std::vector<std::unique_ptr<Fiber>> fibers;
  std::vector<std::uint64_t> left[2][2];  // [of block, of warp][even, odd round][thread]
  std::unique_ptr<char[]> shared;
  const std::function<void()>* body = nullptr;
  std::mt19937 random{1};
};
Machine machine;

/// Of the emulated GPU and the runtime's last error.
struct Runtime {
  std::size_t granted = 163 << 10;
  std::map<const void*, std::size_t> allowed;  // by kernel
  cudaError_t last_error = cudaSuccess;

  cudaError_t fail() { return last_error = cudaErrorInvalidValue; }
};
Runtime runtime;

bool of_block(Collective what) {
  return what == Collective::SyncBlock || what == Collective::BlockOr;
}

void enter() {
  Fiber& fiber = *machine.fibers[thread_index.x];
  fiber.context.arrived();
  (*machine.body)();
  fiber.state = State::Ended;
  fiber.context.end_in(machine.scheduler);
  fail("a thread that had ended went on");
}

/// Lets the threads [begin, end) go on if all of them wait for the same.
bool release(unsigned begin, unsigned end, bool block) {
  const Collective what = machine.fibers[begin]->waits_for;
  for (unsigned t = begin; t < end; ++t) {
    const Fiber& fiber = *machine.fibers[t];
    if (fiber.state != State::Waiting || of_block(fiber.waits_for) != block) return false;
  }
  for (unsigned t = begin; t < end; ++t) {
    if (machine.fibers[t]->waits_for != what) fail("threads meet in different collectives");
    machine.fibers[t]->state = State::Ready;
  }
  return true;
}

void run_block(unsigned threads) {
  std::vector<unsigned> order(threads);
  std::iota(order.begin(), order.end(), 0U);
  std::shuffle(order.begin(), order.end(), machine.random);
  for (unsigned t = 0; t < threads; ++t) {
    Fiber& fiber = *machine.fibers[t];
    fiber.state = State::Ready;
    fiber.round[0] = fiber.round[1] = 0;
    fiber.context.start(fiber.stack, enter);
  }
  while (true) {
    bool went = false, ended = true;
    for (const unsigned t : order) {
      Fiber& fiber = *machine.fibers[t];
      ended = ended && fiber.state == State::Ended;
      if (fiber.state != State::Ready) continue;
      went = true;
      thread_index.x = t;
      machine.scheduler.switch_to(fiber.context);
    }
    for (unsigned warp = 0; warp < threads; warp += kWarp) went = release(warp, warp + kWarp, false) || went;
    went = release(0, threads, true) || went;
    if (ended) return;
    if (!went) fail("threads wait for others that ended or wait elsewhere");
  }
}

}  // namespace

void set_granted_shared(std::size_t bytes) {
  runtime = {bytes, {}, cudaSuccess};
}

std::size_t granted_shared() {
  return runtime.granted;
}

int allow_shared(const void* kernel, std::size_t bytes) {
  if (bytes > runtime.granted) return runtime.fail();
  runtime.allowed[kernel] = bytes;
  return cudaSuccess;
}

bool may_launch(const void* kernel, std::size_t shared) {
  constexpr std::size_t kGrantedAnyway = 48 << 10;
  const auto allowed = runtime.allowed.find(kernel);
  if (shared <= (allowed == runtime.allowed.end() ? kGrantedAnyway : allowed->second)) return true;
  runtime.fail();
  return false;
}

char* shared_bytes() {
  return machine.shared.get();
}

const std::uint64_t* meet(Collective what, std::uint64_t value) {
  Fiber& fiber = *machine.fibers[thread_index.x];
  const bool block = of_block(what);
  // Two rounds cannot overlap by more than one, so two places are enough.
  std::vector<std::uint64_t>& left = machine.left[block ? 0 : 1][fiber.round[block ? 0 : 1]++ % 2];
  left[thread_index.x] = value;
  fiber.waits_for = what;
  fiber.state = State::Waiting;
  fiber.context.switch_to(machine.scheduler);
  return left.data() + (block ? 0 : thread_index.x / kWarp * kWarp);
}

void run(dim3 grid, int threads, std::size_t shared, const std::function<void()>& body) {
  const auto count = static_cast<unsigned>(threads);
  if (count == 0 || count % kWarp != 0 || count > 1024) fail("a block has 32 to 1024 threads in whole warps");
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.y > 65535 || grid.z > 65535) fail("no legal grid");
  while (machine.fibers.size() < count) machine.fibers.push_back(std::make_unique<Fiber>());
  for (auto& of : machine.left) {
    for (auto& left : of) left.resize(1024);
  }
  // Of its own for each launch, so that the sanitizer sees what is read beyond it; new aligns it enough.
  static_assert(alignof(std::max_align_t) >= alignof(float4));
  machine.shared = std::make_unique<char[]>(shared);
  machine.body = &body;
  grid_size = grid;
  block_size = dim3(count);
  for (unsigned z = 0; z < grid.z; ++z) {
    for (unsigned y = 0; y < grid.y; ++y) {
      for (unsigned x = 0; x < grid.x; ++x) {
        block_index = dim3(x, y, z);
        std::memset(machine.shared.get(), 0xff, shared);
        run_block(count);
      }
    }
  }
}

}  // namespace cuda_emulator

cudaError_t cudaGetLastError() {
  return std::exchange(cuda_emulator::runtime.last_error, cudaSuccess);
}

cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr /*attribute*/, int /*device*/) {
  *value = static_cast<int>(cuda_emulator::granted_shared());
  return cudaSuccess;
}
