#pragma once

#include <cstdlib>
#include <new>

/// Replaces operator new of the test program that includes this, in one of its files, by one that counts and
/// that fails when it is asked to.
namespace bsbr::test {

/// Of this thread.
inline thread_local long allocations = 0;
/// The allocation that fails, counted from 1; 0: none. Only that one.
inline thread_local long failing_allocation = 0;

inline void* counted_new(std::size_t bytes) {
  if (++allocations == failing_allocation) throw std::bad_alloc();
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

/// How many allocations `work` makes on this thread.
template <class Work>
long count_allocations(const Work& work) {
  const long before = allocations;
  work();
  return allocations - before;
}

}  // namespace bsbr::test

void* operator new(std::size_t bytes) {
  return bsbr::test::counted_new(bytes);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*bytes*/) noexcept {
  std::free(memory);
}
