#include "engine/checkpoint/safetensors_header.h"

#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/base/error.h"
#include "engine/base/utf8.h"
#include "engine/checkpoint/json_tokens.h"
#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/safetensors_layout.h"

namespace bsbr {
namespace {

using nlohmann::json;

// Bounds that keep memory small under hostile headers; the largest published checkpoints stay far below them.
constexpr std::size_t kMaxTensors = 200'000;
constexpr std::size_t kMaxMetadata = 10'000;
constexpr std::size_t kMaxText = 16u << 20;  // names and metadata together, in bytes
constexpr std::size_t kMaxRank = 64;
constexpr std::size_t kMaxSkipped = 1000;  // values where none belong, before reading stops
constexpr int kMaxDepth = 64;

constexpr std::string_view kAdvice =
    "the file is damaged or was made by a faulty program; download or save it again";

constexpr std::string_view kOtherTypeAdvice =
    "these are quantised weights, so use the original, unquantised checkpoint, or a GGUF file of the model";

// Types of the format that have no use here.
constexpr std::array<std::string_view, 9> kOtherDtypes{
    "F4", "F6_E2M3", "F6_E3M2", "F8_E5M2", "F8_E4M3", "F8_E8M0", "C64", "F8_E5M2FNUZ", "F8_E4M3FNUZ"};

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Error(ErrorKind::InvalidFile, path.string() + ": " + what);
}

std::string known_dtypes() {
  std::string out;
  for (int i = 0; i <= static_cast<int>(Dtype::U64); ++i) out += cat(i > 0 ? ", " : "", to_string(Dtype(i)));
  return out;
}

/// Takes the parser's events; accepts exactly the grammar of a safetensors header.
class Reader : public nlohmann::json_sax<json> {
 public:
  Reader(const std::filesystem::path& path, Problems& problems) : path_(path), problems_(problems) {}

  SafetensorsHeader take() && { return std::move(header_); }

  bool null() override { return scalar("null"); }
  bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return number(std::nullopt, std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return number(value, std::to_string(value)); }
  bool number_float(number_float_t /*value*/, const string_t& text) override {
    return number(std::nullopt, text);
  }
  bool binary(binary_t& /*value*/) override { return scalar("binary"); }

  bool string(string_t& value) override {
    if (skipping()) return true;
    if (at_ == At::Entry && key_ == "dtype") return dtype(value);
    if (at_ != At::Metadata) return scalar("a string");
    keep(key_.size() + value.size());
    if (header_.metadata.size() >= kMaxMetadata) {
      fail(path_, cat("its ", kMetadataKey, " has more than ", kMaxMetadata, " keys"));
    }
    if (!header_.metadata.emplace(key_, value).second) {
      problems_.add(cat(kMetadataKey, ": the key ", in_quotes(key_), " occurs twice"));
    }
    return true;
  }

  bool key(string_t& value) override {
    if (skipping()) return true;
    key_ = value;
    if (at_ == At::Top && key_ != kMetadataKey) {
      keep(key_.size());
      if (header_.tensors.size() >= kMaxTensors)
        fail(path_, cat("names more than ", kMaxTensors, " tensors"));
    } else if (at_ == At::Entry) {
      entry_key();
    }
    return true;
  }

  bool start_object(std::size_t /*elements*/) override {
    deeper();
    if (skipping()) return true;
    if (at_ == At::Start) {
      at_ = At::Top;
    } else if (at_ == At::Top && key_ == kMetadataKey) {
      if (seen_metadata_) problems_.add(cat("the key ", kMetadataKey, " occurs twice"));
      seen_metadata_ = true;
      at_ = At::Metadata;
    } else if (at_ == At::Top) {
      entry_ = {};
      entry_.name = key_;
      has_dtype_ = has_shape_ = has_offsets_ = false;
      entry_good_ = true;
      at_ = At::Entry;
    } else {
      skip("an object {…}");
    }
    return true;
  }

  bool end_object() override {
    --depth_;
    if (end_skip()) return true;
    if (at_ == At::Entry) end_entry();
    at_ = at_ == At::Top ? At::Start : At::Top;
    return true;
  }

