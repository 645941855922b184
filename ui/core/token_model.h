#pragma once

#include <QAbstractListModel>
#include <memory>

#include "ui/core/studio_state.h"

namespace bsbr {

/// The tokens of a text: what each shows, where it stands, its id.
class TokenModel : public QAbstractListModel {
  Q_OBJECT

 public:
  using QAbstractListModel::QAbstractListModel;

  void setTokens(std::shared_ptr<const TokenizedText> tokens);

  [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;

 private:
  std::shared_ptr<const TokenizedText> tokens_;
};

/// A token's characters with those that show nothing made visible: "·" for a space, "⏎" for a line's end. Of
/// a long token the middle is left out.
QString visible_token(const QString& piece);

}  // namespace bsbr
