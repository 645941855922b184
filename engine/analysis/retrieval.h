#pragma once

#include <vector>

#include "engine/analysis/attention_capture.h"

namespace bsbr {

// How well a converted head finds what matters. *True mass* here is what exact attention would give, over the
// converted model's own queries and keys, so that only the choice is judged, not the drift of earlier layers.
// *Lost mass* of a query is Σ max(0, true weight - weight that the converted model gives) over the tokens
// that it does not read exactly: what dense attention attends to and the conversion neither reads nor sees as
// much of through its states.

/// Query chunks × key chunks of a head, means over the queries of a chunk.
struct RetrievalGrid {
  std::int64_t chunks = 0;
  std::int64_t chunk_size = 0;
  std::vector<float> true_mass;  ///< [chunks, chunks]; NaN above the diagonal
  /// Sum over the key chunk's far blocks of what is held against HeadPlan::threshold; 0 for a chunk whose
  /// blocks were not looked at; NaN where nothing is far or nothing is to be chosen.
  std::vector<float> score;
  std::vector<float> retrieved;      ///< share of the far pairs that were retrieved; NaN where nothing is far
  std::vector<float> lost;           ///< lost mass; NaN above the diagonal
  std::vector<float> lost_by_query;  ///< [tokens]
};

/// Throws Error(InvalidArgument | Cancelled | OutOfMemory).
RetrievalGrid retrieval_grid(const AttentionCapture& capture, std::int64_t layer, std::int64_t head,
                             const Job& job = {});

/// Means over a sample of queries, evenly spaced, the last one among them.
struct HeadLoss {
  double unread;  ///< true mass of what is not read exactly
  double lost;    ///< lost mass
};
HeadLoss head_loss(const AttentionCapture& capture, std::int64_t layer, std::int64_t head,
                   std::int64_t sample = 64, const Job& job = {});

/// A far chunk or block was retrieved or not; and it is, or is not, among as many of the largest true mass.
enum class Verdict : std::uint8_t {
  Hit,      ///< retrieved, and among them
  Surplus,  ///< retrieved, but others have more true mass
  Miss,     ///< among them, but not retrieved
  Rest,     ///< neither
};

/// A far chunk or block, as one query sees it.
struct RankedPart {
  std::int64_t begin, end;  ///< tokens
  double score;             ///< as in RetrievalGrid; NaN if it was not scored
  double true_mass;
  double weight;  ///< what the converted model gives to it
  double lost;
  std::int64_t exact_tokens;  ///< of it, retrieved
  Verdict verdict;
};

/// Why a query retrieved what it did.
struct QueryRetrieval {
  std::int64_t position;
  double near_mass;  ///< true mass of what is always exact
  double lost;
  std::vector<RankedPart> chunks;  ///< those with far blocks, the best score first; unscored ones last
  std::vector<RankedPart> blocks;
};
QueryRetrieval retrieval_of_query(const AttentionCapture& capture, std::int64_t layer, std::int64_t head,
                                  std::int64_t position);

}  // namespace bsbr
