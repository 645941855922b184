#include "engine/checkpoint/gguf_checkpoint.h"
#include "engine/checkpoint/gguf_file.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "engine/model/model_config.h"
#include "tests/fuzz/fuzz.h"

using namespace bsbr;

/// A whole file: metadata, the table of tensors and the tensors, the config, the vocabulary. The metadata
/// once more, from memory that ends with them.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  const std::string_view text = fuzz::text_of(data, size);
  const auto file = folder.write("model.gguf", text);
  constexpr std::size_t kHeader = 24;
  if (size >= kHeader) {
    std::uint64_t pairs = 0;
    std::memcpy(&pairs, data + kHeader - sizeof pairs, sizeof pairs);
    constexpr std::uint64_t kMost = 65'536;
    GgufCursor cursor(fuzz::bytes_of(data, size).subspan(kHeader), file);
    if (pairs <= kMost) fuzz::reads([&] { read_gguf_metadata(cursor, pairs); });
  }
  std::shared_ptr<const GgufFile> opened;
  if (!fuzz::reads([&] { opened = GgufFile::open(file); })) return 0;
  for (const GgufTensor& tensor : opened->tensors()) fuzz::touch(tensor.bytes);
  fuzz::reads([&] {
    const GgufModel model = read_gguf_model(*opened);
    for (const TensorView& tensor : model.tensors) fuzz::touch(tensor.bytes);
    ModelConfig::from_json(model.config);
  });
  fuzz::reads([&] {
    const Tokenizer tokenizer = Tokenizer::from_parts(gguf_vocabulary(*opened));
    static_cast<void>(tokenizer.decode(tokenizer.encode_with_special("Hello, hell\xC3\xB6! 12\n\n")));
  });
  return 0;
}
