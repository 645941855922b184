#include "ui/tabs/generate_tab.h"

#include <QDoubleSpinBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QPointer>
#include <QPushButton>
#include <QSpinBox>
#include <QTextBlock>
#include <QVBoxLayout>
#include <algorithm>

#include "engine/model/model_text.h"
#include "ui/core/format.h"
#include "ui/panels/long_text_edit.h"
#include "ui/panels/words.h"
#include "ui/plot/plot_colors.h"

namespace bsbr {
namespace {

/// Long enough that most of it is far from the tokens that follow.
constexpr std::size_t kPromptTokens = 1024;

}  // namespace

GenerateTab::GenerateTab(Controller& controller, QWidget* parent)
    : Tab(controller, Needs::Conversion, QStringLiteral("generate"), tr("Generate"),
          tr("One prompt, continued by the original and the converted model side by side."), parent),
      prompt_(new LongTextEdit),
      run_(new QPushButton(tr("&Generate"))),
      from_text_(new QPushButton(tr("From the &text"))),
      tokens_(new QSpinBox),
      top_k_(new QSpinBox),
      seed_(new QSpinBox),
      temperature_(new QDoubleSpinBox),
      top_p_(new QDoubleSpinBox),
      verdict_(make_note()) {
  setContent(make_content());
  Controller& home = this->controller();
  connect(&home, &Controller::tokensChanged, this, [this] {
    if (!prompt_is_own_) take_text();
  });
  const auto enable = [this] {
    run_->setEnabled(this->controller().converted() && !this->controller().busy() &&
                     !prompt_->document()->isEmpty());
    from_text_->setEnabled(this->controller().tokens() != nullptr);
  };
  for (const auto signal : {&Controller::convertedChanged, &Controller::tokensChanged})
    connect(&home, signal, this, enable);
  connect(&home, &Controller::busyChanged, this, enable);
  connect(prompt_, &QPlainTextEdit::textChanged, this, enable);
  connect(&home, &Controller::convertedChanged, this, [this] {
    ++run_number_;  // what still comes belongs to a conversion that is gone
    for (Side& side : sides_) {
      side.text->clear();
      side.ids.clear();
    }
    verdict_->setText(tr("The longer the prompt, the more of it the converted model reads through states."));
  });
  enable();
}

QWidget* GenerateTab::make_controls() {
  tokens_->setRange(1, 100'000);
  tokens_->setValue(100);
  top_k_->setRange(0, 1'000'000);
  top_k_->setSpecialValueText(tr("all"));
  seed_->setRange(0, 2'000'000'000);
  temperature_->setRange(0, 10);
  temperature_->setSingleStep(0.1);
  temperature_->setSpecialValueText(tr("greedy"));
  top_p_->setRange(0.01, 1);
  top_p_->setSingleStep(0.05);
  top_p_->setValue(1);
  named(tokens_, tr("New tokens"), tr("New tokens of each model, at most"));
  named(temperature_, tr("Temperature"), tr("0 takes the most likely token; above, tokens are drawn"));
  named(top_k_, tr("Top k"), tr("Draw only from the k most likely tokens; 0: from all"));
  named(top_p_, tr("Top p"), tr("Draw only from the smallest set of this probability"));
  named(seed_, tr("Seed"), tr("Of the draw; the same for both models"));
  named(run_, tr("Generate"), tr("Let both models continue the prompt (F8)"));
  named(from_text_, tr("Prompt from the text"), tr("Take the beginning of the text on the left as prompt"));
  run_->setShortcut(Qt::Key_F8);
  auto* box = new QWidget;
  auto* row = new QHBoxLayout(box);
  row->setContentsMargins(0, 0, 0, 0);
  const auto add = [&](const QString& title, QWidget* widget) {
    auto* label = new QLabel(title);
    label->setBuddy(widget);
    row->addWidget(label);
    row->addWidget(widget);
    row->addSpacing(6);
  };
  row->addWidget(run_);
  row->addWidget(from_text_);
  row->addSpacing(8);
  add(tr("tokens"), tokens_);
  add(tr("temperature"), temperature_);
  add(tr("top k"), top_k_);
  add(tr("top p"), top_p_);
  add(tr("seed"), seed_);
  row->addStretch();
  return box;
}

QWidget* GenerateTab::make_side(int model) {
  Side& side = sides_[static_cast<std::size_t>(model)];
  side.text = new LongTextEdit;
  side.text->setReadOnly(true);
  side.text->setPlaceholderText(tr("What the model adds appears here."));
  named(side.text,
        model == 0 ? tr("Continuation by the original") : tr("Continuation by the converted model"),
        model == 0 ? tr("How the original goes on from the prompt")
                   : tr("How the converted model goes on from the prompt, by the same draws"));
  side.speed = make_note();
  side.speed->setWordWrap(false);
  auto* box = new QWidget;
  auto* column = new QVBoxLayout(box);
  column->setContentsMargins(0, 0, 0, 0);
  auto* head = new QHBoxLayout;
  head->addWidget(make_heading(model == 0 ? tr("Original") : tr("Converted")));
  head->addStretch();
  head->addWidget(side.speed);
  column->addLayout(head);
  column->addWidget(side.text, 1);
  return box;
}

QWidget* GenerateTab::make_content() {
  named(prompt_, tr("Prompt"), tr("The text to continue"));
  prompt_->setPlaceholderText(tr("Type a prompt, or take the beginning of the text."));
  prompt_->setTabChangesFocus(true);
  auto* content = new QWidget;
  auto* grid = new QGridLayout(content);
  grid->addWidget(make_controls(), 0, 0, 1, 2);
  grid->addWidget(make_heading(tr("Prompt")), 1, 0, 1, 2);
  grid->addWidget(prompt_, 2, 0, 1, 2);
  grid->addWidget(make_side(0), 3, 0);
  grid->addWidget(make_side(1), 3, 1);
  grid->addWidget(verdict_, 4, 0, 1, 2);
  grid->setRowStretch(2, 2);
  grid->setRowStretch(3, 5);
  connect(run_, &QPushButton::clicked, this, &GenerateTab::start);
  connect(from_text_, &QPushButton::clicked, this, [this] {
    prompt_is_own_ = false;
    take_text();
  });
  connect(prompt_, &LongTextEdit::edited, this, [this] { prompt_is_own_ = true; });
  return content;
}

void GenerateTab::take_text() {
  const auto tokens = controller().tokens();
  const auto opened = controller().opened();
  if (!tokens || !opened) return;
  const auto room = static_cast<std::size_t>(opened->config().context) / 2;
  // The token before every text comes again with the prompt.
  const std::size_t before = opened->tokenizer.beginning_token() && !tokens->ids.empty() ? 1 : 0;
  const auto text = std::span(tokens->ids).subspan(before);
  const std::size_t count = std::min({text.size(), kPromptTokens, room});
  prompt_->setText(QString::fromStdString(opened->tokenizer.decode(text.first(count))));
  prompt_->moveCursor(QTextCursor::End);
}

void GenerateTab::fill() {
  if (sides_[0].ids.empty()) start();
}

void GenerateTab::start() {
  const auto opened = controller().opened();
  const auto converted = controller().converted();
  if (!converted || controller().busy()) return;
  GenerationOptions options;
  options.tokens = tokens_->value();
  options.sampling = {temperature_->value(), top_k_->value(), top_p_->value(),
                      static_cast<std::uint64_t>(seed_->value())};
  options.stops = opened->config().end_tokens;
  for (Side& side : sides_) {
    side.text->clear();
    side.text->setExtraSelections({});
    side.speed->clear();
    side.decoder = std::make_unique<StreamDecoder>(opened->tokenizer);
    side.ids.clear();
    side.ends.clear();
  }
  verdict_->clear();
  const int number = ++run_number_;
  const auto on_token = [home = &controller(), tab = QPointer<GenerateTab>(this),
                         number](const DuelToken& token) {
    QMetaObject::invokeMethod(home, [tab, number, token] {
      if (tab && tab->run_number_ == number) tab->add(token);
    });
  };
  controller().run(
      tr("Generating"),
      [opened, converted, options, on_token, prompt = prompt_->text().toStdString()](const Job& job) {
        const std::vector<TokenId> ids = encode_for_model(prompt, opened->tokenizer, opened->config());
        duel(opened->original, converted->model, ids, options, on_token, job);
      },
      [] {},
      [this, number](bool) {
        if (run_number_ == number) finish();
      });
}

void GenerateTab::add(const DuelToken& token) {
  Side& side = sides_[static_cast<std::size_t>(token.model)];
  side.text->append(QString::fromStdString(side.decoder->push(token.id)));
  side.ids.push_back(token.id);
  side.ends.push_back(side.text->document()->characterCount() - 1);
  if (side.ids.size() == 1) {
    side.prompt_seconds = token.seconds;
    side.speed->setText(tr("prompt read in %1").arg(format::milliseconds(1e3 * token.seconds)));
  } else {
    const double rate = static_cast<double>(side.ids.size() - 1) / (token.seconds - side.prompt_seconds);
    side.speed->setText(tr("%1 tokens a second, prompt %2")
                            .arg(format::fixed(rate, 1), format::milliseconds(1e3 * side.prompt_seconds)));
  }
  mark_difference();
}

void GenerateTab::finish() {
  for (Side& side : sides_) {
    if (!side.decoder) continue;
    side.text->append(QString::fromStdString(side.decoder->finish()));
  }
  mark_difference();
}

void GenerateTab::mark_difference() {
  const std::vector<TokenId>& a = sides_[0].ids;
  const std::vector<TokenId>& b = sides_[1].ids;
  const std::size_t both = std::min(a.size(), b.size());
  const auto same = static_cast<std::size_t>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(both), b.begin()).first - a.begin());
  const bool parted = same < both;
  if (!parted) {
    if (both > 0)
      verdict_->setText(
          tr("The same so far: %1 tokens.").arg(format::count(static_cast<std::int64_t>(both))));
    return;
  }
  verdict_->setText(same == 1 ? tr("The first token is the same; they part at the marked one.")
                              : tr("The same for %1 tokens; they part at the marked one.")
                                    .arg(format::count(static_cast<std::int64_t>(same))));
  const PlotColors colors(palette());
  for (Side& side : sides_) {
    const int begin = same == 0 ? 0 : side.ends[same - 1];
    QTextEdit::ExtraSelection first;
    first.cursor = QTextCursor(side.text->document());
    first.cursor.setPosition(begin);
    first.cursor.setPosition(std::max(begin, side.ends[same]), QTextCursor::KeepAnchor);
    QColor strong = colors.series(PlotColors::kConverted);
    strong.setAlphaF(0.45F);
    first.format.setBackground(strong);
    first.format.setFontWeight(QFont::Bold);
    QTextEdit::ExtraSelection rest;
    rest.cursor = QTextCursor(side.text->document());
    rest.cursor.setPosition(side.ends[same]);
    rest.cursor.movePosition(QTextCursor::End, QTextCursor::KeepAnchor);
    QColor faint = strong;
    faint.setAlphaF(0.12F);
    rest.format.setBackground(faint);
    side.text->setExtraSelections({first, rest});
  }
}

}  // namespace bsbr
