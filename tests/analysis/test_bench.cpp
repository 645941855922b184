#include <QtTest>
#include <nlohmann/json.hpp>

#include "engine/analysis/attention_cost.h"
#include "engine/analysis/bench.h"
#include "engine/base/error.h"
#include "tests/support/golden.h"
#include "tests/support/small_config.h"

using bsbr::BenchModel;
using bsbr::BsbrConfig;
using bsbr::Cost;
using bsbr::LanguageModel;
using bsbr::PartSeconds;
using bsbr::TokenId;
using bsbr::test::tiny_config;

namespace {

std::vector<TokenId> counting(std::int64_t count) {
  std::vector<TokenId> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(TokenId(i % 97));
  return ids;
}

double sum(const PartSeconds& parts) {
  return parts.attention + parts.projections + parts.mlp + parts.head;
}

}  // namespace

class TestBench : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void quantiles() {
    const std::vector<double> values{5, 1, 4, 2, 3};
    QCOMPARE(bsbr::median(values), 3.0);
    QCOMPARE(bsbr::median({4, 1, 3, 2}), 2.5);
    QCOMPARE(bsbr::median({}), 0.0);
    const bsbr::Spread spread = bsbr::spread(values);
    QCOMPARE(spread.low, 2.0);
    QCOMPARE(spread.high, 4.0);
    QCOMPARE(spread.runs, std::size_t(5));
    QCOMPARE(bsbr::quantile({0, 10}, 0.25), 2.5);
  }

  void exponents() {
    const std::vector<double> lengths{1024, 2048, 8192};
    std::vector<double> times;
    for (const double n : lengths) times.push_back(3e-4 * std::pow(n, 1.7));
    QVERIFY(std::abs(bsbr::fit_exponent(lengths, times) - 1.7) < 1e-9);
    QCOMPARE(bsbr::fit_exponent({}, {}), 0.0);
    QCOMPARE(bsbr::fit_exponent(std::span(lengths).first(1), std::span(times).first(1)), 0.0);
  }

  void textIsRepeated() {
    const std::vector<TokenId> text{1, 2, 3};
    QCOMPARE(bsbr::repeated(text, 0, 5), (std::vector<TokenId>{1, 2, 3, 1, 2}));
    QCOMPARE(bsbr::repeated(text, 4, 2), (std::vector<TokenId>{2, 3}));
  }

  /// Every number is there, of each model and length, and the parts fit into the whole.
  void pointsAreWhole_data() {
    QTest::addColumn<QString>("name");
    QTest::newRow("gpt2") << "gpt2-plain";
    QTest::newRow("llama") << "llama-gqa";
  }
  void pointsAreWhole() {
    QFETCH(QString, name);
    const LanguageModel original = golden::model(name.toStdString());
    const LanguageModel converted = original.with_attention(tiny_config());
    const std::vector<BenchModel> models{{"a", &original}, {"b", &converted}};
    bsbr::BenchOptions options;
    options.lengths = {24, 64};
    options.repetitions = 3;
    options.decode_tokens = 4;
    options.predict = true;
    std::vector<std::int64_t> seen;
    options.on_point = [&](const bsbr::BenchPoint& point) { seen.push_back(point.tokens); };
    const bsbr::Bench bench = bsbr::measure_bench(models, counting(40), options);
    QCOMPARE(seen, options.lengths);
    QCOMPARE(bench.points.size(), std::size_t(2));
    for (const bsbr::BenchPoint& point : bench.points) {
      QCOMPARE(point.costs.size(), std::size_t(2));
      for (const Cost& cost : point.costs) {
        QCOMPARE(cost.prefill_ms.runs, std::size_t(3));
        QCOMPARE(cost.decode_ms.runs, std::size_t(3));  // the first of four warms up
        QVERIFY(cost.prefill_ms.low > 0 && cost.prefill_ms.low <= cost.prefill_ms.median);
        QVERIFY(cost.prefill_ms.median <= cost.prefill_ms.high);
        for (const double part : {cost.prefill_parts.attention, cost.prefill_parts.projections,
                                  cost.prefill_parts.mlp, cost.prefill_parts.head}) {
          QVERIFY(part > 0);
        }
        // The mean of three is at most three times their median, whatever the machine does beside.
        QVERIFY(1e3 * sum(cost.prefill_parts) < 3 * cost.prefill_ms.high);
        QVERIFY(cost.cache_bytes > 0 && cost.peak_bytes >= cost.cache_bytes);
      }
      QCOMPARE(point.costs[0].density, 1.0);
      for (const bsbr::PredictedCost& cost : point.predicted)
        QVERIFY(cost.prefill_ms() > 0 && cost.decode_ms() > 0);
    }
    QVERIFY(bench.points[1].costs[1].density < 0.9);
    QVERIFY(bench.points[1].costs[0].cache_bytes > bench.points[0].costs[0].cache_bytes);
    const nlohmann::json json = bench.to_json();
    QCOMPARE(json["lengths"][1]["b"]["prefill_ms"]["median"].get<double>(),
             bench.points[1].costs[1].prefill_ms.median);
    QVERIFY(json["machine"]["threads"].get<int>() >= 1);
  }

  /// Rotary positions go on after the context; embedded ones end there.
  void beyondTheContext() {
    bsbr::BenchOptions options;
    options.lengths = {200};
    options.repetitions = 1;
    options.decode_tokens = 2;
    const LanguageModel llama = golden::model("llama-gqa");
    QVERIFY(llama.config().context < 200);
    const std::vector<BenchModel> rotary{{"original", &llama}};
    QCOMPARE(bsbr::measure_bench(rotary, counting(50), options).points[0].costs[0].decode_ms.runs,
             std::size_t(1));
    const LanguageModel gpt2 = golden::model("gpt2-plain");
    const std::vector<BenchModel> embedded{{"original", &gpt2}};
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, bsbr::measure_bench(embedded, counting(50), options));
    // At the context's end nothing can follow, and that is no error.
    options.lengths = {gpt2.config().context};
    QVERIFY(bsbr::measure_bench(embedded, counting(50), options).points[0].costs[0].prefill_ms.median > 0);
  }

  void attentionAlone() {
    const LanguageModel original = golden::model("llama-gqa");
    const LanguageModel converted = original.with_attention(tiny_config());
    const std::vector<const LanguageModel*> models{&original, &converted};
    const auto costs = bsbr::measure_attention(models, counting(300), {1, 2, 60});
    QCOMPARE(costs.size(), std::size_t(2));
    QCOMPARE(costs[0].density, 1.0);
    const auto& config = original.config();
    QCOMPARE(costs[0].exact_flops, 4.0 * double(config.head_dim * config.heads) * 300 * 301 / 2);
    QVERIFY(costs[0].exact_ms == 0 && costs[1].exact_ms > 0);
    QVERIFY(std::abs(costs[1].exact_flops / costs[0].exact_flops - costs[1].density) < 1e-9);
    QVERIFY(costs[1].density < 0.4);
    for (const auto& cost : costs) QVERIFY(cost.ms.runs == 2 && cost.ms.low > 0 && cost.scratch_bytes > 0);
    QVERIFY_THROWS_EXCEPTION(bsbr::Error,
                             bsbr::measure_attention(models, counting(300), {config.layers, 1, 60}));
  }

  /// A GPT-2 of which everything can be counted by hand.
  void predictionIsArithmetic() {
    const LanguageModel model = golden::model("gpt2-plain");
    const auto& config = model.config();
    const bsbr::Ceilings ceilings{1e9, 2e9, 3e9, 4e9, 5e9};
    const std::int64_t n = 64;
    const bsbr::PredictedCost cost = bsbr::predict_cost(model, ceilings, n, 1);
    const double width = double(config.width), inner = double(config.inner), layers = double(config.layers);
    const auto near = [](double a, double b) { return std::abs(a / b - 1) < 1e-9; };
    QVERIFY(near(cost.prefill.projections, 2 * double(n) * layers * 4 * width * width / 1e9));
    QVERIFY(near(cost.prefill.mlp, 2 * double(n) * layers * 2 * width * inner / 1e9));
    QVERIFY(near(cost.prefill.attention, 4 * layers * width * double(n * (n + 1) / 2) / 2e9));
    QVERIFY(near(cost.decode.head, 4 * double(config.vocabulary) * width / 5e9));
    QCOMPARE(cost.cache_bytes, std::int64_t(8 * layers * width * double(n)));

    BsbrConfig bsbr = tiny_config();
    bsbr.candidate_chunks = 64;
    bsbr.plan.assign(std::size_t(config.layers),
                     std::vector<bsbr::HeadPlan>(std::size_t(config.heads), {0, 0, false}));
    bsbr.plan[0][0] = {8, 0.5, true};
    // Positions 16 … 63 see 1, 2 and 3 far chunks of 8 states.
    QCOMPARE(bsbr::scored_states(bsbr, bsbr.plan[0][0], n), double(16 * 8 * (1 + 2 + 3)));
    const bsbr::PredictedCost sparse = bsbr::predict_cost(model.with_attention(bsbr), ceilings, n, 0.25);
    const double dim = double(config.head_dim);
    QVERIFY(near(sparse.prefill.scoring, 2 * dim * 16 * 8 * 6 / 4e9));
    QVERIFY(near(sparse.prefill.attention - 2 * sparse.prefill.scoring,
                 0.25 * 4 * layers * width * double(n * (n + 1) / 2) / 3e9));
    bsbr.candidate_chunks = 2;  // then the third chunk's position scores two, and three chunk states
    QCOMPARE(bsbr::scored_states(bsbr, bsbr.plan[0][0], n), double(16 * (8 * (1 + 2 + 2) + 3)));
  }

  void ceilingsAreMeasured() {
    const bsbr::Ceilings ceilings = bsbr::measure_ceilings(golden::model("gpt2-plain"));
    for (const double value : {ceilings.product_flops, ceilings.dense_flops, ceilings.sparse_flops,
                               ceilings.state_flops, ceilings.bytes_per_second}) {
      QVERIFY(std::isfinite(value) && value > 1e5);
    }
  }
};

QTEST_APPLESS_MAIN(TestBench)
#include "test_bench.moc"
