#include "engine/checkpoint/checkpoint.h"
#include "tests/checkpoint/gguf_builder.h"
#include "tests/support/files.h"

using bsbr::Checkpoint;
using bsbr::ErrorKind;
using bsbr::test::GgufBuilder;
using bsbr::test::raw;
using bsbr::test::write_file;
namespace fs = std::filesystem;

namespace {

/// The keys that llama-gguf-split writes into a part; `number` counts from 0.
GgufBuilder part(std::uint16_t number, std::uint16_t count, std::int32_t tensors) {
  return GgufBuilder()
      .pair("split.no", 2, raw(number))
      .pair("split.count", 2, raw(count))
      .pair("split.tensors.count", 5, raw(tensors));
}

GgufBuilder& metadata(GgufBuilder& file) {
  return file.text("general.architecture", "gpt2")
      .number("gpt2.embedding_length", 4)
      .number("gpt2.block_count", 1)
      .number("gpt2.context_length", 16)
      .number("gpt2.attention.head_count", 2);
}

}  // namespace

/// GGUF models in several files, and GGUF files that are no models.
class TestGgufSplit : public QObject {
  Q_OBJECT
  std::optional<bsbr::test::TempFolder> temp_;

  fs::path path(int number, int count = 2) const {
    return *temp_ / bsbr::cat("m-0000", number, "-of-0000", count, ".gguf");
  }
  /// Two parts, the first without tensors of its own.
  void write_model(std::int32_t tensors = 2) {
    GgufBuilder first = part(0, 2, tensors);
    write_file(path(1), metadata(first).bytes());
    GgufBuilder second = part(1, 2, tensors);
    write_file(
        path(2),
        second.floats("token_embd.weight", {4, 6}, 1).floats("position_embd.weight", {4, 16}, 2).bytes());
  }

 private Q_SLOTS:
  void init() { temp_.emplace(); }

  void fromAnyPart() {
    write_model();
    write_file(*temp_ / "mmproj-m.gguf", "x");
    for (const fs::path& given : {path(1), path(2), temp_->path()}) {
      const Checkpoint checkpoint = Checkpoint::open(given);
      QCOMPARE(checkpoint.tensors().size(), std::size_t(2));
      QCOMPARE(checkpoint.shard_count(), std::size_t(2));
      QCOMPARE(checkpoint.gguf()->path(), path(1));
      QCOMPARE(checkpoint.find("transformer.wte.weight")->shape, (std::vector<std::int64_t>{6, 4}));
    }
    QCOMPARE(Checkpoint::open(path(2)).name(), std::string("m"));
  }

  void twoSets() {
    write_model();
    write_file(path(1, 3), "x");
    EXPECT_ERROR(Checkpoint::open(temp_->path()), ErrorKind::InvalidArgument, "holds 2 GGUF files",
                 "m-00001-of-00002.gguf and m-00001-of-00003.gguf");
  }

  void missingPart() {
    write_model();
    fs::remove(path(1));
    EXPECT_ERROR(Checkpoint::open(path(2)), ErrorKind::NotFound, "lacks 1 of the 2 parts",
                 "m-00001-of-00002.gguf");
  }

  void partsOfOthers() {
    write_model(3);
    EXPECT_ERROR(Checkpoint::open(path(1)), ErrorKind::InvalidFile,
                 "2 parts have 3 tensors, but they have 2");
    write_model();
    fs::copy_file(path(2), path(1), fs::copy_options::overwrite_existing);
    EXPECT_ERROR(Checkpoint::open(path(1)), ErrorKind::InvalidFile, path(1).string(), "it is part 2 of 2");
    write_model();
    GgufBuilder first = part(0, 2, 2);
    write_file(path(1), metadata(first).floats("token_embd.weight", {4, 6}, 1).bytes());
    EXPECT_ERROR(Checkpoint::open(path(1)), ErrorKind::InvalidFile, "but they have 3");
    first = part(0, 2, 3);
    write_file(path(1), metadata(first).floats("token_embd.weight", {4, 6}, 1).bytes());
    GgufBuilder second = part(1, 2, 3);
    write_file(
        path(2),
        second.floats("token_embd.weight", {4, 6}, 1).floats("position_embd.weight", {4, 16}, 2).bytes());
    EXPECT_ERROR(Checkpoint::open(path(1)), ErrorKind::InvalidFile, "\"token_embd.weight\"",
                 "an earlier part");
  }

