#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "engine/base/json_file.h"
#include "engine/checkpoint/hub_cache.h"
#include "engine/hub/digest.h"
#include "tests/hub/hub_server.h"

using bsbr::CancelToken;
using bsbr::ErrorKind;
using bsbr::Job;
using bsbr::test::HubServer;
using bsbr::test::kCommit;
using bsbr::test::kOtherCommit;
using bsbr::test::write_file;
namespace fs = std::filesystem;

namespace {

std::string hash_of(const std::string& text, bool large) {
  bsbr::Digest digest(std::string(large ? 64 : 40, '0'), text.size());
  digest.add(std::as_bytes(std::span(text)));
  return digest.finish();
}

}  // namespace

/// Models are fetched by their names, into a cache as huggingface_hub would have written it.
class TestHubFetch : public QObject {
  Q_OBJECT
  HubServer hub_;

  [[nodiscard]] std::map<std::string, std::string> snapshot(const std::string& model,
                                                            const std::string& commit = kCommit) const {
    return bsbr::test::tree_of(hub_.model_folder(model) / "snapshots" / commit);
  }
  [[nodiscard]] std::set<std::string> files_in_snapshot(const std::string& model) const {
    std::set<std::string> names;
    for (const auto& [name, content] : snapshot(model)) names.insert(name);
    return names;
  }

 private Q_SLOTS:
  void init() { hub_.reset(); }

  /// git hash-object and sha256sum say the same.
  void digest() {
    QCOMPARE(hash_of("hello\n", false), std::string("ce013625030ba8dba906f756967f9e9ca394464a"));
    QCOMPARE(hash_of("", false), std::string("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"));
    QCOMPARE(hash_of("hello\n", true),
             std::string("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"));
  }

  void layout() {
    HubServer::Files files = HubServer::small_model();
    const HubServer::Files wanted = files;
    for (const char* other :
         {"pytorch_model.bin", "tf_model.h5", "onnx/model.onnx", "model.gguf", ".gitattributes"})
      files[other] = "not wanted";
    hub_.add_model("org/name", files);
    QVERIFY(bsbr::is_to_be_fetched("org/name"));
    hub_.fetch("org/name");
    QVERIFY(!bsbr::is_to_be_fetched("org/name"));
    const fs::path folder = hub_.cache() / "models--org--name";
    QCOMPARE(hub_.model_folder("org/name"), folder);
    std::map<std::string, std::string> expected{{"refs/main", kCommit}};
    for (const auto& [name, content] : wanted) {
      const std::string hash = hash_of(content, name.ends_with(".safetensors"));
      expected["blobs/" + hash] = content;
      expected[bsbr::cat("snapshots/", kCommit, "/", name)] = "link to ../../blobs/" + hash;
    }
    QVERIFY(bsbr::test::tree_of(folder) == expected);
    QCOMPARE(bsbr::find_hub_snapshot("org/name"), folder / "snapshots" / kCommit);
    for (const auto& request : hub_.requests()) QCOMPARE(request["encoding"], "identity");

    const std::size_t asked = hub_.requests().size();
    bsbr::fetch_model("org/name", {});
    QCOMPARE(hub_.requests().size(), asked);
  }

  void progress() {
    hub_.add_model("gpt2", HubServer::small_model(3'000'000));
    std::map<std::string, std::vector<double>> stages;
    Job job;
    job.progress = [&](std::string_view stage, double part) { stages[std::string(stage)].push_back(part); };
    hub_.fetch("gpt2", job);
    QCOMPARE(stages.count("fetching gpt2, 3 MiB"), std::size_t(1));
    const std::vector<double>& parts = stages["fetching gpt2, 3 MiB"];
    QVERIFY(parts.size() > 2);
    QVERIFY(std::ranges::is_sorted(parts));
    QCOMPARE(parts.front(), 0.0);
    QCOMPARE(parts.back(), 1.0);
  }

  /// To the hub, in every request, and to nobody else.
  void tokenStaysAtTheHub() {
    hub_.add_model("org/gated", HubServer::small_model(), {{"gated", true}, {"token", "hf_good"}});
    qputenv("HF_TOKEN", " hf_good\n");
    hub_.fetch("org/gated");
    int at_hub = 0, at_cdn = 0;
    for (const auto& request : hub_.requests()) {
      const bool hub = request["server"] == "hub";
      (hub ? at_hub : at_cdn) += 1;
      QCOMPARE(request["authorization"].is_null(), !hub);
    }
    QVERIFY(at_hub > 0);
    QCOMPARE(at_cdn, 1);
  }

