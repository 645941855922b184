#include "engine/model/runtime.h"

#include <ATen/Parallel.h>

#include "engine/base/error.h"

namespace bsbr {

void set_threads(int count) {
  if (count < 1 || count > 1024) {
    throw Error(ErrorKind::InvalidArgument, cat("threads is ", count, "; legal: 1 to 1024"));
  }
  at::set_num_threads(count);
}

}  // namespace bsbr
