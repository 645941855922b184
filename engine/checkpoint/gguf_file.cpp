#include "engine/checkpoint/gguf_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <optional>
#include <set>

#include "engine/base/utf8.h"
#include "engine/checkpoint/foreign_format.h"
#include "engine/checkpoint/gguf_cursor.h"
#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/safetensors_layout.h"

namespace bsbr {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF files are read on little-endian machines");

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint32_t kVersion = 3;
constexpr std::string_view kAlignmentKey = "general.alignment";
constexpr std::int64_t kDefaultAlignment = 32;
constexpr std::string_view kAdvice =
    "the file is damaged or was made by a faulty program; download or convert it again";

// The format's own bounds.
constexpr std::size_t kMaxName = 64;
constexpr std::uint32_t kMaxRank = 4;
// Bounds that keep memory small under hostile files; published models stay far below them.
constexpr std::uint64_t kMaxTensors = 200'000;
constexpr std::uint64_t kMaxKeys = 65'536;
// The fewest bytes that an entry of each list takes.
constexpr std::size_t kLeastPair = 8 + 1 + 4 + 1;
constexpr std::size_t kLeastTensor = 8 + 1 + 4 + 4 + 8;

struct TensorInfo {
  GgufTensor tensor;
  std::uint64_t begin = 0;  // from the start of the data
  std::uint64_t size = 0;
};

void add(Problems& problems, const GgufTensor& tensor, const std::string& what,
         ErrorKind kind = ErrorKind::InvalidFile) {
  problems.add(cat("tensor ", in_quotes(tensor.name), ": ", what), kind);
}

/// Bytes of a tensor of that type and shape; adds to `problems` and returns nothing if there can be none.
std::optional<std::uint64_t> size_of(const GgufTensor& tensor, Problems& problems) {
  std::uint64_t values = 1;
  for (const std::int64_t dimension : tensor.shape) {
    if (__builtin_mul_overflow(values, static_cast<std::uint64_t>(dimension), &values)) {
      add(problems, tensor, cat("the values of its shape ", shape_text(tensor.shape), " overflow 64 bits"));
      return std::nullopt;
    }
  }
  const GgufBlock block = gguf_block(tensor.type);
  const std::int64_t row = tensor.shape.empty() ? 1 : tensor.shape.back();
  if (static_cast<std::uint64_t>(row) % block.values != 0) {
    add(problems, tensor,
        cat("its rows of ", row, " values are not a multiple of the ", block.values, " in a block of ",
            to_string(tensor.type)));
    return std::nullopt;
  }
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(values / block.values, std::uint64_t{block.bytes}, &bytes) ||
      bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    add(problems, tensor, cat("the bytes of its shape ", shape_text(tensor.shape), " overflow 64 bits"));
    return std::nullopt;
  }
  return bytes;
}

bool check_type(GgufTensor& tensor, std::uint32_t number, Problems& problems) {
  if (const auto type = gguf_type(number)) {
    tensor.type = *type;
    return true;
  }
  const std::string_view name = gguf_type_name(number);
  if (name.empty()) {
    add(problems, tensor,
        cat("its element type ", number, " is unknown; ", gguf_type_list(), " can be read"));
  } else {
    add(problems, tensor,
        cat("its element type ", name, " is not supported; ", gguf_type_list(), " can be read"),
        ErrorKind::Unsupported);
  }
  return false;
}

std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + step - 1) / step * step;
}

/// Reads one entry of the list of tensors. False, and a problem, if there is something wrong with it.
bool read_tensor(GgufCursor& cursor, std::uint64_t alignment, TensorInfo& info, Problems& problems) {
  GgufTensor& tensor = info.tensor;
  const std::string_view name = cursor.string(kMaxName);
  if (name.empty()) cursor.fail("has an empty name");
  if (const std::size_t valid = valid_utf8_prefix(name); valid != name.size()) {
    cursor.fail(cat("byte ", valid, " of its name ", in_quotes(name), " is not valid UTF-8"));
  }
  tensor.name = name;
  cursor.reading(cat("tensor ", in_quotes(name)));
  const auto rank = cursor.number<std::uint32_t>();
  if (rank > kMaxRank) cursor.fail(cat("has ", rank, " dimensions; the format allows ", kMaxRank));
  bool good = true;
  for (std::uint32_t i = 0; i < rank; ++i) {
    const auto dimension = cursor.number<std::uint64_t>();
    if (dimension == 0) {
      add(problems, tensor, "has a dimension of zero, and so no values");
      good = false;
    } else if (dimension > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      add(problems, tensor, cat("its dimension ", dimension, " is too large"));
      good = false;
    }
    tensor.shape.insert(tensor.shape.begin(), static_cast<std::int64_t>(dimension));
  }
  good = check_type(tensor, cursor.number<std::uint32_t>(), problems) && good;
  info.begin = cursor.number<std::uint64_t>();
  if (info.begin % alignment != 0) {
    add(problems, tensor,
        cat("its data begins at byte ", info.begin, ", which is not a multiple of the alignment ",
            alignment));
    good = false;
  }
  if (!good) return false;
  const auto size = size_of(tensor, problems);
  info.size = size.value_or(0);
  return size.has_value();
}

