#include "ui/tabs/cost_tab.h"

#include <QComboBox>
#include <QGridLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPointer>
#include <QPushButton>
#include <QSpinBox>
#include <QTableView>
#include <algorithm>

#include "ui/core/cost_table.h"
#include "ui/core/format.h"
#include "ui/panels/figures.h"
#include "ui/panels/words.h"
#include "ui/plot/bar_plot.h"
#include "ui/plot/line_plot.h"

namespace bsbr {
namespace {

constexpr double kMostSeconds = 30;
constexpr double kMiB = 1 << 20;
constexpr std::int64_t kShortest = 256;

std::vector<std::int64_t> lengths_to(std::int64_t longest) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t n = kShortest; n < longest; n *= 2) lengths.push_back(n);
  lengths.push_back(longest);
  return lengths;
}

/// The parts of a prefill or of a decoded token, in ms, as they are stacked: attention without its scoring
/// first.
std::array<double, 6> parts_of(const PartSeconds& parts, double total_ms) {
  const std::array<double, 6> known{1e3 * (parts.attention - parts.scoring),
                                    1e3 * parts.scoring,
                                    1e3 * parts.projections,
                                    1e3 * parts.mlp,
                                    1e3 * parts.head,
                                    0};
  std::array<double, 6> all = known;
  for (const double ms : known) total_ms -= ms;
  all.back() = std::max(0.0, total_ms);
  return all;
}

}  // namespace

CostTab::CostTab(Controller& controller, QWidget* parent)
    : Tab(controller, Needs::Conversion, QStringLiteral("cost"), tr("Cost"),
          tr("How long both models take and how much memory they need, over lengths: measured here, and "
             "predicted."),
          parent),
      table_(new CostTable(this)),
      latency_(new LinePlot),
      memory_(new LinePlot),
      bars_(new BarPlot),
      figures_(new Figures),
      note_(make_note()),
      longest_(new QComboBox),
      phase_(new QComboBox),
      bar_length_(new QComboBox),
      repetitions_(new QSpinBox),
      run_(new QPushButton(tr("&Measure"))) {
  setContent(make_content());
  connect(&this->controller(), &Controller::openedChanged, this, &CostTab::show_lengths);
  connect(&this->controller(), &Controller::convertedChanged, this, &CostTab::clear);
  const auto enable = [this] {
    run_->setEnabled(this->controller().converted() && this->controller().tokens() &&
                     !this->controller().busy());
  };
  for (const auto signal : {&Controller::convertedChanged, &Controller::tokensChanged})
    connect(&this->controller(), signal, this, enable);
  connect(&this->controller(), &Controller::busyChanged, this, enable);
  show_lengths();
  clear();
  enable();
}

QWidget* CostTab::make_content() {
  named(longest_, tr("Longest length"), tr("Tokens; shorter lengths are measured too, each half the next"));
  named(repetitions_, tr("Repetitions"), tr("Runs of each prefill that count, after one that warms up"));
  named(run_, tr("Measure costs"),
        tr("Time both models in turn; close other programs for steady figures (F5)"));
  named(phase_, tr("Prefill or decoding"), tr("Reading the whole text, or one token more"));
  named(bar_length_, tr("Length of the bars"), tr("Tokens"));
  repetitions_->setRange(1, 50);
  repetitions_->setValue(3);
  run_->setShortcut(Qt::Key_F5);
  phase_->addItems({tr("Prefill"), tr("Decoding a token")});
  latency_->setName(tr("Latency over length"));
  latency_->setToolTip(tr("How long reading a text takes, or one token more after it; dashed: predicted"));
  latency_->setAxisTitles(tr("length (tokens)"), tr("prefill (ms)"));
  latency_->setLogarithmic(true, true);
  latency_->setLegendColumns(1);
  latency_->setEmptyText(tr("Measure to see latency over length."));
  memory_->setName(tr("Memory over length"));
  memory_->setToolTip(tr("What the cache holds after a text of that length, and the most that is in use"));
  memory_->setAxisTitles(tr("length (tokens)"), tr("memory (MiB)"));
  memory_->setLogarithmic(true, true);
  memory_->setEmptyText(tr("Measure to see memory over length."));
  bars_->setName(tr("Where the time goes"));
  bars_->setToolTip(tr("The parts of a run of either model"));
  bars_->setAxisTitles({}, tr("time (ms)"));
  bars_->setEmptyText(tr("Measure to see where the time goes."));
  auto* view = new QTableView;
  named(view, tr("Costs over lengths"), tr("Every measurement; medians"));
  view->setModel(table_);
  view->verticalHeader()->hide();
  view->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
  view->horizontalHeader()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
  view->setSelectionBehavior(QAbstractItemView::SelectRows);
  view->setAlternatingRowColors(true);
  view->setShowGrid(false);
  view->setWordWrap(false);
  view->verticalHeader()->setDefaultSectionSize(view->fontMetrics().height() + 6);
  view->setMinimumHeight(4 * view->fontMetrics().height());

  auto* controls = new QHBoxLayout;
  controls->addWidget(run_);
  controls->addSpacing(8);
  controls->addWidget(new QLabel(tr("up to")));
  controls->addWidget(longest_);
  controls->addWidget(new QLabel(tr("tokens,")));
  controls->addWidget(repetitions_);
  controls->addWidget(new QLabel(tr("runs of each")));
  controls->addStretch();
  controls->addWidget(new QLabel(tr("Parts of")));
  controls->addWidget(phase_);
  controls->addWidget(new QLabel(tr("at")));
  controls->addWidget(bar_length_);
  auto* content = new QWidget;
  auto* grid = new QGridLayout(content);
  grid->addLayout(controls, 0, 0, 1, 3);
  grid->addWidget(figures_, 1, 0, 1, 3);
  grid->addWidget(latency_, 2, 0);
  grid->addWidget(memory_, 2, 1);
  grid->addWidget(bars_, 2, 2);
  grid->addWidget(view, 3, 0, 1, 3);
  grid->addWidget(note_, 4, 0, 1, 3);
  grid->setRowStretch(2, 5);
  grid->setRowStretch(3, 2);
  for (int i = 0; i < 3; ++i) grid->setColumnStretch(i, 1);
  connect(run_, &QPushButton::clicked, this, &CostTab::measure);
  connect(phase_, &QComboBox::currentIndexChanged, this, [this] {
    show_lines();
    show_bars();
    show_figures();
  });
  connect(bar_length_, &QComboBox::currentIndexChanged, this, &CostTab::show_bars);
  for (Plot* plot : std::initializer_list<Plot*>{latency_, memory_, bars_}) {
    connect(plot, &Plot::failed, this, [this](const QString& message) {
      controller().tell({tr("The plot cannot be saved"), message, ErrorKind::Io});
    });
  }
  return content;
}

