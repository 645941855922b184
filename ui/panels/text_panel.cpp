#include "ui/panels/text_panel.h"

#include <QFileDialog>
#include <QHBoxLayout>
#include <QLabel>
#include <QListView>
#include <QMenu>
#include <QPainter>
#include <QPushButton>
#include <QStackedWidget>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

#include "engine/base/json_file.h"
#include "engine/base/resources.h"
#include "ui/core/format.h"
#include "ui/core/token_model.h"
#include "ui/panels/long_text_edit.h"
#include "ui/panels/words.h"
#include "ui/plot/plot_colors.h"

namespace bsbr {
namespace {

constexpr int kTypingPauseMs = 250;
constexpr std::uint64_t kLargestText = std::uint64_t{64} << 20;

/// A token as a chip; neighbours differ in tint.
class ChipDelegate : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;

  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    const PlotColors colors(option.palette);
    QColor tint = option.state.testFlag(QStyle::State_Selected) ? option.palette.color(QPalette::Highlight)
                                                                : colors.series(index.row() % 5);
    tint.setAlphaF(option.state.testFlag(QStyle::State_Selected) ? 0.6F : 0.22F);
    painter->setPen(Qt::NoPen);
    painter->setBrush(tint);
    painter->drawRoundedRect(QRectF(option.rect).adjusted(1, 1, -1, -1), 3, 3);
    painter->setPen(colors.text());
    painter->drawText(option.rect, Qt::AlignCenter, index.data().toString());
    painter->restore();
  }

  [[nodiscard]] QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    const QFontMetrics metrics(option.font);
    return {metrics.horizontalAdvance(index.data().toString()) + 8, metrics.height() + 6};
  }
};

}  // namespace

TextPanel::TextPanel(Controller& controller, QWidget* parent)
    : QWidget(parent),
      controller_(controller),
      editor_(new LongTextEdit),
      chips_(new QListView),
      tokens_(new TokenModel(this)),
      pages_(new QStackedWidget),
      count_(make_note()),
      samples_(new QPushButton(tr("&Texts"))),
      as_tokens_(new QPushButton(tr("To&kens"))) {
  named(editor_, tr("Text"), tr("The text that everything is measured and drawn on"));
  named(chips_, tr("Tokens of the text"), tr("The text as the model reads it; hover for positions and ids"));
  named(samples_, tr("Sample texts"), tr("Sample texts, or a file of your own"));
  named(as_tokens_, tr("Show tokens"), tr("Show the text as tokens (Ctrl+T)"));
  editor_->setPlaceholderText(tr("Type or paste a text, or choose one under Texts."));
  editor_->setTabChangesFocus(true);
  as_tokens_->setCheckable(true);
  as_tokens_->setShortcut(Qt::CTRL | Qt::Key_T);
  count_->setWordWrap(false);
  chips_->setModel(tokens_);
  chips_->setItemDelegate(new ChipDelegate(chips_));
  chips_->setFlow(QListView::LeftToRight);
  chips_->setWrapping(true);
  chips_->setResizeMode(QListView::Adjust);
  chips_->setLayoutMode(QListView::Batched);
  chips_->setBatchSize(500);
  chips_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  pages_->addWidget(editor_);
  pages_->addWidget(chips_);
  auto* head = new QHBoxLayout;
  head->addWidget(count_, 1);
  head->addWidget(samples_);
  head->addWidget(as_tokens_);
  auto* column = new QVBoxLayout(this);
  column->addLayout(head);
  column->addWidget(pages_, 1);
  make_samples();

  typing_.setSingleShot(true);
  typing_.setInterval(kTypingPauseMs);
  connect(editor_, &LongTextEdit::edited, &typing_, qOverload<>(&QTimer::start));
  connect(&typing_, &QTimer::timeout, this, [this] { controller_.setText(editor_->text()); });
  connect(&controller_, &Controller::textChanged, this, [this] {
    if (!typing_.isActive() && editor_->text() != controller_.text()) editor_->setText(controller_.text());
    typing_.stop();
    show_count();
  });
  connect(&controller_, &Controller::tokensChanged, this, [this] {
    tokens_->setTokens(controller_.tokens());
    show_count();
  });
  connect(&controller_, &Controller::openedChanged, this, [this] {
    tokens_->setTokens(controller_.tokens());
    show_count();
  });
  connect(&controller_, &Controller::selectionChanged, this, [this] {
    const auto query = controller_.selection().query;
    if (query) chips_->setCurrentIndex(tokens_->index(static_cast<int>(*query)));
  });
  connect(chips_, &QListView::clicked, this, [this](const QModelIndex& index) {
    Chosen selection = controller_.selection();
    selection.query = index.row();
    controller_.setSelection(selection);
  });
  connect(as_tokens_, &QPushButton::toggled, this, [this](bool on) { pages_->setCurrentIndex(on ? 1 : 0); });
  editor_->setText(controller_.text());
  typing_.stop();
  show_count();
}

void TextPanel::make_samples() {
  auto* menu = new QMenu(this);
  const auto sample = [&](const QString& title, const char* file) {
    connect(menu->addAction(title), &QAction::triggered, this, [this, file] {
      try {
        loadText(QString::fromStdString(resource(file).string()));
      } catch (const Error& error) {
        controller_.tell({tr("The sample cannot be read"), QString::fromUtf8(error.what()), error.kind()});
      }
    });
  };
  sample(tr("A story"), "demo/sample.txt");
  sample(tr("Calibration text"), "calibration/plan.txt");
  menu->addSeparator();
  connect(menu->addAction(tr("Open a file …")), &QAction::triggered, this, &TextPanel::openText);
  samples_->setMenu(menu);
}

void TextPanel::openText() {
  const QString path = QFileDialog::getOpenFileName(this, tr("Open a text"));
  if (!path.isEmpty()) loadText(path);
}

void TextPanel::loadText(const QString& path) {
  controller_.runForView(
      [file = path.toStdString()](const Job&) {
        return QString::fromStdString(read_text_file(file, kLargestText));
      },
      [this](const QString& text) {
        typing_.stop();
        controller_.setText(text);
      },
      {}, tr("Reading the text"));
}

void TextPanel::show_count() {
  const auto tokens = controller_.tokens();
  if (!tokens) {
    count_->setText(controller_.text().isEmpty()
                        ? tr("no text")
                        : tr("%1 characters").arg(format::count(controller_.text().size())));
    return;
  }
  const auto count = static_cast<std::int64_t>(tokens->ids.size());
  const std::int64_t context = controller_.opened() ? controller_.opened()->config().context : count;
  QString text = tr("%1 tokens").arg(format::count(count));
  if (count > context) text += tr(", first %1 used").arg(format::count(context));
  count_->setText(text);
}

}  // namespace bsbr
