#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "engine/checkpoint/safetensors.h"
#include "tests/support/files.h"

using bsbr::CancelToken;
using bsbr::Dtype;
using bsbr::Error;
using bsbr::ErrorKind;
using bsbr::Job;
using bsbr::TensorView;
using bsbr::test::content;

namespace {

/// `count` bytes as one U8 tensor.
TensorView bytes_view(const std::vector<std::byte>& bytes) {
  return {"w", Dtype::U8, {std::int64_t(bytes.size())}, bytes};
}

/// Runs `action` in a child process, whose limits and mounts it may change; gives what it says. Empty if it
/// died.
template <class Action>
std::string in_child(Action&& action) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) qFatal("no pipe");
  const pid_t child = ::fork();
  if (child < 0) qFatal("no fork");
  if (child == 0) {
    std::string said;
    try {
      said = action();
    } catch (const std::exception& error) {
      said = bsbr::cat("exception: ", error.what());
    }
    const bool sent = ::write(ends[1], said.data(), said.size()) == ssize_t(said.size());
    ::_exit(sent ? 0 : 1);
  }
  ::close(ends[1]);
  std::string said;
  std::array<char, 4096> piece{};
  for (ssize_t got = 0; (got = ::read(ends[0], piece.data(), piece.size())) > 0;)
    said.append(piece.data(), std::size_t(got));
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  return said;
}

/// What happens when `path` is written: kind, message, and whether the file is left.
std::string write_report(const std::filesystem::path& path, std::size_t size) {
  const std::vector<std::byte> bytes(size, std::byte{7});
  const std::vector<TensorView> tensors{bytes_view(bytes)};
  const auto error = bsbr::test::error_of([&] { bsbr::write_safetensors(path, tensors, {}); });
  if (!error) return "no error";
  return bsbr::cat(to_string(error->kind()), "|", error->what(), "|",
                   std::filesystem::exists(path) ? "left" : "gone");
}

}  // namespace

class TestSafetensorsWriter : public QObject {
  Q_OBJECT
  bsbr::test::TempFolder folder_;

 private Q_SLOTS:
  void layout() {
    const std::vector<std::byte> five(5, std::byte{'5'});
    const std::vector<std::byte> three(3, std::byte{'3'});
    const std::vector<TensorView> tensors{{"z", Dtype::U8, {5}, five}, {"a", Dtype::I8, {3, 1}, three}};
    const auto path = folder_ / "layout.safetensors";
    bsbr::write_safetensors(path, tensors, {{"format", "pt"}});
    std::string header =
        R"({"__metadata__":{"format":"pt"},"z":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},)"
        R"("a":{"dtype":"I8","shape":[3,1],"data_offsets":[5,8]}})";
    header.append((8 - header.size() % 8) % 8, ' ');
    QCOMPARE(content(path), bsbr::test::safetensors(header, "55555333"));
  }

  void nothingToWrite() {
    const auto path = folder_ / "none.safetensors";
    bsbr::write_safetensors(path, {}, {});
    QCOMPARE(content(path), bsbr::test::safetensors("{}      "));
    const auto only_metadata = folder_ / "metadata.safetensors";
    bsbr::write_safetensors(only_metadata, {}, {{"a", "1"}, {"b", "2"}});
    QCOMPARE(bsbr::SafetensorsFile::open(only_metadata).metadata().at("b"), std::string("2"));
  }

  void existingIsRefused() {
    const auto path = bsbr::test::write_file(folder_ / "there.safetensors", "precious");
    EXPECT_ERROR(bsbr::write_safetensors(path, {}, {}), ErrorKind::InvalidArgument, path.string(),
                 "already exists");
    QCOMPARE(content(path), std::string("precious"));
    const auto link = folder_ / "link.safetensors";
    std::filesystem::create_symlink("nowhere", link);
    EXPECT_ERROR(bsbr::write_safetensors(link, {}, {}), ErrorKind::InvalidArgument, "already exists");
    QVERIFY(!std::filesystem::exists(folder_ / "nowhere"));
  }

  void folderMissing() {
    EXPECT_ERROR(bsbr::write_safetensors(folder_ / "no/such.safetensors", {}, {}), ErrorKind::Io,
                 "no/such.safetensors", "its folder does not exist");
  }