void CostTab::show_lengths() {
  longest_->clear();
  const auto opened = controller().opened();
  if (!opened) return;
  const std::int64_t context = opened->config().context;
  for (const std::int64_t n : lengths_to(context))
    longest_->addItem(format::count(n), static_cast<qlonglong>(n));
  // Long enough to show the trend, short enough to wait for.
  const auto most = longest_->findData(static_cast<qlonglong>(std::min<std::int64_t>(context, 4096)));
  longest_->setCurrentIndex(most < 0 ? longest_->count() - 1 : most);
}

void CostTab::clear() {
  table_->clear();
  bar_length_->clear();
  show_lines();
  show_bars();
  show_figures();
  note_->setText(
      tr("Both models run in turn on the text, repeated where it is too short. Medians, error bars "
         "between the quartiles. Dashed: predicted from this machine's measured ceilings."));
}

void CostTab::fill() {
  if (table_->points().empty()) measure();
}

void CostTab::measure() {
  const auto opened = controller().opened();
  const auto converted = controller().converted();
  const auto tokens = controller().tokens();
  if (!converted || !tokens || controller().busy()) return;
  if (tokens->ids.empty()) {
    controller().tell({tr("There is no text to measure on"), tr("Type or open one on the left."),
                       ErrorKind::InvalidArgument});
    return;
  }
  table_->clear();
  bar_length_->clear();
  BenchOptions options;
  options.lengths = lengths_to(longest_->currentData().toLongLong());
  options.repetitions = repetitions_->value();
  options.most_seconds = kMostSeconds;
  options.predict = true;
  options.on_point = [home = &controller(), tab = QPointer<CostTab>(this),
                      converted](const BenchPoint& point) {
    // The controller outlives its threads; the tab need not.
    QMetaObject::invokeMethod(home, [tab, converted, point] {
      if (tab && tab->controller().converted() == converted) tab->add(point);
    });
  };
  controller().run(
      tr("Measuring costs"),
      [opened, converted, tokens, options](const Job& job) {
        const std::vector<BenchModel> models{{"original", &opened->original},
                                             {"converted", &converted->model}};
        return measure_bench(models, tokens->ids, options, job).machine;
      },
      [this](const Machine& machine) {
        note_->setText(tr("Medians, error bars between the quartiles; dashed: predicted. %1.")
                           .arg(QString::fromStdString(machine.text())));
      });
}

void CostTab::add(const BenchPoint& point) {
  table_->add(point);
  bar_length_->addItem(format::count(point.tokens));
  bar_length_->setCurrentIndex(bar_length_->count() - 1);
  show_lines();
  show_bars();
  show_figures();
}

