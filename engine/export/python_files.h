#pragma once

#include <string>
#include <vector>

namespace bsbr {

struct TextFile {
  std::string name, text;
};

/// The files with which transformers runs a converted checkpoint, those of resources/python/export: every
/// export carries them.
const std::vector<TextFile>& python_files();

}  // namespace bsbr