  void badArguments_data() {
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<qlonglong>("dimension");
    QTest::addColumn<QByteArray>("metadata");
    QTest::addColumn<QByteArray>("says");
    QTest::newRow("reserved name") << QByteArray("__metadata__") << 4LL << QByteArray("m")
                                   << QByteArray("reserves");
    QTest::newRow("name not UTF-8") << QByteArray("\xFF") << 4LL << QByteArray("m")
                                    << QByteArray("not valid UTF-8");
    QTest::newRow("metadata not UTF-8")
        << QByteArray("a") << 4LL << QByteArray("\xFF") << QByteArray("not valid UTF-8");
    QTest::newRow("wrong shape") << QByteArray("a") << 5LL << QByteArray("m")
                                 << QByteArray("shape [5] of U8");
    QTest::newRow("negative") << QByteArray("a") << -4LL << QByteArray("m") << QByteArray("shape [-4] of U8");
    QTest::newRow("name twice") << QByteArray("twin") << 4LL << QByteArray("m")
                                << QByteArray("\"twin\" is given twice");
  }
  void badArguments() {
    QFETCH(QByteArray, name);
    QFETCH(qlonglong, dimension);
    QFETCH(QByteArray, metadata);
    QFETCH(QByteArray, says);
    const std::vector<std::byte> four(4);
    const std::vector<TensorView> tensors{{"twin", Dtype::U8, {4}, four},
                                          {name.toStdString(), Dtype::U8, {dimension}, four}};
    const auto path = folder_ / "bad.safetensors";
    EXPECT_ERROR(bsbr::write_safetensors(path, tensors, {{"k", metadata.toStdString()}}),
                 ErrorKind::InvalidArgument, path.string(), says.toStdString());
    QVERIFY(!std::filesystem::exists(path));
  }

  void progress() {
    const std::vector<std::byte> bytes(20u << 20);
    const std::vector<TensorView> tensors{bytes_view(bytes)};
    std::vector<double> seen;
    Job job;
    job.progress = [&](std::string_view stage, double fraction) {
      if (stage.find("progress.safetensors") != stage.npos) seen.push_back(fraction);
    };
    bsbr::write_safetensors(folder_ / "progress.safetensors", tensors, {}, job);
    QVERIFY(seen.size() >= 4);
    QVERIFY(std::ranges::is_sorted(seen));
    QCOMPARE(seen.front(), 0.0);
    QCOMPARE(seen.back(), 1.0);
  }

  void cancelLeavesNothing() {
    const std::vector<std::byte> bytes(20u << 20);
    const std::vector<TensorView> tensors{bytes_view(bytes)};
    const auto path = folder_ / "cancelled.safetensors";
    CancelToken token;
    bool existed = false;
    Job job;
    job.cancel = &token;
    job.progress = [&](std::string_view, double fraction) {
      if (fraction < 0.5) return;
      existed = std::filesystem::exists(path);
      token.cancel();
    };
    EXPECT_ERROR(bsbr::write_safetensors(path, tensors, {}, job), ErrorKind::Cancelled, "cancelled");
    QVERIFY(existed);
    QVERIFY(!std::filesystem::exists(path));
  }

  void throwingProgressLeavesNothing() {
    const std::vector<std::byte> bytes(9u << 20);
    const std::vector<TensorView> tensors{bytes_view(bytes)};
    const auto path = folder_ / "thrown.safetensors";
    Job job;
    job.progress = [](std::string_view, double fraction) {
      if (fraction > 0.1) throw std::runtime_error("from progress");
    };
    QVERIFY_THROWS_EXCEPTION(std::runtime_error, bsbr::write_safetensors(path, tensors, {}, job));
    QVERIFY(!std::filesystem::exists(path));
  }

  void fileSizeLimit() {
    const auto path = folder_ / "limited.safetensors";
    const std::string said = in_child([&]() -> std::string {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{1u << 20, 1u << 20};
      if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return "no limit";
      return write_report(path, 9u << 20);
    });
    const QByteArray report = QByteArray::fromStdString(said);
    QVERIFY2(report.startsWith("input/output|" + QByteArray(path.c_str()) + ": "), report);
    QVERIFY2(report.contains("needs 9437"), report);
    QVERIFY2(report.contains("ulimit -f"), report);
    QVERIFY2(report.endsWith("|gone"), report);
  }

  void diskFull() {
    const auto disk = folder_ / "disk";
    std::filesystem::create_directory(disk);
    const std::string said = in_child([&]() -> std::string {
      const bool root = ::geteuid() == 0;
      if (::unshare(root ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) {
        return "no mount";
      }
      return write_report(disk / "full.safetensors", 9u << 20);
    });
    const QByteArray report = QByteArray::fromStdString(said);
    if (report == "no mount") QSKIP("this user may not mount a small disk; fileSizeLimit() stands in");
    QVERIFY2(report.startsWith("input/output|" + QByteArray((disk / "full.safetensors").c_str()) + ": "),
             report);
    QVERIFY2(report.contains("the disk is full"), report);
    QVERIFY2(report.contains("needs 9437"), report);
    QVERIFY2(report.endsWith("|gone"), report);
  }
};

QTEST_APPLESS_MAIN(TestSafetensorsWriter)
#include "test_safetensors_writer.moc"
