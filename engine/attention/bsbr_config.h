#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

namespace bsbr {

/// What one head reads of its far past.
struct HeadPlan {
  /// Far tokens attended exactly, per query: so many, or with a threshold at most so many.
  std::int64_t retrieve = 0;
  /// A block is retrieved if what its states may get wrong exceeds this: Σ over its states of share of the
  /// query's attention mass, by the plain estimate (CondensedStates), × variance of the logit among its keys,
  /// estimated as spread · |q|², q scaled. Without states: if its share exceeds this. 0: the best are
  /// retrieved whatever their scores.
  double threshold = 0;
  /// What is not retrieved is read through its condensed states; else it is dropped.
  bool states = true;

  bool operator==(const HeadPlan&) const = default;
};

/// The settings of a BSBR conversion. All counts are tokens unless said.
struct BsbrConfig {
  std::int64_t chunk_size = 128;        ///< C: attention inside the own chunk is exact and causal
  std::int64_t block_size = 16;         ///< b: the unit that is scored, retrieved and condensed; divides C
  std::int64_t compression_factor = 4;  ///< f: a block's condensed state is f times smaller than the block
  std::int64_t retrieve = 512;          ///< k·b: far tokens attended exactly, per query and head
  std::int64_t window = 0;              ///< w: whole previous chunks that are exact too
  std::int64_t sink = 16;               ///< first tokens of the sequence, always exact
  std::int64_t candidate_chunks = 64;   ///< chunks whose blocks are scored one by one; the others stay whole

  /// Far keys and values are given back once their states are made, so nothing can be retrieved: the cache's
  /// memory grows as tokens / compression_factor.
  bool states_only = false;
  /// [layers][heads]; empty: every head retrieves `retrieve` tokens and reads the rest as states.
  std::vector<std::vector<HeadPlan>> plan;

  bool operator==(const BsbrConfig&) const = default;

  /// The plan of each head of a layer.
  [[nodiscard]] std::vector<HeadPlan> heads_of(std::int64_t layer, std::int64_t heads) const;

  /// The sink in whole blocks: what is exact in fact.
  [[nodiscard]] std::int64_t sink_in_blocks() const {
    return (sink + block_size - 1) / block_size * block_size;
  }
  /// Condensed states of a block, m = b / f.
  [[nodiscard]] std::int64_t states_per_block() const { return block_size / compression_factor; }

  /// Throws Error(InvalidArgument) that names every parameter that is out of range for a model of `context`
  /// positions, each with its legal values.
  void validate(std::int64_t context) const;
  /// Throws Error(InvalidArgument) if there is a plan and it is for another number of layers or heads.
  void check_plan(std::int64_t layers, std::int64_t heads) const;

  /// The `bsbr` entry of config.json; holds "version".
  [[nodiscard]] nlohmann::json to_json() const;
  /// Throws Error(InvalidFile) for an unknown version, unknown or missing keys and wrong types.
  static BsbrConfig from_json(const nlohmann::json& json);
};

}  // namespace bsbr