  void tokenFromFile() {
    hub_.add_model("org/gated", HubServer::small_model(), {{"gated", true}});
    write_file(qgetenv("HF_HOME").toStdString() + "/token", "hf_good\n");
    qputenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
    EXPECT_ERROR(hub_.fetch("org/gated"), ErrorKind::Io, "conditions");
    qunsetenv("HF_HUB_DISABLE_IMPLICIT_TOKEN");
    hub_.fetch("org/gated");
    QVERIFY(!bsbr::is_to_be_fetched("org/gated"));
  }

  void movedModel() {
    hub_.add_model("new/name", HubServer::small_model());
    hub_.add_model("old", {}, {{"moved", "new/name"}});
    qputenv("HF_TOKEN", "hf_good");
    hub_.fetch("old");
    QCOMPARE(bsbr::find_hub_snapshot("old"), hub_.model_folder("old") / "snapshots" / kCommit);
  }

  void revisions() {
    const HubServer::Files files = HubServer::small_model();
    hub_.add_model("org/name", files,
                   {{"revisions", {{"main", kCommit}, {"refs/pr/1", kOtherCommit}, {"v1", kOtherCommit}}}});
    hub_.fetch("org/name@refs/pr/1");
    const fs::path folder = hub_.model_folder("org/name");
    QCOMPARE(bsbr::read_text_file(folder / "refs/refs/pr/1", 100), std::string(kOtherCommit));
    QCOMPARE(bsbr::find_hub_snapshot("org/name@refs/pr/1"), folder / "snapshots" / kOtherCommit);
    // The only snapshot, but another revision's.
    QVERIFY(bsbr::is_to_be_fetched("org/name"));
    EXPECT_ERROR(bsbr::find_hub_snapshot("org/name"), ErrorKind::NotFound, "no revision main");
    QVERIFY(!bsbr::is_to_be_fetched(bsbr::cat("org/name@", kOtherCommit)));
    // The same files, so there is nothing to fetch but their list.
    const std::size_t asked = hub_.requests().size();
    hub_.fetch("org/name");
    QCOMPARE(hub_.requests().size(), asked + 1);
    QVERIFY(snapshot("org/name") == snapshot("org/name", kOtherCommit));
    hub_.fetch(bsbr::cat("org/name@", kCommit));
    QVERIFY(!fs::exists(folder / "refs" / kCommit));
    EXPECT_ERROR(hub_.fetch("org/name@v2"), ErrorKind::NotFound, "no revision \"v2\"",
                 hub_.endpoint() + "/org/name");
  }

  void shards() {
    HubServer::Files files = HubServer::small_model();
    files.erase("model.safetensors");
    files["a.safetensors"] = std::string(1000, 'a');
    files["b.safetensors"] = std::string(2000, 'b');
    files["c.safetensors"] = "of no index";
    files["model.safetensors.index.json"] =
        "{\"weight_map\":{\"x\":\"b.safetensors\",\"y\":\"a.safetensors\"}}";
    hub_.add_model("org/name", files);
    hub_.fetch("org/name");
    QVERIFY(files_in_snapshot("org/name") ==
            (std::set<std::string>{"a.safetensors", "b.safetensors", "config.json",
                                   "model.safetensors.index.json", "tokenizer.json"}));
    files.erase("a.safetensors");
    hub_.add_model("org/other", files);
    EXPECT_ERROR(hub_.fetch("org/other"), ErrorKind::InvalidFile, "does not have: a.safetensors");
    files["model.safetensors.index.json"] = "{\"weight_map\":{\"x\":\"../../../../a.safetensors\"}}";
    hub_.add_model("org/evil", files);
    EXPECT_ERROR(hub_.fetch("org/evil"), ErrorKind::InvalidFile, "not a plain file name");
    QVERIFY(bsbr::is_to_be_fetched("org/evil"));
  }

  void oldWeights() {
    HubServer::Files files = HubServer::small_model();
    files.erase("model.safetensors");
    files["pytorch_model.bin"] = "old";
    hub_.add_model("org/old", files);
    hub_.fetch("org/old");
    QVERIFY(files_in_snapshot("org/old") ==
            (std::set<std::string>{"config.json", "pytorch_model.bin", "tokenizer.json"}));
    QVERIFY(!bsbr::is_to_be_fetched("org/old"));
    files.erase("pytorch_model.bin");
    files["p-1.bin"] = "one";
    files["pytorch_model.bin.index.json"] = "{\"weight_map\":{\"x\":\"p-1.bin\"}}";
    hub_.add_model("org/sharded", files);
    hub_.fetch("org/sharded");
    QVERIFY(files_in_snapshot("org/sharded").contains("p-1.bin"));
    QVERIFY(!bsbr::is_to_be_fetched("org/sharded"));
    fs::remove(hub_.model_folder("org/sharded") / "snapshots" / kCommit / "p-1.bin");
    EXPECT_ERROR(bsbr::find_hub_snapshot("org/sharded"), ErrorKind::InvalidFile, "lacks p-1.bin");
  }

