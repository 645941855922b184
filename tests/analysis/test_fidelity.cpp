#include <QtTest>
#include <nlohmann/json.hpp>

#include "engine/analysis/comparison.h"
#include "engine/base/error.h"
#include "engine/base/statistics.h"
#include "tests/support/golden.h"
#include "tests/support/places.h"

using bsbr::BsbrConfig;
using bsbr::Checkpoint;
using bsbr::Fidelity;
using bsbr::LanguageModel;
using bsbr::TokenId;

class TestFidelity : public QObject {
  Q_OBJECT

  std::optional<LanguageModel> demo_;
  std::vector<TokenId> ids_;
  std::vector<float> losses_;

 private Q_SLOTS:
  void initTestCase() {
    demo_ = LanguageModel::load(Checkpoint::open(bsbr::test::in_repository("resources/demo")));
    const auto file = bsbr::SafetensorsFile::open(golden::folder("demo-gpt2.safetensors"));
    ids_ = golden::values<TokenId>(file, "input_ids");
    losses_ = golden::values<float>(file, "nll");
  }

  /// Perplexities against the losses that transformers computes for each token.
  void perplexityEqualsTransformers() {
    BsbrConfig all;
    all.retrieve = 2048;
    const Fidelity fidelity = bsbr::measure_fidelity(*demo_, demo_->with_attention(all), ids_);
    const auto expected = [&](std::int64_t from, std::int64_t to) {
      double sum = 0;
      for (std::int64_t i = from; i < to; ++i) sum += losses_[std::size_t(i - 1)];
      return std::exp(sum / double(to - from));
    };
    const auto tokens = std::int64_t(ids_.size());
    QVERIFY(std::abs(fidelity.original_perplexity / expected(1, tokens) - 1) < 1e-4);
    std::int64_t next = 1;
    for (const bsbr::PositionRange& range : fidelity.positions) {
      QCOMPARE(range.from, next);
      QVERIFY(std::abs(range.original / expected(range.from, range.to) - 1) < 1e-4);
      next = range.to;
    }
    QCOMPARE(next, tokens);
    QVERIFY(std::abs(fidelity.perplexity_ratio() - 1) < 1e-5);
    QVERIFY(fidelity.kl < 1e-6);
    QVERIFY(fidelity.top1_agreement > 0.999);
    QCOMPARE(fidelity.density, 1.0);
  }

  /// What the conversion is for: it keeps what the model predicts, and forgetting the past would not.
  void conversionKeepsWhatTheModelKnows() {
    const Fidelity converted = bsbr::measure_fidelity(*demo_, demo_->with_attention(BsbrConfig{}), ids_);
    QVERIFY2(converted.kl < 0.01, qPrintable(QString::number(converted.kl)));
    QVERIFY(converted.kl > 0);
    QVERIFY(std::abs(converted.perplexity_ratio() - 1) < 0.01);
    QVERIFY(converted.top1_agreement > 0.95);
    QVERIFY(converted.density > 0.45 && converted.density < 0.55);

    BsbrConfig coarse;
    coarse.retrieve = 0;
    coarse.window = 0;
    coarse.block_size = 128;
    coarse.compression_factor = 128;
    QVERIFY(bsbr::measure_fidelity(*demo_, demo_->with_attention(coarse), ids_).kl > 5 * converted.kl);
  }

  void tooShort() {
    const std::vector<TokenId> one{1};
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, bsbr::measure_fidelity(*demo_, *demo_, one));
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, bsbr::measure_fidelity(*demo_, *demo_, {}));
    const std::vector<TokenId> two{1, 2};
    QCOMPARE(bsbr::measure_fidelity(*demo_, *demo_, two).positions.size(), std::size_t(1));
  }

  void costIsMeasured() {
    const std::vector<TokenId> ids(ids_.begin(), ids_.begin() + 256);
    const LanguageModel converted = demo_->with_attention(BsbrConfig{});
    const bsbr::Comparison comparison = bsbr::compare(*demo_, converted, ids);
    for (const bsbr::Cost& cost : {comparison.original, comparison.converted}) {
      QVERIFY(cost.prefill_ms.median > 0);
      QVERIFY(cost.decode_ms.median > 0);
      QVERIFY(cost.cache_bytes >= std::int64_t{256} * 256 * 4 * 2 * 4);
      QVERIFY(cost.cache_bytes < cost.peak_bytes);
      // At least the residual stream and the keys and values of four layers.
      QVERIFY(cost.peak_bytes > std::int64_t{256} * 256 * 4 * 9);
    }
    const auto json = comparison.to_json();
    QCOMPARE(json["tokens"].get<int>(), 256);
    QCOMPARE(json["original"]["peak_bytes"].get<std::int64_t>(), comparison.original.peak_bytes);
  }

  void cancelled() {
    bsbr::CancelToken token;
    bsbr::Job job;
    job.cancel = &token;
    int reports = 0;
    job.progress = [&](std::string_view, double fraction) {
      QVERIFY(fraction >= 0 && fraction <= 1);
      if (++reports == 3) token.cancel();
    };
    try {
      bsbr::measure_fidelity(*demo_, *demo_, ids_, job);
      QFAIL("went on");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::Cancelled);
    }
    QCOMPARE(reports, 3);
  }

  void median() {
    QCOMPARE(bsbr::median({}), 0.0);
    QCOMPARE(bsbr::median({3, 1, 2}), 2.0);
    QCOMPARE(bsbr::median({4, 1, 2, 3}), 2.5);
  }
};

QTEST_APPLESS_MAIN(TestFidelity)
#include "test_fidelity.moc"
