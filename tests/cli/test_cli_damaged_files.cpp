#include <sys/resource.h>
#include <nlohmann/json.hpp>

#include "tests/checkpoint/damaged_files.h"
#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using bsbr::cat;
namespace fs = std::filesystem;

namespace {

constexpr rlim_t kMiB = 1024 * 1024;
#ifdef __SANITIZE_ADDRESS__
constexpr bool kLimited = false;  // the shadow memory is larger than any limit
#else
constexpr bool kLimited = true;
#endif

/// Private writable memory, by RLIMIT_DATA: the libraries' own mappings of files do not count. And ten
/// seconds of processor time, which none of this takes.
RunOptions with_memory(rlim_t bytes) {
  RunOptions options;
  if (kLimited) {
    options.in_child = [bytes] {
      const rlimit limit{bytes, bytes};
      ::setrlimit(RLIMIT_DATA, &limit);
      const rlimit seconds{10, 10};
      ::setrlimit(RLIMIT_CPU, &seconds);
    };
  }
  return options;
}

}  // namespace

/// Every damaged safetensors file through `bsbr info`: one clear line, at once, in little memory.
class TestCliDamagedFiles : public QObject {
  Q_OBJECT
  TempFolder temp_;
  rlim_t needed_ = 0;  // what the program takes to say what a good checkpoint is

  RunResult info(const std::string& bytes) {
    const fs::path folder = temp_ / "model";
    write_file(folder / "config.json", content(kDemo / "config.json"));
    write_file(folder / "model.safetensors", bytes);
    return run_bsbr({"info", folder.string(), "--json"}, with_memory(needed_ + 200 * kMiB));
  }
  void refuse(const std::string& bytes, std::vector<std::string> parts) {
    const RunResult result = info(bytes);
    parts.push_back((temp_ / "model").string());
    const std::string problem = refusal_problem(result, parts);
    QVERIFY2(problem.empty(), problem.c_str());
  }

 private Q_SLOTS:
  void initTestCase() {
    EXPECT_SUCCESS(run_bsbr({"info", kDemo.string()}));
    if (!kLimited) return;
    rlim_t enough = 2048 * kMiB, less = 0;
    while (enough - less > 8 * kMiB) {
      const rlim_t middle = (enough + less) / 2;
      (run_bsbr({"info", kDemo.string()}, with_memory(middle)).code == 0 ? enough : less) = middle;
    }
    QVERIFY(less > 0);
    needed_ = enough;
  }

  /// The limit binds: what needs more than 200 MB does not get it.
  void limit() {
    if (!kLimited) QSKIP("memory is not limited under ASan");
    RunOptions options = with_memory(needed_ + 200 * kMiB);
    options.input = std::string(300 * kMiB, 'a');
    const RunResult result = run_bsbr({"tokenize", kDemo.string(), "--text", "-"}, options);
    EXPECT_REFUSAL(result, "memory is exhausted");
  }

  void damaged_data() {
    QTest::addColumn<Damage>("damage");
    for (const Damage& damage : damaged_files()) QTest::newRow(damage.what.c_str()) << damage;
  }
  void damaged() {
    QFETCH(Damage, damage);
    refuse(damage.bytes, damage.says);
  }

  void zeroDimension() {
    refuse(file(entry("[0,3]", "[0,0]", "wte.weight"), 0), {"\"wte.weight\" has a dimension of zero"});
  }

  /// The largest header that the format allows, full of good entries, wrong only at its end.
  void largestHeader() {
    std::string header = "{";
    for (int i = 0; header.size() < 99'900'000; ++i) {
      header +=
          cat("\"tensor_", i, "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[", i, ",", i + 1, "]},");
    }
    refuse(safetensors(header + "\"last\":{}}"), {"model.safetensors"});
  }

  /// A sound file of tensors that are not those of the model: all are named at once.
  void otherTensors() {
    refuse(safetensors_of({"weights", "wte.weight"}),
           {"missing tensors (51)", "wrong shapes (1): wte.weight is [1], config.json asks for [4096, 256]",
            "unknown tensors (1): weights"});
  }
};

QTEST_GUILESS_MAIN(TestCliDamagedFiles)
#include "test_cli_damaged_files.moc"
