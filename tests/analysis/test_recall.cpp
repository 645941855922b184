#include <QtTest>
#include <nlohmann/json.hpp>

#include "engine/analysis/recall.h"
#include "engine/analysis/recall_meter.h"
#include "engine/analysis/recall_text.h"
#include "engine/base/json_file.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "tests/support/places.h"
#include "tests/support/smollm2.h"

using bsbr::BsbrConfig;
using bsbr::Checkpoint;
using bsbr::LanguageModel;
using bsbr::Recall;
using bsbr::Tokenizer;

namespace {

const std::string kText =
    bsbr::read_text_file(bsbr::test::in_repository("resources/demo/sample.txt"), std::uint64_t{1} << 20);

struct Model {
  explicit Model(const std::string& path)
      : checkpoint(Checkpoint::open(path)),
        model(LanguageModel::load(checkpoint)),
        tokenizer(bsbr::open_tokenizer(checkpoint)) {}

  [[nodiscard]] Recall recall(const LanguageModel& converted, const bsbr::RecallOptions& options,
                              const std::string& text = kText, const bsbr::Job& job = {}) const {
    return bsbr::measure_recall(model, converted, tokenizer, text, tokenizer.encode(text), options, job);
  }

  Checkpoint checkpoint;
  LanguageModel model;
  Tokenizer tokenizer;
};

}  // namespace

class TestRecall : public QObject {
  Q_OBJECT

  std::optional<Model> demo_;

 private Q_SLOTS:
  void initTestCase() { demo_.emplace(bsbr::test::in_repository("resources/demo")); }

  void words() {
    QCOMPARE(
        bsbr::words_of("The whale, the Whale; it's 12 caf\xC3\xA9s \xE2\x80\x9Cwhale\xE2\x80\x9D\xFF over"),
        (std::vector<std::string>{"The", "whale", "the", "Whale", "caf\xC3\xA9s", "over"}));
    QCOMPARE(bsbr::words_of(std::string(17, 'a')), std::vector<std::string>());
    QCOMPARE(bsbr::words_of(""), std::vector<std::string>());
  }

  /// Each passage stands twice, over a distance, apart from the others, and between them the text goes on.
  void manyRepetitions() {
    const std::vector<std::string> words = bsbr::words_of(kText);
    const std::vector<bsbr::TokenId> around = demo_->tokenizer.encode(kText);
    const auto make = [&](std::uint64_t seed) {
      return bsbr::many_repetitions(demo_->tokenizer, words, around, 2048, seed);
    };
    const bsbr::RecallText text = make(1);
    QCOMPARE(text.ids.size(), std::size_t(2048));
    QVERIFY(text.passages.size() >= 6);
    std::vector<bool> taken(2048, false);
    std::map<std::int64_t, int> distances;
    for (const bsbr::RecallText::Passage& passage : text.passages) {
      ++distances[passage.distance()];
      QVERIFY(passage.first >= bsbr::kRecallBefore);
      for (std::int64_t i = 0; i < bsbr::kRecallPassage; ++i) {
        QCOMPARE(text.ids[std::size_t(passage.first + i)], text.ids[std::size_t(passage.second + i)]);
        for (const std::int64_t at : {passage.first + i, passage.second + i}) {
          QVERIFY(!taken[std::size_t(at)]);
          taken[std::size_t(at)] = true;
        }
      }
    }
    QCOMPARE(distances.size(), std::size_t(3));
    QVERIFY(distances[256] > 0 && distances[512] > 0 && distances[1024] > 0);
    std::size_t next = 0;
    for (std::size_t i = 0; i < text.ids.size(); ++i) {
      if (!taken[i]) QCOMPARE(text.ids[i], around[next++]);
    }
    QVERIFY(make(1).ids == text.ids);
    QVERIFY(make(2).ids != text.ids);

    const auto passages = [&](const std::vector<std::string>& from, std::size_t text_tokens,
                              std::int64_t tokens) {
      return bsbr::many_repetitions(demo_->tokenizer, from, std::span(around).first(text_tokens), tokens, 1)
          .passages.size();
    };
    QCOMPARE(passages({}, 2048, 2048), std::size_t(0));
    QCOMPARE(passages(words, 512, 2048), std::size_t(0));
    QCOMPARE(passages(words, 384, 384), std::size_t(0));
    QCOMPARE(passages(words, 512, 512), std::size_t(1));
    QCOMPARE(passages({"whale"}, 512, 512), std::size_t(1));
  }

  /// What the demo cannot recall does not count.
  void meterOfASmallModel() {
    const bsbr::RecallMeter meter(demo_->model,
                                  bsbr::many_repetitions(demo_->tokenizer, bsbr::words_of(kText),
                                                         demo_->tokenizer.encode(kText), 1024, 1));
    QVERIFY(!meter.solved());
    QVERIFY(meter.measure(demo_->model).distances.empty());
    QVERIFY(!bsbr::RecallMeter(demo_->model, {}).solved());
  }

