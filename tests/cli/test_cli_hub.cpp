#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "engine/checkpoint/hub_cache.h"
#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"
#include "tests/hub/hub_server.h"

using namespace bsbr::test;
namespace fs = std::filesystem;

namespace {

constexpr const char* kSecret = "hf_SecretThatNobodyMaySee";
constexpr const char* kName = "org/demo";
#ifdef __SANITIZE_ADDRESS__
constexpr int kSlower = 4;
#else
constexpr int kSlower = 1;
#endif
/// Of the demo's weights, which are 9.5 million bytes: half a second or more.
const nlohmann::json kSlowly{{"piece", 200'000}, {"pause", 0.02}, {"times", 100}};

HubServer::Files demo() {
  HubServer::Files files;
  for (const char* name : {"config.json", "vocab.json", "merges.txt", "model.safetensors"})
    files[name] = content(kDemo / name);
  return files;
}

/// Where resources/setup/transformers has put the newest huggingface_hub; empty where it has not run.
std::string find_huggingface_hub() {
  const char* const named = std::getenv("BSBR_CACHE");
  const fs::path cache = named != nullptr ? fs::path(named) : fs::path(std::getenv("HOME")) / ".cache/bsbr";
  std::string newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(cache / "transformers", error)) {
    if (fs::exists(entry.path() / "huggingface_hub")) newest = std::max(newest, entry.path().string());
  }
  return newest;
}

}  // namespace

/// bsbr and models by their names: fetched from a hub, stopped at many moments, and listed.
class TestCliHub : public QObject {
  Q_OBJECT
  HubServer hub_;
  TempFolder temp_;

  [[nodiscard]] static RunOptions stopped(int signal, int after_ms) {
    RunOptions options;
    options.signal = signal;
    options.signal_after_ms = after_ms;
    return options;
  }
  [[nodiscard]] std::uint64_t begun() const {
    const fs::path blobs = hub_.model_folder(kName) / "blobs";
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(blobs, error)) {
      if (entry.path().extension() == ".incomplete") return entry.file_size();
    }
    return 0;
  }
  static void check_no_secret(const RunResult& result) {
    QVERIFY2((result.out + result.err).find(kSecret) == std::string::npos, result.text().c_str());
  }

 private Q_SLOTS:
  void init() {
    hub_.reset();
    hub_.add_model(kName, demo(), {{"token", kSecret}});
  }

  void convertByName() {
    qputenv("HF_TOKEN", kSecret);
    const RunResult result =
        run_bsbr({"convert", kName, temp_ / "out", "--chunk-size", "32", "--retrieve", "32"});
    EXPECT_SUCCESS(result);
    QCOMPARE(result.err, std::string());
    check_no_secret(result);
    QCOMPARE(content(temp_ / "out/vocab.json"), content(kDemo / "vocab.json"));
    const std::size_t asked = hub_.requests().size();
    QCOMPARE(run_bsbr({"info", bsbr::cat(kName, "@main"), "--json"}).json()["family"], "gpt2");
    QCOMPARE(hub_.requests().size(), asked);
  }

  void refusals() {
    qputenv("HF_TOKEN", kSecret);
    RunResult result = run_bsbr({"info", "org/dmeo"});
    EXPECT_REFUSAL(result, "org/dmeo", "no model of this name", "check the spelling");
    check_no_secret(result);
    hub_.add_model("org/gated", demo(), {{"gated", "refused"}, {"token", kSecret}});
    result = run_bsbr({"info", "org/gated"});
    EXPECT_REFUSAL(result, "visit " + hub_.endpoint() + "/org/gated", "accept");
    check_no_secret(result);
    RunOptions offline;
    offline.environment = {{"HF_HUB_OFFLINE", "1"}};
    EXPECT_REFUSAL(run_bsbr({"info", kName}, offline), "HF_HUB_OFFLINE is set");
  }

