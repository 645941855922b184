#include <QtTest>

#include <nlohmann/json.hpp>
#include <set>

#include "engine/base/error.h"
#include "engine/conversion/head_options.h"
#include "engine/conversion/planner.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "engine/model/torch_border.h"
#include "tests/support/places.h"
#include "tests/support/resource_text.h"
#include "tests/support/smollm2.h"

using bsbr::BsbrConfig;
using bsbr::Checkpoint;
using bsbr::HeadOption;
using bsbr::HeadPlan;
using bsbr::LanguageModel;
using bsbr::Plan;
using bsbr::TokenId;

class TestPlanner : public QObject {
  Q_OBJECT

  std::optional<LanguageModel> demo_;
  std::optional<bsbr::Tokenizer> tokenizer_;
  std::vector<TokenId> calibration_, check_;
  BsbrConfig base_;

  [[nodiscard]] bsbr::PlanTexts texts() const {
    return bsbr::plan_texts(*tokenizer_, calibration_, check_, base_.chunk_size);
  }

  [[nodiscard]] Plan plan(const bsbr::PlanTarget& target, const bsbr::Job& job = {}) const {
    return bsbr::make_plan(*demo_, base_, texts(), target, job);
  }

 private Q_SLOTS:
  void initTestCase() {
    const Checkpoint checkpoint = Checkpoint::open(bsbr::test::in_repository("resources/demo"));
    demo_ = LanguageModel::load(checkpoint);
    tokenizer_ = bsbr::open_tokenizer(checkpoint);
    calibration_ = bsbr::test::resource_tokens(*tokenizer_, "calibration/plan.txt", 2048);
    check_ = bsbr::test::resource_tokens(*tokenizer_, "demo/sample.txt", 2048);
    base_.retrieve = 0;
  }

  /// The options' own estimates: falling thresholds read more and lose less, and everything loses nothing.
  void optionsAreOrdered() {
    std::vector<std::vector<HeadOption>> layer;
    bsbr::at_torch_border([&] {
      const bsbr::Decoder& decoder = demo_->decoder();
      bsbr::Decoder::Options options;
      options.on_attention = [&](const bsbr::AttentionInput& input) {
        if (input.layer != 2) return;
        layer = bsbr::measure_options(input, decoder.attention_shape(),
                                      decoder.weights().layers[2].attention_out, base_);
      };
      (void)decoder.forward({{calibration_.begin(), calibration_.end()}, {2048}}, options);
      return 0;
    });
    QCOMPARE(layer.size(), std::size_t(4));
    for (const auto& head : layer) {
      for (std::size_t i = 1; i < head.size(); ++i) {
        const HeadOption& before = head[i - 1];
        const HeadOption& option = head[i];
        QVERIFY(option.error >= 0 && option.pairs > 0);
        if (before.plan.states != option.plan.states || option.plan.retrieve > 2048) continue;
        QVERIFY(option.plan.threshold < before.plan.threshold || before.plan.retrieve == 0);
        QVERIFY(option.pairs >= before.pairs);
      }
      // What is dropped is lost; what is read through states is nearly kept.
      QVERIFY(head.front().plan == (HeadPlan{0, 0, false}));
      QVERIFY(head.back().error == 0);
      QVERIFY(head.front().error > head[head.size() - 2].error);
    }
  }

  void meetsADensity() {
    for (const double density : {0.1, 0.3}) {
      const Plan made = plan({density, {}});
      QVERIFY2(made.check.density <= density && made.check.density > 0.9 * density,
               qPrintable(QString::number(made.check.density)));
      // What the plan promises is what the model does.
      const bsbr::Fidelity again = bsbr::measure_fidelity(*demo_, demo_->with_attention(made.config), check_);
      QCOMPARE(again.density, made.check.density);
      QCOMPARE(again.kl, made.check.kl);
    }
  }

  void meetsAQuality() {
    const Plan good = plan({{}, 0.002});
    const Plan fair = plan({{}, 0.01});
    QVERIFY(good.check.kl <= 0.002 && fair.check.kl <= 0.01);
    QVERIFY2(fair.check.density < good.check.density, "less quality must cost less");
  }

  /// It is what a plan is for: at the same density, less is lost than with one budget for all heads.
  void beatsOneBudgetForAll() {
    BsbrConfig uniform;
    uniform.retrieve = 64;
    const bsbr::Fidelity one = bsbr::measure_fidelity(*demo_, demo_->with_attention(uniform), check_);
    const Plan made = plan({one.density, {}});
    QVERIFY2(made.check.kl < one.kl,
             qPrintable(QString("planned %1, uniform %2").arg(made.check.kl).arg(one.kl)));
  }

  /// The demo cannot recall, so recall changes nothing.
  void recallThatIsNotThere() {
    QVERIFY(!texts().recall.passages.empty() && !texts().recall_check.passages.empty());
    bsbr::PlanTexts without = texts();
    without.recall = without.recall_check = {};
    const Plan made = plan({0.3, {}});
    QVERIFY(!made.recall);
    QVERIFY(bsbr::make_plan(*demo_, base_, without, {0.3, {}}).config == made.config);
  }