  void gguf() {
    hub_.add_model("org/one", {{"README.md", "x"}, {"only.gguf", "GGUF"}});
    hub_.fetch("org/one");
    QVERIFY(files_in_snapshot("org/one") == std::set<std::string>{"only.gguf"});
    QVERIFY(!bsbr::is_to_be_fetched("org/one"));

    hub_.add_model("org/many", {{"config.json", "{}"}, {"Q4.gguf", "GGUF4"}, {"big/Q8.gguf", "GGUF8"}});
    EXPECT_ERROR(hub_.fetch("org/many"), ErrorKind::InvalidArgument, "Q4.gguf and big/Q8.gguf",
                 "as in org/many:Q4.gguf");
    EXPECT_ERROR(hub_.fetch("org/many:Q5.gguf"), ErrorKind::NotFound, "has no file Q5.gguf", "Q4.gguf");
    QVERIFY(bsbr::is_to_be_fetched("org/many:big/Q8.gguf"));
    hub_.fetch("org/many:big/Q8.gguf");
    QVERIFY(!bsbr::is_to_be_fetched("org/many:big/Q8.gguf"));
    QVERIFY(bsbr::is_to_be_fetched("org/many:Q4.gguf"));
    const auto files = snapshot("org/many");
    QCOMPARE(files.size(), std::size_t(1));
    QVERIFY(files.at("big/Q8.gguf").starts_with("link to ../../../blobs/"));
    // Opening goes to the very file, and no further than its content.
    EXPECT_ERROR(bsbr::fetch_and_open("org/many:big/Q8.gguf", {}), ErrorKind::InvalidFile, "big/Q8.gguf");
  }

  void quantisations() {
    hub_.add_model("org/many", {{"config.json", "{}"},
                                {"m-Q4_K_M.gguf", "GGUF4"},
                                {"m-Q4_K_S.gguf", "GGUF4S"},
                                {"mmproj-F16.gguf", "GGUFm"},
                                {"Q8_0/m-Q8_0-00001-of-00002.gguf", "GGUF81"},
                                {"Q8_0/m-Q8_0-00002-of-00002.gguf", "GGUF82"},
                                {"m-F16-00001-of-00002.gguf", "GGUF161"}});
    EXPECT_ERROR(hub_.fetch("org/many:Q5_K_M"), ErrorKind::NotFound,
                 "no GGUF file of the quantisation Q5_K_M", "m-Q4_K_S.gguf");
    EXPECT_ERROR(hub_.fetch("org/many:F16"), ErrorKind::InvalidFile, "only 1 of the 2 parts");
    hub_.fetch("org/many:q4_k_m");
    QVERIFY(files_in_snapshot("org/many") == std::set<std::string>{"m-Q4_K_M.gguf"});
    QVERIFY(!bsbr::is_to_be_fetched("org/many:Q4_K_M"));
    QVERIFY(bsbr::is_to_be_fetched("org/many:Q8_0"));
    hub_.fetch("org/many:Q8_0");
    QCOMPARE(files_in_snapshot("org/many").size(), std::size_t(3));
    QVERIFY(!bsbr::is_to_be_fetched("org/many:Q8_0"));
    QVERIFY(!bsbr::is_to_be_fetched("org/many:Q8_0/m-Q8_0-00002-of-00002.gguf"));
    fs::remove(hub_.model_folder("org/many") / "snapshots" / kCommit / "Q8_0/m-Q8_0-00002-of-00002.gguf");
    EXPECT_ERROR(bsbr::find_hub_snapshot("org/many:Q8_0"), ErrorKind::InvalidFile, "lacks Q8_0/m-Q8_0-00002");
    QVERIFY(bsbr::is_to_be_fetched("org/many:Q8_0"));
    EXPECT_ERROR(bsbr::fetch_and_open("org/many:Q4_K_M", {}), ErrorKind::InvalidFile, "m-Q4_K_M.gguf");
  }

  void onlySplitGguf() {
    hub_.add_model("org/split", {{"m-00001-of-00002.gguf", "GGUF1"}, {"m-00002-of-00002.gguf", "GGUF2"}});
    hub_.fetch("org/split");
    QCOMPARE(files_in_snapshot("org/split").size(), std::size_t(2));
    QVERIFY(!bsbr::is_to_be_fetched("org/split"));
  }