  bool start_array(std::size_t /*elements*/) override {
    deeper();
    if (skipping()) return true;
    count_ = 0;
    if (at_ == At::Entry && key_ == "shape") {
      at_ = At::Shape;
      entry_.shape.clear();
    } else if (at_ == At::Entry && key_ == "data_offsets") {
      at_ = At::Offsets;
    } else {
      skip("an array […]");
    }
    return true;
  }

  bool end_array() override {
    --depth_;
    if (end_skip()) return true;
    if (at_ == At::Offsets) end_offsets();
    at_ = At::Entry;
    return true;
  }

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const json::exception& error) override {
    // Past the library's own prefix, "[json.exception…] parse error at line 1, column 6: ".
    const std::string_view text = error.what();
    const std::size_t colon = text.find(": ");
    const std::string reason = in_quotes(colon == text.npos ? text : text.substr(colon + 2));
    fail(path_, cat("its header is not valid JSON near byte ", position, ": ", reason));
  }

 private:
  enum class At { Start, Top, Metadata, Entry, Shape, Offsets };

  void deeper() {
    if (++depth_ > kMaxDepth) fail(path_, cat("its header is nested more than ", kMaxDepth, " levels deep"));
  }

  void keep(std::size_t bytes) {
    kept_ += bytes;
    if (kept_ > kMaxText)
      fail(path_, cat("its header holds more than ", kMaxText, " bytes of names and metadata"));
  }

  void bad(const std::string& what, ErrorKind kind = ErrorKind::InvalidFile) {
    if (kind == ErrorKind::Unsupported) {
      problems_.add_tensor(entry_.name, what, kind);
    } else {
      problems_.add(cat("tensor ", in_quotes(entry_.name), ": ", what), kind);
    }
    entry_good_ = false;
  }

  /// A value whose place allows no such type.
  bool scalar(std::string_view found) {
    if (skipping()) return true;
    switch (at_) {
      case At::Start:
        fail(path_, cat("its header is ", found, ", not an object {…}"));
      case At::Top:
        problems_.add(cat(key_ == kMetadataKey ? "" : "tensor ", in_quotes(key_), ": is ", found,
                          ", not an object {…}"));
        break;
      case At::Metadata:
        problems_.add(cat(kMetadataKey, ": the value of ", in_quotes(key_), " is ", found,
                          "; only strings are allowed"));
        break;
      case At::Entry:
        if (known_key_)
          bad(cat(key_, " is ", found, key_ == "dtype" ? ", not a string" : ", not an array of integers"));
        break;
      case At::Shape:
      case At::Offsets:
        bad(cat(key_, " contains ", found, "; only integers from 0 are allowed"));
        break;
    }
    return true;
  }

  /// As scalar(), for a value that has an inside; that is passed over.
  void skip(std::string_view found) {
    scalar(found);
    skip_from_ = depth_;
  }

  /// True inside a value that is passed over; a problem is then known, so that there is no need to read on
  /// for ever.
  bool skipping() {
    if (skip_from_ == 0) return false;
    if (++skipped_ > kMaxSkipped) problems_.throw_if_any(kAdvice);
    return true;
  }

  /// True while inside a value that is skipped; notices its end. depth_ is that outside the closing bracket.
  bool end_skip() {
    if (skip_from_ == 0) return false;
    if (depth_ < skip_from_) skip_from_ = 0;
    return true;
  }

  void entry_key() {
    bool* const seen = key_ == "dtype"          ? &has_dtype_
                       : key_ == "shape"        ? &has_shape_
                       : key_ == "data_offsets" ? &has_offsets_
                                                : nullptr;
    known_key_ = seen != nullptr;
    if (!known_key_)
      return bad(
          cat("has an unknown field ", in_quotes(key_), "; the format knows dtype, shape, data_offsets"));
    if (*seen) bad(cat("the field ", key_, " occurs twice"));
    *seen = true;
  }

