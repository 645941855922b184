#include "engine/tokenizer/merge_table.h"

#include <utility>

namespace bsbr {

MergeTable::MergeTable() : slots_(256), mask_(slots_.size() - 1) {}

bool MergeTable::add(SymbolId left, SymbolId right, SymbolId result) {
  if (2 * (size_ + 1) > slots_.size()) {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.key != kFree) insert(slot);
    }
  }
  if (!insert({key_of(left, right), {static_cast<std::uint32_t>(size_), result}})) return false;
  ++size_;
  return true;
}

bool MergeTable::insert(const Slot& slot) {
  std::size_t at = home(slot.key);
  while (slots_[at].key != kFree) {
    if (slots_[at].key == slot.key) return false;
    at = (at + 1) & mask_;
  }
  slots_[at] = slot;
  return true;
}

}  // namespace bsbr