  void addresses() {
    hub_.add_model("org/name", HubServer::small_model(),
                   {{"revisions", {{"main", kCommit}, {"refs/pr/1", kOtherCommit}}}});
    const std::string address = "https://huggingface.co/org/name/tree/refs%2Fpr%2F1";
    QVERIFY(bsbr::is_to_be_fetched(address));
    bsbr::fetch_model(" " + address + "\n", {});
    QVERIFY(!bsbr::is_to_be_fetched("org/name@refs/pr/1"));
    bsbr::fetch_model(hub_.endpoint() + "/org/name", {});
    QVERIFY(!bsbr::is_to_be_fetched("org/name"));
    QVERIFY(!bsbr::is_to_be_fetched("https://huggingface.co/datasets/org/name"));
  }

  /// What config.json says is known before the weights have come.
  void quantisedIsRefusedBeforeItsWeights() {
    HubServer::Files files = HubServer::small_model();
    files["config.json"] =
        R"({"model_type": "llama", "quantization_config": {"quant_method": "awq", "bits": 4}})";
    hub_.add_model("org/awq", files);
    EXPECT_ERROR(hub_.fetch("org/awq"), ErrorKind::Unsupported, "quantised with AWQ");
    QVERIFY(hub_.requests("model.safetensors").empty());
  }

  void otherThings() {
    hub_.add_model("org/lora", {{"adapter_config.json", "{}"}, {"adapter_model.safetensors", "x"}});
    EXPECT_ERROR(hub_.fetch("org/lora"), ErrorKind::Unsupported, "org/lora: ", "an adapter");
    hub_.add_model("org/diffusion", {{"model_index.json", "{}"}, {"unet/config.json", "{}"}});
    EXPECT_ERROR(hub_.fetch("org/diffusion"), ErrorKind::Unsupported, "a diffusion pipeline");
  }

  void nothingToRead() {
    hub_.add_model("org/flax", {{"config.json", "{}"}, {"flax_model.msgpack", "x"}});
    EXPECT_ERROR(hub_.fetch("org/flax"), ErrorKind::Unsupported, "no weights that can be read",
                 "flax_model.msgpack");
    hub_.add_model("org/adapter", {{"model.safetensors", "x"}});
    EXPECT_ERROR(hub_.fetch("org/adapter"), ErrorKind::Unsupported, "no config.json");
    hub_.add_model("org/empty", {});
    EXPECT_ERROR(hub_.fetch("org/empty"), ErrorKind::Unsupported, "it has no files");
    QVERIFY(!fs::exists(hub_.cache()));
  }

  /// A mirror may list names alone; sizes and hashes are asked for one by one then.
  void listingOfNames() {
    hub_.add_model("org/name", HubServer::small_model(), {{"blobs", false}});
    qputenv("HF_TOKEN", "hf_good");
    hub_.fetch("org/name");
    QVERIFY(!bsbr::is_to_be_fetched("org/name"));
    int heads = 0;
    for (const auto& request : hub_.requests()) {
      heads += request["method"] == "HEAD";
      QVERIFY(request["method"] != "HEAD" || request["server"] == "hub");
    }
    QCOMPARE(heads, 3);
  }

