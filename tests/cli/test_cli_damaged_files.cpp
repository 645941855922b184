#include <nlohmann/json.hpp>

#include "tests/checkpoint/damaged_files.h"
#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using bsbr::cat;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMiB = 1024 * 1024;
#ifdef __SANITIZE_ADDRESS__
constexpr bool kLimited = false;  // the shadow memory is larger than any limit
#else
constexpr bool kLimited = true;
#endif

RunOptions with_memory(std::uint64_t bytes) {
  RunOptions options;
  if (kLimited) options.memory = bytes;
  return options;
}

}  // namespace

/// Every damaged safetensors file through `bsbr info`: one clear line, at once, in little memory.
class TestCliDamagedFiles : public QObject {
  Q_OBJECT
  TempFolder temp_;

  RunResult info(const std::string& bytes) {
    const fs::path folder = temp_ / "model";
    write_file(folder / "config.json", content(kDemo / "config.json"));
    write_file(folder / "model.safetensors", bytes);
    return run_bsbr({"info", folder.string(), "--json"}, with_memory(200 * kMiB));
  }
  void refuse(const std::string& bytes, std::vector<std::string> parts) {
    const RunResult result = info(bytes);
    parts.push_back((temp_ / "model").string());
    const std::string problem = refusal_problem(result, parts);
    QVERIFY2(problem.empty(), problem.c_str());
  }

 private Q_SLOTS:
  void initTestCase() { EXPECT_SUCCESS(run_bsbr({"info", kDemo.string()})); }

  /// The limit binds: what needs more than 200 MB does not get it.
  void limit() {
    if (!kLimited) QSKIP("memory is not limited under ASan");
    RunOptions options = with_memory(200 * kMiB);
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
