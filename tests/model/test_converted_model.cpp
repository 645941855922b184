#include <QtTest>

#include <random>

#include "engine/base/error.h"
#include "engine/model/generation.h"
#include "tests/support/golden.h"
#include "tests/support/small_config.h"

using bsbr::BsbrConfig;
using bsbr::Checkpoint;
using bsbr::LanguageModel;
using bsbr::TokenBatch;
using bsbr::TokenId;

namespace {

constexpr std::int64_t kContext = 96;
constexpr std::int64_t kVocabulary = 211;

BsbrConfig config() {
  BsbrConfig config = bsbr::test::tiny_config();
  config.window = 1;
  return config;
}

/// The lengths that the design asks for: 1, b-1, b, C-1, C, C+1, 3C+5, all positions.
const std::vector<std::int64_t> kLengths{1, 3, 4, 15, 16, 17, 53, kContext};

std::vector<TokenId> tokens(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<TokenId> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(static_cast<TokenId>(random() % kVocabulary));
  return ids;
}

std::vector<float> logits(const LanguageModel& model, const std::vector<TokenId>& ids) {
  return model.logits({1, static_cast<std::int64_t>(ids.size()), ids, {}});
}

}  // namespace

/// What must hold of a conversion, on whole models: the dense limit, causality, decoding, padding.
class TestConvertedModel : public QObject {
  Q_OBJECT

  std::optional<LanguageModel> dense_, converted_;

 private Q_SLOTS:
  /// Every test runs for each of these.
  void initTestCase_data() {
    QTest::addColumn<QString>("checkpoint");
    for (const char* name : {"gpt2-plain", "llama-gqa", "qwen2"}) QTest::newRow(name) << QString(name);
  }
  void init() {
    QFETCH_GLOBAL(QString, checkpoint);
    dense_ = golden::model(checkpoint.toStdString());
    converted_ = dense_->with_attention(config());
  }

  void denseLimit() {
    BsbrConfig all = config();
    all.retrieve = kContext;
    const LanguageModel limit = dense_->with_attention(all);
    for (const std::int64_t n : kLengths) {
      const auto ids = tokens(n, 1);
      const double error = golden::relative_error(logits(limit, ids), logits(*dense_, ids));
      QVERIFY2(error < 1e-4, qPrintable(QString("n %1: %2").arg(n).arg(error)));
    }
  }

  /// Up to the near zone nothing is left out; beyond it the conversion must be at work, or the other tests
  /// say nothing.
  void differsFromDenseBeyondNear() {
    const auto ids = tokens(kContext, 2);
    const auto dense = logits(*dense_, ids);
    const auto converted = logits(*converted_, ids);
    const auto near = static_cast<std::size_t>(2 * 16 * kVocabulary);
    QVERIFY(golden::relative_error({converted.begin(), converted.begin() + near},
                                   {dense.begin(), dense.begin() + near}) < 1e-5);
    QVERIFY(golden::relative_error(converted, dense) > 1e-3);
  }

  void causality() {
    for (const std::int64_t n : kLengths) {
      const auto ids = tokens(n, 3);
      const auto before = logits(*converted_, ids);
      for (const std::int64_t t : {std::int64_t(0), n / 2, n - 1}) {
        auto changed = ids;
        changed[std::size_t(t)] = (changed[std::size_t(t)] + 1) % kVocabulary;
        const auto after = logits(*converted_, changed);
        QVERIFY(std::equal(after.begin(), after.begin() + t * kVocabulary, before.begin()));
        QVERIFY(!std::equal(after.begin() + t * kVocabulary, after.end(), before.begin() + t * kVocabulary));
      }
    }
  }

  /// A batch whose rows have the lengths above, padded on either side.
  void padding() {
    for (const bool left : {false, true}) {
      const auto rows = static_cast<std::int64_t>(kLengths.size());
      TokenBatch batch{rows, kContext, std::vector<TokenId>(std::size_t(rows * kContext), 0),
                       std::vector<std::int64_t>(std::size_t(rows * kContext), 0)};
      for (std::int64_t r = 0; r < rows; ++r) {
        const auto ids = tokens(kLengths[std::size_t(r)], unsigned(10 + r));
        const std::int64_t at = r * kContext + (left ? kContext - std::int64_t(ids.size()) : 0);
        std::copy(ids.begin(), ids.end(), batch.ids.begin() + at);
        std::fill_n(batch.mask.begin() + at, ids.size(), 1);
      }
      const auto all = converted_->logits(batch);
      for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t n = kLengths[std::size_t(r)];
        const auto begin = all.begin() + (r * kContext + (left ? kContext - n : 0)) * kVocabulary;
        const double error = golden::relative_error({begin, begin + n * kVocabulary},
                                                    logits(*converted_, tokens(n, unsigned(10 + r))));
        QVERIFY2(error < 1e-4, qPrintable(QString("row of %1, left %2: %3").arg(n).arg(left).arg(error)));
      }
    }
  }

  /// Greedy decoding with the cache takes the token that a prefill of everything so far ranks first, at every
  /// step.
  void decodingEqualsPrefill() {
    for (const LanguageModel* model : {&*dense_, &*converted_}) {
      for (const std::int64_t n : {1, 3, 4, 15, 16, 17, 53}) {
        const auto prompt = tokens(n, 4);
        bsbr::GenerationOptions options;
        options.tokens = kContext - n;
        const auto made = bsbr::generate(*model, {prompt}, options).front();
        QCOMPARE(std::int64_t(made.size()), kContext - n);
        auto all = prompt;
        all.insert(all.end(), made.begin(), made.end());
        const auto whole = logits(*model, all);
        for (std::int64_t i = n; i < kContext; ++i) {
          const auto row = whole.begin() + (i - 1) * kVocabulary;
          const float best = *std::max_element(row, row + kVocabulary);
          const float taken = row[all[std::size_t(i)]];
          QVERIFY2(best - taken <= 1e-4F * std::abs(best),
                   qPrintable(QString("%1, prompt of %2, token %3: best %4, taken %5")
                                  .arg(model == &*dense_ ? "dense" : "converted")
                                  .arg(n)
                                  .arg(i)
                                  .arg(best)
                                  .arg(taken)));
        }
      }
    }
  }

  void sameBits() {
    const auto ids = tokens(kContext, 5);
    const auto once = logits(*converted_, ids);
    for (int i = 0; i < 3; ++i) QVERIFY(logits(*converted_, ids) == once);
  }

  void settingsOutOfRange() {
    BsbrConfig bad = config();
    bad.chunk_size = 256;
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, (void)dense_->with_attention(bad));
  }
};

QTEST_APPLESS_MAIN(TestConvertedModel)
#include "test_converted_model.moc"
