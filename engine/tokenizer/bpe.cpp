#include "engine/tokenizer/bpe.h"

#include <algorithm>
#include <cstddef>
#include <queue>

namespace bsbr {
namespace {

// Up to here looking at every pair for each merge is quicker than a heap.
constexpr std::size_t kShort = 48;
constexpr std::size_t kNowhere = ~std::size_t{0};

struct Node {
  SymbolId id;
  std::size_t previous, next;  // kNowhere at the ends
};

struct Candidate {
  std::uint32_t rank;
  std::size_t at;  // the left node
  SymbolId left, right, result;

  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : at > other.at;
  }
};

}  // namespace

void Bpe::encode(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.size() <= kShort) {
    encode_short(piece, ids);
  } else {
    encode_long(piece, ids);
  }
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
  std::vector<Node> nodes(piece.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i] = {byte_ids_[static_cast<unsigned char>(piece[i])], i == 0 ? kNowhere : i - 1,
                i + 1 == nodes.size() ? kNowhere : i + 1};
  }

  std::vector<Candidate> pairs;
  const auto candidate = [&](std::size_t at) {
    const SymbolId left = nodes[at].id;
    const SymbolId right = nodes[nodes[at].next].id;
    const MergeTable::Merge merge = merges_.find(left, right);
    return Candidate{merge.rank, at, left, right, merge.result};
  };
  for (std::size_t i = 0; i + 1 < nodes.size(); ++i) {
    if (const Candidate pair = candidate(i); pair.rank != MergeTable::kNone) pairs.push_back(pair);
  }
  std::priority_queue heap(std::greater<Candidate>(), std::move(pairs));
  const auto push = [&](std::size_t at) {
    if (const Candidate pair = candidate(at); pair.rank != MergeTable::kNone) heap.push(pair);
  };

  while (!heap.empty()) {
    const Candidate best = heap.top();
    heap.pop();
    Node& left = nodes[best.at];
    // A pair is stale if either side has been merged since.
    if (left.id != best.left || left.next == kNowhere || nodes[left.next].id != best.right) continue;
    Node& right = nodes[left.next];
    left.id = best.result;
    left.next = right.next;
    right.id = kSymbolIdEnd;
    if (left.next != kNowhere) {
      nodes[left.next].previous = best.at;
      push(best.at);
    }
    if (left.previous != kNowhere) push(left.previous);
  }
  for (std::size_t at = 0; at != kNowhere; at = nodes[at].next) ids.push_back(nodes[at].id);
}

}  // namespace bsbr
