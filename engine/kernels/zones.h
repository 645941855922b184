#pragma once

#ifdef __CUDACC__
#define BSBR_ANYWHERE __host__ __device__
#else
#define BSBR_ANYWHERE
#endif

/// The arithmetic of BSBR's zones, which kernels of the CPU and of CUDA, the plain implementation and the
/// estimates share. `Int` is what the caller counts in; tokens unless said.
namespace bsbr::zones {

template <class Int>
BSBR_ANYWHERE constexpr Int smaller(Int a, Int b) {
  return b < a ? b : a;
}

/// What all heads of a conversion have in common.
template <class Int>
struct Layout {
  Int chunk;             ///< C
  Int block;             ///< b; divides the chunk
  Int window;            ///< chunks before the own one that are read exactly
  Int sink;              ///< the first tokens, always exact; a multiple of the block
  Int candidate_chunks;  ///< chunks whose blocks are scored one by one
};

/// What one head reads of its far past: HeadPlan.
template <class Int>
struct Budget {
  Int retrieve;           ///< at most; a multiple of the block
  bool by_threshold;      ///< fewer where few score enough
  bool states;            ///< the rest is read through states; else it is dropped
  bool all_read = false;  ///< everything is read exactly, whatever the rest says
};

/// How the past of one query divides.
template <class Int>
struct Zones {
  Int sink;  ///< tokens [0, sink) and [recent, position] are near
  Int recent;
  Int first_chunk, end_chunk;  ///< chunks that hold far blocks
  Int first_block;             ///< the first far block, counted from the sequence's start
  Int retrieved;               ///< blocks that the query retrieves, at most
  Int candidates;              ///< chunks whose blocks are scored one by one
  bool far;                    ///< false: nothing but the near zone is read
  bool coarse;                 ///< true: only some chunks are candidates, and all have plain states weighed
};

/// Chunks before the near ones, of a query at `position`.
template <class Int>
BSBR_ANYWHERE constexpr Int chunks_before_near(Int position, Int chunk, Int window) {
  const Int own = position / chunk;
  return own > window ? own - window : Int{0};
}

/// The most chunks that are candidates: enough for the budget.
template <class Int>
BSBR_ANYWHERE constexpr Int most_candidates(Int candidate_chunks, Int retrieve, Int chunk) {
  const Int enough = retrieve / chunk + 2;
  return candidate_chunks > enough ? candidate_chunks : enough;
}

template <class Int>
BSBR_ANYWHERE constexpr Zones<Int> divide(const Layout<Int>& layout, const Budget<Int>& budget,
                                          Int position) {
  Zones<Int> zones{};
  zones.end_chunk = chunks_before_near(position, layout.chunk, layout.window);
  zones.recent = zones.end_chunk * layout.chunk;
  zones.sink = smaller(layout.sink, zones.recent);
  const Int far = zones.recent - zones.sink;
  const bool all_read = budget.all_read || (!budget.by_threshold && far <= budget.retrieve);
  if (all_read) zones.sink = zones.recent;
  zones.far = far > 0 && !all_read && (budget.retrieve > 0 || budget.states);
  zones.first_chunk = zones.sink / layout.chunk;
  zones.first_block = zones.sink / layout.block;
  zones.retrieved = smaller(budget.retrieve, far) / layout.block;
  const Int chunks = zones.end_chunk - zones.first_chunk;
  zones.candidates = smaller(chunks, most_candidates(layout.candidate_chunks, budget.retrieve, layout.chunk));
  zones.coarse = zones.candidates < chunks;
  return zones;
}

/// States that the query's scores are made of, `states_of_chunk` of each candidate and the plain ones.
template <class Int>
BSBR_ANYWHERE constexpr Int scored_states(const Zones<Int>& zones, Int states_of_chunk) {
  if (!zones.far) return 0;
  return zones.candidates * states_of_chunk + (zones.coarse ? zones.end_chunk - zones.first_chunk : Int{0});
}

}  // namespace bsbr::zones