  bool dtype(const std::string& name) {
    if (const auto known = dtype_from_string(name)) {
      entry_.dtype = *known;
      return true;
    }
    for (const std::string_view other : kOtherDtypes) {
      if (name != other) continue;
      bad(cat("the dtype ", name, " is not supported; supported are ", known_dtypes()),
          ErrorKind::Unsupported);
      return true;
    }
    bad(cat("its dtype ", in_quotes(name), " is unknown; known are ", known_dtypes()));
    return true;
  }

  bool number(std::optional<std::uint64_t> value, const std::string& text) {
    if (skipping()) return true;
    if (at_ != At::Shape && at_ != At::Offsets) return scalar("a number");
    if (!value)
      return scalar(text.size() > 40 ? "a number of " + std::to_string(text.size()) + " digits" : text);
    if (++count_ > kMaxRank) {
      bad(cat("its ", key_, " has more than ", kMaxRank, at_ == At::Shape ? " dimensions" : " numbers"));
      problems_.throw_if_any(kAdvice);
    }
    if (at_ == At::Offsets) {
      if (count_ <= 2) (count_ == 1 ? entry_.begin : entry_.end) = *value;
    } else if (*value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      bad(cat("the dimension ", *value, " of its shape is too large"));
    } else {
      entry_.shape.push_back(static_cast<std::int64_t>(*value));
    }
    return true;
  }

  void end_offsets() {
    if (!entry_good_) return;
    if (count_ != 2) {
      bad(cat("data_offsets has ", count_, " numbers where 2 are expected, begin and end"));
    } else if (entry_.end < entry_.begin) {
      bad(cat("its data_offsets [", entry_.begin, ", ", entry_.end,
              "] are reversed: the end is before the begin"));
    }
  }

  void end_entry() {
    if (!has_dtype_) bad("has no dtype");
    if (!has_shape_) bad("has no shape");
    if (!has_offsets_) bad("has no data_offsets");
    if (!entry_good_) return;
    const auto bytes = tensor_bytes(entry_.shape, entry_.dtype);
    if (!bytes) {
      bad(cat("the bytes of its shape ", shape_text(entry_.shape), " overflow 64 bits"));
    } else if (*bytes != entry_.end - entry_.begin) {
      bad(cat("its shape ", shape_text(entry_.shape), " of ", to_string(entry_.dtype), " takes ", *bytes,
              " bytes, but its data_offsets [", entry_.begin, ", ", entry_.end, "] span ",
              entry_.end - entry_.begin));
    } else {
      header_.tensors.push_back(std::move(entry_));
    }
  }

  const std::filesystem::path& path_;
  Problems& problems_;
  SafetensorsHeader header_;
  At at_ = At::Start;
  int depth_ = 0;
  int skip_from_ = 0;  // depth of the value that is skipped, 0 outside
  std::size_t skipped_ = 0;
  std::size_t kept_ = 0;
  std::string key_;
  bool seen_metadata_ = false;
  TensorEntry entry_;
  bool entry_good_ = true;
  bool known_key_ = false;
  bool has_dtype_ = false;
  bool has_shape_ = false;
  bool has_offsets_ = false;
  std::size_t count_ = 0;  // of the numbers of an array
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_size,
                                           const std::filesystem::path& path) {
  if (!text.starts_with('{'))
    fail(path, "its header does not begin with '{'; this is not a safetensors file");
  text = text.substr(0, text.find_last_not_of(' ') + 1);
  check_json_tokens(text, path);
  const std::size_t valid = valid_utf8_prefix(text);
  if (valid != text.size()) fail(path, cat("byte ", valid, " of its header is not valid UTF-8"));

  Problems problems(path);
  Reader reader(path, problems);
  json::sax_parse(text, &reader);
  SafetensorsHeader header = std::move(reader).take();
  // Once an entry is bad, what it leaves out would show as gaps.
  if (!problems.any()) check_layout(header.tensors, data_size, problems);
  problems.throw_if_any(problems.all_unsupported() ? kOtherTypeAdvice : kAdvice);
  return header;
}

}  // namespace bsbr
