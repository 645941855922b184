#include "engine/base/json_file.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/hub_cache.h"
#include "tests/support/files.h"
#include "tests/support/places.h"

using bsbr::Checkpoint;
using bsbr::ErrorKind;
using bsbr::find_hub_snapshot;
using bsbr::test::safetensors_of;
using bsbr::test::write_file;
namespace fs = std::filesystem;

namespace {

constexpr const char* kCommit = "607a30d783dfa663caf39e06633721c8d4cfcd7e";
constexpr const char* kOther = "11c5a3d5811f50298f278a704980280950aedb10";

}  // namespace

class TestHubCache : public QObject {
  Q_OBJECT
  std::optional<bsbr::test::TempFolder> cache_;

  /// Puts a file among the blobs of a repository, and a link to it in a snapshot.
  fs::path add(const std::string& repository, const std::string& commit, const std::string& name,
               const std::string& text) {
    const fs::path folder = *cache_ / repository;
    write_file(folder / "blobs" / ("blob-of-" + name), text);
    fs::create_directories(folder / "snapshots" / commit);
    fs::create_symlink("../../blobs/blob-of-" + name, folder / "snapshots" / commit / name);
    return folder / "snapshots" / commit;
  }
  /// A complete model with refs/main.
  fs::path add_model(const std::string& repository) {
    add(repository, kCommit, "config.json", "{}");
    write_file(*cache_ / repository / "refs" / "main", kCommit);
    return add(repository, kCommit, "model.safetensors", safetensors_of({"a"}));
  }

 private Q_SLOTS:
  void init() {
    cache_.emplace();
    for (const char* name : {"HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"}) qunsetenv(name);
    qputenv("HF_HUB_CACHE", cache_->path().c_str());
  }
  void cleanup() { cache_.reset(); }

  void cacheFolder() {
    QCOMPARE(bsbr::hub_cache_folder(), cache_->path());
    qputenv("HF_HUB_CACHE", "~/models");
    qputenv("HOME", "/home/somebody");
    QCOMPARE(bsbr::hub_cache_folder(), fs::path("/home/somebody/models"));
    qputenv("HF_HUB_CACHE", "");
    QCOMPARE(bsbr::hub_cache_folder(), fs::path("/home/somebody/.cache/huggingface/hub"));
    qputenv("XDG_CACHE_HOME", "/var/caches");
    QCOMPARE(bsbr::hub_cache_folder(), fs::path("/var/caches/huggingface/hub"));
    qputenv("HF_HOME", "/data/hf");
    QCOMPARE(bsbr::hub_cache_folder(), fs::path("/data/hf/hub"));
    qputenv("HUGGINGFACE_HUB_CACHE", "/data/old");
    QCOMPARE(bsbr::hub_cache_folder(), fs::path("/data/old"));
  }

  /// As os.path.expandvars(os.path.expanduser(…)) of Python.
  void expandedFolders() {
    qputenv("HF_HUB_CACHE", "");
    qputenv("HOME", "/home/somebody/");
    qputenv("BSBR_TEST", "deep");
    qunsetenv("BSBR_TEST_NOT");
    const std::vector<std::pair<const char*, const char*>> cases{
        {"~", "/home/somebody/hub"},
        {"~/hf", "/home/somebody/hf/hub"},
        {"$HOME/hf", "/home/somebody//hf/hub"},
        {"/a/${BSBR_TEST}er/$BSBR_TEST", "/a/deeper/deep/hub"},
        {"/a/$BSBR_TEST_NOT/${BSBR_TEST_NOT}", "/a/$BSBR_TEST_NOT/${BSBR_TEST_NOT}/hub"},
        {"/a/$/${BSBR_TEST", "/a/$/${BSBR_TEST/hub"},
        {"/a/~", "/a/~/hub"},
        {"~root/x", "/root/x/hub"},
        {"~no-such-user/x", "~no-such-user/x/hub"}};
    for (const auto& [value, folder] : cases) {
      qputenv("HF_HOME", value);
      QCOMPARE(bsbr::hub_cache_folder(), fs::path(folder));
      QCOMPARE(bsbr::hub_home_folder() / "hub", fs::path(folder));
    }
    for (const char* variable : {"HUGGINGFACE_HUB_CACHE", "HF_HUB_CACHE"}) {
      qputenv(variable, "$BSBR_TEST/x");
      QCOMPARE(bsbr::hub_cache_folder(), fs::path("deep/x"));
    }
  }

