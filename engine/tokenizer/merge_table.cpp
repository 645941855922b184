#include "engine/tokenizer/merge_table.h"

#include <utility>

namespace bsbr {

MergeTable::MergeTable() : slots_(256), mask_(slots_.size() - 1) {}

bool MergeTable::add(SymbolId left, SymbolId right, SymbolId result, Repeated repeated) {
  if (2 * (size_ + 1) > slots_.size()) {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
    mask_ = slots_.size() - 1;
    for (const Slot& slot : old) {
      if (slot.key != kFree) slot_of(slot.key) = slot;
    }
  }
  const std::uint64_t key = key_of(left, right);
  Slot& slot = slot_of(key);
  const bool is_new = slot.key == kFree;
  if (is_new || repeated == Repeated::Last) {
    slot = {key, {static_cast<std::uint32_t>(size_), result}};
  }
  ++size_;
  return is_new;
}

MergeTable::Slot& MergeTable::slot_of(std::uint64_t key) noexcept {
  std::size_t at = home(key);
  while (slots_[at].key != kFree && slots_[at].key != key) at = (at + 1) & mask_;
  return slots_[at];
}

}  // namespace bsbr
