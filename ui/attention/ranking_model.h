#pragma once

#include <QAbstractTableModel>

#include <optional>

#include "engine/analysis/retrieval.h"
#include "ui/attention/attention_scene.h"

namespace bsbr {

/// *Why this chunk?* of one query: far chunks or blocks, the best score first.
class RankingModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column { Rank, Tokens, Score, TrueMass, Weight, Lost, Exact, Outcome, Text, kColumns };
  enum Role { SortRole = Qt::UserRole, VerdictRole };

  explicit RankingModel(const AttentionScene& scene, QObject* parent = nullptr);

  void setRetrieval(std::optional<QueryRetrieval> retrieval);
  void setBlocks(bool blocks);
  [[nodiscard]] const std::optional<QueryRetrieval>& retrieval() const { return retrieval_; }
  [[nodiscard]] const RankedPart& part(int row) const { return parts()[static_cast<std::size_t>(row)]; }

  [[nodiscard]] int rowCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] int columnCount(const QModelIndex& parent = {}) const override;
  [[nodiscard]] QVariant data(const QModelIndex& index, int role) const override;
  [[nodiscard]] QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  [[nodiscard]] const std::vector<RankedPart>& parts() const;

  const AttentionScene& scene_;
  std::optional<QueryRetrieval> retrieval_;
  bool blocks_ = false;
};

}  // namespace bsbr
