#pragma once

#include <vector>

#include "engine/analysis/attention_capture.h"

namespace bsbr {

/// Queries [query_begin, query_end) × keys [key_begin, key_end), in tokens.
struct MapWindow {
  std::int64_t query_begin, query_end;
  std::int64_t key_begin, key_end;

  bool operator==(const MapWindow&) const = default;
};

/// What a cell that stands for many pairs shows: the largest of them, so that a single spike does not vanish,
/// or their mean.
enum class Pooling { Maximum, Mean };

struct MapRequest {
  std::int64_t layer = 0, head = 0;
  MapWindow window{};
  std::int64_t rows = 256, columns = 256;  ///< at most so many cells
  Pooling pooling = Pooling::Maximum;
  std::int64_t queries_per_row = 0;  ///< so many queries stand for a row's, for a quick look; 0: all
  bool original = true, converted = true;
};

/// Attention of a head, cells over queries × keys. Cells without a causal pair are NaN.
struct AttentionMap {
  MapWindow window{};
  std::int64_t rows = 0, columns = 0;
  std::vector<float>
      original;  ///< [rows, columns]: weights of the original's softmax; empty if not asked for
  std::vector<float> converted;  ///< weights of the converted model, its states spread over their keys
  std::vector<float>
      difference;            ///< converted - original; of many pairs, the one that differs most, or the mean
  std::vector<float> exact;  ///< share of a cell's pairs that the converted model reads exactly
};

/// Never builds more than a chunk's rows at a time. Throws Error(InvalidArgument) for what is not there,
/// Error(Cancelled | OutOfMemory).
AttentionMap attention_map(const AttentionCapture& capture, const MapRequest& request, const Job& job = {});

/// How a converted model reads a token.
enum class Zone : std::uint8_t {
  Sink,       ///< exactly, one of the first tokens
  Near,       ///< exactly, in the query's chunk or the window before it
  Retrieved,  ///< exactly, in a far block that was retrieved
  Condensed,  ///< through a condensed state
  Dropped,    ///< not at all
};

/// All that one query does with the tokens up to itself.
struct QueryAttention {
  std::int64_t position;
  std::vector<float> original;   ///< [position + 1]: weights of the original
  std::vector<float> converted;  ///< weights of the converted model, its states spread over their keys
  std::vector<Zone> zones;
};

/// Throws as attention_map does.
QueryAttention attention_of_query(const AttentionCapture& capture, std::int64_t layer, std::int64_t head,
                                  std::int64_t position);

}  // namespace bsbr
