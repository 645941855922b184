#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>
#include <vector>

namespace bsbr {

/// One file within a zip archive; name and bytes lie in the archive.
struct ZipEntry {
  std::string_view name;
  std::span<const std::byte> bytes;
};

/// The entries of a zip archive (Zip64 too) that stores them uncompressed, sorted by name. Everything is
/// checked against the archive's size: directory and entries lie within it, local headers agree with the
/// directory, no two entries overlap or bear the same name. Checksums are not read.
/// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
/// Throws Error(InvalidFile | Unsupported) that names `path` and the byte.
std::vector<ZipEntry> read_zip(std::span<const std::byte> archive, const std::filesystem::path& path);

}  // namespace bsbr