  void names_data() {
    QTest::addColumn<bool>("good");
    for (const char* name : {"gpt2", "org/name", "Qwen/Qwen2-0.5B", "a_b.c-d"}) QTest::newRow(name) << true;
    for (const char* name : {"", "/", "a/", "/a", "a/b/c", ".", "..", "../a", "a/..", "a--b", "a b", "-a",
                             "a.", "~", "a\\b", "\xC3\xA9"}) {
      QTest::newRow(*name == '\0' ? "(empty)" : name) << false;
    }
    QTest::newRow("too long") << false;
  }
  void names() {
    QFETCH(bool, good);
    std::string name = QTest::currentDataTag();
    if (name == "(empty)") name.clear();
    if (name == "too long") name.assign(97, 'n');
    QCOMPARE(bsbr::is_hub_name(name), good);
    if (!good) EXPECT_ERROR(find_hub_snapshot(name), ErrorKind::InvalidArgument, "not the name of a model");
  }

  void open() {
    const fs::path plain = add_model("models--gpt2");
    const fs::path owned = add_model("models--org--name");
    QCOMPARE(find_hub_snapshot("gpt2"), plain);
    const Checkpoint checkpoint = Checkpoint::open("org/name");
    QCOMPARE(checkpoint.name(), std::string("org/name"));
    QCOMPARE(checkpoint.folder(), owned);
    QCOMPARE(checkpoint.tensors().size(), std::size_t(1));
  }

  void mainIsChosenAmongSnapshots() {
    const fs::path snapshot = add_model("models--gpt2");
    fs::create_directories(*cache_ / "models--gpt2" / "snapshots" / kOther);
    write_file(*cache_ / "models--gpt2" / "refs" / "main", std::string(kCommit) + "\n");
    QCOMPARE(find_hub_snapshot("gpt2"), snapshot);
  }

  void withoutMain() {
    const fs::path snapshot = add_model("models--gpt2");
    fs::remove(*cache_ / "models--gpt2" / "refs" / "main");
    QCOMPARE(find_hub_snapshot("gpt2"), snapshot);
    fs::create_directories(*cache_ / "models--gpt2" / "snapshots" / kOther);
    EXPECT_ERROR(find_hub_snapshot("gpt2"), ErrorKind::InvalidFile, "no refs/main", kCommit, kOther);
    fs::remove_all(*cache_ / "models--gpt2" / "snapshots");
    EXPECT_ERROR(find_hub_snapshot("gpt2"), ErrorKind::InvalidFile, "holds no snapshot", "hf download gpt2");
  }

