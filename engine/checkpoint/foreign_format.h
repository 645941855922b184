#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bsbr {

/// What the published BSBR converter saves, a state dict with weights that no model here has.
inline constexpr std::string_view kPublishedBsbr = "bsbr_model.pt";

/// If `bytes`, a file that should hold weights, begins as something else that often bears such a name, throws
/// Error(Unsupported) that says what (Git LFS pointer, web page, GGUF) and what to do.
void refuse_misnamed(std::span<const std::byte> bytes, const std::filesystem::path& path);

/// The same for a file that is not a safetensors file; refuses torch.save's zip or pickle too.
void refuse_foreign_format(std::span<const std::byte> bytes, const std::filesystem::path& path);

/// True for the usual names of weights in formats other than safetensors: *.bin, *.pt, *.pth, *.ckpt, *.h5,
/// *.msgpack, *.gguf.
bool is_foreign_weight_file(const std::filesystem::path& name);

/// Throws Error(Unsupported) for a folder that holds only the weight files `names`, none of which can be
/// read from there, and says what to do: with the path of a GGUF file among them, say, or with a command that
/// converts it.
[[noreturn]] void refuse_foreign_weights(const std::filesystem::path& folder,
                                         const std::vector<std::string>& names);

}  // namespace bsbr
