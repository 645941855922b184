#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bsbr::test {

/// Parts of pickles of protocol 2, as text of opcodes. Each leaves one value on the stack.
namespace pickle {
std::string text(std::string_view value);
std::string integer(std::int64_t value);
std::string global(std::string_view module, std::string_view name);
std::string tuple(const std::string& items);
std::string integers(const std::vector<std::int64_t>& values);
/// What calling `function` with that tuple gives.
std::string call(const std::string& function, const std::string& arguments);
std::string dict(const std::string& keys_and_values);
/// The persistent id of a storage, resolved.
std::string storage(std::string_view type, std::string_view key, std::int64_t count);
/// The tuple that _rebuild_tensor_v2 takes.
std::string tensor_arguments(const std::string& storage, std::int64_t offset,
                             const std::vector<std::int64_t>& shape, const std::vector<std::int64_t>& stride);
std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& stride);
/// A whole pickle that makes `value`.
std::string whole(const std::string& value);
}  // namespace pickle

/// A file within a zip archive, and what may be wrong with it.
struct ZipPart {
  std::string name;
  std::string bytes;
  std::uint16_t method = 0;
  std::uint16_t flags = 0;
  std::string local_name = {};  ///< in its header, if another one
};

/// A zip archive, with or without Zip64 records.
std::string zip(const std::vector<ZipPart>& parts, bool zip64 = false);

/// Files of torch.save, in the zip form and the one before it, that hold what `value` makes.
std::string torch_zip(const std::string& value, const std::map<std::string, std::string>& storages = {});
std::string torch_old(const std::string& value, const std::map<std::string, std::string>& storages = {},
                      std::size_t element = 4);

}  // namespace bsbr::test
