#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace bsbr {

/// Throws Error(Unsupported) that says what it is if `config`, read from `path`, is that of a model that
/// generates no text or not from text alone: an encoder, an encoder with a decoder, a model of images, of
/// speech, of several at once.
void refuse_other_model(const std::filesystem::path& path, const nlohmann::json& config);

}  // namespace bsbr