  void interrupted_data() {
    QTest::addColumn<int>("signal");
    QTest::addColumn<int>("step");
    QTest::newRow("SIGINT") << SIGINT << 300;
    QTest::newRow("SIGTERM") << SIGTERM << 700;
    QTest::newRow("SIGKILL") << SIGKILL << 700;
  }
  /// Whenever it is stopped, what has come is gone on with.
  void interrupted() {
    QFETCH(int, signal);
    QFETCH(int, step);
    hub_.fail("signature", kSlowly);
    std::uint64_t most = 0;
    bool ended = false;
    for (int delay = 200; !ended; delay += step) {
      const RunResult result = run_bsbr({"info", kName}, stopped(signal, delay));
      ended = result.code == 0;
      if (ended) break;
      // Before the program watches signals they end it as any other.
      QVERIFY2(result.code == 130 || result.code == -signal, result.text().c_str());
      if (result.code == 130) QCOMPARE(result.err, std::string("bsbr: cancelled\n"));
      if (!bsbr::is_to_be_fetched(kName)) break;  // stopped after the fetch
      QVERIFY(begun() >= most);
      most = begun();
      QVERIFY(delay < 60'000);
    }
    QVERIFY(most > 0);
    QCOMPARE(content(fs::path(bsbr::hub_model_folder(kName)) / "snapshots" / kCommit / "model.safetensors"),
             content(kDemo / "model.safetensors"));
  }

  /// Exit 130 while a server lets it wait, too; for longer than the program may last here.
  void interruptedWhileItWaits() {
    hub_.fail("api/models", {{"status", 429}, {"headers", {{"Retry-After", "300"}}}, {"times", 100}});
    const RunResult result = run_bsbr({"info", kName}, stopped(SIGINT, 1500 * kSlower));
    QVERIFY2(result.code == 130, result.text().c_str());
  }

  /// The signals are watched after a fetch; waiting for input must end by them all the same.
  void interruptedAtTheInput() {
    RunOptions options = stopped(SIGTERM, 3000 * kSlower);
    options.in_child = [] {
      static int ends[2];
      if (::pipe(ends) == 0) ::dup2(ends[0], STDIN_FILENO);
    };
    options.limit_ms = 60'000;
    const RunResult result = run_bsbr({"tokenize", kName, "--text", "-"}, options);
    QVERIFY2(result.code == 130, result.text().c_str());
    QVERIFY(!bsbr::is_to_be_fetched(kName));
  }

  void fileTooLarge() {
    for (const rlim_t bytes : {rlim_t(100), rlim_t(3'000'000)}) {
      RunOptions options;
      options.in_child = [bytes] {
        const rlimit limit{bytes, bytes};
        ::setrlimit(RLIMIT_FSIZE, &limit);
      };
      EXPECT_REFUSAL(run_bsbr({"info", kName}, options), ".incomplete", "File too large", "ulimit -f",
                     "kept");
      QVERIFY(bsbr::is_to_be_fetched(kName));
      QCOMPARE(begun(), std::uint64_t(bytes));
    }
    EXPECT_SUCCESS(run_bsbr({"info", kName}));
    QCOMPARE(hub_.requests("signature").back()["range"], "bytes=3000000-");
  }

  void readOnlyCache() {
    fs::create_directories(hub_.cache());
    fs::permissions(hub_.cache(), fs::perms(0555));
    RunOptions options;
    options.in_child = obey_permissions;
    const RunResult result = run_bsbr({"info", kName}, options);
    fs::permissions(hub_.cache(), fs::perms(0755));
    EXPECT_REFUSAL(result, hub_.cache().string(), "Permission denied", "HF_HUB_CACHE");
  }

  void emptyCache() {
    const RunResult result = run_bsbr({"cache"});
    EXPECT_SUCCESS(result);
    QCOMPARE(result.out, bsbr::cat("0 models, 0 bytes in ", hub_.cache().string(), "\n"));
    const nlohmann::json json = run_bsbr({"cache", "--json"}).json();
    QVERIFY(json["models"].is_array() && json["models"].empty());
  }

  void listing() {
    hub_.add_model(kName, demo(), {{"revisions", {{"main", kCommit}, {"v1", kCommit}}}});
    EXPECT_SUCCESS(run_bsbr({"info", kName}));
    EXPECT_SUCCESS(run_bsbr({"info", bsbr::cat(kName, "@v1")}));
    hub_.add_model("org/half", demo());
    hub_.fail("signature", {{"drop_after", 2'000'000}, {"times", 100}});
    RunOptions options;
    options.in_child = [] {
      const rlimit limit{2'000'000, 2'000'000};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    };
    QCOMPARE(run_bsbr({"info", "org/half"}, options).code, 1);
    HubServer::Files phi = demo();
    phi["config.json"] = "{\"model_type\": \"phi\"}";
    hub_.fail_no_more();
    hub_.add_model("org/phi", phi);
    QCOMPARE(run_bsbr({"info", "org/phi"}).code, 1);

    const nlohmann::json json = run_bsbr({"cache", "--json"}).json();
    QCOMPARE(json["folder"], hub_.cache().string());
    QCOMPARE(json["models"].size(), std::size_t(3));
    const nlohmann::json whole = json["models"][0], half = json["models"][1], other = json["models"][2];
    QCOMPARE(whole["name"], kName);
    QCOMPARE(whole["problem"], "");
    std::uint64_t bytes = 0;
    for (const auto& [name, text] : demo()) bytes += text.size();
    QCOMPARE(whole["bytes"], bytes);
    QCOMPARE(whole["snapshots"].size(), std::size_t(1));
    QVERIFY(whole["snapshots"][0] == nlohmann::json({{"commit", kCommit},
                                                     {"revisions", {"main", "v1"}},
                                                     {"folder", bsbr::find_hub_snapshot(kName).string()},
                                                     {"bytes", bytes},
                                                     {"complete", true},
                                                     {"missing", nlohmann::json::array()},
                                                     {"family", "gpt2"},
                                                     {"problem", ""}}));
    QCOMPARE(half["name"], "org/half");
    QCOMPARE(half["broken_off"], (nlohmann::json{{"files", 1}, {"bytes", 2'000'000}}));
    QCOMPARE(half["snapshots"][0]["complete"], false);
    QCOMPARE(half["snapshots"][0]["missing"], nlohmann::json::array({"model.safetensors"}));
    QVERIFY(half["snapshots"][0]["family"].is_null());
    QCOMPARE(other["snapshots"][0]["complete"], true);
    QVERIFY(other["snapshots"][0]["problem"].get<std::string>().find("phi") != std::string::npos);

    const RunResult table = run_bsbr({"cache"});
    EXPECT_SUCCESS(table);
    for (const char* part :
         {"org/demo  main, v1  607a30d7   ", "MiB  complete, gpt2\n", "incomplete: lacks model.safetensors\n",
          "complete, but cannot be opened: ",
          "org/half: 1 download(s) were broken off, with 1.9 MiB that are kept", "3 models, "})
      QVERIFY2(table.out.find(part) != std::string::npos, table.text().c_str());
  }

  /// A cache that holds nonsense is listed all the same.
  void damagedCache() {
    write_file(hub_.cache() / "models--org--a/refs/main", "../../..");
    write_file(hub_.cache() / "models--org--b/snapshots/file", "");
    write_file(hub_.cache() / "models--org--c", "a file");
    write_file(hub_.cache() / "models--", "");
    fs::create_directories(hub_.cache() / "models--x--y--z");
    fs::create_directories(hub_.cache() / "datasets--org--text");
    const fs::path snapshot = hub_.cache() / "models--org--d/snapshots" / kCommit;
    write_file(snapshot / "config.json", "not JSON");
    write_file(snapshot / "model.safetensors.index.json", "{\"weight_map\": {\"a\": \"../x\"}}");
    const RunResult table = run_bsbr({"cache"});
    EXPECT_SUCCESS(table);
    const nlohmann::json json = run_bsbr({"cache", "--json"}).json();
    QCOMPARE(json["models"].size(), std::size_t(3));
    for (const nlohmann::json& model : json["models"]) QVERIFY(!model["problem"].get<std::string>().empty());
  }

  /// huggingface_hub, without a network, finds what was fetched.
  void foundByHuggingfaceHub() {
    const std::string place = find_huggingface_hub();
    QProcess python;
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    hub_.add_model(kName, demo(), {{"revisions", {{"main", kCommit}, {"refs/pr/1", kOtherCommit}}}});
    EXPECT_SUCCESS(run_bsbr({"info", kName}));
    EXPECT_SUCCESS(run_bsbr({"info", bsbr::cat(kName, "@refs/pr/1")}));
    hub_.add_model("org/half", demo());
    hub_.fail("signature", {{"hang_up", true}, {"times", 100}});
    QCOMPARE(run_bsbr({"info", "org/half"}, stopped(SIGINT, 1500 * kSlower)).code, 130);
    environment.insert("HF_HUB_OFFLINE", "1");
    if (!place.empty()) environment.insert("PYTHONPATH", QString::fromStdString(place));
    python.setProcessEnvironment(environment);
    python.start("/usr/bin/python3", {"-c", "import huggingface_hub"});
    QVERIFY(python.waitForFinished(60'000));
    if (python.exitCode() != 0)
      QSKIP("no huggingface_hub for Python; resources/setup/transformers brings it");
    python.start("/usr/bin/python3",
                 {"-c",
                  "import json, os\n"
                  "from huggingface_hub import hf_hub_download, snapshot_download, scan_cache_dir, "
                  "try_to_load_from_cache\n"
                  "from huggingface_hub.errors import LocalEntryNotFoundError\n"
                  "cache = scan_cache_dir()\n"
                  "assert not cache.warnings, cache.warnings\n"
                  "try: half = hf_hub_download('org/half', 'model.safetensors')\n"
                  "except LocalEntryNotFoundError: half = None\n"
                  "print(json.dumps({'snapshot': snapshot_download('org/demo'),\n"
                  "  'weights': hf_hub_download('org/demo', 'model.safetensors', revision='refs/pr/1'),\n"
                  "  'half': half,\n"
                  "  'refs': sorted(r for m in cache.repos if m.repo_id == 'org/demo' for v in m.revisions "
                  "for r in v.refs),\n"
                  "  'files': sorted(f.file_name for m in cache.repos for v in m.revisions\n"
                  "                  if v.commit_hash == '607a30d783dfa663caf39e06633721c8d4cfcd7e' and "
                  "m.repo_id == 'org/demo'\n"
                  "                  for f in v.files)}))\n"});
    QVERIFY(python.waitForFinished(60'000));
    QVERIFY2(python.exitCode() == 0, python.readAllStandardError());
    const nlohmann::json found = nlohmann::json::parse(python.readAllStandardOutput().toStdString());
    const fs::path snapshots = fs::canonical(hub_.model_folder(kName)) / "snapshots";
    QCOMPARE(fs::canonical(found["snapshot"].get<std::string>()), snapshots / kCommit);
    QCOMPARE(found["weights"],
             (hub_.model_folder(kName) / "snapshots" / kOtherCommit / "model.safetensors").string());
    QVERIFY(found["half"].is_null());
    QCOMPARE(found["refs"], nlohmann::json::array({"main", "refs/pr/1"}));
    QCOMPARE(found["files"],
             nlohmann::json::array({"config.json", "merges.txt", "model.safetensors", "vocab.json"}));
  }
};

QTEST_GUILESS_MAIN(TestCliHub)
#include "test_cli_hub.moc"
