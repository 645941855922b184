#include "tests/checkpoint/damaged_torch.h"

#include "tests/checkpoint/gguf_builder.h"
#include "tests/checkpoint/torch_builder.h"

namespace bsbr::test {
namespace {

using namespace pickle;
using namespace std::string_literals;

constexpr auto kInvalid = ErrorKind::InvalidFile;
constexpr auto kOther = ErrorKind::Unsupported;
constexpr std::int64_t kMost = INT64_MAX;
const std::string kFour(16, 'x');  // the bytes of four floats

/// A state dict of one tensor "w" in the storage "0" of four floats.
std::string one(std::int64_t offset, const std::vector<std::int64_t>& shape,
                const std::vector<std::int64_t>& stride) {
  return dict(text("w") + tensor(storage("FloatStorage", "0", 4), offset, shape, stride));
}
std::string sound() {
  return torch_zip(one(0, {4}, {1}), {{"0", kFour}});
}
std::string in_zip(const std::string& value) {
  return torch_zip(value, {{"0", kFour}});
}
std::string asking(std::string_view module, std::string_view name) {
  return in_zip(call(global(module, name), tuple(text("echo"))));
}

/// `bytes` with `with` in place of what stands `by` bytes after the last `mark`.
std::string patch(std::string bytes, std::string_view mark, std::size_t by, const std::string& with) {
  return bytes.replace(bytes.rfind(mark) + by, with.size(), with);
}

std::vector<Damage> archives() {
  const std::string bytes = sound();
  const std::string end = "PK\x05\x06";
  const std::string entry = "PK\x01\x02";
  const std::string data = whole(one(0, {4}, {1}));
  const auto parts = [&](ZipPart part) { return zip({{"archive/data.pkl", data}, std::move(part)}); };
  const std::string wide = zip({{"archive/data.pkl", data}, {"archive/data/0", kFour}}, true);
  const std::string over = raw(std::uint64_t{1} << 62);
  std::string overlapping = zip({{"archive/data.pkl", data}, {"archive/data.pkl", data}});
  overlapping.replace(overlapping.find(entry) + 42, 4, overlapping.substr(overlapping.rfind(entry) + 42, 4));
  return {
      {"0 bytes", "", kInvalid, {"is empty (0 bytes)"}},
      {"other bytes", "hello world", kInvalid, {"is no file of torch.save", "damaged"}},
      {"Git LFS pointer",
       "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
       kOther,
       {"Git LFS pointer"}},
      {"web page", "<!DOCTYPE html><html>", kOther, {"a web page"}},
      {"safetensors", file("\"w\":{}", 4), kOther, {"safetensors file", "name it model.safetensors"}},
      {"other pickle",
       whole("}") + std::string(40, ' '),
       kOther,
       {"a Python pickle, but none of torch.save"}},
      {"tar", std::string(257, 'a') + "ustar" + std::string(300, ' '), kOther, {"a tar archive"}},
      {"cut in the data", bytes.substr(0, 200), kInvalid, {"without a zip archive's directory", "cut off"}},
      {"cut in the end record", bytes.substr(0, bytes.size() - 1), kInvalid, {"cut off"}},
      {"directory at a wrong place",
       patch(bytes, end, 16, raw(std::uint32_t{4})),
       kInvalid,
       {"byte 4: no entry of the zip directory is here"}},
      {"directory past the end",
       patch(bytes, end, 16, "\xFF\xFF\xFF\x7F"),
       kInvalid,
       {"do not end before it"}},
      {"directory too long", patch(bytes, end, 12, "\xFF\xFF\xFF\x7F"), kInvalid, {"2147483647 bytes"}},
      {"too many entries",
       patch(patch(bytes, end, 8, "\xFF\xFF"), end, 10, "\xFF\xFF"),
       kInvalid,
       {"claims 65535 entries"}},
      {"an entry too few",
       patch(patch(bytes, end, 8, "\x01"), end, 10, "\x01"),
       kInvalid,
       {"\"0\" is not in"}},
      {"two parts", patch(bytes, end, 4, "\x01"), kOther, {"one of several parts"}},
      {"Zip64 record elsewhere",
       patch(wide, "PK\x06\x07", 8, over),
       kInvalid,
       {"end record is said to be at byte 4611686018427387904"}},
      {"Zip64 directory elsewhere", patch(wide, "PK\x06\x06", 48, over), kInvalid, {"do not end before it"}},
      {"Zip64 counts",
       patch(patch(wide, "PK\x06\x06", 24, over), "PK\x06\x06", 32, over),
       kInvalid,
       {"claims 4611686018427387904 entries"}},
      {"Zip64 size", patch(wide, entry, 46 + 14 + 4, over + over), kInvalid, {"bytes of entry", "run into"}},
      {"Zip64 offset", patch(wide, entry, 46 + 14 + 20, over), kInvalid, {"said to begin here, where none"}},
      {"Zip64 field cut", patch(wide, entry, 46 + 14 + 2, "\x08"), kInvalid, {"Zip64 field", "too short"}},
      {"Zip64 field missing", patch(wide, entry, 46 + 14, "\x02"), kInvalid, {"lacks its Zip64 field"}},
      {"extra field too long", patch(wide, entry, 46 + 14 + 2, "\xFF"), kInvalid, {"runs past its end"}},
      {"name too long", patch(bytes, entry, 28, "\xFF\xFF"), kInvalid, {"runs past its end"}},
      {"local header elsewhere", patch(bytes, entry, 42, "\x07"), kInvalid, {"archive/data/0", "where none"}},
      {"size too large",
       patch(bytes, entry, 20, raw(0xFFFFu) + raw(0xFFFFu)),
       kInvalid,
       {"run into the zip"}},
      {"size too small", patch(bytes, entry, 20, raw(8u) + raw(8u)), kInvalid, {"8 bytes", "pickle says 16"}},
      {"sizes differ", patch(bytes, entry, 20, raw(8u)), kInvalid, {"stored in 8 bytes", "said to have 16"}},
      {"compressed", parts({"archive/data/0", kFour, 8}), kOther, {"compressed (method 8)", "save it again"}},
      {"encrypted", parts({"archive/data/0", kFour, 0, 1}), kOther, {"\"archive/data/0\" is encrypted"}},
      {"other local name",
       parts({"archive/data/0", kFour, 0, 0, "archive/data/1"}),
       kInvalid,
       {"differs from its entry"}},
      {"overlapping entries", overlapping, kInvalid, {"overlaps entry"}},
      {"entry twice", parts({"archive/data.pkl", data}), kInvalid, {"occurs twice"}},
      {"no pickle", zip({{"hello.txt", "hello"}}), kOther, {"none of torch.save", "no data.pkl"}},
      {"pickle too deep", zip({{"a/b/data.pkl", data}}), kOther, {"no data.pkl"}},
      {"two pickles", parts({"other/data.pkl", data}), kInvalid, {"more than one data.pkl"}},
      {"TorchScript", parts({"archive/constants.pkl", data}), kOther, {"TorchScript"}},
      {"big-endian", parts({"archive/byteorder", "big"}), kOther, {"byte order is \"big\""}},
      {"storage missing", torch_zip(one(0, {4}, {1})), kInvalid, {"storage \"0\" is not in the archive"}},
      {"storage too short",
       torch_zip(one(0, {4}, {1}), {{"0", "xxxx"}}),
       kInvalid,
       {"storage \"0\" has 4 bytes in the archive", "says 16"}},
  };
}

std::vector<Damage> names() {
  const std::string number = storage("FloatStorage", "0", 4);
  return {
      {"builtins.eval", asking("builtins", "eval"), kOther, {"byte 48: ", "\"builtins.eval\"", "trust"}},
      {"os.system", asking("os", "system"), kOther, {"\"os.system\""}},
      {"posix.system in the old form",
       torch_old(call(global("posix", "system"), tuple(text("echo")))),
       kOther,
       {"\"posix.system\""}},
      {"by its stack",
       in_zip(text("subprocess") + text("Popen") + "\x93" + ")R"),
       kOther,
       {"\"subprocess.Popen\""}},
      {"a name of numbers", in_zip("NK\x01\x93"), kInvalid, {"made of None and an integer"}},
      {"torch.load", asking("torch", "load"), kOther, {"\"torch.load\"", "state_dict()"}},
      {"sparse", asking("torch._utils", "_rebuild_sparse_tensor"), kOther, {"_rebuild_sparse_tensor\""}},
      {"quantised", asking("torch", "QInt8Storage"), kOther, {"\"torch.QInt8Storage\""}},
      {"float8", asking("torch", "float8_e4m3fn"), kOther, {"\"torch.float8_e4m3fn\""}},
      {"a name with control characters", asking("os\x1B", "x"), kOther, {R"("os\x1B.x")"}},
      {"a name without end", in_zip("c" + std::string(5000, 'a')), kInvalid, {"does not end"}},
      {"INST", in_zip("(ios\nsystem\n"), kOther, {"INST", "refused"}},
      {"OBJ", in_zip("(" + global("collections", "OrderedDict") + "o"), kOther, {"OBJ"}},
      {"EXT1", in_zip("\x82\x01"), kOther, {"EXT1"}},
      {"PERSID", in_zip("Pabc\n"), kOther, {"PERSID"}},
      {"unknown opcode", in_zip("\xFF"), kOther, {"byte 48: byte 255 is no pickle opcode"}},
      {"protocol 1", zip({{"a/data.pkl", "\x80\x01}."}}), kOther, {"protocol is 1"}},
      {"protocol 6", zip({{"a/data.pkl", "\x80\x06}."}}), kOther, {"protocol is 6"}},
      {"no pickle", zip({{"a/data.pkl", "}."}}), kInvalid, {"no pickle of protocol 2 to 5"}},
      {"calls a type", in_zip(call(global("torch", "FloatStorage"), ")")), kInvalid, {"no function"}},
      {"calls a text", in_zip(call(text("eval"), ")")), kInvalid, {"calls a text"}},
      {"NEWOBJ",
       in_zip(global("torch._utils", "_rebuild_tensor_v2") + tensor_arguments(number, 0, {4}, {1}) + "\x81"),
       kOther,
       {"makes an object of torch._utils._rebuild_tensor_v2"}},
      {"BUILD of a tensor", in_zip(tensor(number, 0, {4}, {1}) + "}b"), kInvalid, {"is a tensor, not"}},
      {"persistent module",
       in_zip(tuple(text("module") + "NNN") + "Q"),
       kOther,
       {"\"module\" is no storage"}},
      {"persistent number", in_zip("K\x01Q"), kInvalid, {"a persistent id is an integer"}},
      {"storage view",
       in_zip(tuple(text("storage") + global("torch", "FloatStorage") + text("0") + text("cpu") + "K\x04" +
                    tuple("NNN")) +
              "Q"),
       kOther,
       {"a view of another one"}},
  };
}

std::vector<Damage> stacks() {
  std::string deep;
  for (int i = 0; i < 300'000; ++i) deep += "]";
  for (int i = 0; i < 299'999; ++i) deep += "a";
  std::string tuples = "N";
  for (int i = 0; i < 300'000; ++i) tuples += "\x85";
  const std::string marks(300'000, '(');
  const std::string many(4'000'000, 'N');
  return {
      {"nothing", in_zip(""), kInvalid, {"takes more values than it made"}},
      {"only marks", in_zip(marks), kInvalid, {"takes more values"}},
      {"pop below a mark", in_zip("N(0"), kInvalid, {"takes more values"}},
      {"tuple of too few", in_zip("N\x87"), kInvalid, {"takes more values"}},
      {"tuple without mark", in_zip("Nt"), kInvalid, {"no mark"}},
      {"items of nothing", in_zip("(NNu"), kInvalid, {"takes more values"}},
      {"items over two marks", in_zip("}((NNu"), kInvalid, {"takes more values"}},
      {"key without value", in_zip("}(Nu"), kInvalid, {"has no value"}},
      {"appends to a dict", in_zip("}Na"), kInvalid, {"appends to a dictionary"}},
      {"items of a list", in_zip("](NNu"), kInvalid, {"sets items of a list"}},
      {"a list in itself",
       in_zip("]q\x01h\x01"
              "a"),
       kOther,
       {"holds a list, not a state dict"}},
      {"deep lists", in_zip(deep), kOther, {"holds a list"}},
      {"deep tuples", in_zip(tuples), kOther, {"holds a tuple"}},
      {"memo never made", in_zip("h\x05"), kInvalid, {"memo entry 5 was never made"}},
      {"memo hole", in_zip("Nq\x01h\x00"s), kInvalid, {"memo entry 0 was never made"}},
      {"memo far ahead", in_zip("Nr\xFF\xFF\xFF\xFF"), kInvalid, {"memo entry 4294967295"}},
      {"memo of nothing", in_zip("\x94"), kInvalid, {"takes more values"}},
      {"text past the end", in_zip("X\xFF\xFF\xFF\xFF"), kInvalid, {"needs 4294967295 bytes"}},
      {"text of 2^64-1", in_zip("\x8D" + std::string(8, '\xFF')), kInvalid, {"needs 18446744073709551615"}},
      {"frame past the end", in_zip("\x95" + std::string(8, '\x7F')), kInvalid, {"a frame of"}},
      {"does not stop", zip({{"a/data.pkl", "\x80\x02}"}}), kInvalid, {"needs 1 bytes here, but only 0"}},
      {"too many opcodes", in_zip(many), kInvalid, {"more than 4000000 opcodes"}},
  };
}

std::vector<Damage> tensors() {
  const std::string four = storage("FloatStorage", "0", 4);
  const std::string rebuild = global("torch._utils", "_rebuild_tensor_v2");
  const auto bad = [&](std::int64_t offset, const std::vector<std::int64_t>& shape,
                       const std::vector<std::int64_t>& stride) {
    return in_zip(one(offset, shape, stride));
  };
  const auto value = [&](const std::string& made) { return in_zip(dict(text("w") + made)); };
  const std::string w = tensor(four, 0, {4}, {1});
  const std::string metadata =
      tuple(four + integer(0) + integers({4}) + integers({1}) + "\x89}" + dict(text("neg") + "\x88"));
  std::string repeated;
  for (int i = 0; i < 9; ++i) {
    repeated += text(cat("r", i)) + tensor(four, 0, {1 << 6, 1 << 6}, {0, 0});
  }
  std::string shared = "(";
  for (int i = 0; i < 300; ++i) shared += text(cat("s", i)) + tensor("h\x00"s, 0, {4000}, {1});
  shared = storage("FloatStorage", "0", 4000) + "q" + '\0' + "0}" + shared + "u";
  std::string crowd = tensor(four, 0, {4}, {1}) + "q" + '\0' + "0}(";
  for (int i = 0; i <= 200'000; ++i) crowd += text(std::to_string(i)) + "h" + '\0';
  return {
      {"too many names", in_zip(crowd + "u"), kInvalid, {"names more than 200000 tensors"}},
      {"past the storage", bad(0, {5}, {1}), kInvalid, {"size [5]", "past the 16 bytes", "\"0\""}},
      {"offset past the storage", bad(1, {4}, {1}), kInvalid, {"from element 1 on"}},
      {"stride past the storage", bad(0, {2, 2}, {3, 1}), kInvalid, {"stride [3, 1]"}},
      {"negative offset", bad(-1, {4}, {1}), kInvalid, {"offset of a tensor is -1"}},
      {"negative size", bad(0, {-4}, {1}), kInvalid, {"negative dimension -4"}},
      {"negative stride", bad(3, {4}, {-1}), kInvalid, {"stride", "negative dimension -1"}},
      {"fewer strides", bad(0, {2, 2}, {1}), kInvalid, {"2 dimensions has 1 strides"}},
      {"65 dimensions",
       bad(0, std::vector<std::int64_t>(65, 1), std::vector<std::int64_t>(65, 1)),
       kInvalid,
       {"has 65 dimensions"}},
      {"sizes overflow", bad(0, {1LL << 32, 1LL << 32}, {0, 0}), kInvalid, {"runs past"}},
      {"strides overflow", bad(0, {4, 4}, {kMost, kMost}), kInvalid, {"runs past"}},
      {"offset overflows", bad(kMost, {kMost}, {1}), kInvalid, {"runs past"}},
      {"repeated far beyond the file", in_zip(dict(repeated)), kOther, {"repeat values"}},
      {"expanded far beyond the file", bad(0, {1 << 20, 1 << 20}, {0, 0}), kOther, {"repeat values"}},
      {"shared far beyond the file",
       torch_zip(shared, {{"0", std::string(16'000, 'x')}}),
       kOther,
       {"repeat values"}},
      {"size is a list",
       value(call(rebuild, tuple(four + "K\x00]]\x89}"s))),
       kInvalid,
       {"a list, not a tuple"}},
      {"no storage", value(call(rebuild, tuple("NK\x00))\x89}"s))), kInvalid, {"is None, not a storage"}},
      {"too few values", value(call(rebuild, tuple(four))), kInvalid, {"called with 1 values; 6 to 7"}},
      {"negated view", value(call(rebuild, metadata)), kOther, {"has metadata"}},
      {"storage of 2^62 doubles",
       value(tensor(storage("DoubleStorage", "0", 1LL << 62), 0, {1}, {1})),
       kInvalid,
       {"4611686018427387904 elements"}},
      {"storage of -1",
       value(tensor(storage("FloatStorage", "0", -1), 0, {1}, {1})),
       kInvalid,
       {"-1 elements"}},
      {"storage of two sizes",
       in_zip(dict(text("a") + w + text("b") + tensor(storage("FloatStorage", "0", 5), 0, {5}, {1}))),
       kInvalid,
       {"20 bytes of F32 here and 16 of F32 before"}},
      {"storage of two types",
       in_zip(dict(text("a") + w + text("b") + tensor(storage("IntStorage", "0", 4), 0, {4}, {1}))),
       kInvalid,
       {"16 bytes of I32 here"}},
      {"storage leads out",
       value(tensor(storage("FloatStorage", "../../0", 4), 0, {4}, {1})),
       kInvalid,
       {"\"../../0\" is not in the archive"}},
      {"long key",
       value(tensor(storage("FloatStorage", std::string(256, 'k'), 4), 0, {4}, {1})),
       kInvalid,
       {"256 bytes; at most 255"}},
      {"a tensor alone", in_zip(w), kOther, {"holds a tensor, not a state dict", "model.state_dict()"}},
      {"a training checkpoint",
       in_zip(dict(text("model") + dict(text("w") + w) + text("epoch") + "K\x03")),
       kOther,
       {"2 problems", "\"model\" is a dictionary", "\"epoch\" is an integer", "state dict alone"}},
      {"name is a number", in_zip(dict("K\x01" + w)), kInvalid, {"a key of its dictionary is an integer"}},
      {"name twice", in_zip(dict(text("w") + w + text("w") + w)), kInvalid, {"\"w\" occurs twice"}},
      {"name not UTF-8", in_zip(dict(text("w\xFF") + w)), kInvalid, {R"("w\xFF" is not valid UTF-8)"}},
      {"long name", in_zip(dict(text(std::string(70'000, 'w')) + w)), kInvalid, {"is 70000 bytes long"}},
  };
}

std::vector<Damage> old_files() {
  const std::string bytes = torch_old(one(0, {4}, {1}), {{"0", kFour}});
  const std::string value = one(0, {4}, {1});
  const std::size_t count = bytes.size() - 24;
  return {
      {"old form, cut in the pickle",
       bytes.substr(0, 100),
       kInvalid,
       {"byte 89: ", "does not end", "cut off"}},
      {"old form, cut in the storage",
       bytes.substr(0, bytes.size() - 1),
       kInvalid,
       {"needs 16 bytes", "only 15"}},
      {"old form, other version", patch(bytes, "M\xE9\x03", 1, "\xEA"), kOther, {"version", "not 1001"}},
      {"old form, other magic",
       patch(bytes, "\x8A\x0A", 0, "\x8C"),
       kInvalid,
       {"magic number of torch.save is not here"}},
      {"old form, other count",
       std::string(bytes).replace(count, 8, raw(std::uint64_t{1} << 61)),
       kInvalid,
       {cat("byte ", count, ": storage \"0\" has 2305843009213693952 elements here"), "says 4"}},
      {"old form, unknown storage",
       torch_old(value, {{"0", kFour}, {"1", kFour}}),
       kInvalid,
       {"no tensor has"}},
      {"old form, storage missing", torch_old(value), kInvalid, {"lacks \"0\""}},
      {"old form, storage twice",
       patch(torch_old(value, {{"0", kFour}, {"1", kFour}}), "1", 0, "0"),
       kInvalid,
       {"storage \"0\" occurs twice"}},
      {"old form, keys are numbers",
       patch(bytes, "]" + std::string("(X"), 0,
             "](N"
             "\x88\x88\x88\x88\x88"),
       kInvalid,
       {"the key of a storage is None"}},
      {"old form, other element size",
       torch_old(value, {{"0", kFour}}, 2),
       kInvalid,
       {"has 8 elements here", "says 4"}},
  };
}

}  // namespace

std::vector<Damage> damaged_torch_files() {
  std::vector<Damage> all;
  for (auto list : {archives(), names(), stacks(), tensors(), old_files()}) {
    for (Damage& damage : list) all.push_back(std::move(damage));
  }
  return all;
}

}  // namespace bsbr::test
