#include <QtTest>
#include <nlohmann/json.hpp>

#include "engine/analysis/fidelity_report.h"
#include "engine/base/error.h"
#include "tests/support/golden.h"
#include "tests/support/places.h"
#include "tests/support/small_config.h"

using bsbr::BsbrConfig;
using bsbr::Checkpoint;
using bsbr::Estimate;
using bsbr::HeadFidelity;
using bsbr::LanguageModel;
using bsbr::LengthFidelity;
using bsbr::TokenId;
using bsbr::test::small_config;

class TestFidelityReport : public QObject {
  Q_OBJECT

  std::optional<LanguageModel> demo_;
  std::vector<TokenId> ids_;

 private Q_SLOTS:
  void initTestCase() {
    demo_ = LanguageModel::load(Checkpoint::open(bsbr::test::in_repository("resources/demo")));
    const auto file = bsbr::SafetensorsFile::open(golden::folder("demo-gpt2.safetensors"));
    ids_ = golden::values<TokenId>(file, "input_ids");
  }

  /// Quantiles of t as tables print them.
  void intervals() {
    const auto close = [](double a, double b) { return std::abs(a - b) < 1e-4; };
    const std::vector<double> three{1, 2, 6};
    QVERIFY(close(bsbr::estimate(three).mean, 3));
    QVERIFY(close(*bsbr::estimate(three).margin, 4.30265 * std::sqrt(7.0 / 3)));
    std::vector<double> many;
    for (int i = 0; i < 21; ++i) many.push_back(i);
    QVERIFY(close(bsbr::estimate(many).mean, 10));
    QVERIFY(close(*bsbr::estimate(many).margin, 2.085963 * std::sqrt(38.5 / 21)));
    many.resize(11);
    QVERIFY(close(*bsbr::estimate(many).margin, 2.228139 * std::sqrt(11.0 / 11)));
    const std::vector<double> one{5};
    QCOMPARE(bsbr::estimate(one).mean, 5.0);
    QVERIFY(!bsbr::estimate(one).margin);
    QVERIFY(bsbr::estimate(one).to_json()["margin"].is_null());
    const std::vector<double> same{4, 4};
    QCOMPARE(*bsbr::estimate(same).margin, 0.0);
  }

  /// Each passage is what FidelityMeter says of it alone.
  void passagesAddUp() {
    const LanguageModel converted = demo_->with_attention(small_config());
    const std::vector<std::int64_t> lengths{100, 256};
    const std::vector<LengthFidelity> report =
        bsbr::measure_lengths(*demo_, converted, std::span(ids_).first(512), lengths, {3, 5});
    QCOMPARE(report.size(), std::size_t(2));
    QCOMPARE(report[0].passages, 3);
    QCOMPARE(report[1].passages, 2);
    std::vector<double> ratios, kls, densities, ranges;
    for (std::size_t i = 0; i < 2; ++i) {
      const bsbr::Fidelity alone =
          bsbr::FidelityMeter(*demo_, std::span(ids_).subspan(i * 256, 256), {}, 5).measure(converted);
      ratios.push_back(alone.perplexity_ratio());
      kls.push_back(alone.kl);
      densities.push_back(alone.density);
      ranges.push_back(alone.positions[1].converted);
    }
    const auto equal = [](const Estimate& a, const std::vector<double>& values) {
      const Estimate b = bsbr::estimate(values);
      return a.mean == b.mean && a.margin == b.margin;
    };
    QVERIFY(equal(report[1].perplexity_ratio, ratios));
    QVERIFY(equal(report[1].kl, kls));
    QVERIFY(equal(report[1].density, densities));
    QVERIFY(equal(report[1].positions[1].converted, ranges));
    QCOMPARE(report[1].positions.front().from, 5);
    QCOMPARE(report[1].positions.back().to, 256);

    double density = 0, of_layers = 0;
    for (const HeadFidelity& head : report[1].heads) {
      density += head.density / double(report[1].heads.size());
      QVERIFY(head.error > 1e-4 && head.error < 1);
      QVERIFY(head.lost_mass > 1e-4 && head.lost_mass < 1 - head.density / 2);
    }
    QVERIFY(std::abs(density - report[1].density.mean) < 1e-9);
    QCOMPARE(report[1].layers().size(), std::size_t(4));
    for (const bsbr::LayerFidelity& layer : report[1].layers()) of_layers += layer.density / 4;
    QVERIFY(std::abs(of_layers - density) < 1e-9);
  }

  /// Where everything is read exactly, nothing is lost in any head.
  void denseLimit() {
    BsbrConfig all = small_config();
    all.retrieve = 2048;
    all.candidate_chunks = 64;
    const std::vector<std::int64_t> length{300};
    const LengthFidelity report =
        bsbr::measure_lengths(*demo_, demo_->with_attention(all), ids_, length, {1}).front();
    QCOMPARE(report.heads.size(), std::size_t(16));
    QVERIFY(!report.kl.margin);
    for (const HeadFidelity& head : report.heads) {
      QCOMPARE(head.density, 1.0);
      QCOMPARE(head.lost_mass, 0.0);
      QVERIFY2(head.error < 1e-4, qPrintable(QString::number(head.error)));
    }
  }

  /// A head that drops its far past loses what another, which reads it all, does not.
  void headsAreToldApart() {
    BsbrConfig config = small_config();
    config.candidate_chunks = 64;
    config.plan.assign(4, std::vector<bsbr::HeadPlan>(4, {2048, 0, true}));
    config.plan[1][2] = {0, 0, false};
    const std::vector<std::int64_t> length{400};
    const LengthFidelity report =
        bsbr::measure_lengths(*demo_, demo_->with_attention(config), ids_, length, {1}).front();
    for (const HeadFidelity& head : report.heads) {
      const bool cut = head.layer == 1 && head.head == 2;
      QCOMPARE(head.lost_mass > 0.01, cut);
      QCOMPARE(head.error > 0.01, cut);
      QCOMPARE(head.density < 0.5, cut);
    }
  }

  void refuses() {
    const LanguageModel converted = demo_->with_attention(small_config());
    const auto refused = [&](const LanguageModel& model, std::int64_t length,
                             const bsbr::PassageOptions& options) {
      try {
        const std::vector<std::int64_t> lengths{length};
        (void)bsbr::measure_lengths(*demo_, model, std::span(ids_).first(100), lengths, options);
        return false;
      } catch (const bsbr::Error& error) {
        return error.kind() == bsbr::ErrorKind::InvalidArgument;
      }
    };
    QVERIFY(refused(converted, 101, {}));
    QVERIFY(refused(converted, 1, {}));
    QVERIFY(refused(converted, 50, {0, 1}));
    QVERIFY(refused(converted, 50, {1, 50}));
    QVERIFY(refused(demo_->with_attention(std::nullopt), 50, {}));
    QVERIFY(!refused(converted, 50, {}));
  }
};

QTEST_APPLESS_MAIN(TestFidelityReport)
#include "test_fidelity_report.moc"
