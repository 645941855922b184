#include "engine/checkpoint/zip_archive.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

constexpr std::uint32_t kLocalMagic = 0x04034B50;
constexpr std::uint32_t kCentralMagic = 0x02014B50;
constexpr std::uint32_t kEndMagic = 0x06054B50;
constexpr std::uint32_t kEnd64Magic = 0x06064B50;
constexpr std::uint32_t kLocator64Magic = 0x07064B50;
constexpr std::uint64_t kLocalSize = 30;
constexpr std::uint64_t kCentralSize = 46;
constexpr std::uint64_t kEndSize = 22;
constexpr std::uint64_t kEnd64Size = 56;
constexpr std::uint64_t kLocator64Size = 20;
constexpr std::uint64_t kMaxComment = 0xFFFF;
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;  // "the value stands in the Zip64 field"
constexpr std::uint64_t kMaxEntries = 400'000;
constexpr std::uint16_t kEncrypted = 1;

/// Where the directory of entries lies.
struct Directory {
  std::uint64_t begin = 0;
  std::uint64_t size = 0;
  std::uint64_t count = 0;
};

struct Located {
  ZipEntry entry;
  std::uint64_t begin = 0;  // of the local header
  std::uint64_t end = 0;    // of the data
};

class Reader {
 public:
  Reader(std::span<const std::byte> archive, const std::filesystem::path& path)
      : archive_(archive), path_(path) {}

  std::vector<ZipEntry> read();

 private:
  [[noreturn]] void fail(std::uint64_t at, const std::string& what,
                         ErrorKind kind = ErrorKind::InvalidFile) const {
    throw Error(kind, cat(path_.string(), ": byte ", at, ": ", what));
  }
  /// `at` + sizeof(T) must lie within the archive.
  template <class T>
  [[nodiscard]] T number(std::uint64_t at) const {
    T value{};
    std::memcpy(&value, archive_.data() + at, sizeof value);
    return value;
  }
  [[nodiscard]] std::string_view text(std::uint64_t at, std::uint64_t size) const {
    return {reinterpret_cast<const char*>(archive_.data()) + at, static_cast<std::size_t>(size)};
  }
  [[nodiscard]] std::uint64_t find_end() const;
  [[nodiscard]] std::optional<Directory> directory64(std::uint64_t end) const;
  [[nodiscard]] Directory find_directory() const;
  void read_zip64(std::uint64_t at, std::uint64_t size, std::uint64_t& data_size, std::uint64_t& stored_size,
                  std::uint64_t& local) const;
  Located read_entry(const Directory& directory, std::uint64_t& at) const;
  void locate(const Directory& directory, Located& located, std::uint64_t size) const;

  std::span<const std::byte> archive_;
  const std::filesystem::path& path_;
};

std::uint64_t Reader::find_end() const {
  const std::uint64_t size = archive_.size();
  for (std::uint64_t comment = 0; comment <= kMaxComment && comment + kEndSize <= size; ++comment) {
    const std::uint64_t at = size - kEndSize - comment;
    if (number<std::uint32_t>(at) == kEndMagic && number<std::uint16_t>(at + 20) == comment) return at;
  }
  fail(size, "the file ends without a zip archive's directory; it was probably cut off, download it again");
}

/// The directory as the Zip64 records before the end record at `end` tell it, if there are any.
std::optional<Directory> Reader::directory64(std::uint64_t end) const {
  if (end < kLocator64Size || number<std::uint32_t>(end - kLocator64Size) != kLocator64Magic)
    return std::nullopt;
  const std::uint64_t locator = end - kLocator64Size;
  const auto at = number<std::uint64_t>(locator + 8);
  if (locator < kEnd64Size || at > locator - kEnd64Size || number<std::uint32_t>(at) != kEnd64Magic) {
    fail(locator, cat("the Zip64 end record is said to be at byte ", at, ", where there is none"));
  }
  const Directory directory{number<std::uint64_t>(at + 48), number<std::uint64_t>(at + 40),
                            number<std::uint64_t>(at + 32)};
  if (number<std::uint32_t>(at + 16) != 0 || number<std::uint32_t>(at + 20) != 0 ||
      number<std::uint64_t>(at + 24) != directory.count) {
    fail(at, "the zip archive is one of several parts, which cannot be read", ErrorKind::Unsupported);
  }
  if (directory.begin > at || directory.size > at - directory.begin) {
    fail(at, cat("the zip directory is said to be ", directory.size, " bytes at byte ", directory.begin,
                 ", which do not end before it"));
  }
  return directory;
}

Directory Reader::find_directory() const {
  const std::uint64_t end = find_end();
  std::optional<Directory> directory = directory64(end);
  if (!directory) {
    directory = {number<std::uint32_t>(end + 16), number<std::uint32_t>(end + 12),
                 number<std::uint16_t>(end + 10)};
    if (number<std::uint16_t>(end + 4) != 0 || number<std::uint16_t>(end + 6) != 0 ||
        number<std::uint16_t>(end + 8) != directory->count) {
      fail(end, "the zip archive is one of several parts, which cannot be read", ErrorKind::Unsupported);
    }
    if (directory->begin > end || directory->size > end - directory->begin) {
      fail(end, cat("the zip directory is said to be ", directory->size, " bytes at byte ", directory->begin,
                    ", which do not end before it"));
    }
  }
  if (directory->count > directory->size / kCentralSize || directory->count > kMaxEntries) {
    fail(end, cat("claims ", directory->count, " entries in a directory of ", directory->size, " bytes",
                  directory->count > kMaxEntries ? cat("; at most ", kMaxEntries, " are expected") : ""));
  }
  return *directory;
}

