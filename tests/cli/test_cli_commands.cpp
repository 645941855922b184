#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

const std::set<std::string> kInfoKeys{"family", "parameters", "layers", "heads", "kv_heads", "context",
                                      "vocab",  "dtype",      "bytes",  "bsbr",  "warnings"};
const std::set<std::string> kCompareKeys{"tokens",         "perplexity_ratio", "kl",
                                         "top1_agreement", "density",          "original",
                                         "converted",      "positions",        "warnings"};
const std::set<std::string> kModelKeys{"perplexity", "prefill_ms", "decode_ms_per_token", "cache_bytes",
                                       "peak_bytes"};

bool whole(const json& value) {
  return value.is_number_integer();
}
bool above_zero(const json& value) {
  return value.is_number() && std::isfinite(value.get<double>()) && value > 0;
}

}  // namespace

/// info, tokenize, compare, convert, generate and convert-example on sound checkpoints.
class TestCliCommands : public QObject {
  Q_OBJECT
  TempFolder temp_;
  fs::path converted_;

  static void check_report(const json& report, int tokens) {
    QCOMPARE(keys(report), kCompareKeys);
    QVERIFY(whole(report["tokens"]));
    QCOMPARE(report["tokens"].get<int>(), tokens);
    for (const char* model : {"original", "converted"}) {
      QCOMPARE(keys(report[model]), kModelKeys);
      QVERIFY(report[model]["perplexity"] > 1);
      QVERIFY(report[model]["perplexity"] < 4096);
      QVERIFY(above_zero(report[model]["prefill_ms"]));
      QVERIFY(above_zero(report[model]["decode_ms_per_token"]));
      QVERIFY(whole(report[model]["peak_bytes"]));
      QVERIFY(report[model]["peak_bytes"] > 4096);
    }
    const double ratio =
        report["converted"]["perplexity"].get<double>() / report["original"]["perplexity"].get<double>();
    QVERIFY(std::abs(report["perplexity_ratio"].get<double>() / ratio - 1) < 1e-9);
    QVERIFY(report["kl"] >= -1e-6);
    QVERIFY(report["top1_agreement"] >= 0 && report["top1_agreement"] <= 1);
    QVERIFY(report["density"] > 0 && report["density"] <= 1);
    QVERIFY(report["positions"].is_array());
    int next = 1;  // the first token is not predicted
    double log_sum = 0;
    for (const json& range : report["positions"]) {
      QCOMPARE(keys(range), (std::set<std::string>{"from", "to", "original", "converted"}));
      QVERIFY(whole(range["from"]) && whole(range["to"]));
      QCOMPARE(range["from"].get<int>(), next);
      next = range["to"].get<int>();
      QVERIFY(next > range["from"].get<int>());
      log_sum += (next - range["from"].get<int>()) * std::log(range["original"].get<double>());
      QVERIFY(above_zero(range["converted"]));
    }
    QCOMPARE(next, tokens);
    const double whole_text = std::exp(log_sum / (tokens - 1));
    QVERIFY(std::abs(whole_text / report["original"]["perplexity"].get<double>() - 1) < 1e-6);
  }

  static std::vector<int> ids(const std::vector<std::string>& arguments, const std::string& input = {}) {
    RunOptions options;
    options.input = input;
    return run_bsbr(arguments, options).json()["ids"].get<std::vector<int>>();
  }

 private Q_SLOTS:
  void initTestCase() {
    converted_ = temp_ / "converted";
    const RunResult result =
        run_bsbr({"convert", kDemo, converted_, "--chunk-size", "64", "--block-size", "8",
                  "--compression-factor", "2", "--retrieve", "32", "--window", "1", "--json"});
    const json report = result.json();
    QCOMPARE(keys(report), (std::set<std::string>{"folder", "bytes", "tensors", "left_out", "verified",
                                                  "same_bits", "tokenizer", "check", "bsbr", "warnings"}));
    QCOMPARE(report["folder"].get<std::string>(), converted_.string());
    QCOMPARE(report["verified"].get<bool>(), true);
    QCOMPARE(report["tensors"].get<int>(), 52);
    QVERIFY(report["bytes"] > fs::file_size(converted_ / "model.safetensors"));
    QCOMPARE(report["bsbr"]["retrieve"].get<int>(), 32);
  }

  void infoOfDemo() {
    const json info = run_bsbr({"info", kDemo, "--json"}).json();
    QCOMPARE(keys(info), kInfoKeys);
    QCOMPARE(info, (json{{"family", "gpt2"},
                         {"parameters", 4732416},
                         {"layers", 4},
                         {"heads", 4},
                         {"kv_heads", 4},
                         {"context", 2048},
                         {"vocab", 4096},
                         {"dtype", "F16"},
                         {"bytes", 9464832},
                         {"bsbr", nullptr},
                         {"warnings", json::array()}}));
  }

