#pragma once

namespace bsbr {

inline constexpr int kMostThreads = 1024;

/// Threads that one computation uses on the CPU; the number of cores unless set.
int threads();
/// Throws Error(InvalidArgument) outside 1 to kMostThreads.
void set_threads(int count);

}  // namespace bsbr
