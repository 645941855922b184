#include "engine/checkpoint/gguf_metadata.h"

#include <array>
#include <limits>

#include "engine/base/utf8.h"
#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

constexpr std::size_t kMaxKey = 65'535;  // the format's own bound
// Bounds that keep memory small under hostile files; published models stay far below them.
constexpr std::uint64_t kMaxElements = 4u << 20;
constexpr std::uint64_t kMaxText = 64u << 20;

enum class Type : std::uint32_t {
  Uint8,
  Int8,
  Uint16,
  Int16,
  Uint32,
  Int32,
  Float32,
  Bool,
  String,
  Array,
  Uint64,
  Int64,
  Float64
};

// Bytes of a value, by type; the least for strings and arrays.
constexpr std::array<std::size_t, 13> kSizes{1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

/// Reads the list of key-value pairs.
class MetadataReader {
 public:
  explicit MetadataReader(GgufCursor& cursor) : cursor_(cursor) {}

  GgufMetadata read(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      cursor_.reading(cat("metadata pair ", i + 1, " of ", count));
      const std::string_view key = cursor_.string(kMaxKey);
      if (key.empty()) cursor_.fail("has an empty key");
      if (const std::size_t valid = valid_utf8_prefix(key); valid != key.size()) {
        cursor_.fail(cat("byte ", valid, " of its key ", in_quotes(key), " is not valid UTF-8"));
      }
      keep(key.size());
      cursor_.reading(cat("metadata ", in_quotes(key)));
      if (metadata_.contains(key)) cursor_.fail("the key occurs twice");
      metadata_.emplace(key, value(type()));
    }
    return std::move(metadata_);
  }

 private:
  Type type() {
    const auto number = cursor_.number<std::uint32_t>();
    if (number >= kSizes.size()) {
      cursor_.fail(cat("its value type ", number, " is unknown; the format has 0 to ", kSizes.size() - 1));
    }
    return Type(number);
  }

  GgufValue value(Type of) {
    switch (of) {
      case Type::Bool:
        return boolean();
      case Type::Uint64: {
        const auto number = cursor_.number<std::uint64_t>();
        if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return number;
        return static_cast<std::int64_t>(number);
      }
      case Type::Float32:
      case Type::Float64:
        return floating(of);
      case Type::String: {
        std::string text = string();
        if (!is_valid_utf8(text)) cursor_.fail(cat("its value ", in_quotes(text), " is not valid UTF-8"));
        return text;
      }
      case Type::Array:
        return array();
      default:
        return integer(of);
    }
  }

  GgufValue array() {
    const Type of = type();
    const auto count = cursor_.number<std::uint64_t>();
    if (of == Type::Array)
      cursor_.fail("is an array of arrays, which is not supported", ErrorKind::Unsupported);
    cursor_.expect(count, kSizes[static_cast<std::size_t>(of)], "array elements");
    elements_ += count;
    if (elements_ > kMaxElements) {
      cursor_.fail(cat("with this array of ", count, " elements the metadata has more than ", kMaxElements));
    }
    if (of == Type::String) return filled<std::string>(count, [&] { return string(); });
    if (of == Type::Float32 || of == Type::Float64)
      return filled<double>(count, [&] { return floating(of); });
    return filled<std::int64_t>(count,
                                [&] { return of == Type::Bool ? std::int64_t{boolean()} : integer(of); });
  }

  template <class T, class Next>
  static std::vector<T> filled(std::uint64_t count, Next next) {
    std::vector<T> out;
    out.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) out.push_back(next());
    return out;
  }

  bool boolean() {
    const auto byte = cursor_.number<std::uint8_t>();
    if (byte > 1) cursor_.fail(cat("a boolean is ", int{byte}, "; only 0 and 1 are allowed"));
    return byte == 1;
  }

  double floating(Type of) {
    return of == Type::Float32 ? double{cursor_.number<float>()} : cursor_.number<double>();
  }

  std::int64_t integer(Type of) {
    switch (of) {
      case Type::Uint8:
        return cursor_.number<std::uint8_t>();
      case Type::Int8:
        return cursor_.number<std::int8_t>();
      case Type::Uint16:
        return cursor_.number<std::uint16_t>();
      case Type::Int16:
        return cursor_.number<std::int16_t>();
      case Type::Uint32:
        return cursor_.number<std::uint32_t>();
      case Type::Int32:
        return cursor_.number<std::int32_t>();
      default:
        break;
    }
    const auto number = cursor_.number<std::int64_t>();
    if (of == Type::Uint64 && number < 0) {
      cursor_.fail("its array holds an integer above 2^63-1, which is not supported", ErrorKind::Unsupported);
    }
    return number;
  }

  std::string string() {
    const std::string_view text = cursor_.string(kMaxText);
    keep(text.size());
    return std::string(text);
  }

  void keep(std::size_t bytes) {
    text_ += bytes;
    if (text_ > kMaxText)
      cursor_.fail(cat("up to here the metadata has more than ", kMaxText, " bytes of text"));
  }

  GgufCursor& cursor_;
  GgufMetadata metadata_;
  std::uint64_t elements_ = 0;
  std::uint64_t text_ = 0;
};

}  // namespace

void refuse_gguf_type(const GgufMetadata& metadata, std::string_view key, const GgufValue& expected,
                      const std::filesystem::path& path) {
  throw Error(ErrorKind::InvalidFile, cat(path.string(), ": metadata ", in_quotes(key), ": is ",
                                          kind_of(metadata.find(key)->second), ", not ", kind_of(expected)));
}

GgufMetadata read_gguf_metadata(GgufCursor& cursor, std::uint64_t count) {
  return MetadataReader(cursor).read(count);
}

std::string_view kind_of(const GgufValue& value) noexcept {
  constexpr std::array<std::string_view, std::variant_size_v<GgufValue>> kKinds{
      "a boolean",
      "an integer",
      "an integer above 2^63-1",
      "a number with a fraction",
      "a string",
      "an array of integers",
      "an array of numbers with fractions",
      "an array of strings"};
  return kKinds[value.index()];
}

}  // namespace bsbr
