#include <nlohmann/json.hpp>

#include "engine/tokenizer/byte_alphabet.h"
#include "engine/tokenizer/tokenizer.h"
#include "tests/fuzz/fuzz.h"

using namespace bsbr;

namespace {

/// Bytes, a few merges.
nlohmann::json small_model() {
  nlohmann::json vocabulary;
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary[std::string(byte_symbol(static_cast<unsigned char>(byte)))] = byte;
  }
  int id = 256;
  for (const char* token : {"he", "ll", "hell", "\xC4\xA0hell"}) vocabulary[token] = id++;
  return {{"type", "BPE"}, {"vocab", vocabulary}, {"merges", {"h e", "l l", "he ll", "\xC4\xA0 hell"}}};
}

/// The input, with a model and a decoder where it says nothing of them: so it can be short.
std::string completed(std::string_view input) {
  nlohmann::json document = nlohmann::json::parse(input, nullptr, false);
  if (!document.is_object()) return std::string(input);
  static const nlohmann::json model = small_model();
  if (!document.contains("model")) document["model"] = model;
  if (!document.contains("decoder")) document["decoder"] = {{"type", "ByteLevel"}};
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

/// tokenizer.json; then texts are encoded and decoded.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  folder.write("tokenizer.json", completed(fuzz::text_of(data, size)));
  fuzz::reads([&] {
    const Tokenizer tokenizer = Tokenizer::load(folder.path());
    for (const std::string_view text :
         {std::string_view(
              "Hello, hell\xC3\xB6 don't\t 1234  \xE4\xB8\xAD\xF0\x9F\x98\x80\n\n <|endoftext|>x"),
          std::string_view("\xFF\x00 a\xCC\x81 \xC2\xA0", 9), std::string_view()}) {
      const auto ids = tokenizer.encode_with_special(text);
      for (const TokenId id : ids) {
        fuzz::expect(id >= 0 && id < tokenizer.vocabulary_size(), "an id lies outside the vocabulary");
      }
      static_cast<void>(tokenizer.decode(ids));
    }
  });
  return 0;
}
