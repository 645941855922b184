#include <QtTest>

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/model/checkpoint_tokenizer.h"
#include "engine/model/generation.h"
#include "tests/support/golden.h"
#include "tests/support/smollm2.h"

using bsbr::Checkpoint;
using bsbr::LanguageModel;
using bsbr::SafetensorsFile;
using bsbr::TokenId;

/// A real checkpoint, quantised, with rotary positions and grouped heads, against transformers.
class TestSmollm2 : public QObject {
  Q_OBJECT

  std::optional<Checkpoint> checkpoint_;

 private Q_SLOTS:
  void initTestCase() {
    if (!std::filesystem::exists(bsbr::test::smollm2()))
      QSKIP("SmolLM2 is not in the cache; run resources/setup/smollm2");
    checkpoint_ = Checkpoint::open(bsbr::test::smollm2().string());
  }

  void tokenizerEqualsTransformers() {
    const bsbr::Tokenizer tokenizer = bsbr::open_tokenizer(*checkpoint_);
    std::ifstream file(golden::folder("tokenizers.json"));
    const auto cases = nlohmann::json::parse(file);
    QVERIFY(cases.size() > 10);
    for (const auto& one : cases) {
      const auto text = one["text"].get<std::string>();
      const auto expected = one["smollm2"].get<std::vector<TokenId>>();
      QVERIFY2(tokenizer.encode(text) == expected, text.c_str());
    }
  }

  void logitsAndLossEqualTransformers() {
    const LanguageModel model = LanguageModel::load(*checkpoint_);
    const SafetensorsFile file = SafetensorsFile::open(golden::folder("smollm2-135m.safetensors"));
    const auto ids = golden::values<TokenId>(file, "input_ids");
    const auto length = std::int64_t(ids.size());
    const auto logits = model.logits({1, length, ids, {}});
    const std::int64_t vocabulary = model.config().vocabulary;
    const auto rows = golden::named_rows(file, logits, vocabulary);
    QVERIFY(golden::relative_error(rows, golden::values<float>(file, "logits")) < 1e-4);

    const auto losses = golden::values<float>(file, "nll");
    for (std::int64_t i = 0; i + 1 < length; ++i) {
      const float* row = logits.data() + i * vocabulary;
      const float most = *std::max_element(row, row + vocabulary);
      double sum = 0;
      for (std::int64_t t = 0; t < vocabulary; ++t) sum += std::exp(double(row[t]) - most);
      const double loss = most + std::log(sum) - row[ids[std::size_t(i + 1)]];
      QVERIFY(std::abs(loss - losses[std::size_t(i)]) < 1e-3);
    }
  }

  void answers() {
    const LanguageModel model = LanguageModel::load(*checkpoint_);
    const bsbr::Tokenizer tokenizer = bsbr::open_tokenizer(*checkpoint_);
    const auto chat = bsbr::open_chat_template(*checkpoint_);
    QVERIFY(chat);
    const bsbr::ChatMessage question{"user", "What is the capital of France?"};
    bsbr::GenerationOptions options;
    options.tokens = 20;
    options.stops = {bsbr::end_of_answer(*chat, tokenizer).value()};
    const auto prompt = tokenizer.encode(bsbr::render_chat(*chat, {&question, 1}, true));
    for (const LanguageModel& one : {model, model.with_attention(bsbr::BsbrConfig{})}) {
      QCOMPARE(tokenizer.decode(bsbr::generate(one, {prompt}, options).front()),
               std::string("The capital of France is Paris."));
    }
  }
};

QTEST_APPLESS_MAIN(TestSmollm2)
#include "test_smollm2.moc"
