#include "tests/cli/checkpoints.h"

#include <nlohmann/json.hpp>

#include "tests/checkpoint/torch_builder.h"
#include "tests/cli/run_bsbr.h"
#include "tests/support/golden.h"

using namespace bsbr::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 548105171\n";
constexpr const char* kIndex = "model.safetensors.index.json";

}  // namespace

/// Checkpoint folders with something wrong in them, through the program.
class TestCliBadCheckpoint : public QObject {
  Q_OBJECT
  TempFolder temp_;
  int count_ = 0;

  fs::path demo() { return copy_checkpoint(kDemo, temp_ / bsbr::cat("model", ++count_)); }
  fs::path sharded() {
    return copy_checkpoint(golden_checkpoint("gpt2-fp16-sharded"), temp_ / bsbr::cat("model", ++count_));
  }
  static void refuse(const std::vector<std::string>& arguments, const std::vector<std::string>& says,
                     const RunOptions& options = {}) {
    const RunResult result = run_bsbr(arguments, options);
    const std::string problem = refusal_problem(result, says);
    QVERIFY2(problem.empty(), problem.c_str());
  }
  /// By info, and by convert, which leaves nothing.
  void refuse_folder(const fs::path& folder, const std::vector<std::string>& says) {
    refuse({"info", folder}, says);
    refuse({"convert", folder, temp_ / "out"}, says);
    QVERIFY(!fs::exists(temp_ / "out"));
  }
  static void replace(const fs::path& file, const std::string& from, const std::string& to) {
    std::string text = content(file);
    QVERIFY(text.find(from) != std::string::npos);
    write_file(file, text.replace(text.find(from), from.size(), to));
  }

 private Q_SLOTS:
  void config_data() {
    QTest::addColumn<QByteArray>("changes");
    QTest::addColumn<QStringList>("says");
    const auto row = [](const char* name, const char* changes, const QStringList& says) {
      QTest::newRow(name) << QByteArray(changes).replace('\'', '"') << says;  // moc stumbles over raw strings
    };
    row("n_head 0", "{'n_head':0}", {"n_head is 0, an integer from 1 to"});
    row("n_head negative", "{'n_head':-4}", {"n_head is -4"});
    row("n_head missing", "{'n_head':null}", {"n_head is missing"});
    row("n_embd not divisible", "{'n_head':3}", {"n_embd 256 is not a multiple of n_head 3"});
    row("n_embd is text", "{'n_embd':'256'}", {"n_embd is \"256\""});
    row("n_embd 1e30", "{'n_embd':1e30}", {"n_embd is 1e+30"});
    row("n_embd fraction", "{'n_embd':256.5}", {"n_embd is 256.5"});
    row("n_embd true", "{'n_embd':true}", {"n_embd is true"});
    row("n_embd a list", "{'n_embd':[256]}", {"n_embd is [256]"});
    row("n_embd other", "{'n_embd':512}",
        {"do not fit config.json", "wrong shapes (52)", "config.json asks for"});
    row("n_layer huge", "{'n_layer':2000000000}", {"n_layer is 2000000000; at most 10000"});
    row("n_layer 2^64-1", "{'n_layer':18446744073709551615}", {"n_layer is 18446744073709551615"});
    row("n_layer too many", "{'n_layer':5}", {"missing tensors (12): transformer.h.4.attn.c_attn.bias"});
    row("vocab_size other", "{'vocab_size':5000}",
        {"wte.weight is [4096, 256], config.json asks for [5000, 256]"});
    row("vocab_size missing", "{'vocab_size':null}", {"vocab_size is missing"});
    row("n_positions other", "{'n_positions':1024}",
        {"wpe.weight is [2048, 256], config.json asks for [1024, 256]"});
    row("n_positions missing", "{'n_positions':null,'n_ctx':null}", {"n_positions is missing"});
    row("n_inner text", "{'n_inner':'big'}", {"n_inner is \"big\""});
    row("largest sizes", "{'n_embd':2147483647,'n_head':1,'vocab_size':2147483647,'n_inner':2147483647}",
        {"wrong shapes", "2147483647"});
    row("epsilon text", "{'layer_norm_epsilon':'1e-5'}", {"layer_norm_epsilon is \"1e-5\""});
    row("epsilon negative", "{'layer_norm_epsilon':-1}", {"layer_norm_epsilon is -1"});
    row("flag is a number", "{'scale_attn_weights':1}", {"scale_attn_weights is 1, true or false"});
    row("activation", "{'activation_function':'gelu_fast'}",
        {"activation_function is \"gelu_fast\"", "gelu_new"});
    row("cross attention", "{'add_cross_attention':true}", {"add_cross_attention is true"});
    row("bert", "{'model_type':'bert'}", {"model_type is \"bert\"", "gpt2"});
    row("no type", "{'model_type':null}", {"model_type is missing"});
    row("type a number", "{'model_type':2}", {"model_type is missing or no string"});
    row("all at once",
        "{'n_head':0,'n_embd':'x','n_layer':-1,'vocab_size':1e30,'activation_function':'none'}",
        {"n_head is 0", "n_embd is \"x\"", "n_layer is -1", "vocab_size is 1e+30",
         "activation_function is \"none\""});
    row("control characters", "{'activation_function':'a\\u001b[31m\\nb'}", {"activation_function is"});
    row("bsbr a number", "{'bsbr':4}", {"\"bsbr\": is number"});
    row("bsbr of another version", "{'bsbr':{'version':99}}", {"version 99"});
    row("bsbr out of range",
        "{'bsbr':{'version':2,'chunk_size':0,'block_size':16,'compression_factor':4,'retrieve':512,'window':"
        "1,"
        "'sink':16,'candidate_chunks':16}}",
        {"chunk_size is 0; legal: 1 to 2048"});
  }
  void config() {
    QFETCH(QByteArray, changes);
    QFETCH(QStringList, says);
    const fs::path folder = demo();
    change_config(folder, json::parse(changes.toStdString()));
    std::vector<std::string> parts{folder.string(), "config.json"};
    for (const QString& part : says) parts.push_back(part.toStdString());
    refuse({"info", folder}, parts);
    refuse({"generate", folder, "--prompt", "a"}, parts);
  }

