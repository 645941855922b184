#include <nlohmann/json.hpp>

#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPrompt = "It was the best of times, it was";

}  // namespace

/// Folders and files from the field, and what the program says of them.
class TestCliCasesFolder : public QObject {
  Q_OBJECT
  TempFolder temp_;

  static json generated(const fs::path& checkpoint) {
    const RunResult result =
        run_bsbr({"generate", checkpoint, "--prompt", kPrompt, "--tokens", "10", "--json"});
    if (result.code != 0) qWarning("%s", result.text().c_str());
    return result.code == 0 ? result.json()["tokens"] : json();
  }

 private Q_SLOTS:
  /// Whichever part is given, or the folder, the whole model is opened.
  void splitGguf() {
    const fs::path folder = case_checkpoint("gguf-split");
    const json whole = run_bsbr({"info", folder, "--json"}).json();
    const json tokens = generated(folder);
    QCOMPARE(tokens.size(), std::size_t(10));
    for (const char* part :
         {"tiny-00001-of-00003.gguf", "tiny-00002-of-00003.gguf", "tiny-00003-of-00003.gguf"}) {
      const json info = run_bsbr({"info", folder / part, "--json"}).json();
      QCOMPARE(info["parameters"], whole["parameters"]);
      QCOMPARE(generated(folder / part), tokens);
    }
  }

  void splitGgufLacksPart() {
    const fs::path folder = copy_checkpoint(case_checkpoint("gguf-split"), temp_ / "lacks");
    fs::remove(folder / "tiny-00002-of-00003.gguf");
    for (const fs::path& given : {folder, folder / "tiny-00003-of-00003.gguf"}) {
      EXPECT_REFUSAL(run_bsbr({"info", given}), folder.string(), "lacks 1 of the 3 parts of the model tiny",
                     "tiny-00002-of-00003.gguf");
    }
  }

  void oldGguf() {
    const fs::path file = case_checkpoint("gguf-v2") / "gguf-v2.gguf";
    EXPECT_SUCCESS(run_bsbr({"info", file}));
    // The same but for the version.
    std::string bytes = content(file);
    bytes[4] = 3;
    const json newer = generated(write_file(temp_ / "v3.gguf", bytes));
    QCOMPARE(newer.size(), std::size_t(10));
    QCOMPARE(generated(file), newer);
    bytes[4] = 1;
    EXPECT_REFUSAL(run_bsbr({"info", write_file(temp_ / "v1.gguf", bytes)}), "version 1", "32 bits");
  }

  void noTokenId() {
    const fs::path file = case_checkpoint("gguf-pad-minus-one") / "gguf-pad-minus1.gguf";
    const RunResult info = run_bsbr({"info", file, "--json"});
    EXPECT_SUCCESS(info);
    QCOMPARE(info.json()["family"], "llama");
  }

  void quantised() {
    const RunResult result = run_bsbr({"info", case_checkpoint("gptq")});
    EXPECT_REFUSAL(result, "config.json: quantization_config", "quantised with GPTQ (4 bits)",
                   "original, unquantised checkpoint");
    QVERIFY2(result.err.find("tensors") == std::string::npos, result.text().c_str());
  }

  void indexNamesTiedHead() {
    const fs::path folder = case_checkpoint("index-names-tied-head");
    const RunResult info = run_bsbr({"info", folder, "--json"});
    EXPECT_SUCCESS(info);
    QCOMPARE(generated(folder), json({20, 67, 46, 46, 310, 272, 20, 184, 385, 201}));
  }

  void notANumberInConfig() {
    QCOMPARE(generated(case_checkpoint("json-nan")), json({379, 280, 88, 393, 114, 31, 379, 22, 393, 276}));
  }

  void adapter() {
    const fs::path folder = case_checkpoint("lora-adapter");
    for (const fs::path& given :
         {folder, folder / "adapter_model.safetensors", folder / "adapter_config.json"}) {
      EXPECT_REFUSAL(run_bsbr({"info", given}), "is an adapter (LoRA) of the model \"org/base\", not a model",
                     "merge_and_unload()");
    }
  }

  void oneCauseIsToldOnce() {
    const RunResult result = run_bsbr({"info", case_checkpoint("problems-one-line") / "gguf-iq4nl.gguf"});
    EXPECT_REFUSAL(result, "15 tensors (", " and 12 more): the element type IQ4_NL is not supported",
                   "another quantisation");
    QVERIFY2(result.err.find("\\x0A") == std::string::npos, result.text().c_str());
    QCOMPARE(result.err.find("IQ4_NL"), result.err.rfind("IQ4_NL"));
  }

  /// Names from files and arguments bring nothing to the terminal that it would obey.
  void controlCharacters() {
    const std::string hostile =
        "\x1B[31m\xC2\x9B"
        "2J\xE2\x80\xAE\xFF\r\n";
    const fs::path folder = copy_checkpoint(kDemo, temp_ / ("model" + hostile));
    fs::remove(folder / "model.safetensors");
    change_config(copy_checkpoint(kDemo, temp_ / "config"),
                  {{"activation_function", "\x1B]0;x\x07\xC2\x9D"}});
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"info", folder}, {"info", hostile}, {"info", temp_ / "config"}}) {
      const RunResult result = run_bsbr(arguments);
      EXPECT_REFUSAL(result, "bsbr: ");
      for (const char* bad : {"\xC2\x9B", "\xC2\x9D", "\xE2\x80\xAE", "\xFF"})
        QVERIFY2(result.err.find(bad) == std::string::npos, result.text().c_str());
    }
  }

  void emptyValues() {
    for (const std::vector<std::string>& prompt :
         {std::vector<std::string>{"--prompt="}, {"--prompt=", "--json"}, {"--prompt", ""}}) {
      std::vector<std::string> arguments{"generate", kDemo};
      arguments.insert(arguments.end(), prompt.begin(), prompt.end());
      EXPECT_REFUSAL(run_bsbr(arguments), "the prompt is empty");
    }
    const RunResult number = run_bsbr({"generate", kDemo, "--prompt=a", "--tokens="});
    QCOMPARE(number.code, 2);
    QVERIFY2(number.err.find("--tokens") != std::string::npos, number.text().c_str());
    EXPECT_SUCCESS(run_bsbr({"generate", kDemo, "--prompt=a=", "--tokens=1"}));
    EXPECT_SUCCESS(run_bsbr({"generate", kDemo, "--prompt=--tokens=", "--tokens=1"}));
  }

  void pastedPaths() {
    for (const std::string& text : {" " + kDemo.string() + "\n", "\"" + kDemo.string() + "\"",
                                    "'" + kDemo.string() + "/'", "file://" + kDemo.string()}) {
      const RunResult result = run_bsbr({"info", text, "--json"});
      EXPECT_SUCCESS(result);
      QCOMPARE(result.json()["family"], "gpt2");
    }
  }

  void addressesOfOtherThings() {
    RunOptions options;
    options.environment = {{"HF_HUB_CACHE", (temp_ / "hub").string()}, {"HF_HUB_OFFLINE", "1"}};
    EXPECT_REFUSAL(run_bsbr({"info", "https://huggingface.co/datasets/org/name"}, options),
                   "leads to a data set, not to a model");
    EXPECT_REFUSAL(run_bsbr({"info", "https://huggingface.co/spaces/org/name"}, options), "leads to a Space");
  }
};

QTEST_GUILESS_MAIN(TestCliCasesFolder)
#include "test_cli_cases_folder.moc"
