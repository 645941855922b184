#pragma once

#include <algorithm>

#include "engine/kernels/cuda/interface.h"

/// The functions of the interface, each in a .cu file.
namespace bsbr::cuda {

int append(const Cache& cache, std::int32_t first, std::int32_t tokens, const Rows& keys, const Rows& values,
           void* stream);
int add_queries(const QueryCall& call, const Turns& turns, const QuerySums& sums, void* stream);
int condense(const CondenseCall& call, void* stream);
int read_near(const AttendCall& call, void* stream);
int choose(const AttendCall& call, void* stream);
int read_far(const AttendCall& call, void* stream);

/// Bytes of shared memory without which a thread block of the function of that name cannot run. (append and
/// add_queries need none.)
std::size_t least_shared_of_condense(const Shape& shape);
std::size_t least_shared_of_near(const Shape& shape);
std::size_t least_shared_of_choose(const Shape& shape);
std::size_t least_shared_of_far(const Shape& shape);

inline std::size_t least_shared(const Shape& shape) {
  return std::max({least_shared_of_condense(shape), least_shared_of_near(shape),
                   least_shared_of_choose(shape), least_shared_of_far(shape)});
}

}  // namespace bsbr::cuda
