#include "ui/window/message_bar.h"

#include <QAccessible>
#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QStyle>
#include <QToolButton>

namespace bsbr {

MessageBar::MessageBar(QWidget* parent)
    : QFrame(parent), icon_(new QLabel), text_(new QLabel), close_(new QToolButton) {
  setObjectName(QStringLiteral("messages"));
  setAccessibleName(tr("Message"));
  text_->setWordWrap(true);
  text_->setTextFormat(Qt::RichText);
  text_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  auto* close = new QAction(tr("Close this message"), this);
  close->setShortcut(Qt::Key_Escape);
  close->setShortcutContext(Qt::WindowShortcut);
  close->setIcon(style()->standardIcon(QStyle::SP_TitleBarCloseButton));
  connect(close, &QAction::triggered, this, &QWidget::hide);
  close_->setDefaultAction(close);
  close_->setAutoRaise(true);
  close_->setAccessibleName(close->text());
  close_->setToolTip(tr("Close this message (Esc)"));
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(12, 8, 8, 8);
  row->setSpacing(10);
  row->addWidget(icon_, 0, Qt::AlignTop);
  row->addWidget(text_, 1);
  row->addWidget(close_, 0, Qt::AlignTop);
  hide();
}

void MessageBar::say(Tone tone, const QString& title, const QString& detail) {
  tone_ = tone;
  const int size = style()->pixelMetric(QStyle::PM_SmallIconSize);
  const auto icon = tone == Tone::Error ? QStyle::SP_MessageBoxWarning : QStyle::SP_MessageBoxInformation;
  icon_->setPixmap(style()->standardIcon(icon).pixmap(size, size));
  const QString lines = title.toHtmlEscaped().replace(QLatin1Char('\n'), QStringLiteral("<br>"));
  QString text = QStringLiteral("<b>") + lines + QStringLiteral("</b>");
  if (!detail.isEmpty()) text += QStringLiteral("<br>") + detail.toHtmlEscaped();
  text_->setText(text);
  text_->setAccessibleName(title + QLatin1Char('\n') + detail);
  show();
  update();
  QAccessibleEvent event(this, QAccessible::Alert);
  QAccessible::updateAccessibility(&event);
}

QString MessageBar::text() const {
  return isHidden() ? QString() : text_->accessibleName();
}

void MessageBar::paintEvent(QPaintEvent* /*event*/) {
  QPainter painter(this);
  QColor tint = tone_ == Tone::Error ? QColor(0xd5, 0x5e, 0x00) : palette().color(QPalette::Highlight);
  painter.fillRect(QRect(0, 0, 4, height()), tint);
  tint.setAlpha(36);
  painter.fillRect(rect(), tint);
}

}  // namespace bsbr
