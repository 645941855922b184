#include "ui/core/token_model.h"

#include "ui/attention/token_text.h"
#include "ui/core/format.h"

namespace bsbr {

void TokenModel::setTokens(std::shared_ptr<const TokenizedText> tokens) {
  beginResetModel();
  tokens_ = std::move(tokens);
  endResetModel();
}

int TokenModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() || !tokens_ ? 0 : static_cast<int>(tokens_->ids.size());
}

QVariant TokenModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const auto at = static_cast<std::size_t>(index.row());
  switch (role) {
    case Qt::DisplayRole:
      return visible_token(tokens_->pieces[at]);
    case Qt::ToolTipRole:
      return tr("Token %1, id %2").arg(format::count(index.row()), QString::number(tokens_->ids[at]));
    default:
      return {};
  }
}

QString visible_token(const QString& piece) {
  constexpr qsizetype kMost = 60;
  QString text = shortened(piece, kMost);
  text.replace(QLatin1Char(' '), QChar(0xB7));
  text.replace(QLatin1Char('\n'), QChar(0x23CE));
  text.replace(QLatin1Char('\t'), QChar(0x21E5));
  return text;
}

}  // namespace bsbr
