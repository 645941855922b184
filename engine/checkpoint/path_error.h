#pragma once

#include <filesystem>

namespace bsbr {

/// Throws the Error for a path that the system refused with errno `code`, in words that tell a missing file
/// from a dangling link, a loop of links and a lack of permission. Kinds: NotFound, Io, InvalidFile (a
/// socket).
[[noreturn]] void throw_path_error(const std::filesystem::path& path, int code);

/// True if there is a directory entry at `path`, be it a dangling link.
bool has_entry(const std::filesystem::path& path) noexcept;

/// True if `path`, links followed, leads to something.
bool leads_somewhere(const std::filesystem::path& path) noexcept;

/// Returns if `path`, links followed, is a regular file or a folder, as asked; throws as throw_path_error
/// does, or Error(InvalidFile) for something else.
void require_file(const std::filesystem::path& path);
void require_folder(const std::filesystem::path& path);

}  // namespace bsbr