/// Takes from the extra field of `size` bytes what the directory's 32 bits had no room for.
void Reader::read_zip64(std::uint64_t at, std::uint64_t size, std::uint64_t& data_size,
                        std::uint64_t& stored_size, std::uint64_t& local) const {
  const std::uint64_t end = at + size;
  while (end - at >= 4) {
    const auto id = number<std::uint16_t>(at);
    const auto length = number<std::uint16_t>(at + 2);
    at += 4;
    if (length > end - at) fail(at, "an extra field of a zip entry runs past its end");
    if (id == 1) {
      const std::uint64_t field_end = at + length;
      for (std::uint64_t* value : {&data_size, &stored_size, &local}) {
        if (*value != kIn64) continue;
        if (field_end - at < 8) fail(at, "a Zip64 field of a zip entry is too short");
        *value = number<std::uint64_t>(at);
        at += 8;
      }
      return;
    }
    at += length;
  }
  fail(at, "a zip entry lacks its Zip64 field");
}

/// Reads the directory's entry at `at`, and moves `at` behind it.
Located Reader::read_entry(const Directory& directory, std::uint64_t& at) const {
  const std::uint64_t end = directory.begin + directory.size;
  if (end - at < kCentralSize || number<std::uint32_t>(at) != kCentralMagic) {
    fail(at, "no entry of the zip directory is here, where one is expected");
  }
  const std::uint64_t begin = at;
  const auto flags = number<std::uint16_t>(at + 8);
  const auto method = number<std::uint16_t>(at + 10);
  std::uint64_t stored_size = number<std::uint32_t>(at + 20);
  std::uint64_t size = number<std::uint32_t>(at + 24);
  const auto name_size = number<std::uint16_t>(at + 28);
  const auto extra_size = number<std::uint16_t>(at + 30);
  const auto comment_size = number<std::uint16_t>(at + 32);
  Located located;
  located.begin = number<std::uint32_t>(at + 42);
  at += kCentralSize;
  if (std::uint64_t{name_size} + extra_size + comment_size > end - at) {
    fail(begin, "an entry of the zip directory runs past its end");
  }
  located.entry.name = text(at, name_size);
  if (size == kIn64 || stored_size == kIn64 || located.begin == kIn64) {
    read_zip64(at + name_size, extra_size, size, stored_size, located.begin);
  }
  at += std::uint64_t{name_size} + extra_size + comment_size;
  if ((flags & kEncrypted) != 0) {
    fail(begin, cat("entry ", in_quotes(located.entry.name), " is encrypted, which cannot be read"),
         ErrorKind::Unsupported);
  }
  if (method != 0) {
    fail(begin,
         cat("entry ", in_quotes(located.entry.name), " is compressed (method ", method,
             "); torch.save stores entries as they are, and so they are mapped. Load it with "
             "torch.load(…, weights_only=True) and save it again"),
         ErrorKind::Unsupported);
  }
  if (stored_size != size) {
    fail(begin, cat("entry ", in_quotes(located.entry.name), " is stored in ", stored_size,
                    " bytes, but said to have ", size));
  }
  locate(directory, located, size);
  return located;
}

/// Finds the data of an entry behind its local header.
void Reader::locate(const Directory& directory, Located& located, std::uint64_t size) const {
  const std::string name = in_quotes(located.entry.name);
  const std::uint64_t at = located.begin;
  const std::uint64_t limit = directory.begin;
  if (limit < kLocalSize || at > limit - kLocalSize || number<std::uint32_t>(at) != kLocalMagic) {
    fail(at, cat("entry ", name, " is said to begin here, where none does"));
  }
  const auto method = number<std::uint16_t>(at + 8);
  const auto name_size = number<std::uint16_t>(at + 26);
  const auto extra_size = number<std::uint16_t>(at + 28);
  const std::uint64_t names = at + kLocalSize;
  if (std::uint64_t{name_size} + extra_size > limit - names) {
    fail(at, cat("the header of entry ", name, " runs into the zip directory"));
  }
  if (method != 0 || text(names, name_size) != located.entry.name) {
    fail(at, cat("the header of entry ", name, " differs from its entry in the zip directory"));
  }
  const std::uint64_t data = names + name_size + extra_size;
  if (size > limit - data) {
    fail(at, cat("the ", size, " bytes of entry ", name, " run into the zip directory at byte ", limit));
  }
  located.end = data + size;
  located.entry.bytes = archive_.subspan(data, size);
}

std::vector<ZipEntry> Reader::read() {
  const Directory directory = find_directory();
  std::vector<Located> found;
  found.reserve(directory.count);
  std::uint64_t at = directory.begin;
  for (std::uint64_t i = 0; i < directory.count; ++i) found.push_back(read_entry(directory, at));
  std::ranges::sort(found, {}, &Located::begin);
  for (std::size_t i = 1; i < found.size(); ++i) {
    if (found[i].begin >= found[i - 1].end) continue;
    fail(found[i].begin, cat("entry ", in_quotes(found[i].entry.name), " overlaps entry ",
                             in_quotes(found[i - 1].entry.name)));
  }
  std::ranges::sort(found, {}, [](const Located& located) { return located.entry.name; });
  std::vector<ZipEntry> entries;
  entries.reserve(found.size());
  for (const Located& located : found) {
    if (!entries.empty() && entries.back().name == located.entry.name) {
      fail(located.begin, cat("entry ", in_quotes(located.entry.name), " occurs twice"));
    }
    entries.push_back(located.entry);
  }
  return entries;
}

}  // namespace

std::vector<ZipEntry> read_zip(std::span<const std::byte> archive, const std::filesystem::path& path) {
  return Reader(archive, path).read();
}

}  // namespace bsbr
