#include <QtTest>

#include "engine/analysis/recall.h"
#include "engine/base/json_file.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "tests/support/smollm2.h"

using bsbr::BsbrConfig;
using bsbr::Checkpoint;
using bsbr::LanguageModel;
using bsbr::Recall;
using bsbr::Tokenizer;

namespace {

const std::string kText =
    bsbr::read_text_file(BSBR_SOURCE_DIR "/resources/demo/sample.txt", std::uint64_t{1} << 20);

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
  void initTestCase() { demo_.emplace(BSBR_SOURCE_DIR "/resources/demo"); }

  void words() {
    QCOMPARE(
        bsbr::words_of("The whale, the Whale; it's 12 caf\xC3\xA9s \xE2\x80\x9Cwhale\xE2\x80\x9D\xFF over"),
        (std::vector<std::string>{"The", "whale", "the", "Whale", "caf\xC3\xA9s", "over"}));
    QCOMPARE(bsbr::words_of(std::string(17, 'a')), std::vector<std::string>());
    QCOMPARE(bsbr::words_of(""), std::vector<std::string>());
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
    QVERIFY_EXCEPTION_THROWN(demo_->recall(demo_->model, {608, 0}), bsbr::Error);
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
  }
};

QTEST_APPLESS_MAIN(TestRecall)
#include "test_recall.moc"
