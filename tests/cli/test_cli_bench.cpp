#include "tests/cli/checkpoints.h"

#include <nlohmann/json.hpp>

#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

/// bsbr bench: its tables, its two machine-readable forms, and what it refuses.
class TestCliBench : public QObject {
  Q_OBJECT

  static std::vector<std::string> bench(const std::vector<std::string>& more) {
    std::vector<std::string> all{"bench",     kDemo,    "--chunk-size",  "32", "--retrieve",    "32",
                                 "--lengths", "64,128", "--repetitions", "1",  "--dense-until", "0"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

 private Q_SLOTS:
  void tables() {
    const RunResult result = run_bsbr(bench({"--predict"}));
    EXPECT_SUCCESS(result);
    for (const char* part : {"Prefill\n", "Decoding, one token at that length\n", "Memory\n", "of it scoring",
                             "times as fast", "original, predicted", "grows as tokens^", "LibTorch"}) {
      QVERIFY2(result.out.find(part) != std::string::npos, part);
    }
    // Every row of a table is as wide as its heading.
    std::size_t width = 0;
    for (const std::string& line : lines_of(result.out)) {
      const QString text = QString::fromStdString(line);
      if (!text.startsWith('|')) {
        width = 0;
      } else {
        QVERIFY2(width == 0 || width == std::size_t(text.size()), line.c_str());
        width = std::size_t(text.size());
      }
    }
  }

  void json() {
    const nlohmann::json report = run_bsbr(bench({"--json", "--threads", "2"})).json();
    QCOMPARE(report["machine"]["threads"].get<int>(), 2);
    QCOMPARE(report["models"], (nlohmann::json{"original", "converted"}));
    QCOMPARE(report["lengths"].size(), std::size_t(2));
    for (const char* model : {"original", "converted"}) {
      const nlohmann::json& cost = report["lengths"][1][model];
      QVERIFY(cost["prefill_ms"]["median"] > 0);
      QVERIFY(cost["decode_ms"]["median"] > 0);
      QVERIFY(cost["prefill_parts_ms"]["attention"] > 0);
      QVERIFY(cost["peak_bytes"] > 0);
    }
    QVERIFY(report["lengths"][1]["converted"]["density"] < 1);
  }

  void denseStart() {
    std::vector<std::string> all = bench({"--json"});
    all[all.size() - 2] = "96";
    const nlohmann::json report = run_bsbr(all).json();
    QCOMPARE(report["dense_until"], (nlohmann::json{96, 96, 96, 96}));
    QCOMPARE(report["lengths"][0]["converted"]["density"].get<double>(), 1.0);
    const double density = report["lengths"][1]["converted"]["density"];
    QVERIFY(density > 96.0 * 97 / (128 * 129) && density < 1);
    all.resize(all.size() - 3);
    all.push_back("--json");
    const nlohmann::json measured = run_bsbr(all).json();
    for (const nlohmann::json& tokens : measured["dense_until"]) QCOMPARE(tokens.get<int>() % 32, 0);
    all.push_back("--dense-until=-1");
    QCOMPARE(run_bsbr(all).code, 2);
  }

  void csv() {
    const RunResult result = run_bsbr(bench({"--csv"}));
    EXPECT_SUCCESS(result);
    const std::vector<std::string> lines = lines_of(result.out);
    QCOMPARE(lines.size(), std::size_t(1 + 2 * 2));
    for (const std::string& line : lines)
      QCOMPARE(std::count(line.begin(), line.end(), ','), std::count(lines[0].begin(), lines[0].end(), ','));
    QVERIFY(lines[4].starts_with("128,converted,"));
  }

  void attentionOnly() {
    const nlohmann::json report = run_bsbr(bench({"--attention-only", "--layer", "1", "--json"})).json();
    QCOMPARE(report["layer"].get<int>(), 1);
    QVERIFY(report["matrix_product_flops"] > 1e6);
    QVERIFY(report["lengths"][1]["converted"]["ms"]["median"] > 0);
    const RunResult table = run_bsbr(bench({"--attention-only"}));
    EXPECT_SUCCESS(table);
    QVERIFY(table.out.find("their arithmetic") != std::string::npos);
    const RunResult csv = run_bsbr(bench({"--attention-only", "--csv"}));
    EXPECT_SUCCESS(csv);
    QCOMPARE(lines_of(csv.out).size(), std::size_t(5));
  }

  void refusals() {
    EXPECT_REFUSAL(run_bsbr({"bench", kDemo, "--retrieve", "64", "--lengths", "4096"}), "--lengths has 4096",
                   "1 to 2048");
    EXPECT_REFUSAL(run_bsbr({"bench", kDemo, "--retrieve", "64", "--lengths", "0,64"}), "--lengths has 0");
    EXPECT_REFUSAL(run_bsbr(bench({"--attention-only", "--layer", "4"})), "--layer is 4", "0 to 3");
    RunOptions options;
    EXPECT_REFUSAL(run_bsbr(bench({"--text", "-"}), options), "standard input", "no tokens");
    QCOMPARE(run_bsbr(bench({"--layer", "1"})).code, 2);
    QCOMPARE(run_bsbr(bench({"--csv", "--json"})).code, 2);
  }
};

QTEST_GUILESS_MAIN(TestCliBench)
#include "test_cli_bench.moc"
