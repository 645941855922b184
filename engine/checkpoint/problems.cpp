#include "engine/checkpoint/problems.h"

#include <algorithm>
#include <iterator>

#include "engine/base/printable.h"
#include "engine/base/utf8.h"

namespace bsbr {
namespace {

constexpr std::size_t kMostTexts = 10;
constexpr std::size_t kEnough = 1000;
constexpr std::size_t kMostQuoted = 100;
constexpr std::size_t kMostNames = 3;

}  // namespace

std::string in_quotes(std::string_view text) {
  const bool cut = text.size() > kMostQuoted;
  if (cut) {
    const std::string_view head = text.substr(0, kMostQuoted);
    const std::size_t valid = valid_utf8_prefix(head);
    text = valid + 4 > head.size() ? head.substr(0, valid) : head;
  }
  return cat('"', printable(text), cut ? "…\"" : "\"");
}

std::string list_names(const std::vector<std::string>& names, std::size_t most) {
  const std::size_t shown = std::min(names.size(), std::max<std::size_t>(most, 1));
  std::string out;
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  if (shown < names.size()) out += cat(" and ", names.size() - shown, " more");
  return out;
}

std::string list_quoted(const std::vector<std::string>& names, std::size_t most) {
  std::vector<std::string> quoted;
  quoted.reserve(names.size());
  for (const std::string& name : names) quoted.push_back(in_quotes(name));
  return list_names(quoted, most);
}

void Problems::add(std::string text, ErrorKind kind) {
  ++count_;
  all_unsupported_ = all_unsupported_ && kind == ErrorKind::Unsupported;
  if (entries_.size() < kMostTexts) entries_.push_back({std::move(text), {}, 0});
  if (count_ >= kEnough) throw_if_any("that is enough; the rest was not looked at");
}

void Problems::add_tensor(std::string_view name, const std::string& cause, ErrorKind kind) {
  auto known = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.tensors > 0 && entry.text == cause; });
  if (known == entries_.end()) {
    const std::size_t before = entries_.size();
    add(cause, kind);
    if (entries_.size() == before) return;
    known = std::prev(entries_.end());
  }
  ++known->tensors;
  if (known->names.size() < kMostNames) known->names.push_back(in_quotes(name));
}

std::string Problems::text_of(const Entry& entry) {
  if (entry.tensors == 0) return entry.text;
  if (entry.tensors == 1) return cat("tensor ", entry.names.front(), ": ", entry.text);
  std::string names;
  for (const std::string& name : entry.names) names += (names.empty() ? "" : ", ") + name;
  if (entry.tensors > entry.names.size()) names += cat(" and ", entry.tensors - entry.names.size(), " more");
  return cat(entry.tensors, " tensors (", names, "): ", entry.text);
}

void Problems::throw_if_any(std::string_view advice) const {
  if (count_ == 0) return;
  std::string message = where_.string() + ": ";
  if (count_ == 1) {
    message += text_of(entries_.front());
  } else {
    message += cat(count_, " problems:");
    for (std::size_t i = 0; i < entries_.size(); ++i)
      message += cat(i > 0 ? ";" : "", " (", i + 1, ") ", text_of(entries_[i]));
    if (count_ > entries_.size()) message += cat("; and ", count_ - entries_.size(), " more");
  }
  if (!advice.empty()) message += cat("; ", advice);
  throw Error(all_unsupported_ ? ErrorKind::Unsupported : ErrorKind::InvalidFile, message);
}

}  // namespace bsbr
