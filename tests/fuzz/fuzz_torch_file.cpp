#include "engine/checkpoint/torch_archive.h"
#include "engine/checkpoint/torch_file.h"
#include "tests/fuzz/fuzz.h"

using namespace bsbr;

/// A file of torch.save: from memory that ends with it, and as a file, whose tensors are copied where they
/// lie in another order.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  const auto file = folder.write("pytorch_model.bin", fuzz::text_of(data, size));
  const bool parsed = fuzz::reads([&] { read_torch_archive(fuzz::bytes_of(data, size), file); });
  const bool opened = fuzz::reads([&] {
    const auto torch = TorchFile::open(file);
    for (const TensorView& tensor : torch.tensors()) fuzz::touch(tensor.bytes);
  });
  fuzz::expect(parsed || !opened, "an archive that is refused in memory is taken in a file");
  return 0;
}
