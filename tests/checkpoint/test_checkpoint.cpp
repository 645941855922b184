#include <unistd.h>
#include <nlohmann/json.hpp>

#include "engine/checkpoint/checkpoint.h"
#include "tests/support/files.h"
#include "tests/support/places.h"

using bsbr::Checkpoint;
using bsbr::ErrorKind;
using bsbr::test::safetensors_of;
using bsbr::test::write_file;
namespace fs = std::filesystem;

namespace {

/// Entries of a weight_map, as JSON text.
std::string index(std::initializer_list<std::pair<std::string_view, std::string_view>> entries) {
  std::string map;
  for (const auto& [tensor, shard] : entries) {
    map += bsbr::cat(map.empty() ? "" : ",", '"', tensor, "\":\"", shard, '"');
  }
  return R"({"metadata":{"total_size":8},"weight_map":{)" + map + "}}";
}

constexpr const char* kIndex = "model.safetensors.index.json";

}  // namespace

class TestCheckpoint : public QObject {
  Q_OBJECT
  bsbr::test::TempFolder temp_;
  int count_ = 0;

  /// A new folder with a config.json.
  fs::path model() {
    fs::path folder = temp_ / bsbr::cat("model", ++count_);
    write_file(folder / "config.json", R"({"model_type":"gpt2"})");
    return folder;
  }
  /// A new folder with two sound shards and that index.
  fs::path sharded(const std::string& index_text) {
    fs::path folder = model();
    write_file(folder / "one.safetensors", safetensors_of({"b", "a"}));
    write_file(folder / "two.safetensors", safetensors_of({"c"}));
    write_file(folder / kIndex, index_text);
    return folder;
  }

 private Q_SLOTS:
  void single() {
    const fs::path folder = model();
    write_file(folder / "model.safetensors", safetensors_of({"b", "c", "a"}));
    for (const std::string& spelling : {folder.string(), folder.string() + "/", folder.string() + "/."}) {
      const Checkpoint checkpoint = Checkpoint::open(spelling);
      QCOMPARE(checkpoint.folder(), folder);
      QCOMPARE(checkpoint.name(), folder.filename().string());
      QCOMPARE(checkpoint.config()["model_type"].get<std::string>(), std::string("gpt2"));
      QCOMPARE(checkpoint.tensors().size(), std::size_t(3));
      QCOMPARE(checkpoint.tensors()[0].name, std::string("a"));
      QCOMPARE(checkpoint.tensors()[2].name, std::string("c"));
      QCOMPARE(checkpoint.find("b"), &checkpoint.tensors()[1]);
      QVERIFY(checkpoint.find("d") == nullptr);
      QVERIFY(checkpoint.find("") == nullptr);
      QCOMPARE(checkpoint.tensor_bytes(), std::uint64_t(12));
      QCOMPARE(checkpoint.shard_count(), std::size_t(1));
    }
  }

  void relative() {
    const fs::path folder = model();
    write_file(folder / "model.safetensors", safetensors_of({"a"}));
    const fs::path before = fs::current_path();
    fs::current_path(temp_.path());
    const Checkpoint named = Checkpoint::open(folder.filename());
    fs::current_path(folder);
    const Checkpoint dot = Checkpoint::open(".");
    fs::current_path(before);
    QCOMPARE(named.folder(), folder);
    QCOMPARE(dot.name(), folder.filename().string());
  }

  void shards() {
    const Checkpoint checkpoint = Checkpoint::open(
        sharded(index({{"a", "one.safetensors"}, {"b", "one.safetensors"}, {"c", "two.safetensors"}})));
    QCOMPARE(checkpoint.shard_count(), std::size_t(2));
    QCOMPARE(checkpoint.tensors().size(), std::size_t(3));
    QCOMPARE(checkpoint.tensor_bytes(), std::uint64_t(12));
    QVERIFY(checkpoint.find("c") != nullptr);
  }

  void singleFileGoesBeforeAnIndex() {
    const fs::path folder = sharded("not even JSON");
    write_file(folder / "model.safetensors", safetensors_of({"x", "y"}));
    const Checkpoint checkpoint = Checkpoint::open(folder);
    QCOMPARE(checkpoint.shard_count(), std::size_t(1));
    QCOMPARE(checkpoint.tensors().size(), std::size_t(2));
  }

