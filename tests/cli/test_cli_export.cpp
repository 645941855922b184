#include <QFloat16>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "engine/checkpoint/checkpoint.h"
#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using bsbr::Checkpoint;
namespace fs = std::filesystem;

namespace {

RunResult convert(const fs::path& source, const fs::path& out, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"convert", source.string(), out.string()});
  return run_bsbr(more);
}

/// What a conversion of a golden checkpoint, with its context of 96, has to be told.
const std::vector<std::string> kSmall{"--chunk-size", "32", "--retrieve", "32"};

/// The numbers of a tensor of a type that weights can have.
std::vector<float> floats(const bsbr::TensorView& tensor) {
  const std::size_t size = bsbr::size_of(tensor.dtype);
  std::vector<float> numbers(tensor.bytes.size() / size);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::byte* at = tensor.bytes.data() + i * size;
    if (tensor.dtype == bsbr::Dtype::F16) {
      qfloat16 number;
      std::memcpy(&number, at, size);
      numbers[i] = number;
    } else {
      // The upper half of a float32 is a bfloat16.
      std::memcpy(reinterpret_cast<std::byte*>(&numbers[i]) + sizeof(float) - size, at, size);
    }
  }
  return numbers;
}

}  // namespace

/// What bsbr convert writes, and where it refuses to write.
class TestCliExport : public QObject {
  Q_OBJECT
  TempFolder temp_;
  int count_ = 0;

  fs::path room() {
    fs::path folder = temp_ / bsbr::cat("room", ++count_);
    fs::create_directories(folder);
    return folder;
  }
  static void same_tensors(const fs::path& source, const fs::path& out, std::size_t shards = 1) {
    const Checkpoint before = Checkpoint::open(source);
    const Checkpoint after = Checkpoint::open(out);
    QCOMPARE(after.shard_count(), shards);
    QCOMPARE(after.tensors().size(), before.tensors().size());
    for (const bsbr::TensorView& tensor : before.tensors()) {
      const bsbr::TensorView* other = after.find(tensor.name);
      QVERIFY2(other != nullptr, tensor.name.c_str());
      QVERIFY(other->dtype == tensor.dtype);
      QCOMPARE(other->shape, tensor.shape);
      QVERIFY2(std::ranges::equal(other->bytes, tensor.bytes), tensor.name.c_str());
    }
  }
  /// Refused, and nothing below `folder` has changed.
  static void refuse(const fs::path& folder, const fs::path& source, const fs::path& out, bool force,
                     const std::vector<std::string>& says) {
    const auto before = tree(folder);
    const RunResult result =
        convert(source, out, force ? std::vector<std::string>{"--force"} : std::vector<std::string>{});
    const std::string problem = refusal_problem(result, says);
    QVERIFY2(problem.empty(), problem.c_str());
    QVERIFY(tree(folder) == before);
  }

 private Q_SLOTS:
  void folder() {
    const fs::path place = room();
    const fs::path source = copy_checkpoint(kDemo, place / "source");
    write_file(source / "generation_config.json", "{\"max_length\": 40}\n");
    write_file(source / "tokenizer_config.json", "{ \"tokenizer_class\":\"GPT2Tokenizer\" }");
    change_config(source, {{"a_key_of_others", {{"x", {1, 2.5, nullptr}}}}, {"note", "漢"}});
    const RunResult result = convert(source, place / "out");
    EXPECT_SUCCESS(result);
    QVERIFY(result.out.find((place / "out").string()) != std::string::npos);
    QCOMPARE(result.err, std::string());

    auto files = tree(place / "out");
    for (const char* name : {"vocab.json", "merges.txt", "generation_config.json", "tokenizer_config.json"}) {
      QVERIFY2(files[name] == content(source / name), name);
    }
    nlohmann::json config = bsbr::read_json_object(place / "out/config.json");
    // A plan for each of 4 x 4 heads.
    nlohmann::json plan = config["bsbr"]["plan"];
    config["bsbr"].erase("plan");
    QCOMPARE(config["bsbr"], (nlohmann::json{{"version", 2},
                                             {"chunk_size", 128},
                                             {"block_size", 16},
                                             {"compression_factor", 4},
                                             {"retrieve", 0},
                                             {"window", 0},
                                             {"sink", 16},
                                             {"candidate_chunks", 64}}));
    QCOMPARE(plan.size(), std::size_t(3));
    for (const char* table : {"retrieve", "threshold", "states"}) {
      QCOMPARE(plan[table].size(), std::size_t(4));
      for (const auto& layer : plan[table]) QCOMPARE(layer.size(), std::size_t(4));
    }
    config.erase("bsbr");
    QCOMPARE(config["auto_map"],
             (nlohmann::json{{"AutoConfig", "configuration_bsbr.BsbrGPT2Config"},
                             {"AutoModelForCausalLM", "modeling_bsbr.BsbrGPT2LMHeadModel"}}));
    config.erase("auto_map");
    QCOMPARE(config, bsbr::read_json_object(source / "config.json"));
    same_tensors(source, place / "out");
    QVERIFY(files["README.md"].starts_with("---\n"));
    QVERIFY(files["README.md"].find("| chunk_size | 128") != std::string::npos);
    QVERIFY(files["README.md"].find("| top-1 agreement | 9") != std::string::npos);
    QCOMPARE(files.size(), std::size_t(7) + python_file_count());
    for (const auto& entry : fs::directory_iterator(kPython)) {
      const std::string name = entry.path().filename().string();
      if (entry.path().extension() == ".py") QVERIFY2(files[name] == content(entry.path()), name.c_str());
    }
    QCOMPARE(tree(place).size(), files.size() + 1 + tree(source).size() + 1);  // nothing else beside them
    // Another user can read it.
    QVERIFY((fs::status(place / "out").permissions() & fs::perms(0777)) == fs::perms(0755));
    QVERIFY((fs::status(place / "out/model.safetensors").permissions() & fs::perms(0444)) == fs::perms(0444));
  }

