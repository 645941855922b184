#include <QtTest>

#include <map>

#include "engine/base/error.h"
#include "engine/model/generation.h"
#include "tests/support/golden.h"

using bsbr::Checkpoint;
using bsbr::generate;
using bsbr::GenerationOptions;
using bsbr::LanguageModel;
using bsbr::Sampler;
using bsbr::SamplingOptions;
using bsbr::TokenId;

class TestGeneration : public QObject {
  Q_OBJECT

  std::optional<LanguageModel> model_;

 private Q_SLOTS:
  void initTestCase() { model_ = golden::model("gpt2-plain"); }

  void greedyTakesTheLargest() {
    Sampler sampler({});
    QCOMPARE(sampler.next(std::vector<float>{0.1F, 3.0F, 3.0F, -1.0F}), TokenId(1));
    QCOMPARE(sampler.next(std::vector<float>{NAN, -5.0F}), TokenId(1));
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, sampler.next(std::vector<float>{NAN, NAN}));
  }

  /// Frequencies of many draws against the softmax, within five standard errors.
  void sampledFrequencies() {
    const std::vector<float> logits{1.0F, 0.0F, 2.0F};
    SamplingOptions options;
    options.temperature = 2;
    options.seed = 11;
    Sampler sampler(options);
    std::map<TokenId, int> seen;
    constexpr int kDraws = 20000;
    for (int i = 0; i < kDraws; ++i) ++seen[sampler.next(logits)];
    const double total = std::exp(0.5) + 1 + std::exp(1.0);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double p = std::exp(logits[i] / 2) / total;
      const double error = std::sqrt(p * (1 - p) / kDraws);
      QVERIFY(std::abs(double(seen[TokenId(i)]) / kDraws - p) < 5 * error);
    }
  }

  void topKAndTopP() {
    const std::vector<float> logits{0.0F, 4.0F, 3.0F, 1.0F, 2.0F};
    SamplingOptions options;
    options.temperature = 5;
    options.top_k = 2;
    Sampler two(options);
    std::map<TokenId, int> seen;
    for (int i = 0; i < 500; ++i) ++seen[two.next(logits)];
    QCOMPARE(seen.size(), std::size_t(2));
    QVERIFY(seen.contains(1) && seen.contains(2));
    options.top_k = 0;
    options.top_p = 1e-6;
    Sampler one(options);
    for (int i = 0; i < 100; ++i) QCOMPARE(one.next(logits), TokenId(1));
    // At temperature 5 the two most likely have 0.30 and 0.25 of the mass.
    options.top_p = 0.4;
    Sampler half(options);
    seen.clear();
    for (int i = 0; i < 500; ++i) ++seen[half.next(logits)];
    QCOMPARE(seen.size(), std::size_t(2));
  }

  void seedDecides() {
    GenerationOptions options;
    options.tokens = 30;
    options.sampling.temperature = 1;
    options.sampling.seed = 3;
    const std::vector<std::vector<TokenId>> prompt{{1, 2, 3}};
    const auto once = generate(*model_, prompt, options);
    QCOMPARE(generate(*model_, prompt, options), once);
    options.sampling.seed = 4;
    QVERIFY(generate(*model_, prompt, options) != once);
  }

  /// Rows of different lengths together give what each gives alone.
  void batchEqualsRowsAlone() {
    GenerationOptions options;
    options.tokens = 20;
    const std::vector<std::vector<TokenId>> prompts{{1, 2, 3, 4, 5}, {7}, {100, 200, 50}};
    const auto together = generate(*model_, prompts, options);
    for (std::size_t i = 0; i < prompts.size(); ++i)
      QCOMPARE(generate(*model_, {prompts[i]}, options).front(), together[i]);
  }

  void stopToken() {
    GenerationOptions options;
    options.tokens = 20;
    const auto free = generate(*model_, {{1, 2, 3}}, options).front();
    QCOMPARE(free.size(), std::size_t(20));
    options.stops = {free[7]};
    const auto first = std::find(free.begin(), free.end(), free[7]) - free.begin();
    QCOMPARE(generate(*model_, {{1, 2, 3}}, options).front().size(), std::size_t(first));
  }

  void sinkEndsIt() {
    GenerationOptions options;
    options.tokens = 20;
    int calls = 0;
    const auto made =
        generate(*model_, {{1, 2, 3}}, options, [&](std::size_t, TokenId) { return ++calls < 4; });
    QCOMPARE(calls, 4);
    QCOMPARE(made.front().size(), std::size_t(4));
  }

  void badOptions_data() {
    QTest::addColumn<GenerationOptions>("options");
    QTest::addColumn<std::vector<TokenId>>("prompt");
    QTest::addColumn<QByteArray>("says");
    const std::vector<TokenId> prompt{1};
    const auto row = [&](const char* name, auto change, const std::vector<TokenId>& ids, const char* says) {
      GenerationOptions options;
      change(options);
      QTest::newRow(name) << options << ids << QByteArray(says);
    };
    row(
        "tokens", [](auto& o) { o.tokens = -1; }, prompt, "tokens is -1");
    row(
        "temperature", [](auto& o) { o.sampling.temperature = -0.5; }, prompt, "temperature is -0.5");
    row(
        "temperature NaN", [](auto& o) { o.sampling.temperature = NAN; }, prompt, "temperature is nan");
    row(
        "top-k", [](auto& o) { o.sampling.top_k = -2; }, prompt, "top_k is -2");
    row(
        "top-p 0", [](auto& o) { o.sampling.top_p = 0; }, prompt, "top_p is 0");
    row(
        "top-p 2", [](auto& o) { o.sampling.top_p = 2; }, prompt, "top_p is 2");
    row(
        "empty prompt", [](auto&) {}, {}, "the prompt is empty");
    row(
        "long prompt", [](auto&) {}, std::vector<TokenId>(96, 1), "96 tokens and the model's context is 96");
  }
  void badOptions() {
    QFETCH(GenerationOptions, options);
    QFETCH(std::vector<TokenId>, prompt);
    QFETCH(QByteArray, says);
    try {
      generate(*model_, {prompt}, options);
      QFAIL("accepted");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::InvalidArgument);
      QVERIFY2(QByteArray(error.what()).contains(says), error.what());
    }
  }
};

QTEST_APPLESS_MAIN(TestGeneration)
#include "test_generation.moc"