  /// Distances and lists double as far as they fit; what a small model cannot do is left out.
  void sizes() {
    const Recall recall = demo_->recall(demo_->model, {608, 2});
    QCOMPARE(recall.repetition.size(), std::size_t(2));
    QCOMPARE(recall.repetition[1].distance, 512);
    QCOMPARE(recall.lookup.size(), std::size_t(2));
    QCOMPARE(recall.lookup[1].tokens, 512);
    QVERIFY(recall.lookup[1].entries > recall.lookup[0].entries);
    for (const bsbr::RepetitionRecall& part : recall.repetition) {
      QVERIFY(part.first.mean > 1 && part.first.margin);
      QCOMPARE(part.converted.has_value(), part.solved());
      QCOMPARE(part.extra.has_value(), part.solved());
    }
    for (const bsbr::LookupRecall& part : recall.lookup) QCOMPARE(part.converted.has_value(), part.solved());
    QCOMPARE(demo_->recall(demo_->model, {608, 2}).to_json(), recall.to_json());
    QVERIFY(demo_->recall(demo_->model, {255, 2}).repetition.empty());
    QVERIFY(demo_->recall(demo_->model, {255, 2}).lookup.empty());
  }

  void poorTexts() {
    const Recall none = demo_->recall(demo_->model, {608, 1}, "1 2 3 4 5");
    QVERIFY(none.repetition.empty() && none.lookup.empty());
    std::string few;
    for (int i = 0; i < 300; ++i) few += "one two three ";
    const Recall repeated = demo_->recall(demo_->model, {608, 1}, few);
    QCOMPARE(repeated.repetition.size(), std::size_t(2));
    QVERIFY(!repeated.repetition[0].first.margin);
    QVERIFY(repeated.lookup.empty());
    QVERIFY(demo_->recall(demo_->model, {608, 1}, "one two three").repetition.empty());
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, demo_->recall(demo_->model, {608, 0}));
  }

  void cancelled() {
    bsbr::CancelToken token;
    bsbr::Job job;
    job.cancel = &token;
    job.progress = [&](std::string_view stage, double) {
      QVERIFY(stage.starts_with("recall over 256 tokens, trial 1 of 2"));
      token.cancel();
    };
    try {
      (void)demo_->recall(demo_->model, {608, 2}, kText, job);
      QFAIL("went on");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::Cancelled);
    }
  }

  /// A model that does recall: held against itself it loses nothing; without its far past, everything.
  void modelThatRecalls() {
    if (!std::filesystem::exists(bsbr::test::smollm2()))
      QSKIP("SmolLM2 is not in the cache; run resources/setup/smollm2");
    const Model smollm2(bsbr::test::smollm2().string());
    const Recall itself = smollm2.recall(smollm2.model, {352, 2});
    QCOMPARE(itself.repetition.size(), std::size_t(1));
    const bsbr::RepetitionRecall& same = itself.repetition.front();
    QVERIFY(same.solved());
    QCOMPARE(same.extra->mean, 0.0);
    QCOMPARE(*same.extra->margin, 0.0);
    QCOMPARE(same.converted->mean, same.original.mean);
    QCOMPARE(itself.lookup.size(), std::size_t(1));
    if (itself.lookup.front().solved())
      QCOMPARE(itself.lookup.front().converted->mean, itself.lookup.front().original.mean);

    BsbrConfig near;
    near.chunk_size = 64;
    near.retrieve = 0;
    near.plan.assign(std::size_t(smollm2.model.config().layers),
                     std::vector<bsbr::HeadPlan>(std::size_t(smollm2.model.config().heads), {0, 0, false}));
    const Recall cut = smollm2.recall(smollm2.model.with_attention(near), {352, 2});
    QVERIFY(cut.repetition.front().extra->mean > 2);
    QCOMPARE(cut.repetition.front().original.mean, same.original.mean);

    const bsbr::RecallMeter meter(smollm2.model,
                                  bsbr::many_repetitions(smollm2.tokenizer, bsbr::words_of(kText),
                                                         smollm2.tokenizer.encode(kText), 512, 1));
    QVERIFY(meter.solved());
    const bsbr::RecallLoss none = meter.measure(smollm2.model);
    QCOMPARE(none.passages, 1);
    QCOMPARE(none.distances.size(), std::size_t(1));
    QCOMPARE(none.distances.front().distance, 256);
    QCOMPARE(none.worst(), 0.0);
    QVERIFY(meter.measure(smollm2.model.with_attention(near)).worst() > 2);
  }
};

QTEST_APPLESS_MAIN(TestRecall)
#include "test_recall.moc"
