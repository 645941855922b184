#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace bsbr {

/// The file of CrossoverMemory: a list of lengths, one a layer, for each key. It is a cache: one that cannot
/// be read counts as empty, one that cannot be written is left. Neither throws.
std::optional<std::vector<std::int64_t>> find_crossover(const std::filesystem::path& file,
                                                        const std::string& key, std::int64_t layers);
void keep_crossover(const std::filesystem::path& file, const std::string& key,
                    const std::vector<std::int64_t>& tokens);

}  // namespace bsbr
