#include "ui/panels/figures.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>

#include "ui/panels/words.h"

namespace bsbr {

Figures::Figures(QWidget* parent) : QWidget(parent) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(28);
}

void Figures::setFigures(const std::vector<Figure>& figures) {
  auto* row = static_cast<QHBoxLayout*>(layout());
  while (QLayoutItem* item = row->takeAt(0)) {
    delete item->widget();
    delete item;
  }
  for (const Figure& figure : figures) {
    auto* box = new QWidget;
    auto* column = new QVBoxLayout(box);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(0);
    auto* value = new QLabel(figure.value);
    QFont large = font();
    large.setPointSizeF(large.pointSizeF() * 1.4);
    large.setWeight(QFont::DemiBold);
    value->setFont(large);
    QLabel* caption = make_note(figure.caption);
    caption->setWordWrap(false);
    value->setAccessibleName(figure.caption + QStringLiteral(": ") + figure.value);
    box->setToolTip(figure.tip);
    column->addWidget(value);
    column->addWidget(caption);
    row->addWidget(box);
  }
  row->addStretch();
}

}  // namespace bsbr
