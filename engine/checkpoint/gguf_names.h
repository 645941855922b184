#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bsbr {

inline constexpr std::string_view kGgufEnding = ".gguf";

/// The files of one model: one, or the parts that are there.
using GgufFiles = std::vector<std::string>;

/// Sorts file names into models. Left out: files that go with a model and are none, by the names that
/// llama.cpp's programs give them (mmproj…, imatrix…), unless there is nothing else.
std::vector<GgufFiles> group_gguf_files(std::vector<std::string> names);

/// Those of a quantisation: "Q4_K_M", in any case, where it stands as a whole between the marks that names
/// use.
std::vector<GgufFiles> of_quantisation(const std::vector<GgufFiles>& models, std::string_view quantisation);

/// The only one of them. Throws Error(NotFound) where there is none, naming those that there are, and
/// Error(InvalidArgument) where several are, naming them; `owner`, what has the models, begins the message.
GgufFiles choose_quantisation(const std::vector<GgufFiles>& models, std::string_view quantisation,
                              const std::string& owner);

/// The first file of each model.
std::vector<std::string> first_files(const std::vector<GgufFiles>& models);

}  // namespace bsbr
