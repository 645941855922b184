#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.h"

namespace bsbr {

/// A value inside a JSON file that knows its place, for messages. The file's path and document must outlive
/// it.
class JsonEntry {
 public:
  JsonEntry(const nlohmann::json& value, std::string name, const std::filesystem::path& file)
      : value_(&value), name_(std::move(name)), file_(&file) {}

  /// The value under `key`; null if there is none. Throws Error(InvalidFile) if this is not an object.
  [[nodiscard]] JsonEntry at(const std::string& key) const {
    static const nlohmann::json kNull;
    if (!value_->is_object()) invalid("is not an object");
    const auto found = value_->find(key);
    return {found == value_->end() ? kNull : *found, name_.empty() ? key : cat(name_, ".", key), *file_};
  }
  /// Throws Error(InvalidFile) if this is not a list.
  [[nodiscard]] std::vector<JsonEntry> list() const {
    if (!value_->is_array()) invalid("is not a list");
    std::vector<JsonEntry> entries;
    entries.reserve(value_->size());
    for (std::size_t i = 0; i < value_->size(); ++i) {
      entries.emplace_back((*value_)[i], cat(name_, "[", i, "]"), *file_);
    }
    return entries;
  }
  [[nodiscard]] const std::string& text() const {
    if (!value_->is_string()) invalid("is not a string");
    return value_->get_ref<const std::string&>();
  }
  /// `absent` for null.
  [[nodiscard]] bool flag(bool absent) const {
    if (value_->is_null()) return absent;
    if (!value_->is_boolean()) invalid("is neither true nor false");
    return value_->get<bool>();
  }
  [[nodiscard]] std::uint64_t number() const {
    if (!value_->is_number_unsigned()) invalid("is not an integer of 0 or more");
    return value_->get<std::uint64_t>();
  }
  [[nodiscard]] bool is_null() const { return value_->is_null(); }
  [[nodiscard]] const nlohmann::json& value() const { return *value_; }
  [[nodiscard]] const std::filesystem::path& file() const { return *file_; }

  [[noreturn]] void invalid(const std::string& what) const {
    throw Error(ErrorKind::InvalidFile, cat(file_->string(), ": ", name_, " ", what));
  }
  [[noreturn]] void unsupported(const std::string& what) const {
    throw Error(ErrorKind::Unsupported, cat(file_->string(), ": ", name_, " ", what));
  }

 private:
  const nlohmann::json* value_;
  std::string name_;
  const std::filesystem::path* file_;
};

}  // namespace bsbr
