#include "ui/attention/ranking_model.h"

#include <QFont>

#include <cmath>

#include "ui/attention/token_text.h"

namespace bsbr {
namespace {

QString verdict_text(Verdict verdict) {
  switch (verdict) {
    case Verdict::Hit:
      return RankingModel::tr("● hit");
    case Verdict::Surplus:
      return RankingModel::tr("○ surplus");
    case Verdict::Miss:
      return RankingModel::tr("▲ miss");
    case Verdict::Rest:
      return {};
  }
  return {};
}

QString verdict_tip(Verdict verdict) {
  switch (verdict) {
    case Verdict::Hit:
      return RankingModel::tr("Retrieved, and among as many of the largest true mass");
    case Verdict::Surplus:
      return RankingModel::tr("Retrieved, though others that were not have more true mass");
    case Verdict::Miss:
      return RankingModel::tr("Not retrieved, though it has more true mass than some that were");
    case Verdict::Rest:
      return RankingModel::tr("Not retrieved, and others have more true mass");
  }
  return {};
}

int alignment(int column) {
  if (column == RankingModel::Outcome) return Qt::AlignCenter;
  return (column == RankingModel::Text ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter;
}

}  // namespace

RankingModel::RankingModel(const AttentionScene& scene, QObject* parent)
    : QAbstractTableModel(parent), scene_(scene) {}

const std::vector<RankedPart>& RankingModel::parts() const {
  static const std::vector<RankedPart> kNone;
  if (!retrieval_) return kNone;
  return blocks_ ? retrieval_->blocks : retrieval_->chunks;
}

void RankingModel::setRetrieval(std::optional<QueryRetrieval> retrieval) {
  beginResetModel();
  retrieval_ = std::move(retrieval);
  endResetModel();
}

void RankingModel::setBlocks(bool blocks) {
  if (blocks == blocks_) return;
  beginResetModel();
  blocks_ = blocks;
  endResetModel();
}

int RankingModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(parts().size());
}

int RankingModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : kColumns;
}

QVariant RankingModel::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const RankedPart& part = this->part(index.row());
  if (role == VerdictRole) return static_cast<int>(part.verdict);
  if (role == Qt::ToolTipRole) {
    if (index.column() == Outcome) return verdict_tip(part.verdict);
    if (index.column() == Text) return tool_tip(scene_.text(part.begin, part.end, 400));
    return {};
  }
  if (role == Qt::TextAlignmentRole) {
    return alignment(index.column());
  }
  if (role == Qt::FontRole && part.exact_tokens > 0 && index.column() == Outcome) {
    QFont bold;
    bold.setBold(true);
    return bold;
  }
  if (role != Qt::DisplayRole && role != SortRole) return {};
  const bool shown = role == Qt::DisplayRole;
  const auto number = [&](double value, const QString& text) {
    return shown ? QVariant(text) : QVariant(value);
  };
  switch (index.column()) {
    case Rank:
      return index.row() + 1;
    case Tokens:
      return number(static_cast<double>(part.begin),
                    count_text(part.begin) + QChar(0x2013) + count_text(part.end - 1));
    case Score:
      return number(std::isnan(part.score) ? -1 : part.score, weight_text(part.score));
    case TrueMass:
      return number(part.true_mass, percent_text(part.true_mass));
    case Weight:
      return number(part.weight, percent_text(part.weight));
    case Lost:
      return number(part.lost, percent_text(part.lost));
    case Exact:
      return number(static_cast<double>(part.exact_tokens),
                    tr("%1 of %2").arg(part.exact_tokens).arg(part.end - part.begin));
    case Outcome:
      return verdict_text(part.verdict);
    case Text:
      return scene_.text(part.begin, part.end, 120);
    default:
      return {};
  }
}

QVariant RankingModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  struct Header {
    QString name, tip;
  };
  const Header headers[kColumns] = {
      {tr("#"), tr("By retrieval score, the best first")},
      {tr("Tokens"), tr("Positions of its tokens")},
      {tr("Score"),
       tr("What retrieval goes by: what reading it through its states may get wrong, or for a head "
          "without states its estimated share of the attention")},
      {tr("True mass"),
       tr("What exact attention would give it, of the converted model's own queries and keys")},
      {tr("Given"), tr("What the converted model gives it, read exactly or through states")},
      {tr("Lost"), tr("True mass of tokens not read exactly, beyond what their states give")},
      {tr("Exact"), tr("How many of its tokens were retrieved")},
      {tr("Outcome"), tr("Whether it was retrieved, and whether its true mass is among the largest")},
      {tr("Text"), tr("What stands there")}};
  if (section < 0 || section >= kColumns) return {};
  if (role == Qt::DisplayRole) return headers[section].name;
  if (role == Qt::ToolTipRole) return headers[section].tip;
  if (role == Qt::TextAlignmentRole) {
    return alignment(section);
  }
  return {};
}

}  // namespace bsbr
