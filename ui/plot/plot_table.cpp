#include "ui/plot/plot_table.h"

#include <cmath>

namespace bsbr {
namespace {

QString quoted(QString field) {
  if (!field.contains(',') && !field.contains('"') && !field.contains('\n')) return field;
  return '"' + field.replace('"', "\"\"") + '"';
}

}  // namespace

QString PlotTable::csv() const {
  QString text;
  for (const QString& name : header) text += (&name == &header.front() ? "" : ",") + quoted(name);
  text += '\n';
  for (const std::vector<double>& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += ',';
      if (i == 0 && !names.isEmpty())
        text += quoted(names.value(static_cast<qsizetype>(row[0])));
      else if (!std::isnan(row[i]))
        text += QString::number(row[i], 'g', 9);
    }
    text += '\n';
  }
  return text;
}

}  // namespace bsbr