  void renamedPart() {
    write_model();
    fs::rename(path(1), *temp_ / "first.gguf");
    EXPECT_ERROR(Checkpoint::open(*temp_ / "first.gguf"), ErrorKind::Unsupported,
                 "one of the 2 files of a split");
    GgufBuilder huge = part(0, 65'535, 2);
    write_file(*temp_ / "h-00001-of-65535.gguf", metadata(huge).bytes());
    EXPECT_ERROR(Checkpoint::open(*temp_ / "h-00001-of-65535.gguf"), ErrorKind::NotFound,
                 "lacks 65534 of the");
  }

  void noModels_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, const GgufBuilder& file, const char* says) {
      QTest::newRow(name) << QByteArray::fromStdString(file.bytes()) << QByteArray(says);
    };
    row("adapter", GgufBuilder().text("general.type", "adapter").text("general.architecture", "llama"),
        "is an adapter (LoRA)");
    row("adapter.type", GgufBuilder().text("adapter.type", "lora").text("general.architecture", "llama"),
        "llama-export-lora");
    row("mmproj", GgufBuilder().text("general.architecture", "clip"), "mmproj");
    row("imatrix", GgufBuilder().text("general.type", "imatrix"), "importance matrix");
    row("control vector", GgufBuilder().text("general.architecture", "controlvector"), "control vector");
    row("vocabulary",
        GgufBuilder()
            .text("general.architecture", "llama")
            .pair("tokenizer.ggml.tokens", 9, bsbr::test::gguf_array(8, 1, bsbr::test::gguf_string("a"))),
        "a vocabulary alone");
  }
  void noModels() {
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, says);
    const fs::path file = write_file(*temp_ / "x.gguf", bytes.toStdString());
    EXPECT_ERROR(Checkpoint::open(file), ErrorKind::Unsupported, file.string() + ": ", says.toStdString());
  }

  void idsOutOfRange() {
    GgufBuilder file;
    metadata(file)
        .number("tokenizer.ggml.padding_token_id", 4'294'967'295)
        .pair("tokenizer.ggml.bos_token_id", 5, raw(-1))
        .number("tokenizer.ggml.eos_token_id", 5)
        .floats("token_embd.weight", {4, 6}, 1);
    const Checkpoint checkpoint = Checkpoint::open(write_file(*temp_ / "ids.gguf", file.bytes()));
    QVERIFY(!checkpoint.config().contains("pad_token_id"));
    QVERIFY(!checkpoint.config().contains("bos_token_id"));
    QCOMPARE(checkpoint.config()["eos_token_id"].get<int>(), 5);
    QCOMPARE(checkpoint.warnings().size(), std::size_t(2));
    QVERIFY(checkpoint.warnings()[0].find("bos_token_id\": is -1") != std::string::npos);
    QVERIFY(checkpoint.warnings()[1].find("is 4294967295, which is no token id") != std::string::npos);
  }

  void typesAreToldOnce() {
    GgufBuilder file;
    metadata(file);
    for (int i = 0; i < 2000; ++i) file.tensor(bsbr::cat("t", i), {32}, 20, std::string(18, 'x'));
    file.tensor("q", {256}, 10, std::string(84, 'x'));
    const auto path = write_file(*temp_ / "types.gguf", file.bytes());
    EXPECT_ERROR(
        Checkpoint::open(path), ErrorKind::Unsupported,
        "2 problems: (1) 2000 tensors (\"t0\", \"t1\", \"t2\" and 1997 more): the element type IQ4_NL",
        "(2) tensor \"q\": the element type Q2_K", "another quantisation");
    const auto error = bsbr::test::error_of([&] { Checkpoint::open(path); });
    QVERIFY(std::string_view(error->what()).find('\n') == std::string_view::npos);
  }

  void cutOffIsToldOnce() {
    GgufBuilder file;
    metadata(file);
    for (int i = 0; i < 40; ++i) file.floats(bsbr::cat("t", i), {8}, 1);
    const std::string whole = file.bytes();
    const auto path = write_file(*temp_ / "cut.gguf", whole.substr(0, whole.size() - 20 * 32));
    EXPECT_ERROR(Checkpoint::open(path), ErrorKind::InvalidFile, "\"t20\": its 32 bytes",
                 "and those of 19 more tensors do; it was probably cut off");
  }
};

QTEST_APPLESS_MAIN(TestGgufSplit)
#include "test_gguf_split.moc"
