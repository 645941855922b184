#include "engine/checkpoint/gguf_part.h"

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
// Versions 2 and 3 differ in nothing but that 3 also allows big-endian files.
constexpr std::uint32_t kOldestVersion = 2, kVersion = 3;
constexpr std::string_view kAlignmentKey = "general.alignment";
constexpr std::int64_t kDefaultAlignment = 32;
constexpr std::string_view kAdvice =
    "the file is damaged or was made by a faulty program; download or convert it again";

constexpr std::string_view kOtherTypeAdvice = "get the model in another quantisation, such as Q4_K_M or Q8_0";

// The format's own bounds.
constexpr std::size_t kMaxName = 64;
constexpr std::uint32_t kMaxRank = 4;
// Bounds that keep memory small under hostile files; published models stay far below them.
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
    problems.add_tensor(tensor.name,
                        cat("the element type ", number, " is unknown; ", gguf_type_list(), " can be read"));
  } else {
    problems.add_tensor(
        tensor.name, cat("the element type ", name, " is not supported; ", gguf_type_list(), " can be read"),
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
  std::vector<const TensorInfo*> past_end;
  for (const TensorInfo& info : tensors) {
    const bool within = info.begin <= data_size && info.size <= data_size - info.begin;
    (within ? order : past_end).push_back(&info);
  }
  if (!past_end.empty()) {
    const TensorInfo& first = *past_end.front();
    add(problems, first.tensor,
        cat("its ", first.size, " bytes from byte ", first.begin, " run past the ", data_size,
            " bytes of data in the file",
            past_end.size() == 1 ? "" : cat(", and those of ", past_end.size() - 1, " more tensors do"),
            "; it was probably cut off"));
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
  if (version < kOldestVersion || version > kVersion) {
    if ((version & 0xFFFF) == 0 && version != 0) {
      fail("is a big-endian GGUF file; only little-endian files can be read. Get the usual form of the model",
           ErrorKind::Unsupported);
    }
    if (version == 0) fail("claims to be of GGUF version 0, which does not exist; download it again");
    fail(cat("is a GGUF file of version ", version, "; only versions 2 and 3 can be read, ",
             version < kVersion ? "for 1, of August 2023, stored its lengths in 32 bits; get a newer file of "
                                  "the model, or convert it again"
                                : "so get an older file of the model"),
         ErrorKind::Unsupported);
  }
  const auto tensors = cursor.number<std::uint64_t>();
  const auto pairs = cursor.number<std::uint64_t>();
  cursor.expect(pairs, kLeastPair, "metadata pairs");
  cursor.expect(tensors, kLeastTensor, "tensors");
  if (pairs > kMaxKeys) fail(cat("claims ", pairs, " metadata pairs; at most ", kMaxKeys, " are expected"));
  if (tensors > kMaxGgufTensors)
    fail(cat("claims ", tensors, " tensors; at most ", kMaxGgufTensors, " are expected"));
  return {tensors, pairs};
}

}  // namespace

GgufPart::GgufPart(const std::filesystem::path& where) : path(where), file(where) {
  const std::span<const std::byte> bytes = file.bytes();
  GgufCursor cursor(bytes, path);
  const auto [tensor_count, pair_count] = read_header(cursor, bytes, path);
  metadata = read_gguf_metadata(cursor, pair_count);
  const auto* const stated = gguf_value<std::int64_t>(metadata, kAlignmentKey, path);
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
  problems.throw_if_any(problems.all_unsupported() ? kOtherTypeAdvice : kAdvice);

  tensors.reserve(infos.size());
  for (TensorInfo& info : infos) {
    info.tensor.bytes = data.subspan(info.begin, info.size);
    tensors.push_back(std::move(info.tensor));
  }
}

}  // namespace bsbr
