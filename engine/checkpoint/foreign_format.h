#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace bsbr {

/// If `bytes`, a file that is not a safetensors file, begins as some other well-known kind of file does,
/// throws Error(Unsupported) that says which (Git LFS pointer, torch.save's zip or pickle, GGUF, HTML) and
/// what to do.
void refuse_foreign_format(std::span<const std::byte> bytes, const std::filesystem::path& path);

/// True for the usual names of weights in formats other than safetensors: *.bin, *.pt, *.pth, *.ckpt, *.h5,
/// *.msgpack, *.gguf.
bool is_foreign_weight_file(const std::filesystem::path& name);

/// Throws Error(Unsupported) for a folder that holds only the weight files `names`, with a command that
/// converts it, or with the path of a GGUF file among them.
[[noreturn]] void refuse_foreign_weights(const std::filesystem::path& folder,
                                         const std::vector<std::string>& names);

}  // namespace bsbr
