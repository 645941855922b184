#include "engine/checkpoint/safetensors.h"
#include "engine/checkpoint/safetensors_header.h"
#include "tests/fuzz/fuzz.h"

using namespace bsbr;

/// A whole file; and its header once more, from memory that ends with it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  const std::string_view text = fuzz::text_of(data, size);
  bool sound = false;
  const auto file = folder.write("model.safetensors", text);
  sound = fuzz::reads([&] {
    const auto opened = SafetensorsFile::open(file);
    for (const TensorView& tensor : opened.tensors()) {
      fuzz::touch(tensor.bytes);
      fuzz::expect(opened.find(tensor.name) == &tensor, "a tensor is not found by its name");
    }
  });
  std::uint64_t length = 0;
  if (size < sizeof length) return 0;
  std::memcpy(&length, data, sizeof length);
  if (length > size - sizeof length) return 0;
  const std::string header(text.substr(sizeof length, length));
  const bool parsed =
      fuzz::reads([&] { parse_safetensors_header(header, size - sizeof length - length, file); });
  fuzz::expect(parsed || !sound, "a header that is refused in memory is taken in a file");
  return 0;
}
