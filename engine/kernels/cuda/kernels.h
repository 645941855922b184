#pragma once

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

}  // namespace bsbr::cuda