  void everyKindOfCheckpoint_data() {
    QTest::addColumn<QString>("name");
    for (const char* name : {"gpt2-plain", "gpt2-untied", "gpt2-fp16-sharded", "gpt2-bf16-prefix"}) {
      QTest::newRow(name) << QString(name);
    }
  }
  void everyKindOfCheckpoint() {
    QFETCH(QString, name);
    const fs::path out = room() / "out";
    EXPECT_SUCCESS(convert(golden_checkpoint(name.toStdString()), out, kSmall));
    same_tensors(golden_checkpoint(name.toStdString()), out);
  }

  void otherType_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("type");
    QTest::newRow("narrower") << "gpt2-plain"
                              << "float16";
    QTest::newRow("shorter") << "gpt2-plain"
                             << "bfloat16";
    QTest::newRow("wider") << "gpt2-fp16-sharded"
                           << "float32";
    QTest::newRow("the same") << "gpt2-plain"
                              << "float32";
  }
  void otherType() {
    QFETCH(QString, name);
    QFETCH(QString, type);
    const fs::path source = copy_checkpoint(golden_checkpoint(name.toStdString()), room() / "source");
    write_file(source / "README.md", "---\nlanguage: en\nlicense: mit\n---\nlicense: not this\n");
    const fs::path out = source.parent_path() / "out";
    std::vector<std::string> options = kSmall;
    options.insert(options.end(), {"--dtype", type.toStdString()});
    EXPECT_SUCCESS(convert(source, out, options));
    const auto config = bsbr::read_json_object(out / "config.json");
    QVERIFY(config.contains("dtype") || config.contains("torch_dtype"));
    for (const char* key : {"dtype", "torch_dtype"})
      QCOMPARE(config.value(key, type.toStdString()), type.toStdString());
    const Checkpoint before = Checkpoint::open(source);
    const Checkpoint after = Checkpoint::open(out);
    const bsbr::Dtype dtype = *bsbr::dtype_from_config_name(type.toStdString());
    // A rounding moves a number by no more than half a step of the narrower type.
    const double step = dtype == bsbr::Dtype::BF16 ? 0x1p-8 : dtype == bsbr::Dtype::F16 ? 0x1p-11 : 0;
    QCOMPARE(after.tensors().size(), before.tensors().size());
    for (const bsbr::TensorView& tensor : before.tensors()) {
      const bsbr::TensorView* other = after.find(tensor.name);
      QVERIFY2(other != nullptr && other->dtype == dtype && other->shape == tensor.shape,
               tensor.name.c_str());
      const std::vector<float> was = floats(tensor);
      const std::vector<float> is = floats(*other);
      for (std::size_t i = 0; i < was.size(); ++i)
        QVERIFY2(std::abs(was[i] - is[i]) <= step * std::abs(was[i]) + 0x1p-25, tensor.name.c_str());
    }
    const std::string card = content(out / "README.md");
    QVERIFY(card.find("\nlicense: mit\n") < card.find("\n---\n", 4));
    QVERIFY(card.find("not this") == std::string::npos);
    const bool same = name == "gpt2-plain" && type == "float32";
    QCOMPARE(card.find("unchanged, bit for bit") != std::string::npos, same);
    QCOMPARE(card.find("as " + type.toStdString() + ".") != std::string::npos, !same);
  }

  void roundedModelIsMeasured() {
    const fs::path out = room() / "out";
    const RunResult result = convert(kDemo, out, {"--retrieve", "256", "--dtype", "bfloat16", "--json"});
    EXPECT_SUCCESS(result);
    const auto json = nlohmann::json::parse(result.out);
    QCOMPARE(json["same_bits"], false);
    const RunResult unrounded = convert(kDemo, room() / "out", {"--retrieve", "256", "--json"});
    EXPECT_SUCCESS(unrounded);
    const auto plain = nlohmann::json::parse(unrounded.out);
    QCOMPARE(plain["same_bits"], true);
    QCOMPARE(plain["check"]["tokens"], 2048);
    // Eight bits for a number cost something, and that is the rounded model's figure.
    QVERIFY(json["check"]["kl"].get<double>() > plain["check"]["kl"].get<double>());
    QVERIFY(json["check"]["kl"].get<double>() < 0.1);
    QVERIFY(content(out / "README.md").find("| KL divergence | 0.0") != std::string::npos);
  }

  void tooLargeForTheType() {
    const fs::path place = room();
    const fs::path source = copy_checkpoint(golden_checkpoint("gpt2-plain"), place / "source");
    std::string file = content(source / "model.safetensors");
    const float large = 1e6F;
    std::memcpy(file.data() + file.size() - sizeof large, &large, sizeof large);
    fs::remove(source / "model.safetensors");
    write_file(source / "model.safetensors", file);
    const auto before = tree(place);
    std::vector<std::string> options = kSmall;
    options.insert(options.end(), {"--dtype", "float16"});
    const std::string problem =
        refusal_problem(convert(source, place / "out", options),
                        {"has numbers that are too large for float16", "write it as bfloat16 or float32"});
    QVERIFY2(problem.empty(), problem.c_str());
    QVERIFY(tree(place) == before);
  }

  void shards() {
    const fs::path source = golden_checkpoint("gpt2-plain");
    const fs::path out = room() / "out";
    std::vector<std::string> options = kSmall;
    options.insert(options.end(), {"--max-shard-size", "20KB"});
    EXPECT_SUCCESS(convert(source, out, options));
    const auto index = bsbr::read_json_object(out / "model.safetensors.index.json");
    const Checkpoint before = Checkpoint::open(source);
    const Checkpoint after = Checkpoint::open(out);
    QCOMPARE(index["metadata"]["total_size"], before.tensor_bytes());
    QVERIFY(after.shard_count() > 1);
    QVERIFY(after.shard_count() < 100);
    const std::string count = bsbr::cat(after.shard_count() < 10 ? "0000" : "000", after.shard_count());
    QVERIFY(fs::exists(out / bsbr::cat("model-00001-of-", count, ".safetensors")));
    QVERIFY(fs::exists(out / bsbr::cat("model-", count, "-of-", count, ".safetensors")));
    same_tensors(source, out, after.shard_count());
    std::map<std::string, std::uint64_t> sizes;
    std::map<std::string, int> tensors;
    for (const auto& [tensor, shard] : index["weight_map"].items()) {
      sizes[shard] += before.find(tensor)->bytes.size();
      ++tensors[shard];
    }
    for (const auto& [shard, size] : sizes) QVERIFY2(size <= 20'000 || tensors[shard] == 1, shard.c_str());
  }

  void destinationsByOtherNames() {
    const fs::path place = room();
    RunOptions options;
    options.folder = place.string();
    const auto made = [&](const std::string& out) {
      std::vector<std::string> arguments{"convert", golden_checkpoint("gpt2-plain"), out};
      arguments.insert(arguments.end(), kSmall.begin(), kSmall.end());
      const RunResult result = run_bsbr(arguments, options);
      return result.code == 0 ? std::string() : result.text();
    };
    QCOMPARE(made("plain"), std::string());
    QCOMPARE(made("slash/"), std::string());
    QCOMPARE(made("./a dir/../blanks in it"), std::string());
    QCOMPARE(made("漢 é"), std::string());
    QVERIFY(fs::exists(place / "plain/config.json") && fs::exists(place / "slash/config.json"));
    QVERIFY(fs::exists(place / "blanks in it/config.json") && fs::exists(place / "漢 é/config.json"));
    QCOMPARE(std::distance(fs::directory_iterator(place), {}), 4);
  }

  void force() {
    const fs::path place = room();
    const fs::path source = golden_checkpoint("gpt2-plain");
    const fs::path old = copy_checkpoint(kDemo, place / "old");
    refuse(place, kDemo, old, false, {"old: exists already", "--force"});
    std::vector<std::string> forced = kSmall;
    forced.emplace_back("--force");
    EXPECT_SUCCESS(convert(source, old, forced));
    QVERIFY(!fs::exists(old / "vocab.json"));  // the old folder is gone, not mixed
    same_tensors(source, old);
    EXPECT_SUCCESS(convert(source, old, forced));  // what is converted can be replaced
    EXPECT_SUCCESS(convert(source, place / "new", forced));
    QCOMPARE(std::distance(fs::directory_iterator(place), {}), 2);
  }

  /// The old checkpoint may be write-protected: it goes, and leaves nothing hidden.
  void forceOverReadOnly() {
    const fs::path place = room();
    const fs::path old = copy_checkpoint(golden_checkpoint("gpt2-one-head"), place / "old");
    fs::permissions(old, fs::perms(0555));
    RunOptions options;
    options.in_child = obey_permissions;
    const RunResult result = run_bsbr({"convert", kDemo, old, "--force", "--retrieve", "64"}, options);
    EXPECT_SUCCESS(result);
    same_tensors(kDemo, old);
    QCOMPARE(std::distance(fs::directory_iterator(place), {}), 1);
  }

  void forceHasLimits() {
    const fs::path place = room();
    write_file(place / "photos/cat.jpg", "meow");
    refuse(place, kDemo, place / "photos", true, {"photos: holds no config.json"});
    write_file(place / "file", "text");
    refuse(place, kDemo, place / "file", true, {"file: is no folder"});
    copy_checkpoint(golden_checkpoint("gpt2-plain"), place / "real");
    fs::create_symlink("real", place / "link");
    refuse(place, kDemo, place / "link", true, {"link: is no folder"});
    fs::create_symlink("nowhere", place / "dangling");
    refuse(place, kDemo, place / "dangling", false, {"dangling: exists already"});
  }

  void theSourceItself() {
    const fs::path place = room();
    const fs::path source = copy_checkpoint(kDemo, place / "source");
    fs::create_symlink(source, place / "link");
    for (const bool force : {false, true}) {
      refuse(place, source, source, force, {"source: is the checkpoint that is being converted"});
      refuse(place, source, source / "", force, {"is the checkpoint that is being converted"});
      refuse(place, source, place / "other/../source", force, {"is the checkpoint that is being converted"});
      refuse(place, source, place / "link", force, {"is the checkpoint that is being converted"});
      refuse(place, place / "link", source, force, {"is the checkpoint that is being converted"});
      refuse(place, source, source / "out", force, {"lies inside the checkpoint"});
      refuse(place, source, place / "link/out", force, {"lies inside the checkpoint"});
      refuse(place, place / "link", source / "out", force, {"lies inside the checkpoint"});
    }
  }

  /// Replacing a folder must not delete the source, nor files that the source links to.
  void aroundTheSource() {
    const fs::path place = room();
    const fs::path outer = copy_checkpoint(golden_checkpoint("gpt2-plain"), place / "outer");
    const fs::path inner = copy_checkpoint(kDemo, outer / "deep/inner");
    refuse(place, inner, outer, true, {"outer: holds", "checkpoint that is being converted"});
    const fs::path store = copy_checkpoint(kDemo, place / "store");
    const fs::path linked = copy_checkpoint(kDemo, place / "linked");
    fs::remove(linked / "model.safetensors");
    fs::create_symlink("../store/model.safetensors", linked / "model.safetensors");
    refuse(place, linked, store, true, {"store: holds", "checkpoint that is being converted"});
  }

  void convertedAlready() {
    const fs::path place = room();
    EXPECT_SUCCESS(convert(golden_checkpoint("gpt2-plain"), place / "once", kSmall));
    refuse(place, place / "once", place / "twice", false, {"once: is converted already"});
  }

  /// A tokenizer file that is named but cannot be read is not left out silently.
  void brokenTokenizerFile() {
    const fs::path place = room();
    const fs::path source = copy_checkpoint(kDemo, place / "source");
    fs::remove(source / "merges.txt");
    fs::create_symlink("nowhere", source / "merges.txt");
    refuse(place, source, place / "out", false, {"merges.txt"});
  }
};

QTEST_GUILESS_MAIN(TestCliExport)
#include "test_cli_export.moc"
