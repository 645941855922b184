#include "engine/tokenizer/bpe.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <queue>
#include <string>

#include "engine/base/error.h"
#include "engine/tokenizer/byte_alphabet.h"

namespace bsbr {
namespace {

// Up to here looking at every pair for each merge is quicker than a heap.
constexpr std::size_t kShort = 48;
constexpr SymbolId kGone = kSymbolIdEnd;
constexpr std::uint32_t kNowhere = ~std::uint32_t{0};

struct Node {
  SymbolId id;
  std::uint32_t previous, next;  // kNowhere at the ends
};

}  // namespace

Bpe::Bpe(const std::array<SymbolId, 256>& byte_ids, MergeTable merges, std::optional<Vocabulary> whole)
    : byte_ids_(byte_ids),
      merges_(std::move(merges)),
      whole_(std::move(whole)),
      complete_(std::find(byte_ids.begin(), byte_ids.end(), kLeftOut) == byte_ids.end()) {}

void Bpe::encode(std::string_view piece, std::vector<TokenId>& ids) const {
  if (const auto id = find_whole(piece)) {
    ids.push_back(*id);
  } else if (complete_) {
    merge(piece, ids);
  } else {
    merge(without_left_out(piece), ids);
  }
}

void Bpe::merge(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.size() <= kShort) {
    encode_short(piece, ids);
  } else {
    encode_long(piece, ids);
  }
}

std::string Bpe::without_left_out(std::string_view piece) const {
  std::string rest;
  std::copy_if(piece.begin(), piece.end(), std::back_inserter(rest),
               [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)] != kLeftOut; });
  return rest;
}

std::optional<SymbolId> Bpe::find_whole(std::string_view piece) const {
  if (!whole_ || piece.empty()) return std::nullopt;
  std::string symbols;
  symbols.reserve(2 * piece.size());
  for (const char byte : piece) symbols += byte_symbol(static_cast<unsigned char>(byte));
  return whole_->id(symbols);
}

void Bpe::encode_short(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.empty()) return;
  std::array<SymbolId, kShort> symbols;
  std::array<MergeTable::Merge, kShort> merges;  // merges[i] joins symbols[i] and symbols[i + 1]
  std::size_t count = piece.size();
  for (std::size_t i = 0; i < count; ++i) symbols[i] = byte_ids_[static_cast<unsigned char>(piece[i])];
  for (std::size_t i = 0; i + 1 < count; ++i) merges[i] = merges_.find(symbols[i], symbols[i + 1]);

  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == MergeTable::kNone) break;
    symbols[best] = merges[best].result;
    --count;
    std::copy(symbols.begin() + best + 2, symbols.begin() + count + 1, symbols.begin() + best + 1);
    std::copy(merges.begin() + best + 1, merges.begin() + count, merges.begin() + best);
    if (best > 0) merges[best - 1] = merges_.find(symbols[best - 1], symbols[best]);
    if (best + 1 < count) merges[best] = merges_.find(symbols[best], symbols[best + 1]);
  }
  ids.insert(ids.end(), symbols.begin(), symbols.begin() + count);
}

void Bpe::encode_long(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.size() >= kNowhere) {
    throw Error(ErrorKind::InvalidArgument,
                cat("a stretch of ", piece.size(),
                    " bytes without a place to split it cannot be encoded; at most ", kNowhere - 1, " can"));
  }
  const auto end = static_cast<std::uint32_t>(piece.size());
  std::vector<Node> nodes(end);
  for (std::uint32_t i = 0; i < end; ++i) {
    nodes[i] = {byte_ids_[static_cast<unsigned char>(piece[i])], i == 0 ? kNowhere : i - 1,
                i + 1 == end ? kNowhere : i + 1};
  }
  const auto merge_at = [&](std::uint32_t at) {
    return merges_.find(nodes[at].id, nodes[nodes[at].next].id);
  };

  // A candidate is a merge's rank above its left node, so that the smallest is the best and the leftmost.
  std::vector<std::uint64_t> candidates;
  const auto candidate = [](MergeTable::Merge merge, std::uint32_t at) {
    return std::uint64_t{merge.rank} << 32 | at;
  };
  for (std::uint32_t i = 0; i + 1 < end; ++i) {
    if (const auto merge = merge_at(i); merge.rank != MergeTable::kNone)
      candidates.push_back(candidate(merge, i));
  }
  std::priority_queue heap(std::greater<std::uint64_t>(), std::move(candidates));
  const auto push = [&](std::uint32_t at) {
    if (const auto merge = merge_at(at); merge.rank != MergeTable::kNone) heap.push(candidate(merge, at));
  };

  while (!heap.empty()) {
    const auto at = static_cast<std::uint32_t>(heap.top());
    const auto rank = static_cast<std::uint32_t>(heap.top() >> 32);
    heap.pop();
    Node& left = nodes[at];
    if (left.id == kGone || left.next == kNowhere) continue;
    const MergeTable::Merge merge = merge_at(at);
    if (merge.rank != rank) continue;  // either side has been merged since
    Node& right = nodes[left.next];
    left.id = merge.result;
    left.next = right.next;
    right.id = kGone;
    if (left.next != kNowhere) {
      nodes[left.next].previous = at;
      push(at);
    }
    if (left.previous != kNowhere) push(left.previous);
  }
  for (std::uint32_t at = 0; at != kNowhere; at = nodes[at].next) ids.push_back(nodes[at].id);
}

}  // namespace bsbr
