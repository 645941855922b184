#include <csignal>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

using Names = std::set<std::string>;
const Names kEstimate{"mean", "margin"};

}  // namespace

/// bsbr fidelity: its report, and what it refuses.
class TestCliFidelity : public QObject {
  Q_OBJECT
  TempFolder temp_;
  fs::path converted_;

  RunResult run(std::vector<std::string> more) const {
    more.insert(more.begin(), {"fidelity", kDemo});
    return run_bsbr(more);
  }
  void refuse(const std::vector<std::string>& more, const std::vector<std::string>& says) const {
    const std::string problem = refusal_problem(run(more), says);
    QVERIFY2(problem.empty(), problem.c_str());
  }

 private Q_SLOTS:
  void initTestCase() {
    converted_ = temp_ / "converted";
    EXPECT_SUCCESS(run_bsbr({"convert", kDemo, converted_, "--chunk-size", "32", "--block-size", "8",
                             "--compression-factor", "2", "--retrieve", "32"}));
  }

  void report() {
    const json report = run({converted_, "--lengths", "384,128,128", "--passages", "2", "--trials", "2",
                             "--from", "3", "--json"})
                            .json();
    QCOMPARE(keys(report), (Names{"from", "lengths", "recall", "warnings"}));
    QCOMPARE(report["from"].get<int>(), 3);
    QCOMPARE(report["lengths"].size(), std::size_t(2));
    for (const json& length : report["lengths"]) {
      QCOMPARE(keys(length),
               (Names{"tokens", "passages", "original_perplexity", "converted_perplexity", "perplexity_ratio",
                      "kl", "top1_agreement", "density", "positions", "layers", "heads"}));
      QCOMPARE(length["passages"].get<int>(), 2);
      for (const char* key : {"original_perplexity", "converted_perplexity", "perplexity_ratio", "kl",
                              "top1_agreement", "density"}) {
        QCOMPARE(keys(length[key]), kEstimate);
        QVERIFY(length[key]["mean"] > 0 && length[key]["margin"].is_number());
      }
      QVERIFY(length["density"]["mean"] < 1);
      int next = 3;
      for (const json& range : length["positions"]) {
        QCOMPARE(keys(range), (Names{"from", "to", "original", "converted", "ratio"}));
        QCOMPARE(range["from"].get<int>(), next);
        next = range["to"].get<int>();
        QCOMPARE(keys(range["ratio"]), kEstimate);
      }
      QCOMPARE(next, length["tokens"].get<int>());
      QCOMPARE(length["layers"].size(), std::size_t(4));
      QCOMPARE(length["heads"].size(), std::size_t(16));
      for (const json& layer : length["layers"])
        QCOMPARE(keys(layer), (Names{"layer", "density", "error", "lost_mass"}));
      for (std::size_t i = 0; i < 16; ++i) {
        const json& head = length["heads"][i];
        QCOMPARE(keys(head), (Names{"layer", "head", "density", "error", "lost_mass"}));
        QCOMPARE(head["layer"].get<std::size_t>() * 4 + head["head"].get<std::size_t>(), i);
        for (const char* key : {"density", "error", "lost_mass"}) QVERIFY(head[key] >= 0 && head[key] < 1);
      }
    }
    QCOMPARE(report["lengths"][0]["tokens"].get<int>(), 128);
    QCOMPARE(report["lengths"][1]["tokens"].get<int>(), 384);

    const json& recall = report["recall"];
    QCOMPARE(keys(recall), (Names{"trials", "repetition", "lookup"}));
    QCOMPARE(recall["trials"].get<int>(), 2);
    QCOMPARE(recall["repetition"].size(), std::size_t(1));
    QCOMPARE(keys(recall["repetition"][0]),
             (Names{"distance", "solved", "first_loss", "original_loss", "converted_loss", "extra_loss"}));
    QCOMPARE(recall["repetition"][0]["distance"].get<int>(), 256);
    QCOMPARE(recall["lookup"].size(), std::size_t(1));
    QCOMPARE(keys(recall["lookup"][0]),
             (Names{"tokens", "entries", "questions", "solved", "original", "converted"}));
    for (const json& part : {recall["repetition"][0], recall["lookup"][0]})
      QCOMPARE(part["solved"].get<bool>(),
               !part[part.contains("distance") ? "extra_loss" : "converted"].is_null());
  }

  /// In memory, what the converted folder gives; one passage has no interval.
  void inMemory() {
    const std::vector<std::string> passage{"--lengths", "128", "--passages", "1", "--trials", "1", "--json"};
    std::vector<std::string> settings{"--chunk-size",         "32", "--block-size", "8",
                                      "--compression-factor", "2",  "--retrieve",   "32"};
    settings.insert(settings.end(), passage.begin(), passage.end());
    const json memory = run(settings).json();
    std::vector<std::string> folder{converted_};
    folder.insert(folder.end(), passage.begin(), passage.end());
    QCOMPARE(memory, run(folder).json());
    QVERIFY(memory["lengths"][0]["kl"]["margin"].is_null());
  }

