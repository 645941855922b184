#include "engine/analysis/crossover_file.h"

#include <unistd.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <utility>

#include "engine/base/error.h"
#include "engine/base/json_file.h"

namespace bsbr {
namespace {

namespace fs = std::filesystem;

// Raised where a change of the kernels moves the crossover.
constexpr int kVersion = 3;

nlohmann::json read_entries(const fs::path& file) {
  try {
    const nlohmann::json json = read_json_object(file);
    if (json.at("version") == kVersion && json.at("entries").is_object()) return json.at("entries");
  } catch (const Error&) {
    return nlohmann::json::object();
  } catch (const nlohmann::json::exception&) {
    return nlohmann::json::object();
  }
  return nlohmann::json::object();
}

}  // namespace

std::optional<std::vector<std::int64_t>> find_crossover(const fs::path& file, const std::string& key,
                                                        std::int64_t layers) {
  const nlohmann::json entries = read_entries(file);
  const auto entry = entries.find(key);
  if (entry == entries.end() || !entry->is_array()) return std::nullopt;
  std::vector<std::int64_t> tokens;
  for (const nlohmann::json& number : *entry) {
    if (!number.is_number_unsigned() || !std::in_range<std::int64_t>(number.get<std::uint64_t>()))
      return std::nullopt;
    tokens.push_back(number.get<std::int64_t>());
  }
  if (tokens.size() != static_cast<std::size_t>(layers)) return std::nullopt;
  return tokens;
}

void keep_crossover(const fs::path& file, const std::string& key, const std::vector<std::int64_t>& tokens) {
  nlohmann::json entries = read_entries(file);
  entries[key] = tokens;
  std::error_code failed;
  fs::create_directories(file.parent_path(), failed);
  // Renamed when it is whole, so that another process never reads half of it.
  const fs::path staged = file.string() + cat(".", ::getpid());
  {
    std::ofstream out(staged);
    out << nlohmann::json{{"version", kVersion}, {"entries", std::move(entries)}}.dump(
               1, ' ', false, nlohmann::json::error_handler_t::replace)
        << '\n';
    out.close();
    if (!out) failed = std::make_error_code(std::errc::io_error);
  }
  if (!failed) fs::rename(staged, file, failed);
  if (failed) fs::remove(staged, failed);
}

}  // namespace bsbr