void CostTab::show_lines() {
  const std::vector<BenchPoint>& points = table_->points();
  const bool prefill = phase_->currentIndex() == 0;
  latency_->setAxisTitles(tr("length (tokens)"), prefill ? tr("prefill (ms)") : tr("a token (ms)"));
  if (points.empty()) {
    latency_->setSeries({});
    memory_->setSeries({});
    return;
  }
  std::vector<LineSeries> latency;
  std::vector<LineSeries> memory;
  for (std::size_t m = 0; m < 2; ++m) {
    const QString name = m == 0 ? tr("original") : tr("converted");
    LineSeries measured{name, {}, {}};
    measured.color = static_cast<int>(m);
    measured.points = true;
    LineSeries predicted{tr("%1, predicted").arg(name), {}, {}};
    predicted.color = static_cast<int>(m);
    predicted.dashed = true;
    predicted.in_legend = false;
    LineSeries cache{tr("%1, cache").arg(name), {}, {}};
    cache.color = static_cast<int>(m);
    cache.points = true;
    LineSeries peak{tr("%1, peak").arg(name), {}, {}};
    peak.color = static_cast<int>(m);
    peak.dashed = true;
    for (const BenchPoint& point : points) {
      const auto n = static_cast<double>(point.tokens);
      const Cost& cost = point.costs[m];
      const Spread& spread = prefill ? cost.prefill_ms : cost.decode_ms;
      if (spread.runs > 0) {
        measured.x.push_back(n);
        measured.y.push_back(spread.median);
        measured.low.push_back(spread.low);
        measured.high.push_back(spread.high);
      }
      if (m < point.predicted.size()) {
        predicted.x.push_back(n);
        predicted.y.push_back(prefill ? point.predicted[m].prefill_ms() : point.predicted[m].decode_ms());
      }
      cache.x.push_back(n);
      cache.y.push_back(static_cast<double>(cost.cache_bytes) / kMiB);
      peak.x.push_back(n);
      peak.y.push_back(static_cast<double>(cost.peak_bytes) / kMiB);
    }
    if (measured.x.size() > 1)
      measured.name = tr("%1, ∝ n^%2").arg(name, format::fixed(fit_exponent(measured.x, measured.y), 2));
    latency.push_back(std::move(measured));
    latency.push_back(std::move(predicted));
    memory.push_back(std::move(cache));
    memory.push_back(std::move(peak));
  }
  std::vector<double> lengths;
  lengths.reserve(points.size());
  for (const BenchPoint& point : points) lengths.push_back(static_cast<double>(point.tokens));
  latency_->setXTicks(lengths);
  memory_->setXTicks(lengths);
  latency_->setSeries(std::move(latency));
  memory_->setSeries(std::move(memory));
}

void CostTab::show_bars() {
  const int at = bar_length_->currentIndex();
  if (at < 0 || static_cast<std::size_t>(at) >= table_->points().size()) {
    bars_->setBars({}, {});
    return;
  }
  const BenchPoint& point = table_->points()[static_cast<std::size_t>(at)];
  const bool prefill = phase_->currentIndex() == 0;
  const QStringList names{tr("attention"), tr("scoring"), tr("projections"),
                          tr("MLP"),       tr("head"),    tr("other")};
  std::vector<BarPart> parts;
  parts.reserve(static_cast<std::size_t>(names.size()));
  for (int i = 0; i < names.size(); ++i) parts.push_back({names[i], {}, i});
  for (const Cost& cost : point.costs) {
    const auto ms = prefill ? parts_of(cost.prefill_parts, cost.prefill_ms.median)
                            : parts_of(cost.decode_parts, cost.decode_ms.median);
    for (std::size_t i = 0; i < ms.size(); ++i) parts[i].values.push_back(ms[i]);
  }
  bars_->setBars({tr("original"), tr("converted")}, std::move(parts));
}

void CostTab::show_figures() {
  if (table_->points().empty()) {
    figures_->setFigures({});
    return;
  }
  const BenchPoint& point = table_->points().back();
  const Cost& before = point.costs[0];
  const Cost& after = point.costs[1];
  const auto times = [](const Spread& a, const Spread& b) {
    return a.runs == 0 || b.runs == 0 ? tr("–")
                                      : format::fixed(a.median / b.median, 2) + QStringLiteral("\u00A0×");
  };
  const QString length = format::count(point.tokens);
  figures_->setFigures(
      {{times(before.prefill_ms, after.prefill_ms), tr("as fast, prefill of %1").arg(length),
        tr("Original / converted")},
       {times(before.decode_ms, after.decode_ms), tr("as fast, a token at %1").arg(length),
        tr("Original / converted")},
       {format::bytes(before.cache_bytes) + QStringLiteral(" → ") + format::bytes(after.cache_bytes),
        tr("cache"), tr("Keys, values and states after the text")},
       {format::percent(after.density), tr("of all pairs read exactly"), tr("Density of the prefill")}});
}

}  // namespace bsbr
