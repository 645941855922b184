#include <QTemporaryDir>
#include <QtTest>

#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using nlohmann::json;

namespace {

const std::string kHello = "Hello there, it was the best of times.";

std::vector<std::string> tokenize(const std::filesystem::path& checkpoint) {
  return {"tokenize", checkpoint.string(), "--text", "-"};
}

bsbr::test::RunOptions with_input(const std::string& text) {
  bsbr::test::RunOptions options;
  options.input = text;
  return options;
}

json ids_of(const std::filesystem::path& checkpoint, const std::string& text, bool plain = false) {
  auto arguments = tokenize(checkpoint);
  arguments.emplace_back("--json");
  if (plain) arguments.emplace_back("--no-special-tokens");
  const auto result = run_bsbr(arguments, with_input(text));
  return result.code == 0 ? result.json()["ids"] : json(result.text());
}

std::vector<std::string> convert(const std::filesystem::path& from, const std::filesystem::path& to) {
  return {"convert",      from.string(), to.string(),    "--retrieve", "16",
          "--chunk-size", "16",          "--block-size", "4"};
}

}  // namespace

// Inputs from the field, against what transformers 5.23.0 and 4.57.6, or llama.cpp, make of them.
class TestCliCasesTokenizer : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void ids_data() {
    QTest::addColumn<QString>("checkpoint");
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("ids");
    const auto row = [](const char* checkpoint, const std::string& text, const char* ids) {
      QTest::addRow("%s: %s", checkpoint, text.c_str())
          << QString(checkpoint) << QString::fromStdString(text) << QString(ids);
    };
    row("added-token-strip", "a <new> b", "[64,220,401,65]");
    row("added-token-strip", "x  <mask> y", "[87,400,342]");
    const char* const spaced = "[392,306,78,360,11,290,289,259,284,301,280,256,72,309,82,13]";
    row("prefix-space-3-files", kHello, spaced);
    row("prefix-space-3-files", "a<|endoftext|>b", "[258,399,264]");
    row("prefix-space-3-files", "", "[]");
    row("prefix-space-config-json", kHello, spaced);
    row("stale-vocab-json", "a <new> b<new>c [PAD] ", "[64,220,400,264,400,66,220,401,220]");
    row("gguf-pre-deepseek-r1-qwen/gguf-pre-r1.gguf", kHello,
        "[39,68,307,78,362,11,290,289,259,284,301,280,256,72,310,82,13]");
  }
  void ids() {
    QFETCH(QString, checkpoint);
    QFETCH(QString, text);
    QFETCH(QString, ids);
    const json found = ids_of(case_checkpoint(checkpoint.toStdString()), text.toStdString());
    QCOMPARE(QString::fromStdString(found.dump()), ids);
  }

  void noSuchToken() {
    // padding_token_id is -1, as 32 bits.
    const auto checkpoint = case_checkpoint("gguf-pad-minus-one") / "gguf-pad-minus1.gguf";
    EXPECT_SUCCESS(run_bsbr({"info", checkpoint.string()}));
    EXPECT_SUCCESS(run_bsbr(tokenize(checkpoint), with_input(kHello)));
  }

  void beginningToken() {
    const auto checkpoint = case_checkpoint("gguf-export-bos") / "gguf-add-bos.gguf";
    const json plain = ids_of(checkpoint, kHello, true);
    json with_first = {399};
    with_first.insert(with_first.end(), plain.begin(), plain.end());
    QVERIFY(plain.size() > 10);
    QCOMPARE(ids_of(checkpoint, kHello), with_first);

    const QTemporaryDir dir;
    const std::filesystem::path out = dir.filePath("out").toStdString();
    EXPECT_SUCCESS(run_bsbr(convert(checkpoint, out)));
    QCOMPARE(ids_of(out, kHello), with_first);
    QCOMPARE(ids_of(out, kHello, true), plain);
    const json post = bsbr::read_json_object(out / "tokenizer.json")["post_processor"];
    QCOMPARE(post["type"], json("TemplateProcessing"));
    QCOMPARE(post["single"][0]["SpecialToken"]["id"],
             bsbr::read_json_object(out / "tokenizer_config.json")["bos_token"]);
  }

  void exportForTransformers4() {
    const auto checkpoint = case_checkpoint("gguf-export-token-type-ids") / "gguf-gpt2.gguf";
    const QTemporaryDir dir;
    const std::filesystem::path out = dir.filePath("out").toStdString();
    EXPECT_SUCCESS(run_bsbr(convert(checkpoint, out)));
    const json config = bsbr::read_json_object(out / "tokenizer_config.json");
    QCOMPARE(config["model_input_names"], (json{"input_ids", "attention_mask"}));
    QCOMPARE(ids_of(out, kHello), ids_of(checkpoint, kHello));
  }

  void sentencePiece() {
    const auto checkpoint = case_checkpoint("gguf-spm-export") / "gguf-spm-real.gguf";
    EXPECT_REFUSAL(run_bsbr(tokenize(checkpoint), with_input(kHello)), "gguf-spm-real.gguf",
                   "tokenizer.ggml.model", "llama");
    const QTemporaryDir dir;
    const std::filesystem::path out = dir.filePath("out").toStdString();
    EXPECT_REFUSAL(run_bsbr(convert(checkpoint, out)), "tokenizer.ggml.model", "llama");
    QVERIFY(!std::filesystem::exists(out / "tokenizer.json"));
  }
};

QTEST_APPLESS_MAIN(TestCliCasesTokenizer)
#include "test_cli_cases_tokenizer.moc"
