#include "tests/checkpoint/damaged_gguf.h"

#include "tests/checkpoint/gguf_builder.h"

namespace bsbr::test {
namespace {

constexpr auto kInvalid = ErrorKind::InvalidFile;
constexpr auto kOther = ErrorKind::Unsupported;
constexpr std::uint64_t kHuge = ~0ull;
constexpr std::uint32_t kArray = 9;

GgufBuilder sound() {
  return GgufBuilder().text("general.architecture", "llama");
}

std::string pair(std::uint32_t type, const std::string& value) {
  return sound().pair("the.key", type, value).bytes();
}

std::string tensor(const std::vector<std::uint64_t>& dims, std::uint32_t type, std::size_t bytes,
                   std::uint64_t offset = 0) {
  return sound().tensor("w", dims, type, std::string(bytes, '\0'), offset).bytes();
}

std::vector<Damage> headers() {
  const auto version = [](std::uint32_t number) {
    GgufBuilder file = sound();
    file.version = number;
    return file.bytes();
  };
  const auto magic = [](const std::string& text) {
    GgufBuilder file = sound();
    file.magic = text;
    return file.bytes();
  };
  const auto counts = [](std::uint64_t tensors, std::uint64_t pairs) {
    GgufBuilder file = sound();
    file.tensor_count = tensors;
    file.pair_count = pairs;
    return file.bytes();
  };
  const std::string many(20u << 20, '\0');
  return {
      {"0 bytes", "", kInvalid, {"is empty (0 bytes)"}},
      {"2 bytes", "GG", kInvalid, {"its header", "ends here, at byte 2"}},
      {"other magic", magic("GGML"), kInvalid, {"begins with \"GGML\"", "no GGUF file"}},
      {"Git LFS pointer",
       "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 98362432\n",
       kOther,
       {"Git LFS pointer", "git lfs pull"}},
      {"version 0", version(0), kInvalid, {"version 0"}},
      {"version 1", version(1), kOther, {"version 1", "only versions 2 and 3", "newer file"}},
      {"version 4", version(4), kOther, {"version 4", "only versions 2 and 3"}},
      {"big-endian", version(0x03000000), kOther, {"big-endian"}},
      {"2^64-1 pairs", counts(0, kHuge), kInvalid, {"claims 18446744073709551615 metadata pairs"}},
      {"2^64-1 tensors", counts(kHuge, 1), kInvalid, {"claims 18446744073709551615 tensors"}},
      {"a pair more than there is", counts(0, 2), kInvalid, {"metadata pair 2 of 2", "ends here"}},
      {"a tensor more than there is", counts(1, 1), kInvalid, {"tensor 1 of 1", "ends here, at byte 69"}},
      {"too many pairs", counts(0, 65'537) + many, kInvalid, {"at most 65536"}},
      {"too many tensors", counts(200'001, 1) + many, kInvalid, {"at most 200000"}},
  };
}

std::vector<Damage> metadata() {
  const auto alignment = [](std::uint32_t value) {
    return sound().number("general.alignment", value).floats("w", {1}).bytes();
  };
  const std::string deep = gguf_array(kArray, 1, gguf_array(kArray, 1, gguf_array(4, 1, raw(1u))));
  const std::string text_array = gguf_array(8, 2, gguf_string("a") + raw(kHuge));
  return {
      {"key past the end",
       GgufBuilder().bytes().replace(16, 8, raw(std::uint64_t{1})) + raw(kHuge) + "general.",
       kInvalid,
       {"metadata pair 1 of 1", "a string of 18446744073709551615 bytes", "ends at byte 40"}},
      {"key too long",
       GgufBuilder().number(std::string(65'536, 'k'), 1).bytes(),
       kInvalid,
       {"a string of 65536 bytes", "at most 65535"}},
      {"key empty",
       GgufBuilder().number("", 1).number("k", 1).bytes(),
       kInvalid,
       {"pair 1 of 2", "empty key"}},
      {"key not UTF-8",
       GgufBuilder().number("a\xFF", 1).bytes(),
       kInvalid,
       {"byte 1 of its key \"a\\xFF\" is not valid UTF-8"}},
      {"key twice", sound().number("k", 1).number("k", 2).bytes(), kInvalid, {"\"k\"", "occurs twice"}},
      {"value type 13", pair(13, "xxxx"), kInvalid, {"\"the.key\"", "value type 13 is unknown"}},
      {"value cut off", pair(12, "xxxx"), kInvalid, {"\"the.key\"", "ends here"}},
      {"string past the end",
       pair(8, raw(std::uint64_t{100}) + "abc"),
       kInvalid,
       {"\"the.key\"", "a string of 100 bytes"}},
      {"string of 2^64-1", pair(8, raw(kHuge)), kInvalid, {"\"the.key\"", "18446744073709551615 bytes"}},
      {"string not UTF-8",
       pair(8, gguf_string("a\x80")),
       kInvalid,
       {"its value \"a\\x80\" is not valid UTF-8"}},
      {"boolean 2", pair(7, "\x02"), kInvalid, {"\"the.key\"", "a boolean is 2"}},
      {"array of booleans 2", pair(kArray, gguf_array(7, 2, "\x01\x02")), kInvalid, {"a boolean is 2"}},
      {"array of type 13", pair(kArray, gguf_array(13, 1, "xxxx")), kInvalid, {"value type 13 is unknown"}},
      {"array of 2^64-1",
       pair(kArray, gguf_array(4, kHuge, "xxxx")),
       kInvalid,
       {"\"the.key\"", "18446744073709551615 array elements"}},
      {"array of 2^62 doubles", pair(kArray, gguf_array(12, 1ull << 62, "")), kInvalid, {"array elements"}},
      {"array of strings, cut off", pair(kArray, text_array), kInvalid, {"a string of 18446744073709551615"}},
      {"array of arrays", pair(kArray, deep), kOther, {"\"the.key\"", "array of arrays"}},
      {"array too large",
       pair(kArray, gguf_array(0, (4u << 20) + 1, std::string((4u << 20) + 1, 'x'))),
       kInvalid,
       {"array of 4194305 elements", "more than 4194304"}},
      {"array of unsigned above 2^63", pair(kArray, gguf_array(10, 1, raw(kHuge))), kOther, {"above 2^63-1"}},
      {"too much text",
       sound().text("a", std::string(40u << 20, 'a')).text("b", std::string(40u << 20, 'b')).bytes(),
       kInvalid,
       {"\"b\"", "67108864 bytes of text"}},
      {"alignment 0", alignment(0), kInvalid, {"\"general.alignment\": is 0; a power of two"}},
      {"alignment 24", alignment(24), kInvalid, {"is 24; a power of two"}},
      {"alignment is a string",
       sound().text("general.alignment", "32").bytes(),
       kInvalid,
       {"\"general.alignment\": is a string, not an integer"}},
  };
}

std::vector<Damage> tensors() {
  const std::string four(4, '\0');
  const std::uint64_t big = 1ull << 32;
  const auto named = [&](const std::string& name) { return sound().tensor(name, {1}, 0, four).bytes(); };
  return {
      {"name empty", sound().tensor("", {1, 1}, 0, four).bytes(), kInvalid, {"tensor 1 of 1", "empty name"}},
      {"name too long", named(std::string(65, 'n')), kInvalid, {"a string of 65 bytes", "at most 64"}},
      {"name not UTF-8", named("w\xC3"), kInvalid, {"byte 1 of its name", "not valid UTF-8"}},
      {"name twice",
       sound().tensor("w", {1}, 0, four).tensor("w", {1}, 0, four).bytes(),
       kInvalid,
       {"tensor \"w\": the name occurs twice"}},
      {"5 dimensions", tensor({1, 1, 1, 1, 1}, 0, 4), kInvalid, {"\"w\"", "has 5 dimensions"}},
      {"2^32-1 dimensions",
       sound().tensor("w", {1}, 0, four).bytes().replace(78, 4, "\xFF\xFF\xFF\xFF"),
       kInvalid,
       {"\"w\"", "has 4294967295 dimensions"}},
      {"dimension 0", tensor({4, 0}, 0, 4), kInvalid, {"\"w\"", "a dimension of zero"}},
      {"dimension over 2^63", tensor({kHuge}, 0, 4), kInvalid, {"18446744073709551615 is too large"}},
      {"values overflow", tensor({big, big}, 0, 4), kInvalid, {"\"w\"", "[4294967296, 4294967296] overflow"}},
      {"bytes overflow",
       tensor({1ull << 31, 1ull << 31}, 0, 4),
       kInvalid,
       {"the bytes of its shape", "overflow"}},
      {"values overflow before a block", tensor({32, big, big}, 2, 18), kInvalid, {"overflow"}},
      {"no whole block",
       tensor({48}, 2, 36),
       kInvalid,
       {"\"w\"", "rows of 48 values", "32 in a block of Q4_0"}},
      {"whole only over two rows", tensor({16, 2}, 8, 34), kInvalid, {"rows of 16 values", "Q8_0"}},
      {"no whole large block", tensor({128}, 12, 144), kInvalid, {"256 in a block of Q4_K"}},
      {"unknown type", tensor({1}, 99, 4), kInvalid, {"\"w\"", "type 99 is unknown", "Q6_K"}},
      {"removed type", tensor({32}, 4, 18), kInvalid, {"type 4 is unknown"}},
      {"type that is not read",
       tensor({256}, 10, 84),
       kOther,
       {"\"w\"", "type Q2_K is not supported", "Q6_K"}},
      {"integers", tensor({1}, 26, 4), kOther, {"type I32 is not supported"}},
      {"misaligned", tensor({1}, 0, 8, 4), kInvalid, {"\"w\"", "begins at byte 4", "the alignment 32"}},
      {"past the end",
       tensor({9}, 0, 32),
       kInvalid,
       {"its 36 bytes from byte 0 run past the 32 bytes of data"}},
      {"begins past the end", tensor({1}, 0, 4, 32), kInvalid, {"from byte 32 run past the 4 bytes"}},
      {"begins far past the end", tensor({1}, 0, 4, kHuge - 31), kInvalid, {"run past the 4 bytes"}},
      {"overlap",
       sound().tensor("first", {9}, 0, std::string(36, 'x')).tensor("second", {1}, 0, four, 32).bytes(),
       kInvalid,
       {"\"second\"", "overlap those of tensor \"first\""}},
      {"same bytes",
       sound().tensor("a", {1}, 0, four).tensor("b", {1}, 0, four, 0).bytes(),
       kInvalid,
       {"overlap"}},
      {"no data", sound().tensor("w", {1}, 0, "").bytes(), kInvalid, {"run past the 0 bytes of data"}},
      {"several",
       sound().tensor("a", {0}, 0, "").tensor("b", {1}, 99, "").bytes(),
       kInvalid,
       {"2 problems", "\"a\"", "\"b\"", "download or convert it again"}},
  };
}

}  // namespace

std::vector<Damage> damaged_gguf_files() {
  std::vector<Damage> all;
  for (auto list : {headers(), metadata(), tensors()}) {
    for (Damage& damage : list) all.push_back(std::move(damage));
  }
  return all;
}

}  // namespace bsbr::test
