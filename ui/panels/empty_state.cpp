#include "ui/panels/empty_state.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/panels/words.h"

namespace bsbr {
namespace {

constexpr int kTextWidth = 460;

}  // namespace

EmptyState::EmptyState(QWidget* parent)
    : QWidget(parent),
      title_(new QLabel),
      text_(new QLabel),
      stage_(new QLabel),
      progress_(new QProgressBar),
      first_(new QPushButton),
      second_(new QPushButton) {
  for (QLabel* label : {title_, text_, stage_}) {
    label->setAlignment(Qt::AlignCenter);
    label->setWordWrap(true);
  }
  text_->setFixedWidth(kTextWidth);
  progress_->setFixedWidth(kTextWidth / 2);
  progress_->setTextVisible(false);
  progress_->setAccessibleName(tr("Progress"));
  first_->setDefault(true);
  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(12);
  buttons->addStretch();
  buttons->addWidget(first_);
  buttons->addWidget(second_);
  buttons->addStretch();
  auto* column = new QVBoxLayout(this);
  column->setSpacing(12);
  column->addStretch(2);
  column->addWidget(title_);
  column->addWidget(text_, 0, Qt::AlignHCenter);
  column->addSpacing(6);
  column->addLayout(buttons);
  column->addWidget(progress_, 0, Qt::AlignHCenter);
  column->addWidget(stage_);
  column->addStretch(3);
  connect(first_, &QPushButton::clicked, this, &EmptyState::firstClicked);
  connect(second_, &QPushButton::clicked, this, &EmptyState::secondClicked);
  style_title();
}

void EmptyState::style_title() {
  QFont font = this->font();
  font.setPointSizeF(font.pointSizeF() * 1.5);
  font.setWeight(QFont::DemiBold);
  title_->setFont(font);
}

void EmptyState::changeEvent(QEvent* event) {
  if (event->type() == QEvent::FontChange) {
    style_title();
    text_->setMinimumHeight(text_->heightForWidth(kTextWidth));
  }
  QWidget::changeEvent(event);
}

void EmptyState::set(const QString& title, const QString& text) {
  title_->setText(title);
  text_->setText(text);
  text_->setMinimumHeight(text_->heightForWidth(kTextWidth));
}

void EmptyState::showActions(const QString& title, const QString& text, const Action& first,
                             const Action& second) {
  set(title, text);
  const auto show = [](QPushButton* button, const Action& action) {
    button->setText(action.text);
    button->setToolTip(action.tip);
    button->setVisible(!action.text.isEmpty());
  };
  show(first_, first);
  show(second_, second);
  progress_->hide();
  stage_->hide();
}

void EmptyState::showBusy(const QString& title, const QString& text) {
  set(title, text);
  first_->hide();
  second_->hide();
  progress_->setRange(0, 0);
  progress_->show();
  stage_->clear();
  stage_->show();
}

void EmptyState::setProgress(const JobProgress& progress) {
  progress_->setRange(0, 1000);
  progress_->setValue(static_cast<int>(1000 * progress.fraction));
  stage_->setText(words::progress(progress));
}

}  // namespace bsbr