  /// For a model that can, recall takes its share of the budget.
  void recallIsKept() {
    if (!std::filesystem::exists(bsbr::test::smollm2()))
      QSKIP("SmolLM2 is not in the cache; run resources/setup/smollm2");
    const Checkpoint checkpoint = Checkpoint::open(bsbr::test::smollm2());
    const LanguageModel smollm2 = LanguageModel::load(checkpoint);
    const bsbr::Tokenizer tokenizer = bsbr::open_tokenizer(checkpoint);
    const auto tokens = [&](const char* file) { return bsbr::test::resource_tokens(tokenizer, file, 512); };
    BsbrConfig base = base_;
    base.chunk_size = 64;
    bsbr::PlanTexts texts =
        bsbr::plan_texts(tokenizer, tokens("calibration/plan.txt"), tokens("demo/sample.txt"), 64);
    const bsbr::RecallMeter meter(smollm2, texts.recall_check);
    const auto lost = [&](const BsbrConfig& config) {
      return meter.measure(smollm2.with_attention(config)).worst();
    };
    const bsbr::Planner planner(smollm2, base, texts);
    const double with = lost(planner.unchecked(0.3));
    bsbr::PlanTexts no_recall = texts;
    no_recall.recall = no_recall.recall_check = {};
    const double without = lost(bsbr::Planner(smollm2, base, no_recall).unchecked(0.3));
    QVERIFY2(with < without / 2 && without > 0.1, qPrintable(QString("%1, else %2").arg(with).arg(without)));

    const Plan made = planner.make({0.99, {}});
    QVERIFY(made.recall);
    QCOMPARE(made.recall->worst(), lost(made.config));
  }

  void sameEveryTime() {
    const Plan once = plan({0.2, {}});
    const Plan again = plan({0.2, {}});
    QVERIFY(once.config == again.config);
    // … and survives being stored.
    QVERIFY(BsbrConfig::from_json(nlohmann::json::parse(once.config.to_json().dump())) == once.config);
  }

  void refusesWhatCannotBe() {
    const auto fails = [&](const bsbr::PlanTarget& target, const char* word) {
      try {
        (void)plan(target);
        return false;
      } catch (const bsbr::Error& error) {
        return error.kind() == bsbr::ErrorKind::InvalidArgument &&
               std::string(error.what()).find(word) != std::string::npos;
      }
    };
    QVERIFY(fails({0.001, {}}, "cannot be reached"));
    QVERIFY(fails({0.0, {}}, "density"));
    QVERIFY(fails({{}, -1.0}, "quality"));
    QVERIFY(fails({}, "one target"));
    bsbr::PlanTexts little = texts();
    little.calibration.resize(200);
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, (void)bsbr::make_plan(*demo_, base_, little, {0.2, {}}));
  }

  void cancels() {
    bsbr::CancelToken token;
    bsbr::Job job;
    job.cancel = &token;
    std::set<std::string> stages;
    job.progress = [&](std::string_view stage, double) {
      stages.insert(std::string(stage));
      if (stages.size() == 3) token.cancel();
    };
    try {
      (void)plan({0.2, {}}, job);
      QFAIL("went on");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::Cancelled);
    }
  }

  void planOfAnotherModelIsRefused() {
    BsbrConfig config = base_;
    config.plan = {3, std::vector<HeadPlan>(4)};
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, (void)demo_->with_attention(config));
    config.plan = {4, std::vector<HeadPlan>(5)};
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, (void)demo_->with_attention(config));
  }

  void damagedPlans_data() {
    QTest::addColumn<QString>("plan");
    QTest::addColumn<QString>("word");
    const auto row = [](const char* name, const char* plan, const char* word) {
      QTest::newRow(name) << QString(plan) << QString(word);
    };
    const char* good = "{'retrieve':[[16]],'threshold':[[0.5]],'states':[[true]]}";
    row("good", good, "");
    row("no object", "[]", "object");
    row("table missing", "{'retrieve':[[16]],'states':[[true]]}", "threshold");
    row("unknown table", "{'retrieve':[[16]],'threshold':[[0.5]],'states':[[true]],'x':1}", "unknown");
    row("layers differ", "{'retrieve':[[16],[16]],'threshold':[[0.5]],'states':[[true]]}", "1 layers");
    row("heads differ", "{'retrieve':[[16]],'threshold':[[0.5, 0.5]],'states':[[true]]}", "2 heads");
    row("no list", "{'retrieve':[16],'threshold':[[0.5]],'states':[[true]]}", "list");
    row("text for a number", "{'retrieve':[['16']],'threshold':[[0.5]],'states':[[true]]}", "integer");
    row("null", "{'retrieve':[[16]],'threshold':[[null]],'states':[[true]]}", "number");
    row("number for a truth", "{'retrieve':[[16]],'threshold':[[0.5]],'states':[[1]]}", "true or false");
    row("no layers", "{'retrieve':[],'threshold':[],'states':[]}", "empty");
    row("huge", "{'retrieve':[[1e30]],'threshold':[[0.5]],'states':[[true]]}", "integer");
    row("threshold over 1", "{'retrieve':[[16]],'threshold':[[1.5]],'states':[[true]]}", "threshold");
    row("retrieve negative", "{'retrieve':[[-16]],'threshold':[[0.5]],'states':[[true]]}", "retrieve");
  }
  void damagedPlans() {
    QFETCH(QString, plan);
    QFETCH(QString, word);
    nlohmann::json json = base_.to_json();
    json["plan"] = nlohmann::json::parse(plan.replace('\'', '"').toStdString());
    std::string message;
    try {
      BsbrConfig::from_json(json).validate(2048);
    } catch (const bsbr::Error& error) {
      message = error.what();
    }
    QCOMPARE(message.empty(), word.isEmpty());
    QVERIFY2(message.find(word.toStdString()) != std::string::npos, message.c_str());
  }
};

QTEST_APPLESS_MAIN(TestPlanner)
#include "test_planner.moc"
