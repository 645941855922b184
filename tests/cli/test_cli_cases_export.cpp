#include <nlohmann/json.hpp>

#include "engine/checkpoint/checkpoint.h"
#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using bsbr::Checkpoint;
using Ids = std::vector<int>;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPrompt = "It was the best of times, it was";

/// Everything far is retrieved, so that the conversion of a short text gives the original's tokens.
RunResult convert(const fs::path& source, const fs::path& out) {
  return run_bsbr(
      {"convert", source, out, "--retrieve", "16", "--chunk-size", "16", "--block-size", "4", "--json"});
}

Ids generated(const fs::path& checkpoint, int count) {
  return run_bsbr({"generate", checkpoint, "--prompt", kPrompt, "--tokens", std::to_string(count), "--json"})
      .json()["tokens"];
}

Ids tokenized(const fs::path& checkpoint, const std::string& text) {
  RunOptions options;
  options.input = text;
  return run_bsbr({"tokenize", checkpoint, "--text", "-", "--json"}, options).json()["ids"];
}

/// The start of the ids of a text.
Ids first(Ids ids, std::size_t count) {
  ids.resize(std::min(ids.size(), count));
  return ids;
}

nlohmann::json read(const fs::path& path) {
  return bsbr::read_json_object(path);
}

const nlohmann::json kInputs{"input_ids", "attention_mask"};

}  // namespace

/// What a checkpoint says is what its export says: inputs from the field. The right values are transformers',
/// 4.57.6 and 5.23.0; tests/python/test_trust.py runs them.
class TestCliCasesExport : public QObject {
  Q_OBJECT
  TempFolder temp_;
  int count_ = 0;

  fs::path fresh() { return temp_ / bsbr::cat("out", ++count_); }
  fs::path copy_of(const char* name) { return copy_checkpoint(case_checkpoint(name), fresh()); }

 private Q_SLOTS:
  /// The tokenizer is compared also where the conversion needs no text.
  void tokenizerIsCompared() {
    const fs::path out = fresh();
    const auto report = convert(case_checkpoint("generation-config-stop"), out).json();
    QVERIFY(report["tokenizer"]["same_ids"].get<bool>());
    QVERIFY(report["tokenizer"]["texts"].get<int>() > 400);  // every token's own, and others
    QVERIFY(content(out / "README.md").find("The tokenizer makes the same tokens of ") != std::string::npos);
    const RunResult plain = run_bsbr({"convert", case_checkpoint("chat-text-before-content"), fresh(),
                                      "--retrieve", "16", "--chunk-size", "16", "--block-size", "4"});
    EXPECT_SUCCESS(plain);
    QVERIFY2(plain.out.find("tokenizer: same ids on ") != std::string::npos, plain.text().c_str());
  }

  /// A folder without a tokenizer can be converted; nothing is claimed then.
  void noTokenizer() {
    const fs::path source = copy_of("generation-config-stop");
    fs::remove(source / "tokenizer.json");
    const fs::path out = fresh();
    const auto report = convert(source, out).json();
    QCOMPARE(report["tokenizer"]["texts"].get<int>(), 0);
    QVERIFY(!report["tokenizer"]["same_ids"].get<bool>());
    QVERIFY(!report["tokenizer"]["not_checked"].get<std::string>().empty());
    QVERIFY(content(out / "README.md").find("The tokenizer makes") == std::string::npos);
  }

  /// A damaged one is refused before anything is planned or written.
  void damagedTokenizer() {
    const fs::path source = copy_of("generation-config-stop");
    write_file(source / "tokenizer.json", "{\"model\": 3}");
    const fs::path out = fresh();
    EXPECT_REFUSAL(convert(source, out), "tokenizer.json");
    QVERIFY(!fs::exists(out));
  }

  void ggufBeginningToken() {
    const fs::path source = case_checkpoint("gguf-export-bos") / "gguf-add-bos.gguf";
    const fs::path out = fresh();
    EXPECT_SUCCESS(convert(source, out));
    QCOMPARE(generated(out, 10), (Ids{46, 184, 382, 343, 316, 121, 289, 326, 179, 312}));
    QCOMPARE(read(out / "tokenizer.json")["post_processor"]["type"], "TemplateProcessing");
  }

  /// transformers 4 makes token_type_ids unless it is told the model's inputs.
  void modelInputs() {
    const fs::path out = fresh();
    EXPECT_SUCCESS(convert(case_checkpoint("gguf-export-token-type-ids") / "gguf-gpt2.gguf", out));
    QCOMPARE(read(out / "tokenizer_config.json")["model_input_names"], kInputs);
  }

  void modelInputsOfFolders_data() {
    QTest::addColumn<QString>("config");
    QTest::addColumn<bool>("named");
    QTest::newRow("general class") << R"({"tokenizer_class": "PreTrainedTokenizerFast"})" << true;
    QTest::newRow("its later name") << R"({"tokenizer_class": "TokenizersBackend"})" << true;
    QTest::newRow("named wrongly") << R"({"model_input_names": ["input_ids", "token_type_ids"]})" << true;
    QTest::newRow("named")
        << R"({"tokenizer_class": "PreTrainedTokenizerFast", "model_input_names": ["input_ids"]})" << false;
    QTest::newRow("the family's class") << R"({ "tokenizer_class":"LlamaTokenizerFast" })" << false;
    QTest::newRow("none") << R"({ })" << false;
  }
  void modelInputsOfFolders() {
    QFETCH(QString, config);
    QFETCH(bool, named);
    const fs::path source = copy_of("generation-config-stop");
    write_file(source / "tokenizer_config.json", config.toStdString());
    const fs::path out = fresh();
    EXPECT_SUCCESS(convert(source, out));
    if (named) {
      QCOMPARE(read(out / "tokenizer_config.json")["model_input_names"], kInputs);
    } else {
      QCOMPARE(content(out / "tokenizer_config.json"), config.toStdString());
    }
  }

