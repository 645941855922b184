#pragma once

#include <cstddef>
#include <cstdint>

/// The border between the engine and its CUDA kernels, which are a library of their own: plain data and one
/// table of functions. Pointers are the device's unless said; every function only enqueues work on `stream`
/// (a cudaStream_t) and returns 0 or a cudaError_t.
namespace bsbr::cuda {

/// Raised with every change of what stands in this file or in layout.h.
inline constexpr std::int32_t kInterfaceVersion = 2;

/// Of queries, keys, values, state keys, state values and outputs. All sums are in float32.
enum class Element : std::int32_t { Float32, Float16, Bfloat16 };

constexpr std::size_t size_of(Element element) {
  return element == Element::Float32 ? 4 : 2;
}

/// Wider heads are refused.
inline constexpr std::int32_t kMostDim = 256;

struct Shape {
  std::int32_t heads;     ///< of queries; a multiple of kv_heads
  std::int32_t kv_heads;  ///< grouped heads share their loads
  std::int32_t dim;       ///< of a key and of a value
  std::int32_t chunk;     ///< tokens a chunk, C
  std::int32_t block;     ///< tokens a block, b
  std::int32_t states;    ///< condensed states a block
  Element element;
};

/// Keys, values and states of one sequence in one layer, chunk by chunk; layout.h says what lies where.
struct Cache {
  Shape shape;
  void* const* chunks;  ///< [chunks]: ChunkLayout; nullptr: forgotten
  void* const* states;  ///< [chunks]: StateLayout, of complete chunks
};

/// A vector of each token and head: element i at data[token · token_stride + head · head_stride + i].
struct Rows {
  const void* data;
  std::int64_t token_stride, head_stride;  ///< in elements
};

/// What one head reads of its far past: HeadPlan.
struct HeadReach {
  std::int32_t retrieve;  ///< tokens; a multiple of the block
  float threshold;
  std::int32_t states;  ///< 0: what is not retrieved is dropped
};

/// What every head reads.
struct Reach {
  std::int32_t window, sink, candidate_chunks;  ///< BsbrReach
  std::int32_t retrieve;                        ///< the most that any head retrieves
  const HeadReach* heads;                       ///< [heads]
};

/// Of rotary queries and keys; all nullptr where they are not.
struct Turns {
  const double* frequencies;  ///< [dim / 2]
  const double* mean;         ///< [2, dim / 2]: real and imaginary part of mean_turns()
  const float* back;          ///< [2, dim / 2, block]: cosine and sine of the angles that KeyGrouper turns by
};

/// Sums of scaled queries, as if all stood at position 0: what MeanQuery keeps.
struct QuerySums {
  double* complete;  ///< [kv_heads, dim]: of all complete chunks
  double* open;      ///< [kv_heads, dim]: of the last chunk, if it is not complete
  double* until;     ///< [chunks that the call touches, kv_heads, dim]: filled with `complete` after each
};

struct QueryCall {
  Shape shape;
  std::int32_t first, tokens;  ///< positions of the queries
  Rows queries;
  double scale;  ///< of q·k
};

struct CondenseCall {
  Cache cache;
  std::int32_t first, end;  ///< chunks; all of them are complete
  const double* until;      ///< [end - first, kv_heads, dim]: QuerySums::until
  Turns turns;
  float* work;           ///< [workers, condense_floats()]
  std::int32_t workers;  ///< blocks that are condensed at once, per key-value head; 1 to 65535
};

/// Memory that an attend call works in; ScratchSizes (layout.h) says how much of each.
struct Scratch {
  float* near_out;        ///< [rows, dim]: running sums of values, as micro::SoftmaxRow
  float* near_sum;        ///< [rows]
  float* near_shift;      ///< [rows]
  float* chunk_logits;    ///< [rows, chunks]: of plain chunk states; later weights; candidates: -inf, 0
  std::int32_t* slots;    ///< [rows, chunks]: a chunk's slot among the candidates, or -1
  std::int32_t* of_slot;  ///< [rows, slots]: the other way round
  float* logits;          ///< [rows, slots, states of a chunk]; later weights, 0 where a block is retrieved
  float* scores;          ///< [rows, slots, blocks of a chunk]: logarithms
  float* state_sum;       ///< [rows]: mass of all states that are read, over e^state_shift
  float* state_shift;     ///< [rows]
  std::int32_t* chosen;   ///< [rows, retrieved]: blocks from the sequence's start, ascending
  std::int32_t* count;    ///< [rows]: of chosen
  float* state_out;       ///< [splits, rows, dim]: their weights times their values
  float* far_out;         ///< [splits, rows, dim]: of retrieved blocks, as near_out
  float* far_sum;         ///< [splits, rows]
  float* far_shift;       ///< [splits, rows]
  std::int32_t chunks, slots_each, retrieved, splits;
};

/// Queries of consecutive positions, whose keys and values are in the cache. Row `(position - first) · heads
/// + head` of the scratch memory is one query.
struct AttendCall {
  Cache cache;
  Reach reach;
  std::int32_t first, positions;
  Rows queries;
  float scale;
  void* out;                ///< [positions, out_stride], of the shape's element
  std::int64_t out_stride;  ///< in elements; a position's heads lie side by side
  Scratch scratch;
  unsigned long long* exact;  ///< [heads]: pairs attended exactly are added
};

struct Interface {
  std::int32_t version;  ///< kInterfaceVersion
  /// Copies tokens [first, first + tokens) to their chunks.
  int (*append)(const Cache&, std::int32_t first, std::int32_t tokens, const Rows& keys, const Rows& values,
                void* stream);
  int (*add_queries)(const QueryCall&, const Turns&, const QuerySums&, void* stream);
  /// Makes the states of complete chunks.
  int (*condense)(const CondenseCall&, void* stream);
  /// The three parts of attention, in this order: what is near; which blocks are retrieved, and the weights
  /// of the states of the rest; their values, and `out`.
  int (*read_near)(const AttendCall&, void* stream);
  int (*choose)(const AttendCall&, void* stream);
  int (*read_far)(const AttendCall&, void* stream);
  /// Bytes of shared memory that a thread block needs at least; the shape's element does not matter.
  std::size_t (*least_shared)(const Shape&);
  /// Sets the host's `bytes` to what a device grants to a thread block.
  int (*granted_shared)(int device, std::size_t& bytes);
  /// Writes the name of a device and what it has to the host's `text`, at most `size` bytes with the final 0.
  int (*describe)(int device, char* text, std::size_t size);
  /// The host's text for an error.
  const char* (*error_text)(int error);
};

// Who changes one of these raises the version.
static_assert(kInterfaceVersion == 2 && sizeof(Shape) == 28 && sizeof(Cache) == 48 && sizeof(Rows) == 24 &&
              sizeof(HeadReach) == 12 && sizeof(Reach) == 24 && sizeof(Turns) == 24 &&
              sizeof(QuerySums) == 24 && sizeof(QueryCall) == 72 && sizeof(CondenseCall) == 104 &&
              sizeof(Scratch) == 144 && sizeof(AttendCall) == 280 && sizeof(Interface) == 88);

}  // namespace bsbr::cuda

/// The one symbol that the library exports.
extern "C" const bsbr::cuda::Interface* bsbr_cuda_interface();
