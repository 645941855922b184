#include <QtTest>

#include <cmath>
#include <cstring>
#include <span>

#include "engine/checkpoint/safetensors.h"
#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using bsbr::SafetensorsFile;
using bsbr::test::case_checkpoint;
using bsbr::test::change_config;
using bsbr::test::copy_checkpoint;
using bsbr::test::run_bsbr;
using bsbr::test::RunResult;
using bsbr::test::TempFolder;
using bsbr::test::write_file;
using nlohmann::json;
namespace fs = std::filesystem;
using Ids = std::vector<std::int64_t>;

namespace {

/// What the inputs were tried with.
const std::string kPrompt = "It was the best of times, it was";
const Ids kIds{5, 17, 200, 31, 77, 256, 9, 300, 41, 42, 120, 333};

}  // namespace

/// Inputs from the field whose model was opened wrongly. Numbers are transformers 5.23's; 4.57's are the same
/// but where it is said.
class TestCasesModel : public QObject {
  Q_OBJECT
  TempFolder temp_;

  /// The program's logits of kIds.
  std::vector<float> logits(const std::string& checkpoint) {
    std::string bytes(kIds.size() * sizeof(std::int64_t), '\0');
    std::memcpy(bytes.data(), kIds.data(), bytes.size());
    const std::string input =
        write_file(temp_ / "ids.safetensors",
                   bsbr::test::safetensors(
                       R"({"input_ids":{"dtype":"I64","shape":[1,12],"data_offsets":[0,96]}})", bytes));
    const std::string output = temp_ / "logits.safetensors";
    fs::remove(output);
    const RunResult result = run_bsbr({"logits", checkpoint, "--input", input, "--output", output});
    if (result.code != 0) {
      qWarning("%s", result.text().c_str());
      return {};
    }
    const SafetensorsFile file = SafetensorsFile::open(output);
    const bsbr::TensorView* view = file.find("logits");
    std::vector<float> values(view->bytes.size() / sizeof(float));
    std::memcpy(values.data(), view->bytes.data(), view->bytes.size());
    return values;
  }

  /// Checks the sum of the magnitudes of all logits, and the first ones of the last token.
  static std::string difference(const std::vector<float>& logits, double sum,
                                const std::vector<double>& last) {
    if (logits.empty()) return "there are no logits";
    double all = 0;
    for (const float value : logits) all += std::abs(value);
    if (std::abs(all - sum) > 1e-4 * sum) return bsbr::cat("the sum is ", all);
    const auto row = std::span(logits).last(logits.size() / kIds.size());
    for (std::size_t i = 0; i < last.size(); ++i)
      if (std::abs(row[i] - last[i]) > 1e-3) return bsbr::cat("logit ", i, " is ", row[i]);
    return {};
  }

  static Ids tokens(const fs::path& checkpoint, int count) {
    const RunResult result =
        run_bsbr({"generate", checkpoint, "--prompt", kPrompt, "--tokens", std::to_string(count), "--json"});
    if (result.code == 0) return result.json()["tokens"].get<Ids>();
    qWarning("%s", result.text().c_str());
    return {};
  }

 private Q_SLOTS:
  /// transformers 4.57 ties the two.
  void tiedHeadDiffers() {
    const fs::path folder = case_checkpoint("tied-head-differs");
    const std::string problem =
        difference(logits(folder), 9050.510, {0.5716, 0.5506, 2.3691, -1.7464, 2.0854, -0.8436});
    QVERIFY2(problem.empty(), problem.c_str());
    const RunResult info = run_bsbr({"info", folder, "--json"});
    EXPECT_SUCCESS(info);
    QCOMPARE(info.json()["warnings"].size(), std::size_t(1));
    const std::string warning = info.json()["warnings"][0].get<std::string>();
    QVERIFY2(warning.find("config.json ties lm_head.weight") != std::string::npos, warning.c_str());
    QCOMPARE(info.err, "bsbr: warning: " + warning + "\n");
  }

  void generationConfigStop() {
    const fs::path folder = case_checkpoint("generation-config-stop");
    QCOMPARE(tokens(folder, 24), (Ids{379, 280, 88, 393, 114}));
    const fs::path copy = copy_checkpoint(folder, temp_ / "no-stop");
    fs::remove(copy / "generation_config.json");
    QCOMPARE(tokens(copy, 8), (Ids{379, 280, 88, 393, 114, 31, 379, 22}));
    write_file(copy / "generation_config.json", "{\"eos_token_id\": [22");
    const RunResult damaged = run_bsbr({"generate", copy, "--prompt", kPrompt, "--tokens", "8", "--json"});
    EXPECT_SUCCESS(damaged);
    QCOMPARE(damaged.json()["tokens"].size(), std::size_t(8));
    QCOMPARE(damaged.json()["warnings"].size(), std::size_t(1));
  }

