#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"
#include "tests/support/failing_calls.h"
#include "tests/support/small_disk.h"

using namespace bsbr::test;
namespace fs = std::filesystem;

namespace {

RunResult convert(const fs::path& source, const fs::path& out, const RunOptions& options = {},
                  bool force = false) {
  std::vector<std::string> arguments{"convert", source.string(), out.string(), "--chunk-size",
                                     "32",      "--retrieve",    "32"};
  if (force) arguments.emplace_back("--force");
  return run_bsbr(arguments, options);
}

}  // namespace

/// bsbr convert where the disk does not play along: a clear error, and everything as it was.
class TestCliExportFailures : public QObject {
  Q_OBJECT
  TempFolder temp_;
  int count_ = 0;

  fs::path room() {
    fs::path folder = temp_ / bsbr::cat("room", ++count_);
    fs::create_directories(folder);
    return folder;
  }
  static void refuse(const fs::path& folder, const RunResult& result,
                     const std::map<std::string, std::string>& before, const std::vector<std::string>& says) {
    const std::string problem = refusal_problem(result, says);
    QVERIFY2(problem.empty(), problem.c_str());
    QVERIFY(tree(folder) == before);
  }

 private Q_SLOTS:
  void noParent() {
    const fs::path place = room();
    refuse(place, convert(kDemo, place / "not/there"), {},
           {(place / "not").string(), "no such folder", "create it"});
    write_file(place / "file", "");
    refuse(place, convert(kDemo, place / "file/out"), {{"file", ""}},
           {(place / "file").string(), "Not a directory"});
    refuse(place, convert(kDemo, ""), {{"file", ""}}, {"destination is empty"});
    refuse(place, convert(kDemo, place / std::string(300, 'n')), {{"file", ""}}, {"name too long"});
  }

  void readOnlyParent() {
    const fs::path place = room();
    fs::permissions(place, fs::perms(0555));
    RunOptions options;
    options.in_child = obey_permissions;
    refuse(place, convert(kDemo, place / "out", options), {},
           {place.string() + ": cannot create a folder", "Permission denied"});
  }

  void readOnlyDisk() {
    const fs::path place = room();
    const SmallDisk disk(place, "size=64m");
    if (!disk.mounted()) QSKIP("only root can mount");
    copy_checkpoint(golden_checkpoint("gpt2-plain"), place / "old");
    disk.make_read_only();
    const auto before = tree(place);
    refuse(place, convert(kDemo, place / "out"), before, {place.string(), "Read-only file system"});
    refuse(place, convert(kDemo, place / "old", {}, true), before, {place.string(), "Read-only file system"});
  }

  /// Too little room is seen before anything is written.
  void smallDisk() {
    const fs::path place = room();
    const SmallDisk disk(place, "size=12m");
    if (!disk.mounted()) QSKIP("only root can mount");
    copy_checkpoint(golden_checkpoint("gpt2-plain"), place / "old");
    const auto before = tree(place);
    refuse(place, convert(kDemo, place / "out"), before, {place.string(), "MiB are needed", "MiB are free"});
    refuse(place, convert(kDemo, place / "old", {}, true), before, {"MiB are needed"});
  }

  /// The disk fills up on the way: at every file in turn.
  void fullDisk() {
    const fs::path place = room();
    int refused = 0;
    for (int inodes = 2; inodes < 20; ++inodes) {
      const SmallDisk disk(place, bsbr::cat("size=64m,nr_inodes=", inodes).c_str());
      if (!disk.mounted()) QSKIP("only root can mount");
      const RunResult result = convert(kDemo, place / "out");
      if (result.code == 0) break;
      ++refused;
      refuse(place, result, {}, {place.string()});
      QVERIFY2(result.err.find("No space left") != std::string::npos ||
                   result.err.find("disk is full") != std::string::npos,
               result.text().c_str());
    }
    QCOMPARE(refused, 5 + int(python_file_count()));  // one for each file
  }

  /// A file may not grow beyond a limit: write() fails half-way through.
  void fileTooLarge() {
    const fs::path place = room();
    copy_checkpoint(golden_checkpoint("gpt2-plain"), place / "old");
    const auto before = tree(place);
    for (const rlim_t bytes :
         {rlim_t(0), rlim_t(100), rlim_t(40'000), rlim_t(1'000'000), rlim_t(9'000'000)}) {
      RunOptions options;
      options.in_child = [bytes] {
        const rlimit limit{bytes, bytes};
        ::setrlimit(RLIMIT_FSIZE, &limit);
      };
      refuse(place, convert(kDemo, place / "out", options), before,
             {".staging-", bytes < 100'000 ? "File too large" : "ulimit -f"});
      refuse(place, convert(kDemo, place / "old", options, true), before, {".staging-"});
    }
  }

  /// A file system, or a kernel, that knows no flags of renameat2: NFS, many of FUSE.
  void plainRename_data() {
    QTest::addColumn<int>("code");
    QTest::newRow("the file system") << EINVAL;
    QTest::newRow("the kernel") << ENOSYS;
  }
  void plainRename() {
    QFETCH(int, code);
    const fs::path place = room();
    RunOptions options;
    options.in_child = [code] { fail_calls({SYS_renameat2}, code); };
    EXPECT_SUCCESS(convert(kDemo, place / "new", options));
    const auto made = tree(place / "new");
    QVERIFY(made.contains("model.safetensors"));
    copy_checkpoint(golden_checkpoint("gpt2-plain"), place / "old");
    EXPECT_SUCCESS(convert(kDemo, place / "old", options, true));
    QVERIFY(tree(place / "old") == made);
    QCOMPARE(std::distance(fs::directory_iterator(place), {}), 2);
    refuse(place, convert(kDemo, place / "new", options), tree(place), {"new: exists already"});
  }

  /// Where one step of making the folder fails, nothing of it stays.
  void unchangeableMode() {
    const fs::path place = room();
    RunOptions options;
    options.in_child = [] { fail_calls(kChmod, EPERM); };
    refuse(place, convert(kDemo, place / "out", options), {}, {"cannot set permissions"});
  }

  /// What is measured after the export is for later: whatever becomes of it, the export stands.
  void cancelledAfterTheExport() {
    const fs::path place = room();
    RunOptions options;
    options.environment["XDG_CACHE_HOME"] = (place / "cache").string();  // nothing is remembered
    options.signal = SIGINT;
    options.signal_when = [&] { return fs::exists(place / "out/config.json"); };
    const RunResult result = run_bsbr(
        {"convert", kDemo, place / "out", "--density", "0.5", "--calibration-tokens", "512", "--json"},
        options);
    QCOMPARE(result.json()["folder"].get<std::string>(), (place / "out").string());
    QVERIFY2(result.err.starts_with("bsbr: warning: "), result.text().c_str());
    EXPECT_SUCCESS(run_bsbr({"info", place / "out"}));
  }

  void fileTooLargeForLogits() {
    const fs::path place = room();
    RunOptions options;
    options.in_child = [] {
      const rlimit limit{1000, 1000};
      ::setrlimit(RLIMIT_FSIZE, &limit);
    };
    const fs::path golden = golden_checkpoint("gpt2-plain");
    const RunResult result = run_bsbr(
        {"logits", golden, "--input", golden / "golden.safetensors", "--output", place / "out"}, options);
    refuse(place, result, {}, {(place / "out").string(), "ulimit -f"});
  }
};

QTEST_GUILESS_MAIN(TestCliExportFailures)
#include "test_cli_export_failures.moc"
