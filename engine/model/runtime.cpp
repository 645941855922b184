#include "engine/model/runtime.h"

#include <ATen/Parallel.h>

#include "engine/base/error.h"

namespace bsbr {

int threads() {
  return at::get_num_threads();
}

void set_threads(int count) {
  if (count < 1 || count > kMostThreads) {
    throw Error(ErrorKind::InvalidArgument, cat("threads is ", count, "; legal: 1 to ", kMostThreads));
  }
  at::set_num_threads(count);
}

}  // namespace bsbr
