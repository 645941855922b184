#include <nlohmann/json.hpp>
#include <set>

#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using nlohmann::json;
namespace fs = std::filesystem;

/// bsbr sweep: its points, its table, and what it refuses.
class TestCliSweep : public QObject {
  Q_OBJECT
  TempFolder temp_;

  static RunResult run(std::vector<std::string> more) {
    more.insert(more.begin(), {"sweep", kDemo, "--chunk-size", "32", "--block-size", "8", "--seq-len", "256",
                               "--calibration-tokens", "256"});
    return run_bsbr(more);
  }

 private Q_SLOTS:
  void report() {
    const json report =
        run({"--budgets", "0,32", "--densities", "0.5", "--factors", "8", "--from", "3", "--json"}).json();
    QCOMPARE(report["tokens"].get<int>(), 256);
    QCOMPARE(report["from"].get<int>(), 3);
    QVERIFY(report["original"]["perplexity"] > 1);
    QCOMPARE(report["original"]["cache_bytes"].get<int>(), 256 * 4 * 256 * 2 * 4);
    std::vector<std::string> names;
    for (const json& point : report["points"]) {
      QCOMPARE(keys(point),
               (std::set<std::string>{"kind", "setting", "name", "density", "kl", "perplexity_ratio",
                                      "top1_agreement", "cache_bytes", "pareto"}));
      names.push_back(point["name"].get<std::string>());
      QVERIFY(point["density"] > 0 && point["density"] < 1 && point["kl"] > 0);
    }
    QCOMPARE(names, (std::vector<std::string>{"uniform, 0 tokens", "uniform, 32 tokens", "states only, 1/8",
                                              "planned, 50 %"}));
    QVERIFY(report["points"][2]["cache_bytes"] < report["original"]["cache_bytes"]);
    QCOMPARE(report["points"][2]["kind"].get<std::string>(), std::string("states only"));
    QVERIFY(report["points"][2]["pareto"].get<bool>());
  }

  void forPeople() {
    const fs::path text = write_file(temp_ / "text.txt", content(kSample).substr(0, 4000));
    const RunResult result = run(
        {"--budgets", "0", "--densities", "0.5", "--factors", "4", "--text", text, "--calibrate", kSample});
    EXPECT_SUCCESS(result);
    QCOMPARE(result.err, std::string());
    for (const std::string& part :
         {std::string("chunk 32, block 8"), "planned from " + kSample.string(),
          text.string() + ", 256 tokens", std::string("density"), std::string("  original"),
          std::string("uniform, 0 tokens"), std::string("* states only, 1/4"), std::string("* planned, 50 %"),
          std::string("MiB")}) {
      QVERIFY2(result.out.find(part) != std::string::npos, result.text().c_str());
    }
  }

  void refuses() {
    EXPECT_REFUSAL(run_bsbr({"sweep", kDemo, "--seq-len", "2049"}), "--seq-len is 2049", "context");
    EXPECT_REFUSAL(run({"--from", "256"}), "--from is 256; legal: 1 to 255");
    EXPECT_REFUSAL(run({"--densities", "0"}), "density is 0; legal: above 0, up to 1");
    EXPECT_REFUSAL(run({"--window", "-1"}), "window is -1");
    EXPECT_REFUSAL(run({"--text", temp_ / "none.txt"}), "none.txt", "No such file");
    QCOMPARE(run({"--budgets", "0,many"}).code, 2);
    QCOMPARE(run({"--factors", "half"}).code, 2);
  }
};

QTEST_GUILESS_MAIN(TestCliSweep)
#include "test_cli_sweep.moc"
