#include "tests/checkpoint/damaged_files.h"

#include "tests/support/files.h"

namespace bsbr::test {

std::string entry(const std::string& shape, const std::string& offsets, const std::string& name) {
  return "\"" + name + R"(":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string file(const std::string& fields, std::size_t data) {
  return safetensors("{" + fields + "}", std::string(data, 'x'));
}

std::string repeat(const std::string& text, std::size_t times) {
  std::string out;
  out.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

namespace {

std::vector<Damage> sizes_and_lengths() {
  const auto invalid = ErrorKind::InvalidFile;
  const std::string good = file(entry("[2]", "[0,8]"), 8);
  return {
      {"0 bytes", "", invalid, {"is empty (0 bytes)", "download"}},
      {"7 bytes", std::string(7, '\0'), invalid, {"only 7 bytes long"}},
      {"8 bytes", little_endian(2), invalid, {"a header of 2 bytes, but only 0 follow"}},
      {"8 zero bytes", std::string(8, '\0'), invalid, {"empty header"}},
      {"length 2^64-1", little_endian(~0ull) + "{}", invalid, {"18446744073709551615", "100000000"}},
      {"length over 100 MB", little_endian(100'000'001) + "{}", invalid, {"100000001", "100000000"}},
      {"length past the end",
       little_endian(1000) + "{}",
       invalid,
       {"a header of 1000 bytes, but only 2 follow"}},
      {"length one past the end",
       little_endian(3) + "{}",
       invalid,
       {"a header of 3 bytes, but only 2 follow"}},
      {"one byte short",
       good.substr(0, good.size() - 1),
       invalid,
       {"\"w\"", "run past the 7 bytes", "1 bytes too short"}},
      {"one byte more", good + "x", invalid, {"1 bytes at the end of the file belong to no tensor"}},
      {"data without tensors", safetensors("{}", "abc"), invalid, {"3 bytes at the end"}},
  };
}

std::vector<Damage> headers() {
  const auto invalid = ErrorKind::InvalidFile;
  const std::string good = entry("[1]", "[0,4]");
  const std::string named = good.substr(good.find(':'));
  return {
      {"not UTF-8", safetensors("{\"\xFF\xFE\":1}"), invalid, {"byte 2 of its header is not valid UTF-8"}},
      {"array", safetensors("[1]"), invalid, {"does not begin with '{'"}},
      {"blank first", safetensors(" {}"), invalid, {"does not begin with '{'"}},
      {"byte order mark", safetensors("\xEF\xBB\xBF{}"), invalid, {"does not begin with '{'"}},
      {"zeros", safetensors(std::string(64, '\0')), invalid, {"does not begin with '{'"}},
      {"unclosed", safetensors("{\"a\":"), invalid, {"not valid JSON near byte 6"}},
      {"two objects", safetensors("{}{}"), invalid, {"not valid JSON near byte 3"}},
      {"padded with zeros", safetensors(std::string("{}\0\0", 4)), invalid, {"byte 2 of its header is zero"}},
      {"zero byte, then more",
       safetensors(std::string("{\"a\":{}}\0,!", 11)),
       invalid,
       {"byte 8 of its header is zero"}},
      {"comment", safetensors("{/**/}"), invalid, {"not valid JSON"}},
      {"arrays 100,000 deep",
       safetensors("{\"a\":" + std::string(100'000, '[')),
       invalid,
       {"nested more than 64"}},
      {"objects 100,000 deep", safetensors(repeat("{\"a\":", 100'000)), invalid, {"nested more than 64"}},
      {"deep in metadata",
       safetensors("{\"__metadata__\":{\"a\":" + std::string(100'000, '[')),
       invalid,
       {"nested"}},
      {"one endless string",
       safetensors("{\"" + std::string(9u << 20, 'a')),
       invalid,
       {"a token of more than"}},
      {"endless blanks",
       safetensors("{" + std::string(1u << 20, '\n') + "}"),
       invalid,
       {"a token of more than"}},
      {"a flood of problems",
       safetensors("{" + repeat(R"("a":{},)", 50'000) + "\"b\":{}}"),
       invalid,
       {"\"a\"", "no dtype", "1000 problems", "and 990 more", "that is enough"}},
      {"metadata is a string",
       file(R"("__metadata__":"x",)" + good, 4),
       invalid,
       {"__metadata__", "not an object"}},
      {"metadata has a number",
       file(R"("__metadata__":{"format":1},)" + good, 4),
       invalid,
       {"\"format\"", "only strings"}},
      {"metadata has null", file(R"("__metadata__":{"k":null},)" + good, 4), invalid, {"\"k\" is null"}},
      {"metadata has an array",
       file(R"("__metadata__":{"k":["v"]},)" + good, 4),
       invalid,
       {"\"k\" is an array"}},
      {"metadata has an object",
       file(R"("__metadata__":{"k":{"a":"b"}},)" + good, 4),
       invalid,
       {"\"k\" is an object"}},
      {"metadata key twice",
       file(R"("__metadata__":{"k":"1","k":"2"},)" + good, 4),
       invalid,
       {"the key \"k\" occurs twice"}},
      {"metadata twice",
       file(R"("__metadata__":{},"__metadata__":{},)" + good, 4),
       invalid,
       {"__metadata__ occurs twice"}},
      {"tensor twice", file(good + ",\"w\"" + named, 4), invalid, {"the tensor name \"w\" occurs twice"}},
      {"tensor twice, apart",
       file(good + ",\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}", 8),
       invalid,
       {"the tensor name \"w\" occurs twice"}},
      {"tensor is a number", file("\"w\":1", 0), invalid, {"tensor \"w\": is a number"}},
      {"tensor is an array", file("\"w\":[]", 0), invalid, {"tensor \"w\": is an array"}},
  };
}

std::vector<Damage> offsets() {
  const auto invalid = ErrorKind::InvalidFile;
  const auto two = [](const std::string& first, const std::string& second) {
    const auto one = [](const std::string& name, const std::string& range) {
      return "\"" + name + R"(":{"dtype":"U8","shape":[4],"data_offsets":)" + range + "}";
    };
    return one("first", first) + "," + one("second", second);
  };
  return {
      {"negative", file(entry("[1]", "[-4,0]"), 4), invalid, {"\"w\"", "data_offsets contains -4"}},
      {"reversed", file(entry("[1]", "[4,0]"), 4), invalid, {"\"w\"", "[4, 0] are reversed"}},
      {"overlap",
       file(two("[0,4]", "[2,6]"), 6),
       invalid,
       {"\"second\"", "overlap those of tensor \"first\""}},
      {"same bytes", file(two("[0,4]", "[0,4]"), 4), invalid, {"overlap"}},
      {"gap", file(two("[0,4]", "[6,10]"), 10), invalid, {"\"second\"", "a gap of 2 bytes after byte 4"}},
      {"gap at the start",
       file(entry("[1]", "[4,8]"), 8),
       invalid,
       {"\"w\"", "a gap of 4 bytes after byte 0"}},
      {"past the end",
       file(two("[0,4]", "[4,8]"), 6),
       invalid,
       {"\"second\"", "run past the 6 bytes", "2 bytes too short"}},
      {"far past the end",
       file(R"("w":{"dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807]})", 4),
       invalid,
       {"\"w\"", "run past the 4 bytes"}},
      {"three", file(entry("[1]", "[0,4,8]"), 4), invalid, {"data_offsets has 3 numbers"}},
      {"one", file(entry("[1]", "[4]"), 4), invalid, {"data_offsets has 1 numbers"}},
      {"none", file(entry("[1]", "[]"), 4), invalid, {"data_offsets has 0 numbers"}},
      {"fraction", file(entry("[1]", "[0,4.5]"), 4), invalid, {"data_offsets contains 4.5"}},
      {"whole but floating", file(entry("[1]", "[0,4.0]"), 4), invalid, {"data_offsets contains 4.0"}},
      {"1e30", file(entry("[1]", "[0,1e30]"), 4), invalid, {"data_offsets contains 1e30"}},
      {"1e999", file(entry("[1]", "[0,1e999]"), 4), invalid, {"not valid JSON"}},
      {"2^64",
       file(entry("[1]", "[0,18446744073709551616]"), 4),
       invalid,
       {"data_offsets contains 18446744073709551616"}},
      {"strings", file(entry("[1]", R"(["0","4"])"), 4), invalid, {"data_offsets contains a string"}},
      {"an object", file(entry("[1]", R"({"begin":0})"), 4), invalid, {"data_offsets is an object"}},
      {"nested", file(entry("[1]", "[[0,4]]"), 4), invalid, {"data_offsets contains an array"}},
  };
}

std::vector<Damage> shapes_and_dtypes() {
  const auto invalid = ErrorKind::InvalidFile;
  const auto typed = [](const std::string& dtype) {
    return file(R"("w":{"dtype":)" + dtype + R"(,"shape":[1],"data_offsets":[0,4]})", 4);
  };
  const std::string big = "4294967296";
  return {
      {"product overflows",
       file(entry("[" + big + "," + big + "]", "[0,0]"), 0),
       invalid,
       {"\"w\"", "overflow"}},
      {"product overflows beside a zero",
       file(entry("[" + big + "," + big + ",0]", "[0,0]"), 0),
       invalid,
       {"overflow"}},
      {"bytes overflow", file(entry("[4611686018427387904]", "[0,0]"), 0), invalid, {"overflow"}},
      {"bytes reach 2^63", file(entry("[2305843009213693952]", "[0,0]"), 0), invalid, {"overflow"}},
      {"dimension over 2^63",
       file(entry("[9223372036854775808]", "[0,4]"), 4),
       invalid,
       {"9223372036854775808", "too large"}},
      {"negative dimension", file(entry("[-1]", "[0,4]"), 4), invalid, {"shape contains -1"}},
      {"fractional dimension", file(entry("[1.5]", "[0,4]"), 4), invalid, {"shape contains 1.5"}},
      {"dimension 1e30", file(entry("[1e30]", "[0,4]"), 4), invalid, {"shape contains 1e30"}},
      {"dimension true", file(entry("[true]", "[0,4]"), 4), invalid, {"shape contains true"}},
      {"shape is a number", file(entry("1", "[0,4]"), 4), invalid, {"shape is a number"}},
      {"shape is null", file(entry("null", "[0,4]"), 4), invalid, {"shape is null"}},
      {"65 dimensions",
       file(entry("[" + repeat("1,", 64) + "1]", "[0,4]"), 4),
       invalid,
       {"more than 64 dimensions"}},
      {"million offsets",
       file(entry("[1]", "[" + repeat("1,", 1'000'000) + "1]"), 4),
       invalid,
       {"data_offsets has more than 64"}},
      {"million values in an unknown field",
       file(R"("w":{"extra":[)" + repeat("1,", 1'000'000) + "1]}", 0),
       invalid,
       {"unknown field \"extra\""}},
      {"too much metadata",
       file("\"__metadata__\":{" + repeat("\"a\":\"" + std::string(3u << 20, 'm') + "\",", 6) + "\"b\":\"\"}",
            0),
       invalid,
       {"bytes of names and metadata"}},
      {"a million dimensions",
       file(entry("[" + repeat("1,", 1'000'000) + "1]", "[0,4]"), 4),
       invalid,
       {"more than 64"}},
      {"too few bytes",
       file(entry("[2]", "[0,4]"), 4),
       invalid,
       {"\"w\"", "[2] of F32 takes 8 bytes", "span 4"}},
      {"too many bytes", file(entry("[1]", "[0,8]"), 8), invalid, {"[1] of F32 takes 4 bytes", "span 8"}},
      {"zero dimension with bytes",
       file(entry("[0,3]", "[0,4]"), 4),
       invalid,
       {"[0, 3] of F32 takes 0 bytes", "span 4"}},
      {"scalar without bytes", file(entry("[]", "[0,0]"), 0), invalid, {"[] of F32 takes 4 bytes", "span 0"}},
      {"unknown dtype", typed(R"("FLOAT")"), invalid, {"\"FLOAT\" is unknown", "BOOL, U8", "BF16", "U64"}},
      {"lower case dtype", typed(R"("f32")"), invalid, {"\"f32\" is unknown"}},
      {"float8", typed(R"("F8_E4M3")"), ErrorKind::Unsupported, {"F8_E4M3 is not supported", "BF16"}},
      {"dtype is a number", typed("7"), invalid, {"dtype is a number, not a string"}},
      {"dtype is an array", typed(R"(["F32"])"), invalid, {"dtype is an array"}},
      {"no dtype", file(R"("w":{"shape":[1],"data_offsets":[0,4]})", 4), invalid, {"\"w\"", "has no dtype"}},
      {"no shape",
       file(R"("w":{"dtype":"F32","data_offsets":[0,4]})", 4),
       invalid,
       {"\"w\"", "has no shape"}},
      {"no data_offsets",
       file(R"("w":{"dtype":"F32","shape":[1]})", 4),
       invalid,
       {"\"w\"", "has no data_offsets"}},
      {"unknown field",
       file(R"("w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"extra":[{"dtype":"U8"}]})", 4),
       invalid,
       {"\"w\"", "unknown field \"extra\""}},
      {"field twice",
       file(R"("w":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]})", 4),
       invalid,
       {"dtype occurs twice"}},
      {"control characters in a name", file(R"("a\u0000\u001b[31m":{})", 0), invalid, {R"("a\x00\x1B[31m")"}},
  };
}

std::vector<Damage> other_formats() {
  const auto other = ErrorKind::Unsupported;
  const std::string lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 548105171\n";
  return {
      {"Git LFS pointer", lfs, other, {"Git LFS pointer", "git lfs pull"}},
      {"zip",
       std::string("PK\x03\x04\x00\x00\x08\x08", 8) + std::string(100, 'z'),
       other,
       {"a zip archive", "torch.save", "name it pytorch_model.bin"}},
      {"short zip", "PK\x03\x04", other, {"a zip archive"}},
      {"pickle 2",
       "\x80\x02}q\x01." + std::string(100, 'p'),
       other,
       {"a Python pickle", "torch.save", "name it pytorch_model.bin"}},
      {"pickle 5", "\x80\x05}q\x01." + std::string(100, 'p'), other, {"a Python pickle"}},
      {"GGUF", "GGUF" + std::string(100, '\0'), other, {"GGUF"}},
      {"web page", "<!DOCTYPE html><html><body>404</body></html>", other, {"a web page"}},
  };
}

}  // namespace

std::vector<Damage> damaged_files() {
  std::vector<Damage> all;
  for (auto list : {sizes_and_lengths(), headers(), offsets(), shapes_and_dtypes(), other_formats()}) {
    for (Damage& damage : list) all.push_back(std::move(damage));
  }
  return all;
}

}  // namespace bsbr::test