  void badIndex_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QList<QByteArray>>("says");
    const auto row = [](const char* name, const std::string& text, const QList<QByteArray>& says) {
      QTest::newRow(name) << QByteArray::fromStdString(text) << says;
    };
    const std::string one = "one.safetensors";
    const std::string two = "two.safetensors";
    row("up", index({{"a", "../one.safetensors"}}),
        {"\"../one.safetensors\" of tensor \"a\" is not a plain file name"});
    row("dots", index({{"a", ".."}}), {"\"..\" of tensor \"a\" is not a plain file name"});
    row("absolute", index({{"a", "/etc/passwd"}}), {"\"/etc/passwd\"", "not a plain file name"});
    row("below", index({{"a", "sub/one.safetensors"}}), {"not a plain file name"});
    row("backslash", index({{"a", R"(..\\one.safetensors)"}}), {"not a plain file name"});
    row("zero byte", index({{"a", R"(one.safetensors\u0000)"}}), {"not a plain file name"});
    row("empty name", index({{"a", ""}}), {"not a plain file name"});
    row("long name", index({{"a", std::string(256, 'n')}}), {"not a plain file name"});
    row("no map", R"({"metadata":{}})", {"has no weight_map"});
    row("map is a list", R"({"weight_map":[]})", {"weight_map is array"});
    row("map is empty", R"({"weight_map":{}})", {"names no tensor"});
    row("shard is a number", R"({"weight_map":{"a":1}})", {"the shard of tensor \"a\" is number"});
    row("tensor twice", index({{"a", two}, {"a", one}, {"b", two}, {"c", two}}),
        {"\"b\" is in one.safetensors, but the index puts it in two.safetensors"});
    row("not JSON", "{", {"not valid JSON"});
    row("shards missing", index({{"a", one}, {"b", "three.safetensors"}, {"c", "four.safetensors"}}),
        {"names 2 of 3 shards that are not in the folder: four.safetensors and three.safetensors"});
    row("tensor elsewhere", index({{"a", one}, {"b", two}, {"c", two}}),
        {"\"b\" is in one.safetensors, but the index puts it in two.safetensors"});
    row("several", index({{"a", two}, {"b", two}, {"c", one}}), {"3 problems", "\"a\"", "\"c\""});
  }
  void badIndex() {
    QFETCH(QByteArray, text);
    QFETCH(QList<QByteArray>, says);
    const fs::path folder = sharded(text.toStdString());
    for (const QByteArray& part : says) {
      EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, (folder / kIndex).string() + ": ",
                   part.toStdString());
    }
  }

  void tensorInTwoShards() {
    const fs::path folder =
        sharded(index({{"a", "one.safetensors"}, {"b", "one.safetensors"}, {"c", "two.safetensors"}}));
    write_file(folder / "two.safetensors", safetensors_of({"c", "a"}));
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile,
                 "\"a\" is in both one.safetensors and two.safetensors");
  }

  void damagedShardIsNamed() {
    const fs::path folder =
        sharded(index({{"a", "one.safetensors"}, {"b", "one.safetensors"}, {"c", "two.safetensors"}}));
    write_file(folder / "two.safetensors", "");
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, "two.safetensors: is empty (0 bytes)");
  }

  void indexIsFifo() {
    const fs::path folder = model();
    QCOMPARE(::mkfifo((folder / kIndex).c_str(), 0600), 0);
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, kIndex, "not a regular file");
  }

  void gitLfs() {
    const std::string pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 548105171\n";
    fs::path folder = model();
    write_file(folder / "model.safetensors", pointer);
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::Unsupported, "model.safetensors: ", "git lfs pull");
    folder = sharded(pointer);
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::Unsupported, kIndex, "git lfs pull");
    write_file(folder / "model.safetensors", safetensors_of({"a"}));
    write_file(folder / "config.json", pointer);
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::Unsupported, "config.json: ", "git lfs pull");
  }

  void otherFormats_data() {
    QTest::addColumn<QByteArray>("file");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, const char* says) {
      QTest::newRow(name) << QByteArray(name) << QByteArray(says);
    };
    const char* rename = "name it pytorch_model.bin";
    for (const char* name : {"weights.bin", "model.pt", "model.pth", "model.ckpt"}) row(name, rename);
    row("tf_model.h5", "from_pretrained(d, from_tf=True).save_pretrained(d, safe_serialization=True)");
    row("flax_model.msgpack", "from_pretrained(d, from_flax=True)");
    row("pytorch_model-00001-of-00002.bin", "pytorch_model.bin.index.json, is missing");
    row("bsbr_model.pt", "the published BSBR converter");
  }
  void otherFormats() {
    QFETCH(QByteArray, file);
    QFETCH(QByteArray, says);
    const fs::path folder = model();
    write_file(folder / file.toStdString(), "x");
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::Unsupported, folder.string() + ": ", file.toStdString(),
                 says.toStdString());
    write_file(folder / "model.safetensors", safetensors_of({"a"}));
    QCOMPARE(Checkpoint::open(folder).tensors().size(), std::size_t(1));
  }

  void publishedModelByItsPath() {
    const fs::path folder = model();
    write_file(folder / "bsbr_model.pt", "x");
    EXPECT_ERROR(Checkpoint::open(folder / "bsbr_model.pt"), ErrorKind::Unsupported, "bsbr_model.pt",
                 "the published BSBR converter", "bsbr convert CKPT OUT");
  }

  void torchFiles() {
    const fs::path golden = bsbr::test::in_repository("tests/checkpoint/golden/torch");
    const fs::path folder = model();
    fs::copy_file(golden / "module-old.bin", folder / "pytorch_model.bin");
    const Checkpoint checkpoint = Checkpoint::open(folder);
    QCOMPARE(checkpoint.shard_count(), std::size_t(1));
    QCOMPARE(checkpoint.tensors().size(), std::size_t(4));
    QCOMPARE(checkpoint.tensors()[0].name, std::string("0.bias"));
    QCOMPARE(checkpoint.tensor_bytes(), std::uint64_t(48));
    EXPECT_ERROR(Checkpoint::open(folder / "pytorch_model.bin"), ErrorKind::InvalidArgument,
                 "give " + folder.string() + " instead");

    write_file(folder / "pytorch_model.bin.index.json", "not even JSON");
    QCOMPARE(Checkpoint::open(folder).tensors().size(), std::size_t(4));
    write_file(folder / kIndex, index({{"a", "one.safetensors"}}));
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, "1 of 1 shards", "one.safetensors");
    write_file(folder / "model.safetensors", safetensors_of({"a"}));
    QCOMPARE(Checkpoint::open(folder).tensors().size(), std::size_t(1));
  }

  void torchShards() {
    const fs::path folder = model();
    for (const auto& entry :
         fs::directory_iterator(fs::path(bsbr::test::in_repository("tests/checkpoint/golden/torch/llama")))) {
      if (entry.path().extension() != ".safetensors")
        fs::copy_file(entry.path(), folder / entry.path().filename(), fs::copy_options::overwrite_existing);
    }
    QCOMPARE(Checkpoint::open(folder).shard_count(), std::size_t(2));
    QCOMPARE(Checkpoint::open(folder).tensors().size(), std::size_t(13));
    const std::string second = "pytorch_model-00002-of-00002.bin";
    fs::rename(folder / second, folder / "away");
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, "pytorch_model.bin.index.json", second);
    fs::copy_file(folder / "pytorch_model-00001-of-00002.bin", folder / second);
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, "pytorch_model.bin.index.json",
                 "is in both");
    write_file(folder / second, safetensors_of({"a"}));
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::Unsupported, second, "safetensors file");
  }

  void zeroDimension() {
    const fs::path folder = model();
    write_file(folder / "model.safetensors",
               bsbr::test::safetensors(R"({"hollow":{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]},)"
                                       R"("void":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})"));
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, "model.safetensors: ", "2 problems",
                 "\"hollow\" has a dimension of zero", "\"void\"");
  }

  void noTensors() {
    const fs::path folder = model();
    write_file(folder / "model.safetensors", bsbr::test::safetensors("{}"));
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, "model.safetensors: holds no tensors");
  }

  void config() {
    const fs::path folder = model();
    write_file(folder / "model.safetensors", safetensors_of({"a"}));
    write_file(folder / "config.json", "[]");
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, "config.json: ", "object");
    write_file(folder / "config.json", std::string((2u << 20) + 1, ' '));
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, "config.json: ", "2097153 bytes");
    fs::remove(folder / "config.json");
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::NotFound, folder.string() + ": ", "no config.json");
    QCOMPARE(::mkfifo((folder / "config.json").c_str(), 0600), 0);
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, "config.json: is not a regular file");
    fs::remove(folder / "config.json");
    fs::create_directory(folder / "config.json");
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidFile, "config.json: is a folder");
  }

  void incompleteFolders() {
    const fs::path folder = model();
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::NotFound, folder.string() + ": is incomplete",
                 "model.safetensors");
    write_file(folder / "weights.safetensors", safetensors_of({"a"}));
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::NotFound,
                 "it has weights.safetensors, which must be named");
    const fs::path empty = temp_ / "empty";
    fs::create_directory(empty);
    EXPECT_ERROR(Checkpoint::open(empty), ErrorKind::NotFound, empty.string() + ": is not a checkpoint");
  }

  void notAFolder() {
    const fs::path folder = model();
    const fs::path file = write_file(folder / "model.safetensors", safetensors_of({"a"}));
    EXPECT_ERROR(Checkpoint::open(file), ErrorKind::InvalidArgument, file.string() + ": is a file",
                 "a checkpoint is a folder", "give " + folder.string() + " instead");
    const fs::path fifo = folder / "fifo";
    QCOMPARE(::mkfifo(fifo.c_str(), 0600), 0);
    EXPECT_ERROR(Checkpoint::open(fifo), ErrorKind::InvalidFile, "neither a folder nor a regular file");
    EXPECT_ERROR(Checkpoint::open(file / "below"), ErrorKind::NotFound, "is a file, not a folder");
    EXPECT_ERROR(Checkpoint::open(temp_ / "no-such-folder"), ErrorKind::NotFound,
                 "no-such-folder: there is no such folder");
    EXPECT_ERROR(Checkpoint::open("./no-such-folder"), ErrorKind::NotFound, "there is no such folder");
    EXPECT_ERROR(Checkpoint::open(""), ErrorKind::InvalidArgument, "empty");
    EXPECT_ERROR(Checkpoint::open(std::string("a\0b", 3)), ErrorKind::InvalidArgument, "zero byte");
    EXPECT_ERROR(Checkpoint::open(temp_ / std::string(300, 'n')), ErrorKind::Io, "too long");
  }

  void links() {
    const fs::path folder = model();
    write_file(folder / "blob", safetensors_of({"a"}));
    fs::create_symlink("blob", folder / "model.safetensors");
    QCOMPARE(Checkpoint::open(folder).tensors().size(), std::size_t(1));

    const fs::path link = temp_ / "link-to-model";
    fs::create_directory_symlink(folder, link);
    const Checkpoint through = Checkpoint::open(link);
    QCOMPARE(through.name(), std::string("link-to-model"));
    QCOMPARE(through.folder(), link);

    fs::remove(folder / "blob");
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::NotFound,
                 "model.safetensors: is a symbolic link to blob", "does not exist");
    const fs::path dangling = temp_ / "dangling";
    fs::create_symlink("gone", dangling);
    EXPECT_ERROR(Checkpoint::open(dangling), ErrorKind::NotFound, "dangling: is a symbolic link to gone");
    const fs::path loop = temp_ / "loop";
    fs::create_symlink("loop", loop);
    EXPECT_ERROR(Checkpoint::open(loop), ErrorKind::Io, "loop: ", "in a circle");
    fs::remove(folder / "model.safetensors");
    fs::create_symlink("model.safetensors", folder / "model.safetensors");
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::Io, "model.safetensors: ", "in a circle");
  }

  void permissions() {
    const fs::path folder = model();
    const fs::path file = write_file(folder / "model.safetensors", safetensors_of({"a"}));
    fs::permissions(file, fs::perms::none);
    const fs::path closed = model();
    write_file(closed / "model.safetensors", safetensors_of({"a"}));
    fs::permissions(closed, fs::perms::none);
    const bool root = ::geteuid() == 0;
    if (root) QCOMPARE(::seteuid(65534), 0);
    const auto of_file = bsbr::test::error_of([&] { Checkpoint::open(folder); });
    const auto of_folder = bsbr::test::error_of([&] { Checkpoint::open(closed); });
    if (root) QCOMPARE(::seteuid(0), 0);
    fs::permissions(closed, fs::perms::owner_all);
    std::string problem =
        bsbr::test::mismatch(of_file, ErrorKind::Io, {file.string() + ": permission denied"});
    QVERIFY2(problem.empty(), problem.c_str());
    problem = bsbr::test::mismatch(of_folder, ErrorKind::Io, {closed.string() + ": permission denied"});
    QVERIFY2(problem.empty(), problem.c_str());
  }

  void goldens_data() {
    QTest::addColumn<int>("tensors");
    QTest::addColumn<int>("shards");
    QTest::newRow("gpt2-plain") << 40 << 1;
    QTest::newRow("gpt2-bf16-prefix") << 40 << 1;
    QTest::newRow("gpt2-fp16-sharded") << 40 << 2;
    QTest::newRow("gpt2-one-head") << 16 << 1;
    QTest::newRow("gpt2-untied") << 41 << 1;
    QTest::newRow("llama-bias") << 50 << 1;
    QTest::newRow("llama-gqa") << 29 << 1;
    QTest::newRow("llama-mha-untied") << 30 << 1;
    QTest::newRow("qwen2") << 38 << 1;
  }
  void goldens() {
    QFETCH(int, tensors);
    QFETCH(int, shards);
    const fs::path folder = bsbr::test::in_golden(QTest::currentDataTag());
    const Checkpoint checkpoint = Checkpoint::open(folder);
    QCOMPARE(checkpoint.tensors().size(), std::size_t(tensors));
    QCOMPARE(checkpoint.shard_count(), std::size_t(shards));
    QVERIFY(checkpoint.config().contains("model_type"));
    QCOMPARE(bsbr::SafetensorsFile::open(folder / "golden.safetensors").find("input_ids")->dtype,
             bsbr::Dtype::I64);
  }
};

QTEST_APPLESS_MAIN(TestCheckpoint)
#include "test_checkpoint.moc"