  void configText_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QString>("says");
    const auto row = [](const char* name, const QByteArray& text, const char* says) {
      QTest::newRow(name) << QByteArray(text).replace('\'', '"') << QString(says);
    };
    row("empty", "", "not valid JSON");
    row("cut off", "{\"model_type\":\"gpt2\"", "not valid JSON");
    row("a list", "[]", "is JSON, but array");
    row("not UTF-8", "{\"model_type\":\"gpt2\xFF\"}", "not valid UTF-8");
    row("deep", QByteArray(100'000, '['), "nested more than");
    row("large", QByteArray(5 << 20, ' '), "bytes long");
    row("pointer", kPointer, "Git LFS pointer");
    row("zeros", QByteArray(1000, '\0'), "zero");
  }
  void configText() {
    QFETCH(QByteArray, text);
    QFETCH(QString, says);
    const fs::path folder = demo();
    write_file(folder / "config.json", std::string_view(text.data(), std::size_t(text.size())));
    refuse_folder(folder, {(folder / "config.json").string(), says.toStdString()});
  }

  void missingParts() {
    refuse({"info", temp_ / "nothing"}, {(temp_ / "nothing").string(), "no such folder"});
    refuse({"info", ""}, {"name is empty"});
    refuse({"info", kDemo / "config.json"}, {"config.json: is a file", "give " + kDemo.string()});
    refuse({"info", "/dev/null"}, {"/dev/null"});
    fs::create_directories(temp_ / "empty");
    refuse({"info", temp_ / "empty"},
           {"empty: is not a checkpoint", "neither config.json nor model.safetensors"});
    fs::path folder = demo();
    fs::remove(folder / "model.safetensors");
    refuse_folder(folder, {folder.string(), "is incomplete", "model.safetensors"});
    folder = demo();
    fs::remove(folder / "config.json");
    refuse_folder(folder, {folder.string(), "no config.json"});
    folder = demo();
    fs::remove(folder / "vocab.json");
    refuse({"tokenize", folder, "--text", kSample}, {folder.string(), "vocab.json is missing"});
    folder = demo();
    fs::remove(folder / "merges.txt");
    refuse({"generate", folder, "--prompt", "a"}, {folder.string(), "merges.txt is missing"});
  }

  void otherFormats() {
    fs::path folder = demo();
    fs::rename(folder / "model.safetensors", folder / "tf_model.h5");
    refuse_folder(folder, {folder.string(), "tf_model.h5", "save_pretrained", "safe_serialization=True"});
    fs::rename(folder / "tf_model.h5", folder / "pytorch_model.bin");
    refuse_folder(folder, {"pytorch_model.bin: ", "a safetensors file", "name it model.safetensors"});
    write_file(folder / "pytorch_model.bin",
               "\x80\x02"
               "cos\nsystem\n." +
                   std::string(1000, 'p'));
    refuse_folder(folder, {"pytorch_model.bin: ", "a Python pickle, but none of torch.save"});
    write_file(folder / "pytorch_model.bin",
               torch_zip("cposix\nsystem\n" + pickle::tuple(pickle::text("echo")) + "R"));
    refuse_folder(folder, {"pytorch_model.bin: byte 48: ", "\"posix.system\""});
    folder = demo();
    write_file(folder / "model.safetensors", std::string("PK\x03\x04", 4) + std::string(1000, 'z'));
    refuse_folder(folder, {(folder / "model.safetensors").string(), "a zip archive as torch.save writes",
                           "pytorch_model.bin"});
    write_file(folder / "model.safetensors", "\x80\x02}q\x01." + std::string(1000, 'p'));
    refuse_folder(folder, {(folder / "model.safetensors").string(), "Python pickle"});
  }

  void pointers() {
    for (const char* name : {"model.safetensors", "config.json"}) {
      const fs::path folder = demo();
      write_file(folder / name, kPointer);
      refuse_folder(folder, {(folder / name).string(), "Git LFS pointer", "git lfs pull"});
    }
    for (const char* name : {"vocab.json", "merges.txt"}) {
      const fs::path folder = demo();
      write_file(folder / name, kPointer);
      refuse({"tokenize", folder, "--text", kSample},
             {(folder / name).string(), "Git LFS pointer", "git lfs pull"});
      refuse({"convert", folder, temp_ / "out"}, {(folder / name).string(), "Git LFS pointer"});
      QVERIFY(!fs::exists(temp_ / "out"));
    }
  }

  void links() {
    for (const char* name : {"model.safetensors", "config.json"}) {
      const fs::path folder = demo();
      fs::remove(folder / name);
      fs::create_symlink("../blobs/gone", folder / name);
      refuse_folder(folder,
                    {(folder / name).string(), "symbolic link to ../blobs/gone, which does not exist"});
      fs::remove(folder / name);
      fs::create_symlink(name, folder / name);
      refuse_folder(folder, {(folder / name).string(), "lead in a circle"});
    }
    fs::create_symlink("nowhere", temp_ / "dangling");
    refuse({"info", temp_ / "dangling"}, {"dangling", "symbolic link to nowhere"});
    fs::create_symlink("loop", temp_ / "loop");
    refuse({"info", temp_ / "loop"}, {"loop", "lead in a circle"});
  }

  void hub() {
    const fs::path cache = temp_ / "hub";
    RunOptions options;
    options.environment = {{"HF_HUB_CACHE", cache.string()}};
    const fs::path snapshot = copy_checkpoint(kDemo, cache / "models--org--name/snapshots/abc");
    write_file(cache / "models--org--name/refs/main", "abc");
    EXPECT_SUCCESS(run_bsbr({"info", "org/name"}, options));
    refuse({"info", "org/other"}, {"org/other", cache.string(), "org/name", "hf download org/other"},
           options);
    fs::remove(snapshot / "model.safetensors");
    refuse({"info", "org/name"},
           {snapshot.string(), "incomplete: it lacks model.safetensors", "hf download org/name"}, options);
    fs::create_symlink("../../blobs/gone", snapshot / "model.safetensors");
    write_file(cache / "models--org--name/blobs/gone.incomplete", "half");
    refuse({"info", "org/name"}, {"incomplete", "broken off"}, options);
    write_file(cache / "models--org--name/refs/main", "def");
    refuse({"info", "org/name"}, {"refs/main", "def"}, options);
  }

  void index() {
    const std::string shard = "model-00001-of-00002.safetensors";
    fs::path folder = sharded();
    EXPECT_SUCCESS(run_bsbr({"info", folder}));
    replace(folder / kIndex, '"' + shard, "\"../" + shard);
    refuse_folder(folder, {(folder / kIndex).string(), "../" + shard, "not a plain file name"});
    folder = sharded();
    replace(folder / kIndex, '"' + shard, "\"/etc/" + shard);
    refuse_folder(folder, {(folder / kIndex).string(), "/etc/" + shard, "not a plain file name"});
    folder = sharded();
    fs::remove(folder / shard);
    refuse_folder(folder, {(folder / kIndex).string(), "1 of 2 shards", shard});
    folder = sharded();
    replace(folder / kIndex, "model-00002-of-00002", "model-00001-of-00002");
    refuse_folder(folder, {(folder / kIndex).string(), "but the index puts it in"});
    folder = sharded();
    write_file(folder / shard, kPointer);
    refuse_folder(folder, {(folder / shard).string(), "Git LFS pointer"});
    folder = sharded();
    const std::string bytes = content(folder / shard);
    write_file(folder / shard, bytes.substr(0, bytes.size() - 1));
    refuse_folder(folder, {(folder / shard).string(), "1 bytes too short"});
  }

  /// More tokens than the embedding has rows, which no text uses; then an id that is there twice, and none.
  void vocabulary() {
    const fs::path folder = demo();
    json vocabulary = bsbr::read_json_object(folder / "vocab.json");
    vocabulary["one_more"] = 4096;
    write_file(folder / "vocab.json", vocabulary.dump());
    EXPECT_SUCCESS(run_bsbr({"generate", folder, "--prompt", "a", "--tokens", "1"}));
    vocabulary["one_more"] = 7;
    write_file(folder / "vocab.json", vocabulary.dump());
    refuse({"generate", folder, "--prompt", "a"}, {(folder / "vocab.json").string(), "the same id 7"});
    vocabulary["one_more"] = "x";
    write_file(folder / "vocab.json", vocabulary.dump());
    refuse({"generate", folder, "--prompt", "a"},
           {(folder / "vocab.json").string(), "\"one_more\" is not an integer"});
  }

  /// NaN weights are warned of by tensor, and are no error.
  void notANumber() {
    const fs::path folder = copy_checkpoint(golden_checkpoint("gpt2-plain"), temp_ / "nan");
    const auto put_nan = [&](const std::string& name, std::size_t at) {
      const bsbr::SafetensorsFile file =
          bsbr::SafetensorsFile::open(golden_checkpoint("gpt2-plain") / "model.safetensors");
      const std::string found = file.find(name) != nullptr ? name : "transformer." + name;
      const auto begin = std::size_t(file.find(found)->bytes.data() - file.tensors().front().bytes.data());
      std::string bytes = content(folder / "model.safetensors");
      std::uint64_t header = 0;
      std::memcpy(&header, bytes.data(), sizeof header);
      bytes.replace(8 + header + begin + 4 * at, 4, std::string("\0\0\xC0\x7F", 4));
      write_file(folder / "model.safetensors", bytes);
      return found;
    };
    const std::string bias = put_nan("h.1.mlp.c_fc.bias", 3);
    const std::string embedding = put_nan("wte.weight", 5);
    const fs::path golden = golden_checkpoint("gpt2-plain") / "golden.safetensors";
    const RunResult logits = run_bsbr({"logits", folder, "--input", golden, "--output", temp_ / "logits"});
    const RunResult converted =
        run_bsbr({"convert", folder, temp_ / "nan-out", "--chunk-size", "16", "--retrieve", "16"});
    for (const RunResult& result : {logits, converted}) {
      EXPECT_SUCCESS(result);
      QVERIFY2(result.err.find("bsbr: warning: " + bias + ": 1 of ") != std::string::npos,
               result.text().c_str());
      QVERIFY2(result.err.find("bsbr: warning: " + embedding + ": 1 of ") != std::string::npos,
               result.text().c_str());
      QCOMPARE(std::ranges::count(result.err, '\n'), 2);
    }
    EXPECT_SUCCESS(run_bsbr({"info", folder}));
  }
};

QTEST_GUILESS_MAIN(TestCliBadCheckpoint)
#include "test_cli_bad_checkpoint.moc"