  /// A vocabulary that cannot be written is refused first, and nothing is left behind.
  void ggufOfSentencePiece() {
    const fs::path place = fresh();
    fs::create_directories(place);
    EXPECT_REFUSAL(convert(case_checkpoint("gguf-spm-export") / "gguf-spm-real.gguf", place / "out"),
                   "gguf-spm-real.gguf", "llama");
    QVERIFY(fs::is_empty(place));
  }

  void reopenedTokenizers_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("text");
    QTest::addColumn<QList<int>>("ids");
    const QString hello = "Hello there, it was the best of times.";
    QTest::newRow("added-token-strip") << "added-token-strip"
                                       << "<new> b" << QList<int>{401, 65};
    QTest::newRow("prefix-space-3-files") << "prefix-space-3-files" << hello << QList<int>{392, 306, 78};
    QTest::newRow("prefix-space-config-json")
        << "prefix-space-config-json" << hello << QList<int>{392, 306, 78};
    QTest::newRow("stale-vocab-json") << "stale-vocab-json"
                                      << "a <new> b" << QList<int>{64, 220, 400, 264};
  }
  void reopenedTokenizers() {
    QFETCH(QString, name);
    QFETCH(QString, text);
    QFETCH(QList<int>, ids);
    const fs::path source = case_checkpoint(name.toStdString());
    const fs::path out = fresh();
    EXPECT_SUCCESS(convert(source, out));
    const Ids reopened = tokenized(out, text.toStdString());
    QCOMPARE(reopened, tokenized(source, text.toStdString()));
    QCOMPARE(first(reopened, std::size_t(ids.size())), Ids(ids.begin(), ids.end()));
  }

  void stops() {
    const fs::path out = fresh();
    EXPECT_SUCCESS(convert(case_checkpoint("generation-config-stop"), out));
    QCOMPARE(read(out / "generation_config.json")["eos_token_id"], (nlohmann::json{399, 31}));
    QCOMPARE(generated(out, 24), (Ids{379, 280, 88, 393, 114}));  // then 31, which ends it
  }

  /// One that cannot be read counts neither here nor in transformers, and is not handed on.
  void damagedGenerationConfig() {
    const fs::path source = copy_of("generation-config-stop");
    write_file(source / "generation_config.json", "{\"eos_token_id\": ");
    change_config(source, {{"eos_token_id", {399, 114}}});
    const fs::path out = fresh();
    EXPECT_SUCCESS(convert(source, out));
    QVERIFY(!fs::exists(out / "generation_config.json"));
    QCOMPARE(generated(out, 24), (Ids{379, 280, 88, 393}));
  }

  void stopsOfGguf() {
    const fs::path out = fresh();
    EXPECT_SUCCESS(convert(case_checkpoint("gguf-export-bos") / "gguf-add-bos.gguf", out));
    const auto generation = read(out / "generation_config.json");
    QVERIFY(generation["eos_token_id"].is_array());
    QCOMPARE(generation["eos_token_id"][0], read(out / "config.json")["eos_token_id"]);
    QCOMPARE(generation["bos_token_id"], read(out / "config.json")["bos_token_id"]);
  }

  void twoTensorsAreTwo() {
    const fs::path out = fresh();
    EXPECT_SUCCESS(convert(case_checkpoint("tied-head-differs"), out));
    QCOMPARE(read(out / "config.json")["tie_word_embeddings"], false);
    const Checkpoint written = Checkpoint::open(out);
    QVERIFY(written.find("lm_head.weight") != nullptr &&
            written.find("model.embed_tokens.weight") != nullptr);
    QCOMPARE(first(generated(out, 4), 4), (Ids{230, 89, 3, 395}));
  }

  void valueHead() {
    const fs::path out = fresh();
    const auto report = convert(case_checkpoint("value-head"), out).json();
    QCOMPARE(report["left_out"].get<int>(), 2);
    const Checkpoint written = Checkpoint::open(out);
    QCOMPARE(written.tensors().size(), report["tensors"].get<std::size_t>());
    for (const bsbr::TensorView& tensor : written.tensors()) QVERIFY(!tensor.name.starts_with("v_head"));
    QCOMPARE(generated(out, 4), (Ids{158, 373, 204, 135}));
  }

  /// The written config.json says as many things as the original's, and Python reads it.
  void notFinite() {
    const fs::path out = fresh();
    EXPECT_SUCCESS(convert(case_checkpoint("json-nan"), out));
    QVERIFY(content(out / "config.json").find("\"attention_dropout\": NaN") != std::string::npos);
    QCOMPARE(first(generated(out, 6), 6), (Ids{379, 280, 88, 393, 114, 31}));
  }

  void headThatTheIndexNames() {
    const fs::path out = fresh();
    EXPECT_SUCCESS(convert(case_checkpoint("index-names-tied-head"), out));
    QCOMPARE(read(out / "config.json")["tie_word_embeddings"], true);
    QVERIFY(!fs::exists(out / "model.safetensors.index.json"));
    QCOMPARE(generated(out, 4), (Ids{20, 67, 46, 46}));
  }

  void tokenBeyondTheEmbedding() {
    const fs::path out = fresh();
    const auto report = convert(case_checkpoint("pad-beyond-embedding"), out).json();
    QVERIFY(report["tokenizer"]["same_ids"].get<bool>());
    QCOMPARE(generated(out, 6), (Ids{379, 280, 88, 393, 114, 31}));
  }
};

QTEST_GUILESS_MAIN(TestCliCasesExport)
#include "test_cli_cases_export.moc"