  void forPeople() {
    const RunResult result = run({converted_, "--lengths", "64,128", "--passages", "2", "--trials", "1"});
    EXPECT_SUCCESS(result);
    QCOMPARE(result.err, std::string());
    for (const char* part : {"chunk 32, block 8", "perplexity, original", "KL, nats a token", "±",
                             "perplexity by position", "A passage of random words", "left out: too short",
                             "key: value", "The 10 heads of 16", "lost mass"}) {
      QVERIFY2(result.out.find(part) != std::string::npos, part);
    }
    const RunResult single = run({converted_, "--lengths", "64", "--passages", "1", "--trials", "1"});
    EXPECT_SUCCESS(single);
    QVERIFY2(single.out.find("a single passage") != std::string::npos, single.text().c_str());
    QVERIFY2(single.out.find("±") == std::string::npos, single.text().c_str());
  }

  /// What the demo does not solve is one line, and what is not wanted none.
  void recallForPeople() {
    const RunResult result = run({converted_, "--lengths", "608", "--passages", "1", "--trials", "1"});
    EXPECT_SUCCESS(result);
    for (const char* part : {"  left out: the original does not recall it over 256, 512 tokens\n",
                             "  left out: the original finds less than half in lists of 256, 512 tokens\n"})
      QVERIFY2(result.out.find(part) != std::string::npos, result.text().c_str());
    QVERIFY2(result.out.find("extra loss") == std::string::npos, result.text().c_str());
    const RunResult none = run({converted_, "--lengths", "64", "--trials", "0"});
    EXPECT_SUCCESS(none);
    QVERIFY2(none.out.find("random words") == std::string::npos, none.text().c_str());
  }

  /// Positions from --from on: the default lengths are those that have some.
  void from() {
    const json report =
        run({converted_, "--from", "1024", "--passages", "1", "--trials", "0", "--json"}).json();
    QVERIFY(report["recall"].is_null());
    QCOMPARE(report["lengths"].size(), std::size_t(1));
    QCOMPARE(report["lengths"][0]["tokens"].get<int>(), 2048);
    QCOMPARE(report["lengths"][0]["positions"].size(), std::size_t(1));
    QCOMPARE(report["lengths"][0]["positions"][0]["from"].get<int>(), 1024);
  }

  /// A text below 1,024 tokens is one passage.
  void defaults() {
    const fs::path text = write_file(temp_ / "short.txt", content(kSample).substr(0, 3000));
    const json whole = run({converted_, "--text", text, "--trials", "1", "--json"}).json();
    QCOMPARE(whole["lengths"].size(), std::size_t(1));
    QVERIFY(whole["lengths"][0]["tokens"] < 1024);
    QCOMPARE(whole["lengths"][0]["passages"].get<int>(), 1);
  }

  void refuses() {
    const std::string folder = converted_;
    refuse({kDemo, "--lengths", "64"}, {kDemo.string(), "is not converted"});
    const fs::path other = temp_ / "other";
    EXPECT_SUCCESS(run_bsbr(
        {"convert", golden_checkpoint("gpt2-plain"), other, "--chunk-size", "32", "--retrieve", "32"}));
    refuse({other, "--lengths", "64"}, {other.string(), "vocabulary of 211", "4096"});
    refuse({folder, "--lengths", "64,2049"}, {"--lengths is 2049", "context", "2 to 2048"});
    refuse({folder, "--lengths", "1"}, {"--lengths is 1", "2 to 2048"});
    refuse({folder, "--lengths", "64", "--passages", "0"}, {"--passages is 0; legal: 1 or more"});
    refuse({folder, "--lengths", "64", "--trials", "-1"}, {"--trials is -1; legal: 0 or more"});
    refuse({folder, "--lengths", "64,128", "--from", "64"}, {"--from is 64; legal: 1 to 63"});
    refuse({folder, "--lengths", "64", "--from", "0"}, {"--from is 0; legal: 1 to 63"});
    const fs::path few = write_file(temp_ / "few.txt", "A whale.");
    refuse({folder, "--text", few, "--lengths", "64"}, {few.string(), "has only", "--lengths asks for 64"});
    refuse({folder, "--text", write_file(temp_ / "empty.txt", "")}, {"has 0 tokens"});
    QCOMPARE(run({folder, "--lengths", "64,many"}).code, 2);
    QCOMPARE(run({folder, "--retrieve", "64"}).code, 2);
  }

  void interrupted() {
    RunOptions options;
    options.signal = SIGINT;
    options.signal_after_ms = 3000;
    const RunResult result =
        run_bsbr({"fidelity", kDemo, converted_, "--threads", "1", "--trials", "100"}, options);
    QVERIFY2(result.code == 130, result.text().c_str());
    QCOMPARE(result.out, std::string());
  }
};

QTEST_GUILESS_MAIN(TestCliFidelity)
#include "test_cli_fidelity.moc"