  void badListing_data() {
    QTest::addColumn<QByteArray>("listing");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, QByteArray listing, const char* says) {
      QTest::newRow(name) << listing.replace('\'', '"') << QByteArray(says);
    };
    row("no commit", "{'sha':null}", "names no commit");
    row("commit is a path", "{'sha':'../../etc'}", "names no commit");
    row("no files", "{'siblings':null}", "lists no files");
    row("file without a name", "{'siblings':[{'size':1}]}", "without a name");
    row("size",
        "{'siblings':[{'rfilename':'config.json','size':-1,'blobId':'"
        "607a30d783dfa663caf39e06633721c8d4cfcd7e'}]}",
        "size is");
    row("huge",
        "{'siblings':[{'rfilename':'a','size':1e30,'blobId':'607a30d783dfa663caf39e06633721c8d4cfcd7e'}]}",
        "size is");
  }
  void badListing() {
    QFETCH(QByteArray, listing);
    QFETCH(QByteArray, says);
    hub_.add_model("org/name", HubServer::small_model(),
                   {{"listing", nlohmann::json::parse(listing.toStdString())}});
    EXPECT_ERROR(hub_.fetch("org/name"), ErrorKind::InvalidFile, hub_.endpoint(), says.toStdString());
  }

  void notAHub() {
    hub_.add_model("org/name", HubServer::small_model());
    hub_.fail("api/models", {{"raw", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"}});
    EXPECT_ERROR(hub_.fetch("org/name"), ErrorKind::InvalidFile, "is not valid JSON");
    hub_.fail("api/models", {{"raw", "SSH-2.0-OpenSSH_9.2p1\r\n"}});
    EXPECT_ERROR(hub_.fetch("org/name"), ErrorKind::Io, hub_.endpoint());
    QVERIFY(!fs::exists(hub_.cache()));
  }

  /// Weights that another program fetched, without what this one needs besides.
  void tokenizerIsFetchedToo() {
    hub_.add_model("org/name", HubServer::small_model());
    hub_.fetch("org/name");
    fs::remove(hub_.model_folder("org/name") / "snapshots" / kCommit / "tokenizer.json");
    QVERIFY(bsbr::is_to_be_fetched("org/name"));
    bsbr::fetch_model("org/name", {});
    QVERIFY(!bsbr::is_to_be_fetched("org/name"));
    HubServer::Files files = HubServer::small_model();
    files.erase("tokenizer.json");
    hub_.add_model("org/without", files);
    hub_.fetch("org/without");
    QVERIFY(!bsbr::is_to_be_fetched("org/without"));
    QVERIFY(fs::exists(hub_.model_folder("org/without") / ".no_exist" / kCommit / "tokenizer.json"));
  }

  void offline() {
    hub_.add_model("org/name", HubServer::small_model());
    qputenv("HF_HUB_OFFLINE", "1");
    QVERIFY(!bsbr::is_to_be_fetched("org/name"));
    EXPECT_ERROR(bsbr::fetch_model("org/name", {}), ErrorKind::NotFound, "HF_HUB_OFFLINE is set");
    QVERIFY(hub_.requests().empty());
    qputenv("HF_HUB_OFFLINE", "0");
    bsbr::fetch_model("org/name", {});
    qputenv("HF_HUB_OFFLINE", "true");
    bsbr::fetch_model("org/name", {});
  }

  /// Paths, and what is no name, are nobody's to ask about.
  void pathsGoFirst() {
    const fs::path before = fs::current_path();
    fs::create_directories(hub_.cache() / "org/name");
    fs::current_path(hub_.cache());
    const bool path = bsbr::is_to_be_fetched("org/name");
    bsbr::fetch_model("org/name", {});
    fs::current_path(before);
    QVERIFY(!path);
    for (const char* text : {"/org/name", "./org", "a/b/c", "org/name@", "org/name@../x", "org/name@a b",
                             "org/name:", "org/name:../x.gguf", "org/name:x.bin", "org/name:/x.gguf",
                             "org/name@-x", "org@a//b"}) {
      QVERIFY2(!bsbr::is_to_be_fetched(text), text);
    }
    bsbr::fetch_model("/org/name", {});
    QVERIFY(hub_.requests().empty());
  }

  /// Two programs that fetch the same file: one waits, and finds it done.
  void locked() {
    const HubServer::Files files = HubServer::small_model();
    hub_.add_model("org/name", files);
    const std::string hash = hash_of(files.at("model.safetensors"), true);
    const fs::path lock = hub_.cache() / ".locks/models--org--name" / (hash + ".lock");
    write_file(lock, "");
    const int fd = ::open(lock.c_str(), O_RDWR | O_CLOEXEC);
    QCOMPARE(::flock(fd, LOCK_EX), 0);
    CancelToken cancel;
    Job job;
    job.cancel = &cancel;
    job.progress = [&](std::string_view stage, double) {
      if (stage.starts_with("waiting for another program")) cancel.cancel();
    };
    EXPECT_ERROR(hub_.fetch("org/name", job), ErrorKind::Cancelled, "cancelled");
    job.cancel = nullptr;
    job.progress = [&](std::string_view stage, double) {
      if (!stage.starts_with("waiting for another program") ||
          fs::exists(hub_.model_folder("org/name") / "blobs" / hash))
        return;
      write_file(hub_.model_folder("org/name") / "blobs" / hash, files.at("model.safetensors"));
      ::flock(fd, LOCK_UN);
    };
    hub_.fetch("org/name", job);
    ::close(fd);
    QVERIFY(hub_.requests("model.safetensors").empty());
    QVERIFY(!bsbr::is_to_be_fetched("org/name"));
  }
};

QTEST_GUILESS_MAIN(TestHubFetch)
#include "test_hub_fetch.moc"
