#include <QtTest>

#include "engine/analysis/fidelity_report.h"
#include "engine/analysis/recall_text.h"
#include "engine/conversion/plan_texts.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "engine/model/model_text.h"
#include "tests/support/files.h"
#include "tests/support/places.h"

using bsbr::Checkpoint;
using bsbr::ErrorKind;
using bsbr::LanguageModel;
using bsbr::TokenId;
using bsbr::Tokenizer;
using Tokens = std::vector<TokenId>;

namespace {

constexpr TokenId kBeginning = 399;

Checkpoint open_case(const std::string& name) {
  return Checkpoint::open(bsbr::test::in_repository("tests/cases/") + name);
}

}  // namespace

/// The token that stands before every text that a model was trained on also stands before those that plans
/// and measurements are made on.
class TestBeginningToken : public QObject {
  Q_OBJECT
  std::optional<LanguageModel> model_;
  std::optional<Tokenizer> tokenizer_;
  std::string text_;

  Tokens text_tokens() const { return bsbr::encode_for_model(text_, *tokenizer_, model_->config()); }

 private Q_SLOTS:
  void initTestCase() {
    const Checkpoint checkpoint = open_case("gguf-export-bos/gguf-add-bos.gguf");
    model_ = LanguageModel::load(checkpoint);
    tokenizer_ = bsbr::open_tokenizer(checkpoint);
    QCOMPARE(tokenizer_->beginning_token(), std::optional(kBeginning));
    for (int i = 0; i < 120; ++i) text_ += "It was the best of times, it was the worst of times. ";
  }

  void texts() {
    const Tokens tokens = text_tokens();
    QCOMPARE(tokens.front(), kBeginning);
    QCOMPARE(Tokens(tokens.begin() + 1, tokens.end()), tokenizer_->encode(text_));
  }

  void halvesOfAText() {
    Tokens text{kBeginning};
    for (TokenId id = 1; id < 30; ++id) text.push_back(id);
    const auto [plan, check] = bsbr::split_text(text, 100, kBeginning, "a");
    QCOMPARE(plan, Tokens(text.begin(), text.begin() + 20));
    QCOMPARE(check.front(), kBeginning);
    QCOMPARE(Tokens(check.begin() + 1, check.end()), Tokens(text.begin() + 20, text.end()));
    const auto [first, second] = bsbr::split_text(text, 4, kBeginning, "a");
    QCOMPARE(first, (Tokens{kBeginning, 1, 2, 3}));
    QCOMPARE(second, (Tokens{kBeginning, 4, 5, 6}));
    QCOMPARE(bsbr::split_text(text, 4, std::nullopt, "a").second, (Tokens{4, 5, 6, 7}));
    EXPECT_ERROR(bsbr::split_text({1, 2, 3}, 4, kBeginning, "a.txt"), ErrorKind::InvalidArgument,
                 "a.txt: has 3 tokens, too few to plan from");
  }

  void textsForRecall() {
    const Tokens tokens = text_tokens();
    const auto texts = bsbr::plan_texts(*tokenizer_, tokens, tokens, 16);
    QVERIFY(!texts.recall.passages.empty());
    for (const auto* recall : {&texts.recall, &texts.recall_check}) {
      QCOMPARE(recall->ids.front(), kBeginning);
      QCOMPARE(std::ranges::count(recall->ids, kBeginning), 1);
    }
    std::mt19937_64 random(3);
    const auto words = bsbr::words_of(text_);
    for (int i = 0; i < 20; ++i) {
      const auto once = bsbr::one_repetition(*tokenizer_, words, tokens, 256, random);
      QCOMPARE(once.ids.front(), kBeginning);
      QCOMPARE(std::ranges::count(once.ids, kBeginning), 1);
    }
  }

  void passages() {
    bsbr::BsbrConfig config;
    config.chunk_size = 16;
    config.block_size = 8;
    config.retrieve = 8;
    const LanguageModel converted = model_->with_attention(config);
    const Tokens tokens = text_tokens();
    bsbr::PassageOptions options;
    options.passages = 2;
    options.beginning = kBeginning;
    const std::array<std::int64_t, 1> lengths{64};
    const auto measured =
        bsbr::measure_lengths(*model_, converted, std::span(tokens).first(128), lengths, options);
    const Tokens first(tokens.begin(), tokens.begin() + 64);
    Tokens second(tokens.begin() + 63, tokens.begin() + 127);
    second.front() = kBeginning;
    const double kl = (bsbr::measure_fidelity(*model_, converted, first).kl +
                       bsbr::measure_fidelity(*model_, converted, second).kl) /
                      2;
    QVERIFY(kl > 0);
    QVERIFY(std::abs(measured.front().kl.mean - kl) < 1e-9);
  }

  /// Only the tokens that a text uses have to be in the embedding.
  void tokensWithoutARow() {
    const Checkpoint checkpoint = open_case("pad-beyond-embedding");
    const LanguageModel model = LanguageModel::load(checkpoint);
    const Tokenizer tokenizer = bsbr::open_tokenizer(checkpoint);
    QCOMPARE(bsbr::encode_for_model("a text", tokenizer, model.config()), tokenizer.encode("a text"));
    EXPECT_ERROR(bsbr::encode_for_model("a <new> text", tokenizer, model.config()),
                 ErrorKind::InvalidArgument, "the token \"<new>\" (400)", "embeds 400 tokens, 0 to 399");
  }
};

QTEST_APPLESS_MAIN(TestBeginningToken)
#include "test_beginning_token.moc"
