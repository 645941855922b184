#include <QtTest>
#include <atomic>
#include <thread>
#include <vector>

#include "engine/export/staged_folder.h"
#include "tests/support/files.h"

using bsbr::StagedFolder;
namespace fs = std::filesystem;

namespace {

std::ptrdiff_t entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), {});
}

}  // namespace

/// A folder that is written beside its destination.
class TestStagedFolder : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void whatIsNotCommittedIsGone() {
    const bsbr::test::TempFolder temp;
    {
      const StagedFolder staged(temp / "out");
      QVERIFY(fs::is_directory(staged.path()));
      QCOMPARE(staged.path().parent_path(), temp.path());
    }
    QCOMPARE(entries(temp.path()), std::ptrdiff_t(0));
  }

  /// Whoever stages a destination removes what killed ones left, and never what another is making.
  void manyAtOnce() {
    const bsbr::test::TempFolder temp;
    bsbr::test::write_file(temp / ".out.staging-killed" / "model.safetensors", "half");
    std::atomic<int> lost = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int k = 0; k < 150; ++k) {
          try {
            const StagedFolder staged(temp / "out");
            bsbr::write_text_file(staged.path() / "config.json", "{}");
            if (!fs::exists(staged.path() / "config.json")) ++lost;
          } catch (const bsbr::Error&) {
            ++lost;
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    QCOMPARE(lost.load(), 0);
    QCOMPARE(entries(temp.path()), std::ptrdiff_t(0));
  }

  /// Of several that end at once one gets the place, and the others are told.
  void oneGetsThePlace() {
    const bsbr::test::TempFolder temp;
    std::atomic<int> placed = 0, refused = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        StagedFolder staged(temp / "out");
        bsbr::write_text_file(staged.path() / "config.json", "{}");
        const auto error = bsbr::test::error_of([&] { staged.commit(false); });
        ++(error ? refused : placed);
      });
    }
    for (std::thread& thread : threads) thread.join();
    QCOMPARE(placed.load(), 1);
    QCOMPARE(refused.load(), 7);
    QCOMPARE(entries(temp.path()), std::ptrdiff_t(1));
  }
};

QTEST_APPLESS_MAIN(TestStagedFolder)
#include "test_staged_folder.moc"
