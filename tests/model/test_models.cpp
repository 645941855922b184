#include <QtTest>

#include "engine/base/error.h"
#include "tests/support/golden.h"
#include "tests/support/places.h"

using bsbr::Checkpoint;
using bsbr::LanguageModel;
using bsbr::SafetensorsFile;
using bsbr::TokenBatch;

class TestModels : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  /// Logits and every hidden state of every variant against transformers.
  void golden_data() {
    QTest::addColumn<QString>("name");
    for (const char* name : {"gpt2-plain", "gpt2-gelu-exact", "gpt2-relu-inner", "gpt2-inverse-layer-scale",
                             "gpt2-no-scale", "gpt2-untied", "gpt2-one-head", "gpt2-fp16-sharded",
                             "gpt2-bf16-prefix", "llama-gqa", "llama-mha-untied", "llama-head-dim",
                             "llama-bias", "llama-rope-linear", "llama-rope-llama3", "qwen2"}) {
      QTest::newRow(name) << QString(name);
    }
  }
  void golden() {
    QFETCH(QString, name);
    const auto folder = golden::folder(name.toStdString());
    const LanguageModel model = LanguageModel::load(Checkpoint::open(folder.string()));
    QVERIFY(model.warnings().empty());
    const SafetensorsFile file = SafetensorsFile::open(folder / "golden.safetensors");
    std::int64_t states = 0;
    double worst = 0;
    const auto logits =
        model.logits(golden::batch(file), [&](std::int64_t index, const std::vector<float>& hidden) {
          const auto expected = golden::values<float>(file, "hidden_" + std::to_string(index));
          worst = std::max(worst, golden::relative_error(hidden, expected));
          ++states;
        });
    QCOMPARE(states, model.config().layers + 1);
    QVERIFY2(worst < 1e-4, qPrintable(QString("hidden states: %1").arg(worst)));
    const double error = golden::relative_error(logits, golden::values<float>(file, "logits"));
    QVERIFY2(error < 1e-4, qPrintable(QString("logits: %1").arg(error)));
    qInfo("hidden %.1e, logits %.1e", worst, error);
  }

  /// In small elements: the same but for their rounding, by dense attention and by BSBR.
  void smallElements_data() {
    QTest::addColumn<QString>("dtype");
    QTest::addColumn<double>("tolerance");
    QTest::newRow("float16") << QString("float16") << 0.01;
    QTest::newRow("bfloat16") << QString("bfloat16") << 0.06;
  }
  void smallElements() {
    QFETCH(QString, dtype);
    QFETCH(double, tolerance);
    for (const char* name : {"gpt2-plain", "llama-gqa"}) {
      const auto folder = golden::folder(name);
      const Checkpoint checkpoint = Checkpoint::open(folder.string());
      const auto batch = golden::batch(SafetensorsFile::open(folder / "golden.safetensors"));
      const auto expected = LanguageModel::load(checkpoint).logits(batch);
      const LanguageModel model = LanguageModel::load(checkpoint, "cpu", {}, dtype.toStdString());
      bsbr::BsbrConfig all_near;
      all_near.retrieve = 0;
      all_near.chunk_size = all_near.block_size = 16;
      all_near.window = 6;
      for (const LanguageModel& of : {model, model.with_attention(all_near)}) {
        const double error = golden::relative_error(of.logits(batch), expected);
        QVERIFY2(error < tolerance && error > 0, qPrintable(QString("%1: %2").arg(name).arg(error)));
      }
    }
    QVERIFY_THROWS_EXCEPTION(
        bsbr::Error,
        LanguageModel::load(Checkpoint::open(golden::folder("gpt2-plain").string()), "cpu", {}, "int8"));
  }

  /// Left padding, right padding and no padding give a row the same logits.
  void paddingAtEitherEnd() {
    const auto folder = golden::folder("gpt2-plain");
    const LanguageModel model = LanguageModel::load(Checkpoint::open(folder.string()));
    const std::int64_t vocabulary = model.config().vocabulary;
    const std::vector<bsbr::TokenId> row{5, 17, 100, 3, 42, 210, 7};
    const auto alone = model.logits({1, 7, row, {}});
    TokenBatch batch{3, 10, std::vector<bsbr::TokenId>(30, 9), std::vector<std::int64_t>(30, 0)};
    const std::vector<std::int64_t> begins{0, 3, 2};
    for (std::int64_t r = 0; r < 3; ++r) {
      for (std::int64_t i = 0; i < 7; ++i) {
        batch.ids[std::size_t(r * 10 + begins[std::size_t(r)] + i)] = row[std::size_t(i)];
        batch.mask[std::size_t(r * 10 + begins[std::size_t(r)] + i)] = 1;
      }
    }
    const auto padded = model.logits(batch);
    for (std::int64_t r = 0; r < 3; ++r) {
      const auto begin = padded.begin() + (r * 10 + begins[std::size_t(r)]) * vocabulary;
      QVERIFY(golden::relative_error({begin, begin + 7 * vocabulary}, alone) < 1e-5);
    }
    QCOMPARE(padded[0], alone[0]);
    QCOMPARE(padded[std::size_t(10 * vocabulary)], 0.0F);
  }

  void rowOfPaddingOnly() {
    const LanguageModel model = golden::model("gpt2-plain");
    const auto logits = model.logits({2, 2, {1, 2, 3, 4}, {1, 1, 0, 0}});
    QVERIFY(std::all_of(logits.begin() + 2 * model.config().vocabulary, logits.end(),
                        [](float x) { return x == 0; }));
  }

  void badBatches_data() {
    QTest::addColumn<TokenBatch>("batch");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, TokenBatch batch, const char* says) {
      QTest::newRow(name) << std::move(batch) << QByteArray(says);
    };
    row("hole", {1, 3, {1, 2, 3}, {1, 0, 1}}, "padding between tokens, at column 1");
    row("id too large", {1, 2, {1, 211}, {}}, "token id 211 is outside the model's vocabulary, 0 to 210");
    row("id negative", {1, 2, {1, -1}, {}}, "token id -1");
    row("too long", {1, 97, std::vector<bsbr::TokenId>(97, 1), {}},
        "97 tokens is longer than the model's context of 96");
    row("mask of another shape", {1, 2, {1, 2}, {1}}, "differ in shape");
  }
  void badBatches() {
    QFETCH(TokenBatch, batch);
    QFETCH(QByteArray, says);
    const LanguageModel model = golden::model("gpt2-plain");
    try {
      (void)model.logits(batch);
      QFAIL("accepted");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::InvalidArgument);
      QVERIFY2(QByteArray(error.what()).contains(says), error.what());
    }
  }

  /// The demo at its full length of 2,048 tokens.
  void demo() {
    const LanguageModel model =
        LanguageModel::load(Checkpoint::open(bsbr::test::in_repository("resources/demo")));
    const SafetensorsFile file = SafetensorsFile::open(golden::folder("demo-gpt2.safetensors"));
    const auto ids = golden::values<bsbr::TokenId>(file, "input_ids");
    const auto length = std::int64_t(ids.size());
    const auto logits = model.logits({1, length, ids, {}});
    const std::int64_t vocabulary = model.config().vocabulary;
    const auto rows = golden::named_rows(file, logits, vocabulary);
    QVERIFY(golden::relative_error(rows, golden::values<float>(file, "logits")) < 1e-4);
  }

  void cancel() {
    const Checkpoint checkpoint = Checkpoint::open(golden::folder("gpt2-plain").string());
    bsbr::CancelToken token;
    bsbr::Job job;
    job.cancel = &token;
    const LanguageModel model = LanguageModel::load(checkpoint, "cpu", job);
    token.cancel();
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, (void)model.logits({1, 1, {1}, {}}, {}, job));
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, LanguageModel::load(checkpoint, "cpu", job));
  }

  void otherDevices() {
    const Checkpoint checkpoint = Checkpoint::open(golden::folder("gpt2-plain").string());
    try {
      LanguageModel::load(checkpoint, "tpu");
      QFAIL("accepted");
    } catch (const bsbr::Error& error) {
      QVERIFY(QByteArray(error.what()).contains("legal: cpu, cuda"));
    }
  }
};

QTEST_APPLESS_MAIN(TestModels)
#include "test_models.moc"