/// No tensor may reach past the data or into another one.
void check_places(const std::vector<TensorInfo>& tensors, std::uint64_t data_size, Problems& problems) {
  std::vector<const TensorInfo*> order;
  order.reserve(tensors.size());
  for (const TensorInfo& info : tensors) {
    if (info.begin > data_size || info.size > data_size - info.begin) {
      add(problems, info.tensor,
          cat("its ", info.size, " bytes from byte ", info.begin, " run past the ", data_size,
              " bytes of data in the file; it was probably cut off"));
    } else {
      order.push_back(&info);
    }
  }
  std::ranges::sort(order, {}, [](const TensorInfo* info) { return info->begin; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    const TensorInfo& before = *order[i - 1];
    if (order[i]->begin >= before.begin + before.size) continue;
    add(problems, order[i]->tensor,
        cat("its bytes from ", order[i]->begin, " overlap those of tensor ", in_quotes(before.tensor.name)));
  }
}

/// The counts of tensors and of key-value pairs.
std::pair<std::uint64_t, std::uint64_t> read_header(GgufCursor& cursor, std::span<const std::byte> bytes,
                                                    const std::filesystem::path& path) {
  const auto fail = [&](const std::string& what, ErrorKind kind = ErrorKind::InvalidFile) {
    throw Error(kind, cat(path.string(), ": ", what));
  };
  if (bytes.empty()) fail("is empty (0 bytes); download it again");
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<std::size_t>(bytes.size(), 4));
  if (head != kMagic) {
    if (head.size() == kMagic.size()) refuse_foreign_format(bytes, path);
    if (!kMagic.starts_with(head))
      fail(cat("begins with ", in_quotes(head), ", not with \"GGUF\"; it is no GGUF file"));
  }
  cursor.reading("its header");
  cursor.number<std::uint32_t>();
  const auto version = cursor.number<std::uint32_t>();
  if (version != kVersion) {
    if ((version & 0xFFFF) == 0 && version != 0) {
      fail("is a big-endian GGUF file; only little-endian files can be read. Get the usual form of the model",
           ErrorKind::Unsupported);
    }
    if (version == 0) fail("claims to be of GGUF version 0, which does not exist; download it again");
    fail(cat("is a GGUF file of version ", version, "; only version 3 can be read. ",
             version < kVersion ? "Get a newer file of the model, or convert it again"
                                : "Get an older file of the model"),
         ErrorKind::Unsupported);
  }
  const auto tensors = cursor.number<std::uint64_t>();
  const auto pairs = cursor.number<std::uint64_t>();
  cursor.expect(pairs, kLeastPair, "metadata pairs");
  cursor.expect(tensors, kLeastTensor, "tensors");
  if (pairs > kMaxKeys) fail(cat("claims ", pairs, " metadata pairs; at most ", kMaxKeys, " are expected"));
  if (tensors > kMaxTensors)
    fail(cat("claims ", tensors, " tensors; at most ", kMaxTensors, " are expected"));
  return {tensors, pairs};
}

}  // namespace

std::shared_ptr<const GgufFile> GgufFile::open(const std::filesystem::path& path) {
  std::shared_ptr<GgufFile> file(new GgufFile(path));
  const std::span<const std::byte> bytes = file->file_.bytes();
  GgufCursor cursor(bytes, file->path_);
  const auto [tensor_count, pair_count] = read_header(cursor, bytes, path);
  file->metadata_ = read_gguf_metadata(cursor, pair_count);
  const auto* const stated = file->get<std::int64_t>(kAlignmentKey);
  const std::int64_t alignment = stated == nullptr ? kDefaultAlignment : *stated;
  if (alignment <= 0 || alignment > std::numeric_limits<std::uint32_t>::max() ||
      !std::has_single_bit(static_cast<std::uint64_t>(alignment))) {
    throw Error(ErrorKind::InvalidFile, cat(path.string(), ": metadata ", in_quotes(kAlignmentKey), ": is ",
                                            alignment, "; a power of two is expected"));
  }

  Problems problems(path);
  std::vector<TensorInfo> infos;
  std::set<std::string, std::less<>> names;
  infos.reserve(tensor_count);
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    cursor.reading(cat("tensor ", i + 1, " of ", tensor_count));
    TensorInfo info;
    const bool good = read_tensor(cursor, static_cast<std::uint64_t>(alignment), info, problems);
    if (!names.insert(info.tensor.name).second) {
      add(problems, info.tensor, "the name occurs twice");
    } else if (good) {
      infos.push_back(std::move(info));
    }
  }
  const std::uint64_t start = round_up(cursor.position(), static_cast<std::uint64_t>(alignment));
  const std::span<const std::byte> data = bytes.subspan(std::min<std::uint64_t>(start, bytes.size()));
  if (!problems.any()) check_places(infos, data.size(), problems);
  problems.throw_if_any(kAdvice);

  file->tensors_.reserve(infos.size());
  for (TensorInfo& info : infos) {
    info.tensor.bytes = data.subspan(info.begin, info.size);
    file->tensors_.push_back(std::move(info.tensor));
  }
  for (const GgufTensor& tensor : file->tensors_) file->by_name_.emplace(tensor.name, &tensor);
  return file;
}

const GgufTensor* GgufFile::find(std::string_view name) const {
  const auto at = by_name_.find(name);
  return at == by_name_.end() ? nullptr : at->second;
}

void GgufFile::refuse_type(std::string_view key, const GgufValue& expected) const {
  throw Error(ErrorKind::InvalidFile, cat(path_.string(), ": metadata ", in_quotes(key), ": is ",
                                          kind_of(metadata_.find(key)->second), ", not ", kind_of(expected)));
}

}  // namespace bsbr
