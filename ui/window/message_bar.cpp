#include "ui/window/message_bar.h"

#include <QAccessible>
#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QScrollArea>
#include <QStyle>
#include <QToolButton>
#include <algorithm>

namespace bsbr {
namespace {

/// Longer ones are scrolled, so that they leave the window to what it is for.
constexpr int kMostHeight = 150;

QString paragraph(const QString& title, const QStringList& lines) {
  QString text = QStringLiteral("<p style='margin:0'><b>") + title.toHtmlEscaped() + QStringLiteral("</b>");
  for (const QString& line : lines) text += QStringLiteral("<br>") + line.toHtmlEscaped();
  return text + QStringLiteral("</p>");
}

}  // namespace

MessageBar::MessageBar(QWidget* parent)
    : QFrame(parent), icon_(new QLabel), text_(new QLabel), area_(new QScrollArea), close_(new QToolButton) {
  setObjectName(QStringLiteral("messages"));
  setAccessibleName(tr("Message"));
  text_->setWordWrap(true);
  text_->setTextFormat(Qt::RichText);
  text_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  auto* close = new QAction(tr("Close this message"), this);
  close->setShortcut(Qt::Key_Escape);
  close->setShortcutContext(Qt::WindowShortcut);
  close->setIcon(style()->standardIcon(QStyle::SP_TitleBarCloseButton));
  connect(close, &QAction::triggered, this, &MessageBar::dismiss);
  close_->setDefaultAction(close);
  close_->setAutoRaise(true);
  close_->setAccessibleName(close->text());
  close_->setToolTip(tr("Close this message (Esc)"));
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(12, 8, 8, 8);
  row->setSpacing(10);
  row->addWidget(icon_, 0, Qt::AlignTop);
  area_->setWidget(text_);
  area_->setWidgetResizable(true);
  area_->setFrameShape(QFrame::NoFrame);
  area_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  area_->setFocusPolicy(Qt::NoFocus);
  area_->viewport()->setAutoFillBackground(false);
  text_->setAutoFillBackground(false);
  text_->setAlignment(Qt::AlignTop);
  row->addWidget(area_, 1);
  row->addWidget(close_, 0, Qt::AlignTop);
  hide();
}

void MessageBar::say(Tone tone, const QString& title, const QString& detail) {
  message_ = {tone, title, detail};
  show_all();
}

void MessageBar::warn(const QStringList& warnings) {
  warnings_ = warnings;
  show_all();
}

void MessageBar::dismiss() {
  warnings_.clear();
  message_ = {};
  hide();
}

void MessageBar::show_all() {
  QStringList paragraphs, words;
  if (!warnings_.isEmpty()) {
    const QString title = tr("This checkpoint opens with a warning");
    const QString titles = tr("This checkpoint opens with %1 warnings").arg(warnings_.size());
    paragraphs << paragraph(warnings_.size() == 1 ? title : titles, warnings_);
    words << warnings_;
  }
  if (!message_.title.isEmpty()) {
    paragraphs << paragraph(message_.title,
                            message_.detail.isEmpty() ? QStringList() : QStringList(message_.detail));
    words << message_.title;
    if (!message_.detail.isEmpty()) words << message_.detail;
  }
  text_->setText(paragraphs.join(QString()));
  text_->setAccessibleName(words.join(QLatin1Char('\n')));
  const int size = style()->pixelMetric(QStyle::PM_SmallIconSize);
  icon_->setPixmap(
      style()
          ->standardIcon(is_bad() ? QStyle::SP_MessageBoxWarning : QStyle::SP_MessageBoxInformation)
          .pixmap(size, size));
  setVisible(!words.isEmpty());
  fit();
  update();
  if (words.isEmpty()) return;
  QAccessibleEvent event(this, QAccessible::Alert);
  QAccessible::updateAccessibility(&event);
}

QString MessageBar::text() const {
  return isHidden() ? QString() : text_->accessibleName();
}

bool MessageBar::is_bad() const {
  return !warnings_.isEmpty() || message_.tone == Tone::Error;
}

void MessageBar::fit() {
  const int wanted = text_->heightForWidth(area_->viewport()->width());
  area_->setFixedHeight(std::clamp(wanted, 0, kMostHeight));
}

void MessageBar::resizeEvent(QResizeEvent* event) {
  QFrame::resizeEvent(event);
  fit();
}

void MessageBar::paintEvent(QPaintEvent* /*event*/) {
  QPainter painter(this);
  QColor tint = is_bad() ? QColor(0xd5, 0x5e, 0x00) : palette().color(QPalette::Highlight);
  painter.fillRect(QRect(0, 0, 4, height()), tint);
  tint.setAlpha(36);
  painter.fillRect(rect(), tint);
}

}  // namespace bsbr