  void valueHead() {
    const fs::path folder = case_checkpoint("value-head");
    const std::string problem =
        difference(logits(folder), 6610.973, {-0.6061, -1.1426, -0.7643, -2.4816, 0.6803, -2.1053});
    QVERIFY2(problem.empty(), problem.c_str());
    QCOMPARE(tokens(folder, 8), (Ids{158, 373, 204, 135, 204, 204, 204, 16}));
    const RunResult info = run_bsbr({"info", folder});
    EXPECT_SUCCESS(info);
    QVERIFY(info.err.find("(2): v_head.summary.bias, v_head.summary.weight\n") != std::string::npos);
    // Once, though the checkpoint is opened, summed up and loaded.
    const RunResult compared = run_bsbr({"compare", folder, "--retrieve", "16", "--chunk-size", "16",
                                         "--block-size", "8", "--seq-len", "64", "--json"});
    EXPECT_SUCCESS(compared);
    QCOMPARE(compared.json()["warnings"].size(), std::size_t(1));
    QCOMPARE(std::ranges::count(compared.err, '\n'), 1);
  }

  void qwen2WindowUnused() {
    const fs::path folder = case_checkpoint("qwen2-window-unused");
    const std::string problem =
        difference(logits(folder), 6467.954, {-1.6147, -0.7473, 1.8344, 0.4184, -2.5695, -0.8035});
    QVERIFY2(problem.empty(), problem.c_str());
    QCOMPARE(tokens(folder, 4), (Ids{134, 233, 233, 233}));
    const RunResult info = run_bsbr({"info", folder, "--json"});
    QCOMPARE(info.json()["warnings"], json::array());
    const fs::path used = copy_checkpoint(folder, temp_ / "window");
    change_config(used, {{"max_window_layers", 1}});
    EXPECT_REFUSAL(run_bsbr({"info", used}), (used / "config.json").string(), "sliding_window is 4");
  }

  void paddedVocabulary() {
    const fs::path folder = case_checkpoint("generate-padded-vocabulary");
    const Ids made = tokens(folder, 60);
    QCOMPARE(made.size(), std::size_t(57));  // 447 ends it
    QCOMPARE(Ids(made.begin(), made.begin() + 9), (Ids{169, 81, 180, 169, 89, 425, 382, 419, 42}));
    const RunResult text = run_bsbr({"generate", folder, "--prompt", kPrompt, "--tokens", "60"});
    EXPECT_SUCCESS(text);
    QVERIFY(text.out.starts_with(kPrompt));
  }

  void padBeyondEmbedding() {
    const fs::path folder = case_checkpoint("pad-beyond-embedding");
    QCOMPARE(tokens(folder, 8), (Ids{379, 280, 88, 393, 114, 31, 379, 22}));
    const std::string small = "--chunk-size=16";
    const std::string block = "--block-size=8";
    EXPECT_SUCCESS(run_bsbr({"compare", folder, "--retrieve=16", small, block, "--seq-len=64"}));
    EXPECT_SUCCESS(
        run_bsbr({"fidelity", folder, "--retrieve=16", small, block, "--lengths=64", "--trials=0"}));
    EXPECT_SUCCESS(run_bsbr({"bench", folder, "--retrieve=16", small, block, "--lengths=64",
                             "--repetitions=1", "--dense-until=0"}));
    EXPECT_SUCCESS(run_bsbr({"convert", folder, temp_ / "padded", small, block, "--density=0.6"}));
    EXPECT_SUCCESS(run_bsbr({"generate", temp_ / "padded", "--prompt", kPrompt, "--tokens=4"}));

    const std::string says = "the text uses the token \"<new>\" (400), but the model embeds 400 tokens";
    std::string words;
    for (int i = 0; i < 200; ++i) words += "it was the best of times ";
    const std::string text = write_file(temp_ / "new.txt", words + "<new> and on").string();
    const std::string name = text + ": " + says;
    EXPECT_REFUSAL(run_bsbr({"generate", folder, "--prompt", "a <new> b"}), says);
    EXPECT_REFUSAL(run_bsbr({"compare", folder, "--text", text, small, block}), name);
    EXPECT_REFUSAL(run_bsbr({"fidelity", folder, "--text", text, small, block}), name);
    EXPECT_REFUSAL(run_bsbr({"bench", folder, "--text", text, small, block}), name);
    EXPECT_REFUSAL(run_bsbr({"sweep", folder, "--text", text, small, block}), name);
    EXPECT_REFUSAL(run_bsbr({"sweep", folder, "--calibrate", text, small, block}), name);
    EXPECT_REFUSAL(run_bsbr({"compare", folder, "--calibrate", text, small, block}), name);
    EXPECT_REFUSAL(run_bsbr({"convert", folder, temp_ / "no", "--calibrate", text, small, block}), name);
    QVERIFY(!fs::exists(temp_ / "no"));
    EXPECT_SUCCESS(run_bsbr({"tokenize", folder, "--text", text}));
  }

  void ggufBeginningToken() {
    const fs::path file = case_checkpoint("gguf-export-bos") / "gguf-add-bos.gguf";
    QCOMPARE(tokens(file, 10), (Ids{46, 184, 382, 343, 316, 121, 289, 326, 179, 312}));
  }
};

QTEST_APPLESS_MAIN(TestCasesModel)
#include "test_cli_cases_model.moc"
