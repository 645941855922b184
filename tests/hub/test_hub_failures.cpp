
#include "engine/base/json_file.h"
#include "engine/checkpoint/hub_cache.h"
#include "tests/hub/hub_server.h"
#include "tests/support/small_disk.h"

using bsbr::CancelToken;
using bsbr::ErrorKind;
using bsbr::Job;
using bsbr::test::HubServer;
using bsbr::test::kCommit;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kBytes = 3'000'000;
constexpr const char* kName = "org/name";

}  // namespace

/// Transfers that break off, lie, or meet a full disk: what is there at the end is right or is not there, and
/// what has come is not fetched again.
class TestHubFailures : public QObject {
  Q_OBJECT
  HubServer hub_;
  const HubServer::Files files_ = HubServer::small_model(kBytes);

  [[nodiscard]] bool complete() const {
    if (bsbr::is_to_be_fetched(kName)) return false;
    const fs::path snapshot = bsbr::find_hub_snapshot(kName);
    return std::ranges::all_of(files_, [&](const auto& file) {
      return bsbr::read_text_file(snapshot / file.first, 1u << 30) == file.second;
    });
  }
  /// The bytes of the file that is being fetched; nothing where there is none.
  [[nodiscard]] std::optional<std::uint64_t> begun() const {
    for (const auto& entry : fs::directory_iterator(hub_.model_folder(kName) / "blobs")) {
      if (entry.path().extension() == ".incomplete") return entry.file_size();
    }
    return std::nullopt;
  }
  [[nodiscard]] std::uint64_t bytes_in_blobs() const {
    std::uint64_t bytes = 0;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(hub_.model_folder(kName) / "blobs", error))
      bytes += entry.file_size();
    return bytes;
  }
  [[nodiscard]] std::vector<std::string> ranges() const {
    std::vector<std::string> all;
    for (const auto& request : hub_.requests("signature"))
      all.push_back(request["range"].is_null() ? "" : request["range"].get<std::string>());
    return all;
  }

 private Q_SLOTS:
  void init() {
    hub_.reset();
    hub_.add_model(kName, files_);
  }

  void droppedConnections() {
    hub_.fail("signature", {{"drop_after", 1'000'000}, {"times", 2}});
    hub_.fail("config.json", {{"hang_up", true}});
    hub_.fail("api/models", {{"drop_after", 10}, {"times", 2}});
    hub_.fetch(kName);
    QVERIFY(complete());
    const auto asked = ranges();
    QCOMPARE(asked.size(), std::size_t(3));
    QCOMPARE(asked[0], std::string());
    QCOMPARE(asked[1], std::string("bytes=1000000-"));
    QCOMPARE(asked[2], std::string("bytes=2000000-"));
  }

  /// Given up, and gone on with by the next attempt.
  void brokenOff() {
    hub_.fail("signature", {{"drop_after", 700'000}});
    hub_.fail("signature", {{"hang_up", true}, {"times", 100}});
    EXPECT_ERROR(hub_.fetch(kName), ErrorKind::Io, "broke off", "tried 5 times", "kept");
    QVERIFY(!complete());
    QCOMPARE(begun(), std::optional<std::uint64_t>(700'000));
    EXPECT_ERROR(bsbr::find_hub_snapshot(kName), ErrorKind::InvalidFile, "lacks model.safetensors",
                 "1 download(s) were broken off");
    hub_.fail_no_more();
    std::vector<std::string> stages;
    Job job;
    job.progress = [&](std::string_view stage, double) { stages.emplace_back(stage); };
    hub_.fetch(kName, job);
    QVERIFY(complete());
    QVERIFY(!begun());
    QCOMPARE(ranges().back(), std::string("bytes=700000-"));
    QVERIFY(std::ranges::find(stages, "checking what has come of model.safetensors") != stages.end());
    QVERIFY(std::ranges::find(stages, "fetching org/name, 3 MiB") != stages.end());  // of 2.3 million bytes
  }

  /// Many drops are borne as long as bytes come.
  void droppedOften() {
    hub_.fail("signature", {{"drop_after", 200'000}, {"times", 14}});
    hub_.fetch(kName);
    QVERIFY(complete());
    QCOMPARE(ranges().size(), std::size_t(15));
  }

  void rangeIgnored() {
    hub_.fail("signature", {{"drop_after", 1'000'000}});
    hub_.fail("signature", {{"ignore_range", true}});
    hub_.fetch(kName);
    QVERIFY(complete());
    QCOMPARE(ranges().size(), std::size_t(2));
  }

  /// A server that ignores ranges and always breaks off brings nothing new, however often.
  void rangeIgnoredAndDropped() {
    hub_.fail("signature", {{"drop_after", 1'000'000}, {"ignore_range", true}, {"times", 100}});
    EXPECT_ERROR(hub_.fetch(kName), ErrorKind::Io, "tried 5 times");
    QVERIFY(ranges().size() < 10);
  }

  void otherRange() {
    hub_.fail("signature", {{"drop_after", 1'000'000}});
    hub_.fail("signature", {{"other_range", 5}});
    hub_.fetch(kName);
    QVERIFY(complete());
  }

  void truncated() {
    hub_.fail("signature", {{"length", nullptr}, {"drop_after", 1'000'000}});
    hub_.fail("signature", {{"length", 1'000}});
    hub_.fetch(kName);
    QVERIFY(complete());
    QCOMPARE(ranges().back(), std::string("bytes=1001000-"));
  }

  void lyingLength() {
    hub_.fail("signature", {{"length", kBytes + 10}, {"times", 100}});
    EXPECT_ERROR(hub_.fetch(kName), ErrorKind::InvalidFile, "sends more than the 3000000 bytes");
    QVERIFY(!begun());
  }

  void moreThanPromised() {
    hub_.fail("signature", {{"more", "and more"}});
    EXPECT_ERROR(hub_.fetch(kName), ErrorKind::InvalidFile, "sends more than the 3000000 bytes");
    QVERIFY(!begun());
    QVERIFY(!complete());
    hub_.fetch(kName);
    QVERIFY(complete());
  }

  void wrongHash() {
    hub_.fail("signature", {{"corrupt", true}});
    EXPECT_ERROR(hub_.fetch(kName), ErrorKind::InvalidFile, "model.safetensors", "does not have the hash",
                 "removed");
    QVERIFY(!begun());
    QVERIFY(!complete());
    hub_.fail("tokenizer.json", {{"corrupt", true}});
    fs::remove_all(hub_.cache());
    EXPECT_ERROR(hub_.fetch(kName), ErrorKind::InvalidFile, "tokenizer.json", "does not have the hash");
    QVERIFY(!complete());
    hub_.fetch(kName);
    QVERIFY(complete());
  }

  /// What an earlier attempt left may be damaged: then all of it is fetched once more.
  void damagedBeginning() {
    hub_.fail("signature", {{"drop_after", 1'000'000}});
    hub_.fail("signature", {{"hang_up", true}, {"times", 5}});
    EXPECT_ERROR(hub_.fetch(kName), ErrorKind::Io, "broke off");
    hub_.fail_no_more();
    for (const auto& entry : fs::directory_iterator(hub_.model_folder(kName) / "blobs")) {
      if (entry.path().extension() == ".incomplete")
        bsbr::test::write_file(entry.path(), std::string(entry.file_size(), 'x'));
    }
    hub_.fetch(kName);
    QVERIFY(complete());
    const auto asked = ranges();
    QCOMPARE(asked[asked.size() - 2], std::string("bytes=1000000-"));
    QCOMPARE(asked.back(), std::string());
  }

  void longerThanItShouldBe() {
    hub_.fail("signature", {{"hang_up", true}, {"times", 5}});
    EXPECT_ERROR(hub_.fetch(kName), ErrorKind::Io, "tried 5 times");
    for (const auto& entry : fs::directory_iterator(hub_.model_folder(kName) / "blobs")) {
      if (entry.path().extension() == ".incomplete")
        bsbr::test::write_file(entry.path(), std::string(kBytes + 1, 'x'));
    }
    hub_.fetch(kName);
    QVERIFY(complete());
  }

  /// A blob that is not whole, as a copied cache may have.
  void damagedBlob() {
    hub_.fetch(kName);
    const fs::path blob = fs::canonical(bsbr::find_hub_snapshot(kName) / "model.safetensors");
    fs::resize_file(blob, 10);
    hub_.fetch(kName);
    QVERIFY(complete());
  }

  void busyServer() {
    hub_.fail("api/models", {{"status", 429}, {"headers", {{"Retry-After", "0"}}}, {"times", 2}});
    hub_.fail("tokenizer.json", {{"status", 503}});
    hub_.fail("signature", {{"status", 403}});  // its signature expired
    hub_.fail("signature", {{"status", 500}});
    std::vector<std::string> stages;
    Job job;
    job.progress = [&](std::string_view stage, double) { stages.emplace_back(stage); };
    hub_.fetch(kName, job);
    QVERIFY(complete());
    const std::string wait =
        bsbr::cat("org/name: ", hub_.cdn(), " fails for now (HTTP 500); trying again after 1 s");
    QVERIFY(std::ranges::find(stages, wait) != stages.end());
  }

  void serverAsksForAWait() {
    hub_.fail("api/models", {{"status", 429}, {"headers", {{"Retry-After", "1"}}}});
    int steps = 0;  // of 50 ms
    Job job;
    job.progress = [&](std::string_view stage, double) {
      steps += stage.ends_with("; trying again after 1 s");
    };
    hub_.fetch(kName, job);
    QCOMPARE(steps, 20);
    QVERIFY(complete());
  }

  void serverAsksForALongWait_data() {
    QTest::addColumn<QByteArray>("wait");
    QTest::newRow("seconds") << QByteArray("4000");
    QTest::newRow("date") << QByteArray("Wed, 01 Jan 2110 00:00:00 GMT");
  }
  void serverAsksForALongWait() {
    QFETCH(QByteArray, wait);
    hub_.fail("api/models", {{"status", 429}, {"headers", {{"Retry-After", wait.toStdString()}}}});
    EXPECT_ERROR(hub_.fetch(kName), ErrorKind::Io, "asked too often (HTTP 429), and asks to wait");
    QCOMPARE(hub_.requests().size(), std::size_t(1));
  }

  /// At every moment that is reported; what came before is kept, and the end is whole.
  void cancelled() {
    hub_.fail("config.json", {{"status", 503}});
    std::uint64_t fetched = 0;
    int stops = 0;
    for (int stop = 1;; ++stop) {
      CancelToken cancel;
      Job job;
      job.cancel = &cancel;
      int reports = 0;
      job.progress = [&](std::string_view, double) {
        if (++reports == stop) cancel.cancel();
      };
      const auto error = bsbr::test::error_of([&] { hub_.fetch(kName, job); });
      if (!error) break;
      QCOMPARE(error->kind(), ErrorKind::Cancelled);
      QVERIFY(!complete());
      const std::uint64_t now = bytes_in_blobs();
      QVERIFY(now >= fetched);
      fetched = now;
      ++stops;
      QVERIFY(stop < 1000);
    }
    QVERIFY(stops > 5);
    QVERIFY(fetched > kBytes / 2);
    QVERIFY(complete());
  }

  /// A server that says nothing does not hold a cancelled job.
  void cancelledWhileTheServerIsSilent() {
    hub_.fail("signature", {{"hold", 3600}});  // longer than this test may last
    CancelToken cancel;
    Job job;
    job.cancel = &cancel;
    QTimer timer;
    QThread thread;
    timer.moveToThread(&thread);
    timer.setInterval(300);
    QObject::connect(&thread, &QThread::started, &timer, qOverload<>(&QTimer::start));
    QObject::connect(
        &timer, &QTimer::timeout, &timer, [&] { cancel.cancel(); }, Qt::DirectConnection);
    thread.start();
    const auto error = bsbr::test::error_of([&] { hub_.fetch(kName, job); });
    QMetaObject::invokeMethod(&timer, &QTimer::stop, Qt::BlockingQueuedConnection);
    thread.quit();
    thread.wait();
    QVERIFY(error && error->kind() == ErrorKind::Cancelled);
  }

  void fullDisk() {
    const bsbr::test::SmallDisk disk(hub_.cache(), "size=1m");
    if (!disk.mounted()) QSKIP("only root can mount");
    EXPECT_ERROR(hub_.fetch(kName), ErrorKind::Io, hub_.cache().string(), "3 MiB are needed", "HF_HUB_CACHE");
    QVERIFY(ranges().empty());
    // It fills up on the way.
    Job job;  // takes the room once it has been checked
    job.progress = [&](std::string_view stage, double part) {
      if (stage.starts_with("fetching org/name, 3") && part == 0 && !fs::exists(hub_.cache() / "filler"))
        bsbr::test::write_file(hub_.cache() / "filler", std::string(2'000'000, 'x'));
    };
    disk.resize("size=4m");
    EXPECT_ERROR(hub_.fetch(kName, job), ErrorKind::Io, ".incomplete", "No space left on device", "kept");
    QVERIFY(begun().value_or(0) > 0);
    QVERIFY(!complete());
    fs::remove(hub_.cache() / "filler");
    const std::string from = bsbr::cat("bytes=", *begun(), "-");
    hub_.fetch(kName);
    QVERIFY(complete());
    QCOMPARE(ranges().back(), from);
  }
};

QTEST_GUILESS_MAIN(TestHubFailures)
#include "test_hub_failures.moc"
