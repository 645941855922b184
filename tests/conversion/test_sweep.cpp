#include <QtTest>
#include <nlohmann/json.hpp>

#include "engine/analysis/cost.h"
#include "engine/base/error.h"
#include "engine/conversion/sweep.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "tests/support/places.h"
#include "tests/support/resource_text.h"

using bsbr::BsbrConfig;
using bsbr::Checkpoint;
using bsbr::LanguageModel;
using bsbr::PlanTexts;
using bsbr::Sweep;
using bsbr::SweepKind;
using bsbr::SweepOptions;
using bsbr::SweepPoint;
using bsbr::TokenId;

namespace {

SweepPoint point(double density, double kl, std::int64_t bytes) {
  SweepPoint result{SweepKind::Uniform, 0, {}, {}, bytes};
  result.fidelity.density = density;
  result.fidelity.kl = kl;
  return result;
}

}  // namespace

class TestSweep : public QObject {
  Q_OBJECT

  std::optional<LanguageModel> demo_;
  std::vector<TokenId> ids_;
  PlanTexts texts_;
  BsbrConfig base_;

  [[nodiscard]] Sweep sweep(const SweepOptions& options,
                            const std::function<void(const SweepPoint&)>& on_point = {},
                            const bsbr::Job& job = {}) const {
    return bsbr::sweep(*demo_, base_, texts_, ids_, options, on_point, job);
  }

 private Q_SLOTS:
  void initTestCase() {
    const Checkpoint checkpoint = Checkpoint::open(bsbr::test::in_repository("resources/demo"));
    demo_ = LanguageModel::load(checkpoint);
    const bsbr::Tokenizer tokenizer = bsbr::open_tokenizer(checkpoint);
    ids_ = bsbr::test::resource_tokens(tokenizer, "demo/sample.txt", 512);
    base_.chunk_size = 32;
    base_.block_size = 8;
    texts_ = bsbr::plan_texts(tokenizer, bsbr::test::resource_tokens(tokenizer, "calibration/plan.txt", 512),
                              {}, 32);
  }

  /// Each point is what its configuration gives, in the order in which they are told.
  void points() {
    std::vector<std::string> told;
    // 12 is no multiple of a block, 512 all of the text, 16 more than a block, 0.01 less than what is near.
    const Sweep result = sweep({{0, 12, 64, 512}, {0.01, 0.3, 0.5}, {1, 2, 8, 16}, 5},
                               [&](const SweepPoint& one) { told.push_back(one.name()); });
    QCOMPARE(told, (std::vector<std::string>{"uniform, 0 tokens", "uniform, 64 tokens", "states only, 1/1",
                                             "states only, 1/2", "states only, 1/8", "planned, 30 %",
                                             "planned, 50 %"}));
    QCOMPARE(result.points.size(), told.size());
    QCOMPARE(result.tokens, 512);
    const bsbr::FidelityMeter meter(*demo_, ids_, {}, 5);
    const std::array<const LanguageModel*, 1> original{&*demo_};
    QCOMPARE(result.original_cache_bytes, bsbr::measure_cost(original, ids_, {1, 0})[0].cache_bytes);
    for (std::size_t i = 0; i < told.size(); ++i) {
      const SweepPoint& one = result.points[i];
      QCOMPARE(one.name(), told[i]);
      const LanguageModel converted = demo_->with_attention(one.config);
      const bsbr::Fidelity alone = meter.measure(converted);
      QCOMPARE(one.fidelity.density, alone.density);
      QVERIFY(std::abs(one.fidelity.kl - alone.kl) < 1e-6);
      QCOMPARE(result.original_perplexity, alone.original_perplexity);
      const std::array<const LanguageModel*, 1> model{&converted};
      QCOMPARE(one.cache_bytes, bsbr::measure_cost(model, ids_, {1, 0})[0].cache_bytes);
    }
    const auto& at = result.points;
    QVERIFY(at[0].fidelity.density < at[1].fidelity.density && at[0].fidelity.kl > at[1].fidelity.kl);
    QVERIFY(at[3].cache_bytes > at[4].cache_bytes && at[4].cache_bytes < result.original_cache_bytes);
    QVERIFY(at[3].fidelity.kl < at[4].fidelity.kl);
    QVERIFY(std::abs(at[5].fidelity.density - 0.3) < 0.05 && std::abs(at[6].fidelity.density - 0.5) < 0.05);
    QVERIFY(!at[5].config.plan.empty());

    const auto json = result.to_json();
    QCOMPARE(json["points"].size(), told.size());
    QCOMPARE(json["points"][1]["name"].get<std::string>(), told[1]);
    QCOMPARE(json["points"][1]["setting"].get<int>(), 64);
    QCOMPARE(json["points"][1]["kl"].get<double>(), at[1].fidelity.kl);
  }

  /// Less of everything wins; equal ones both stay.
  void pareto() {
    Sweep some{100, 10, 1000, {}};
    some.points = {point(0.2, 0.01, 500), point(0.3, 0.005, 500), point(0.3, 0.01, 500),
                   point(0.2, 0.02, 400), point(0.2, 0.02, 450),  point(0.2, 0.01, 500)};
    QCOMPARE(some.pareto(), (std::vector<bool>{true, true, false, true, false, true}));
    QVERIFY(some.to_json()["points"][3]["pareto"].get<bool>());
    QVERIFY(!some.to_json()["points"][4]["pareto"].get<bool>());
  }

  /// A calibration text in which nothing is far plans nothing.
  void withoutPlans() {
    PlanTexts little = texts_;
    little.calibration.resize(64);
    const Sweep result = bsbr::sweep(*demo_, base_, little, ids_, {{0}, {0.3}, {}});
    QCOMPARE(result.points.size(), std::size_t(1));
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, (void)sweep({{}, {1.5}, {}}));
  }

  void cancels() {
    bsbr::CancelToken token;
    bsbr::Job job;
    job.cancel = &token;
    int told = 0;
    try {
      (void)sweep(
          {{0, 64, 128}, {}, {}},
          [&](const SweepPoint&) {
            if (++told == 2) token.cancel();
          },
          job);
      QFAIL("went on");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::Cancelled);
    }
    QCOMPARE(told, 2);
  }
};

QTEST_APPLESS_MAIN(TestSweep)
#include "test_sweep.moc"
