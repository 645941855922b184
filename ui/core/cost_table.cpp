#include "ui/core/cost_table.h"

#include <array>

#include "ui/core/format.h"

namespace bsbr {
namespace {

/// "2.55 s ± 3 %": half the distance between the quartiles.
QString with_spread(const Spread& spread) {
  if (spread.runs == 0) return QStringLiteral("–");
  QString median = format::milliseconds(spread.median);
  if (spread.runs == 1) return median;
  const double half = (spread.high - spread.low) / 2 / spread.median;
  return median + QStringLiteral(" ± ") + format::fixed(100 * half, 0) + QStringLiteral("\u00A0%");
}

QString times(const Spread& original, const Spread& converted) {
  if (original.runs == 0 || converted.runs == 0) return QStringLiteral("–");
  return format::fixed(original.median / converted.median, 2) + QStringLiteral("\u00A0×");
}

using Cell = QString (*)(const BenchPoint&);
struct Column {
  const char* title;
  const char* tip;
  Cell cell;
};

const std::array kColumns{
    Column{QT_TR_NOOP("Tokens"), QT_TR_NOOP("Length of the text"),
           [](const BenchPoint& p) { return format::count(p.tokens); }},
    Column{QT_TR_NOOP("Prefill\noriginal"), QT_TR_NOOP("Median, ± half the distance of the quartiles"),
           [](const BenchPoint& p) { return with_spread(p.costs[0].prefill_ms); }},
    Column{QT_TR_NOOP("Prefill\nconverted"), QT_TR_NOOP("Median, ± half the distance of the quartiles"),
           [](const BenchPoint& p) { return with_spread(p.costs[1].prefill_ms); }},
    Column{QT_TR_NOOP("Prefill\ntimes as fast"), QT_TR_NOOP("Prefill: original / converted"),
           [](const BenchPoint& p) { return times(p.costs[0].prefill_ms, p.costs[1].prefill_ms); }},
    Column{QT_TR_NOOP("A token\noriginal"), QT_TR_NOOP("Decoding one token at that length"),
           [](const BenchPoint& p) { return with_spread(p.costs[0].decode_ms); }},
    Column{QT_TR_NOOP("A token\nconverted"), QT_TR_NOOP("Decoding one token at that length"),
           [](const BenchPoint& p) { return with_spread(p.costs[1].decode_ms); }},
    Column{QT_TR_NOOP("A token\ntimes as fast"), QT_TR_NOOP("Decoding: original / converted"),
           [](const BenchPoint& p) { return times(p.costs[0].decode_ms, p.costs[1].decode_ms); }},
    Column{QT_TR_NOOP("Density"),
           QT_TR_NOOP("Share of all query-key pairs that the converted model reads exactly"),
           [](const BenchPoint& p) { return format::percent(p.costs[1].density); }},
    Column{QT_TR_NOOP("Runs"), QT_TR_NOOP("Prefills that count, of each model"),
           [](const BenchPoint& p) {
             return QStringLiteral("%1 + %2").arg(p.costs[0].prefill_ms.runs).arg(p.costs[1].prefill_ms.runs);
           }},
};

}  // namespace

void CostTable::clear() {
  beginResetModel();
  points_.clear();
  endResetModel();
}

void CostTable::add(const BenchPoint& point) {
  const int row = static_cast<int>(points_.size());
  beginInsertRows({}, row, row);
  points_.push_back(point);
  endInsertRows();
}

int CostTable::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(points_.size());
}

int CostTable::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(kColumns.size());
}

QVariant CostTable::data(const QModelIndex& index, int role) const {
  if (!checkIndex(index, CheckIndexOption::IndexIsValid)) return {};
  const Column& column = kColumns[static_cast<std::size_t>(index.column())];
  if (role == Qt::DisplayRole) return column.cell(points_[static_cast<std::size_t>(index.row())]);
  if (role == Qt::TextAlignmentRole) return QVariant(Qt::AlignRight | Qt::AlignVCenter);
  return {};
}

QVariant CostTable::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || section < 0 || section >= columnCount()) return {};
  const Column& column = kColumns[static_cast<std::size_t>(section)];
  if (role == Qt::DisplayRole) return tr(column.title);
  if (role == Qt::ToolTipRole) return tr(column.tip);
  if (role == Qt::TextAlignmentRole) return QVariant(Qt::AlignRight | Qt::AlignVCenter);
  return {};
}

}  // namespace bsbr
