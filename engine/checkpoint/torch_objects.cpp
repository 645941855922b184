#include "engine/checkpoint/torch_objects.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/safetensors_layout.h"

namespace bsbr {
namespace {

constexpr std::size_t kMaxRank = 64;
constexpr std::size_t kMaxKey = 255;

}  // namespace

std::string_view name_of(PickleKind kind) noexcept {
  constexpr std::array<std::string_view, 13> kNames{"None",
                                                    "a boolean",
                                                    "an integer",
                                                    "an integer of more than 64 bits",
                                                    "a number",
                                                    "a text",
                                                    "bytes",
                                                    "a tuple",
                                                    "a list",
                                                    "a dictionary",
                                                    "a name of Python's",
                                                    "a storage",
                                                    "a tensor"};
  return kNames[static_cast<std::size_t>(kind)];
}

void TorchObjects::need(PickleValue value, PickleKind kind, std::string_view what, std::size_t at) const {
  if (value.kind != kind) fail(at, cat(what, " is ", name_of(value.kind), ", not ", name_of(kind)));
}

PickleValue TorchObjects::global(std::string_view module, std::string_view name, std::size_t at) const {
  const auto index = find_torch_global(module, name);
  if (!index) fail(at, refused_global(module, name), ErrorKind::Unsupported);
  return {PickleKind::Global, *index};
}

PickleValue TorchObjects::call(PickleValue function, PickleValue arguments, std::size_t at) {
  if (function.kind != PickleKind::Global) fail(at, cat("calls ", name_of(function.kind)));
  need(arguments, PickleKind::Tuple, "what a function is called with", at);
  const TorchGlobal& global = torch_global(function.index);
  const auto items = heap_.items(arguments);
  const auto count = [&](std::size_t least, std::size_t most) {
    if (items.size() >= least && items.size() <= most) return;
    fail(at, cat(global.module, '.', global.name, " is called with ", items.size(), " values; ", least,
                 least == most ? "" : cat(" to ", most), " are expected"));
  };
  switch (global.role) {
    case TorchRole::OrderedDict:
      count(0, 1);
      return ordered_dict(items, at);
    case TorchRole::Tensor1:
      count(4, 4);
      return tensor(global, items, at);
    case TorchRole::Tensor2:
      count(6, 7);
      return tensor(global, items, at);
    case TorchRole::Tensor3:
      count(7, 8);
      return tensor(global, items, at);
    case TorchRole::Parameter:
      count(1, 2);
      return parameter(items, at);
    case TorchRole::Parameter3:
      count(3, 3);
      return parameter(items, at);
    case TorchRole::ParameterState:
      count(4, 4);
      return parameter(items, at);
    case TorchRole::StorageType:
    case TorchRole::ElementType:
      break;
  }
  fail(at, cat("calls ", global.module, '.', global.name, ", which is a type and no function here"));
}

/// Python 3 calls it with nothing and sets the items; Python 2 gave a list of lists [key, value].
PickleValue TorchObjects::ordered_dict(std::span<const PickleValue> arguments, std::size_t at) {
  const PickleValue dict = heap_.dict();
  if (arguments.empty()) return dict;
  need(arguments[0], PickleKind::List, "what an OrderedDict is made of", at);
  // Taken out of the list, so that no list is copied over and over.
  for (const PickleValue& item : std::exchange(heap_.elements(arguments[0]), {})) {
    std::span<const PickleValue> pair;
    if (item.kind == PickleKind::List) pair = heap_.elements(item);
    if (item.kind == PickleKind::Tuple) pair = heap_.items(item);
    if (pair.size() != 2) fail(at, "an item of an OrderedDict is no pair of key and value");
    heap_.pairs(dict).emplace_back(pair[0], pair[1]);
  }
  return dict;
}

std::vector<std::int64_t> TorchObjects::sizes(PickleValue tuple, std::string_view what,
                                              std::size_t at) const {
  need(tuple, PickleKind::Tuple, cat("the ", what, " of a tensor"), at);
  const auto items = heap_.items(tuple);
  if (items.size() > kMaxRank) {
    fail(at, cat("the ", what, " of a tensor has ", items.size(), " dimensions; at most ", kMaxRank,
                 " are expected"));
  }
  std::vector<std::int64_t> out;
  out.reserve(items.size());
  for (const PickleValue& item : items) {
    need(item, PickleKind::Int, cat("a dimension of the ", what, " of a tensor"), at);
    if (item.number < 0) fail(at, cat("the ", what, " of a tensor has the negative dimension ", item.number));
    out.push_back(item.number);
  }
  return out;
}

/// (storage, offset, size, stride[, requires_grad, hooks[, type][, metadata]])
PickleValue TorchObjects::tensor(const TorchGlobal& function, std::span<const PickleValue> arguments,
                                 std::size_t at) {
  need(arguments[0], PickleKind::Storage, "what a tensor lies in", at);
  need(arguments[1], PickleKind::Int, "the offset of a tensor", at);
  if (arguments[1].number < 0) fail(at, cat("the offset of a tensor is ", arguments[1].number));
  TorchTensor made;
  made.storage = arguments[0].index;
  const TorchStorage& storage = storages_[made.storage];
  made.dtype = storage.dtype;
  made.layout.offset = static_cast<std::uint64_t>(arguments[1].number);
  made.layout.shape = sizes(arguments[2], "size", at);
  made.layout.strides = sizes(arguments[3], "stride", at);
  std::size_t metadata = 6;
  if (function.role == TorchRole::Tensor3) {
    const PickleValue type = arguments[6];
    if (type.kind != PickleKind::Global || torch_global(type.index).role != TorchRole::ElementType) {
      fail(at, "the element type of a tensor is no type");
    }
    made.dtype = torch_global(type.index).dtype;
    metadata = 7;
  }
  // Of tensors that stand for their conjugate or negative.
  if (arguments.size() > metadata && arguments[metadata].kind != PickleKind::None) {
    need(arguments[metadata], PickleKind::Dict, "the metadata of a tensor", at);
    if (!heap_.pairs(arguments[metadata]).empty()) {
      fail(at, "a tensor has metadata (it is a negated or conjugated view), which cannot be read",
           ErrorKind::Unsupported);
    }
  }
  if (made.layout.shape.size() != made.layout.strides.size()) {
    fail(at, cat("a tensor of ", made.layout.shape.size(), " dimensions has ", made.layout.strides.size(),
                 " strides"));
  }
  const std::uint64_t element = size_of(made.dtype);
  const auto reached = elements_reached(made.layout);
  if (!tensor_bytes(made.layout.shape, made.dtype) || !reached || *reached > storage.bytes / element) {
    fail(at, cat("a tensor of size ", shape_text(made.layout.shape), " and stride ",
                 shape_text(made.layout.strides), " from element ", made.layout.offset, " on of type ",
                 to_string(made.dtype), " runs past the ", storage.bytes, " bytes of its storage ",
                 in_quotes(storage.key)));
  }
  dimensions_ += made.layout.shape.size();
  if (tensors_.size() >= kMaxTorchTensors || dimensions_ > kMaxTorchDimensions) {
    fail(at, cat("makes more than ", tensors_.size(), " tensors with ", kMaxTorchDimensions,
                 " dimensions together; no checkpoint has so many"));
  }
  tensors_.push_back(std::move(made));
  return {PickleKind::Tensor, static_cast<std::uint32_t>(tensors_.size() - 1)};
}

PickleValue TorchObjects::parameter(std::span<const PickleValue> arguments, std::size_t at) const {
  need(arguments[0], PickleKind::Tensor, "what a parameter holds", at);
  return arguments[0];
}

PickleValue TorchObjects::persistent(PickleValue id, std::size_t at) {
  need(id, PickleKind::Tuple, "a persistent id", at);
  const auto items = heap_.items(id);
  if (items.empty() || items[0].kind != PickleKind::Text || text(items[0]) != "storage") {
    fail(
        at,
        cat("a persistent id ",
            items.empty() || items[0].kind != PickleKind::Text ? "without a name" : in_quotes(text(items[0])),
            " is no storage"),
        ErrorKind::Unsupported);
  }
  if (items.size() < 5 || items.size() > 6) {
    fail(at, cat("the persistent id of a storage has ", items.size(), " parts; 5 or 6 are expected"));
  }
  if (items[1].kind != PickleKind::Global || torch_global(items[1].index).role != TorchRole::StorageType) {
    fail(at, "the type of a storage is no type of storage");
  }
  need(items[2], PickleKind::Text, "the key of a storage", at);
  need(items[4], PickleKind::Int, "the number of elements of a storage", at);
  if (items.size() == 6 && items[5].kind != PickleKind::None) {
    fail(at, "a storage is a view of another one, which cannot be read", ErrorKind::Unsupported);
  }
  TorchStorage storage{text(items[2]), torch_global(items[1].index).dtype, 0};
  if (storage.key.size() > kMaxKey) {
    fail(at,
         cat("the key of a storage has ", storage.key.size(), " bytes; at most ", kMaxKey, " are expected"));
  }
  const std::int64_t count = items[4].number;
  const auto bytes = tensor_bytes({count}, storage.dtype);
  if (!bytes) {
    fail(at, cat("storage ", in_quotes(storage.key), " has ", count, " elements of type ",
                 to_string(storage.dtype), ", which no file holds"));
  }
  storage.bytes = *bytes;
  const auto [known, added] = storage_of_.emplace(storage.key, static_cast<std::uint32_t>(storages_.size()));
  if (added) {
    if (storages_.size() >= kMaxTorchTensors)
      fail(at, cat("names more than ", kMaxTorchTensors, " storages"));
    storages_.push_back(storage);
  } else if (const TorchStorage& before = storages_[known->second];
             before.bytes != storage.bytes || before.dtype != storage.dtype) {
    fail(at, cat("storage ", in_quotes(storage.key), " has ", storage.bytes, " bytes of ",
                 to_string(storage.dtype), " here and ", before.bytes, " of ", to_string(before.dtype),
                 " before"));
  }
  return {PickleKind::Storage, known->second};
}

std::optional<std::size_t> TorchObjects::find_storage(std::string_view key) const {
  if (key.size() > kMaxKey) return std::nullopt;
  const auto found = storage_of_.find(key);
  return found == storage_of_.end() ? std::nullopt : std::optional<std::size_t>(found->second);
}

void TorchObjects::set_state(PickleValue object, PickleValue state, std::size_t at) const {
  need(object, PickleKind::Dict, "what attributes are given to", at);
  need(state, PickleKind::Dict, "what holds an object's attributes", at);
}

}  // namespace bsbr
