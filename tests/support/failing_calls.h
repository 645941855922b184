#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <initializer_list>

namespace bsbr::test {

/// From here on these system calls of this process, and of what it executes, do nothing and fail with `code`,
/// as they do on systems that lack them. False where that cannot be arranged.
inline bool fail_calls(std::initializer_list<long> calls, int code) {
  // Without allocating: it is called between fork and exec, where other threads may have held a lock.
  std::array<sock_filter, 64> filter;
  std::size_t size = 0;
  filter[size++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (const long call : calls) {
    if (size + 3 > filter.size()) return false;
    filter[size++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(call), 0, 1);
    filter[size++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<__u32>(code));
  }
  filter[size++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog program{static_cast<unsigned short>(size), filter.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// The calls that change a file's mode by its path.
#ifdef SYS_chmod
inline constexpr std::initializer_list<long> kChmod{SYS_chmod, SYS_fchmodat};
#else
inline constexpr std::initializer_list<long> kChmod{SYS_fchmodat};
#endif

}  // namespace bsbr::test
