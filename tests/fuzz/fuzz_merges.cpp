#include <nlohmann/json.hpp>

#include "engine/tokenizer/byte_alphabet.h"
#include "engine/tokenizer/tokenizer.h"
#include "tests/fuzz/fuzz.h"

using namespace bsbr;

namespace {

/// The vocabulary of an input's first part: if it is an object, the bytes that it leaves out are added.
std::string completed(std::string_view input) {
  nlohmann::json vocabulary = nlohmann::json::parse(input, nullptr, false);
  if (!vocabulary.is_object()) return std::string(input);
  for (int byte = 0; byte < 256; ++byte) {
    vocabulary.emplace(std::string(byte_symbol(static_cast<unsigned char>(byte))), byte);
  }
  return vocabulary.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

/// vocab.json, a zero byte, merges.txt; where there is a second zero byte, tokenizer_config.json.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  static const auto model = folder.write("config.json", R"({"model_type":"gpt2"})");
  std::string_view rest = fuzz::text_of(data, size);
  const auto part = [&] {
    const std::string_view found = rest.substr(0, rest.find('\0'));
    rest.remove_prefix(std::min(found.size() + 1, rest.size()));
    return found;
  };
  folder.write("vocab.json", completed(part()));
  folder.write("merges.txt", part());
  if (rest.empty()) {
    std::filesystem::remove(folder.path() / "tokenizer_config.json");
  } else {
    folder.write("tokenizer_config.json", rest);
  }
  fuzz::reads([&] {
    const Tokenizer tokenizer = Tokenizer::load(folder.path());
    const auto ids = tokenizer.encode_with_special("Hello, hell\xC3\xB6 don't  <|endoftext|>\n 1234 \xFF");
    for (const TokenId id : ids) {
      fuzz::expect(id >= 0 && id < tokenizer.vocabulary_size(), "an id lies outside the vocabulary");
    }
    static_cast<void>(tokenizer.decode(ids));
  });
  return 0;
}
