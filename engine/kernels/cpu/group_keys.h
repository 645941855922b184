#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bsbr {

/// Groups the keys of a block by similarity: complete linkage, i.e. from every key alone, again and again the
/// two groups are joined whose farthest keys are nearest (Euclidean; of equals the earliest), until `groups`
/// are left. Groups differ in size, so a single outlier can be one: means of groups that are cut by position
/// or to equal sizes lose it. Rotary keys are compared as if they stood at one position: a block then
/// joins the tokens that mean the same, not those whose angles happen to agree. Not thread-safe: keeps its
/// work space.
class KeyGrouper {
 public:
  /// `frequencies`: by how many radians a position turns the elements (i, i + dim / 2) of a key, i < dim / 2;
  /// empty: keys are not rotary.
  explicit KeyGrouper(std::vector<float> frequencies = {}) : frequencies_(std::move(frequencies)) {}

  /// `keys` is transposed, key j in column j: element i at keys[i · stride + j], j < count, i < dim, their
  /// positions consecutive.
  /// Returns for each key its group, 0 to groups - 1, numbered by their first keys. groups ≤ count.
  const std::vector<std::int32_t>& group(const float* keys, std::size_t stride, std::size_t dim,
                                         std::size_t count, std::size_t groups);

 private:
  void measure(const float* keys, std::size_t stride, std::size_t dim, std::size_t count);
  /// To 12 bits of the largest, or of a 16th of the largest |k|² if that is more, so that distances that are
  /// equal but for rounding are equal, and 0 between keys that are: rotary positions make many such among
  /// repeated tokens, and prefill and decoding, which round differently, must group alike. In a block of one
  /// token repeated all distances are rounding, the largest too.
  void round_distances();
  void join_nearest(std::size_t count);

  /// The keys, each turned back by its place in the block, [dim, count], in turned_.
  void turn_back(const float* keys, std::size_t stride, std::size_t dim, std::size_t count);

  std::vector<float> frequencies_;
  std::vector<float> turned_;
  std::vector<float> cosine_, sine_;  // [dim / 2, count], of the angles back
  std::vector<float> norm_;           // [count], |k|²
  std::vector<float> distance_;       // [count, count], squared; between groups: of their farthest keys
  std::vector<std::int32_t> head_;    // first key of each key's group
  std::vector<std::int32_t> label_;
};

}  // namespace bsbr
