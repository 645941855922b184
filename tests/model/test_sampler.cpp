#include <QtTest>

#include <cmath>
#include <limits>
#include <map>

#include "engine/model/sampler.h"

using bsbr::Sampler;
using bsbr::SamplingOptions;
using bsbr::TokenId;

namespace {

constexpr float kInfinite = std::numeric_limits<float>::infinity();

}  // namespace

/// Logits that are infinite: damaged weights make them, and masks.
class TestSampler : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void infiniteLogits_data() {
    QTest::addColumn<std::vector<float>>("logits");
    QTest::addColumn<std::vector<TokenId>>("taken");  // all as likely
    QTest::newRow("one above") << std::vector{1.0F, kInfinite, 2.0F} << std::vector<TokenId>{1};
    QTest::newRow("two above") << std::vector{kInfinite, 0.0F, kInfinite, NAN} << std::vector<TokenId>{0, 2};
    QTest::newRow("one finite") << std::vector{-kInfinite, -kInfinite, -3.0F} << std::vector<TokenId>{2};
    QTest::newRow("all below") << std::vector{-kInfinite, -kInfinite, -kInfinite}
                               << std::vector<TokenId>{0, 1, 2};
    QTest::newRow("above and below") << std::vector{-kInfinite, kInfinite} << std::vector<TokenId>{1};
    QTest::newRow("largest numbers") << std::vector{3e38F, -3e38F, 3e38F} << std::vector<TokenId>{0, 2};
  }
  void infiniteLogits() {
    QFETCH(std::vector<float>, logits);
    QFETCH(std::vector<TokenId>, taken);
    for (const double temperature : {1e-300, 0.7, 1e300}) {
      // At 1e300 all finite logits are alike.
      if (temperature > 1 && std::isfinite(logits.front())) continue;
      SamplingOptions options;
      options.temperature = temperature;
      Sampler sampler(options);
      std::map<TokenId, int> seen;
      constexpr int kDraws = 3000;
      for (int i = 0; i < kDraws; ++i) ++seen[sampler.next(logits)];
      QCOMPARE(seen.size(), taken.size());
      const double p = 1.0 / static_cast<double>(taken.size());
      for (const TokenId id : taken)
        QVERIFY(std::abs(seen[id] / double(kDraws) - p) <= 5 * std::sqrt(p * (1 - p) / kDraws));
    }
    Sampler greedy({});
    QCOMPARE(greedy.next(logits), taken.front());
  }

  void withTopKAndTopP() {
    const std::vector<float> logits{kInfinite, 0, kInfinite, kInfinite, -kInfinite};
    SamplingOptions options;
    options.temperature = 1;
    options.top_k = 2;
    Sampler two(options);
    for (int i = 0; i < 100; ++i) {
      const TokenId id = two.next(logits);
      QVERIFY(id == 0 || id == 2);
    }
    options.top_k = 0;
    options.top_p = 0.1;
    Sampler first(options);
    for (int i = 0; i < 100; ++i) QCOMPARE(first.next(logits), TokenId(0));
    QCOMPARE(first.next(std::vector<float>{-kInfinite, -kInfinite}), TokenId(0));
    options.top_p = std::numeric_limits<double>::denorm_min();
    Sampler least(options);
    QCOMPARE(least.next(std::vector<float>{1, 2, 3}), TokenId(2));
  }
};

QTEST_APPLESS_MAIN(TestSampler)
#include "test_sampler.moc"