  void infoOfVariants_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("dtype");
    for (const char* name : {"gpt2-plain", "gpt2-gelu-exact", "gpt2-relu-inner", "gpt2-inverse-layer-scale",
                             "gpt2-no-scale", "gpt2-untied", "gpt2-one-head"}) {
      QTest::newRow(name) << QString(name) << "F32";
    }
    QTest::newRow("gpt2-fp16-sharded") << "gpt2-fp16-sharded"
                                       << "F16";
    QTest::newRow("gpt2-bf16-prefix") << "gpt2-bf16-prefix"
                                      << "BF16";
  }
  void infoOfVariants() {
    QFETCH(QString, name);
    QFETCH(QString, dtype);
    const json info = run_bsbr({"info", golden_checkpoint(name.toStdString()), "--json"}).json();
    const json config = bsbr::read_json_object(golden_checkpoint(name.toStdString()) / "config.json");
    QCOMPARE(keys(info), kInfoKeys);
    QCOMPARE(info["family"].get<std::string>(), std::string("gpt2"));
    QCOMPARE(info["layers"], config["n_layer"]);
    QCOMPARE(info["heads"], config["n_head"]);
    QCOMPARE(info["kv_heads"], config["n_head"]);
    QCOMPARE(info["context"], config["n_positions"]);
    QCOMPARE(info["vocab"], config["vocab_size"]);
    QCOMPARE(info["dtype"].get<std::string>(), dtype.toStdString());
    QVERIFY(whole(info["parameters"]) && info["parameters"] > 10'000);
    QVERIFY(info["bytes"].get<std::int64_t>() >=
            info["parameters"].get<std::int64_t>() * (dtype == "F32" ? 4 : 2));
    QVERIFY(info["bsbr"].is_null());
  }

  /// A cell for every head: threshold, fixed number, states only, nothing, everything.
  void infoOfPlan() {
    const fs::path folder = copy_checkpoint(converted_, temp_ / "planned");
    json bsbr = bsbr::read_json_object(folder / "config.json")["bsbr"];
    bsbr["plan"] = {
        {"retrieve", {{512, 512, 0, 0}, {2048, 64, 2048, 16}, {0, 0, 0, 0}, {32, 0, 0, 0}}},
        {"threshold", {{0.5, 0.0078125, 0, 0}, {0, 0, 0, 0.001}, {0, 0, 0, 0}, {6.1035e-05, 0, 0, 0}}},
        {"states",
         {{true, false, true, false},
          {true, true, false, false},
          {true, true, true, true},
          {true, true, true, true}}}};
    change_config(folder, {{"bsbr", bsbr}});
    const RunResult result = run_bsbr({"info", folder});
    EXPECT_SUCCESS(result);
    const std::string table =
        "\n  layer head 0   1   2   3\n"
        "      0      1   7-  ~   .\n"
        "      1      #   k   #  10-\n"
        "      2      ~   ~   ~   ~\n"
        "      3     14   ~   ~   ~\n"
        "    7  far blocks";
    QVERIFY2(result.out.find(table) != std::string::npos, result.text().c_str());
    for (const char* mark : {"\n    k  ", "\n    -  ", "\n    ~  ", "\n    .  ", "\n    #  "})
      QVERIFY2(result.out.find(mark) != std::string::npos, mark);
    QCOMPARE(run_bsbr({"info", folder, "--json"}).json()["bsbr"]["plan"], bsbr["plan"]);
    QVERIFY(run_bsbr({"info", converted_}).out.find("layer head") == std::string::npos);
  }

  void infoForPeople() {
    const RunResult result = run_bsbr({"info", kDemo});
    EXPECT_SUCCESS(result);
    QCOMPARE(result.err, std::string());
    for (const char* part : {"gpt2", "4,732,416", "2,048", "4,096", "F16", "9.0 MiB", "not converted"}) {
      QVERIFY2(result.out.find(part) != std::string::npos, result.text().c_str());
    }
  }

  /// By its name, from the hub's cache.
  void infoByName() {
    copy_checkpoint(kDemo, temp_ / "hub/models--some--demo/snapshots/abc");
    write_file(temp_ / "hub/models--some--demo/refs/main", "abc");
    RunOptions options;
    options.environment = {{"HF_HUB_CACHE", (temp_ / "hub").string()}};
    QCOMPARE(run_bsbr({"info", "some/demo", "--json"}, options).json()["layers"].get<int>(), 4);
  }

  void infoOfConverted() {
    const json info = run_bsbr({"info", converted_, "--json"}).json();
    QCOMPARE(keys(info), kInfoKeys);
    for (const auto& [key, value] : std::map<std::string, int>{{"chunk_size", 64},
                                                               {"block_size", 8},
                                                               {"compression_factor", 2},
                                                               {"retrieve", 32},
                                                               {"window", 1}}) {
      QCOMPARE(info["bsbr"][key].get<int>(), value);
    }
    const RunResult text = run_bsbr({"info", converted_});
    QVERIFY2(text.out.find("chunk 64, block 8, compression 2, window 1, retrieve 32") != std::string::npos,
             text.text().c_str());
  }

  void tokenize() {
    const std::string text = content(kSample);
    const std::vector<int> from_file = ids({"tokenize", kDemo, "--text", kSample, "--json"});
    QVERIFY(from_file.size() >= 3000);
    QCOMPARE(ids({"tokenize", kDemo, "--text", "-", "--json"}, text), from_file);
    RunOptions options;
    options.input = text;
    const RunResult plain = run_bsbr({"tokenize", kDemo, "--text", "-"}, options);
    EXPECT_SUCCESS(plain);
    std::istringstream numbers(plain.out);
    QCOMPARE(std::vector<int>(std::istream_iterator<int>(numbers), {}), from_file);
    QVERIFY(numbers.eof());
    QVERIFY(ids({"tokenize", kDemo, "--text", "-", "--json"}, "").empty());
    // Any bytes are text, zero included.
    QVERIFY(ids({"tokenize", kDemo, "--text", "-", "--json"}, std::string("\0\xFF", 2)).size() == 2);
  }

  void compareInMemory() {
    const json report = run_bsbr({"compare", kDemo, "--seq-len", "256", "--chunk-size", "32", "--retrieve",
                                  "16", "--window", "0", "--threads", "2", "--json"})
                            .json();
    check_report(report, 256);
    QVERIFY(report["density"] < 0.7);
    QVERIFY(report["kl"] > 0);
  }

  /// Where all is near, the converted model is the original.
  void compareWhereAllIsNear() {
    const json report = run_bsbr({"compare", kDemo, "--seq-len", "128", "--json"}).json();
    check_report(report, 128);
    QVERIFY(report["kl"] < 1e-6);
    QCOMPARE(report["density"].get<double>(), 1.0);
    QVERIFY(std::abs(report["perplexity_ratio"].get<double>() - 1) < 1e-4);
  }

  void compareWithConverted() {
    const fs::path text = write_file(temp_ / "text.txt", content(kSample).substr(0, 3000));
    const json folder =
        run_bsbr({"compare", kDemo, converted_, "--text", text, "--seq-len", "256", "--json"}).json();
    check_report(folder, 256);
    RunOptions options;
    options.input = content(text);
    const json memory =
        run_bsbr({"compare", kDemo, "--text", "-", "--seq-len", "256", "--chunk-size", "64", "--block-size",
                  "8", "--compression-factor", "2", "--retrieve", "32", "--window", "1", "--json"},
                 options)
            .json();
    for (const char* key : {"tokens", "kl", "perplexity_ratio", "density", "top1_agreement", "positions"}) {
      QCOMPARE(folder[key], memory[key]);
    }
  }

  void compareForPeople() {
    const RunResult result = run_bsbr({"compare", kDemo, converted_, "--seq-len", "160"});
    EXPECT_SUCCESS(result);
    for (const char* part :
         {"perplexity", "prefill", "peak memory", "KL divergence", "top-1 agreement", "density"}) {
      QVERIFY2(result.out.find(part) != std::string::npos, result.text().c_str());
    }
  }

  void convertExample() {
    const fs::path out = temp_ / "example";
    const std::vector<std::string> arguments{"convert-example",
                                             "--model_name",
                                             kDemo,
                                             "--chunk_size",
                                             "64",
                                             "--compression_factor",
                                             "8",
                                             "--seq_len",
                                             "160",
                                             "--output_dir",
                                             out};
    auto with = [&](std::vector<std::string> more) {
      more.insert(more.begin(), arguments.begin(), arguments.end());
      return run_bsbr(more);
    };
    const RunResult shown = with({});
    EXPECT_SUCCESS(shown);
    QVERIFY(shown.out.find("chunk 64, block 16, compression 8") != std::string::npos);
    QVERIFY(!fs::exists(out));
    json report = with({"--save_model", "--json"}).json();
    QCOMPARE(report["saved"].get<std::string>(), out.string());
    report.erase("saved");
    check_report(report, 160);
    const json info = run_bsbr({"info", out, "--json"}).json();
    QCOMPARE(info["bsbr"]["chunk_size"].get<int>(), 64);
    QCOMPARE(info["bsbr"]["compression_factor"].get<int>(), 8);
  }
};

QTEST_GUILESS_MAIN(TestCliCommands)
#include "test_cli_commands.moc"