  void badReference_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::newRow("empty") << QByteArray();
    QTest::newRow("up") << QByteArray("..");
    QTest::newRow("path") << QByteArray("../../models--other/snapshots/1");
    QTest::newRow("absolute") << QByteArray("/etc");
    QTest::newRow("zero byte") << QByteArray("abc\0def", 7);
    QTest::newRow("long") << QByteArray(65, 'a');
  }
  void badReference() {
    QFETCH(QByteArray, text);
    add_model("models--gpt2");
    write_file(*cache_ / "models--gpt2" / "refs" / "main", text.toStdString());
    EXPECT_ERROR(find_hub_snapshot("gpt2"), ErrorKind::InvalidFile, "refs/main: holds", "commit hash");
  }

  void referenceToNoSnapshot() {
    add_model("models--gpt2");
    write_file(*cache_ / "models--gpt2" / "refs" / "main", kOther);
    EXPECT_ERROR(find_hub_snapshot("gpt2"), ErrorKind::InvalidFile, "refs/main: names the snapshot", kOther,
                 "hf download gpt2");
  }

  void danglingBlob() {
    const fs::path snapshot = add_model("models--org--name");
    fs::remove(*cache_ / "models--org--name" / "blobs" / "blob-of-model.safetensors");
    write_file(*cache_ / "models--org--name" / "blobs" / "4d7a.incomplete", "half");
    EXPECT_ERROR(Checkpoint::open("org/name"), ErrorKind::InvalidFile, snapshot.string() + ": ", "incomplete",
                 "lacks model.safetensors;", "1 download(s) were broken off", "hf download org/name");
  }

  void missingConfigAndWeights() {
    const fs::path snapshot = add("models--gpt2", kCommit, "tokenizer.json", "{}");
    EXPECT_ERROR(Checkpoint::open("gpt2"), ErrorKind::InvalidFile, snapshot.string() + ": ",
                 "lacks config.json and model.safetensors");
  }

  void missingShards() {
    add("models--gpt2", kCommit, "config.json", "{}");
    add("models--gpt2", kCommit, "model.safetensors.index.json",
        R"({"weight_map":{"a":"1.safetensors","b":"2.safetensors","c":"3.safetensors"}})");
    add("models--gpt2", kCommit, "2.safetensors", safetensors_of({"b"}));
    EXPECT_ERROR(Checkpoint::open("gpt2"), ErrorKind::InvalidFile, "lacks 1.safetensors and 3.safetensors");
  }

  void otherFormatIsNotCalledIncomplete() {
    add("models--gpt2", kCommit, "config.json", "{}");
    add("models--gpt2", kCommit, "tf_model.h5", "x");
    EXPECT_ERROR(Checkpoint::open("gpt2"), ErrorKind::Unsupported, "tf_model.h5", "safe_serialization=True");
  }

  void torchFiles() {
    const fs::path golden = bsbr::test::in_repository("tests/checkpoint/golden/torch/");
    const auto content = [&](const std::string& name) {
      return bsbr::read_text_file(golden / name, 1u << 20);
    };
    add("models--gpt2", kCommit, "config.json", "{}");
    add("models--gpt2", kCommit, "pytorch_model.bin", content("module-zip.bin"));
    QCOMPARE(Checkpoint::open("gpt2").tensors().size(), std::size_t(4));
    add("models--llama", kCommit, "config.json", "{}");
    add("models--llama", kCommit, "pytorch_model.bin.index.json",
        content("llama/pytorch_model.bin.index.json"));
    EXPECT_ERROR(find_hub_snapshot("llama"), ErrorKind::InvalidFile,
                 "lacks pytorch_model-00001-of-00002.bin and pytorch_model-00002-of-00002.bin");
    for (const char* name : {"pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"}) {
      add("models--llama", kCommit, name, content("llama/" + std::string(name)));
    }
    QCOMPARE(Checkpoint::open("llama").shard_count(), std::size_t(2));
  }

  void notFound() {
    EXPECT_ERROR(Checkpoint::open("gpt2"), ErrorKind::NotFound,
                 "gpt2: is neither a folder here nor a model in the hub cache", cache_->path().string(),
                 "hf download gpt2");
    for (const char* name : {"a", "b", "c", "d", "e", "openai-community--gpt2"}) {
      fs::create_directories(*cache_ / (std::string("models--") + name));
    }
    fs::create_directories(*cache_ / "datasets--text");
    EXPECT_ERROR(Checkpoint::open("gpt2"), ErrorKind::NotFound,
                 "which has openai-community/gpt2, a, b, c, d and 1 more");
    qputenv("HF_HUB_CACHE", (*cache_ / "none").c_str());
    EXPECT_ERROR(Checkpoint::open("gpt2"), ErrorKind::NotFound, (*cache_ / "none").string());
  }

  void folderGoesBeforeTheCache() {
    add_model("models--gpt2");
    const fs::path before = fs::current_path();
    fs::current_path(cache_->path());
    write_file("gpt2/config.json", "{}");
    write_file("gpt2/model.safetensors", safetensors_of({"a", "b"}));
    const Checkpoint checkpoint = Checkpoint::open("gpt2");
    fs::current_path(before);
    QCOMPARE(checkpoint.tensors().size(), std::size_t(2));
    QCOMPARE(checkpoint.folder(), *cache_ / "gpt2");
  }
};

QTEST_APPLESS_MAIN(TestHubCache)
#include "test_hub_cache.moc"
