#include "ui/tabs/fidelity_tab.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPointer>
#include <QPushButton>
#include <QTableView>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/core/converting.h"
#include "ui/core/format.h"
#include "ui/core/sweep_table.h"
#include "ui/panels/figures.h"
#include "ui/panels/words.h"
#include "ui/plot/heat_map.h"
#include "ui/plot/line_plot.h"

namespace bsbr {
namespace {

constexpr std::int64_t kPassages = 3;

QString with_margin(const Estimate& value, QString (*text)(double)) {
  return text(value.mean) + (value.margin ? QStringLiteral(" ± ") + text(*value.margin) : QString());
}

QString two_digits(double value) {
  return format::fixed(value, 2);
}
QString four_digits(double value) {
  return format::fixed(value, 4);
}

/// Over fewer passages an interval is many times what it is around.
constexpr std::int64_t kPassagesForBars = 3;

LineSeries perplexity(const LengthFidelity& fidelity, const QString& name, int color,
                      Estimate RangeEstimate::*which) {
  LineSeries series{name, {}, {}};
  series.color = color;
  series.points = true;
  for (const RangeEstimate& range : fidelity.positions) {
    const Estimate& value = range.*which;
    series.x.push_back(std::sqrt(static_cast<double>(range.from) * static_cast<double>(range.to)));
    series.y.push_back(value.mean);
    if (fidelity.passages < kPassagesForBars) continue;
    series.low.push_back(value.mean - value.margin.value_or(0));
    series.high.push_back(value.mean + value.margin.value_or(0));
  }
  return series;
}

ConversionSettings settings_of(const SweepPoint& point, ConversionSettings settings) {
  switch (point.kind) {
    case SweepKind::Uniform:
      settings.goal = Goal::Uniform;
      settings.retrieve = point.config.retrieve;
      break;
    case SweepKind::Planned:
      settings.goal = Goal::Density;
      settings.density = point.setting;
      break;
    case SweepKind::StatesOnly:
      settings.goal = Goal::StatesOnly;
      settings.compression_factor = point.config.compression_factor;
      break;
  }
  return settings;
}

}  // namespace

FidelityTab::FidelityTab(Controller& controller, QWidget* parent)
    : Tab(controller, Needs::Conversion, QStringLiteral("fidelity"), tr("Fidelity"),
          tr("Whether the converted model still predicts what the original predicts, on the text on the "
             "left."),
          parent),
      figures_(new Figures),
      positions_(new LinePlot),
      pareto_(new LinePlot),
      heads_(new HeatMap),
      note_(make_note()),
      head_note_(make_note()),
      run_(new QPushButton(tr("&Measure"))),
      sweep_(new QPushButton(tr("&Sweep"))),
      adopt_(new QPushButton(tr("&Adopt"))),
      list_(new QTableView),
      table_(new SweepTable(this)) {
  setContent(make_content());
  Controller& home = this->controller();
  connect(&home, &Controller::convertedChanged, this, &FidelityTab::clear);
  connect(&home, &Controller::tokensChanged, this, &FidelityTab::clear);
  connect(&home, &Controller::openedChanged, this, [this] {
    table_->clear();
    show_sweep();
  });
  connect(&home, &Controller::selectionChanged, this, &FidelityTab::show_heads);
  const auto enable = [this] {
    const bool can =
        this->controller().converted() && this->controller().tokens() && !this->controller().busy();
    run_->setEnabled(can);
    sweep_->setEnabled(can);
    adopt_->setEnabled(!this->controller().busy() && list_->currentIndex().isValid());
    if (can && sweep_next_) {
      sweep_next_ = false;
      start_sweep();
    }
  };
  for (const auto signal : {&Controller::convertedChanged, &Controller::tokensChanged})
    connect(&home, signal, this, enable);
  connect(&home, &Controller::busyChanged, this, enable);
  connect(list_->selectionModel(), &QItemSelectionModel::currentChanged, this, enable);
  clear();
  show_sweep();
  enable();
}

QWidget* FidelityTab::make_content() {
  named(run_, tr("Measure fidelity"), tr("Run both models on the text (F6)"));
  run_->setShortcut(Qt::Key_F6);
  positions_->setName(tr("Perplexity by position"));
  positions_->setToolTip(
      tr("How well each model predicts the text, the further it has read; lower is better"));
  positions_->setAxisTitles(tr("position in the text (tokens)"), tr("perplexity"));
  positions_->setLogarithmic(true, false);
  positions_->setEmptyText(tr("Measure to see perplexity by position."));
  heads_->setName(tr("Error by layer and head"));
  heads_->setToolTip(tr("How far a head's output is from the original's, relative to its size"));
  heads_->setAxisTitles(tr("head"), tr("layer"));
  heads_->setEmptyText(tr("Measure to see the error of every head."));
  auto* head = new QHBoxLayout;
  head->addWidget(run_);
  head->addSpacing(8);
  head->addWidget(note_, 1);
  auto* content = new QWidget;
  auto* grid = new QGridLayout(content);
  grid->addLayout(head, 0, 0, 1, 2);
  grid->addWidget(figures_, 1, 0, 1, 2);
  grid->addWidget(positions_, 2, 0);
  auto* map = new QVBoxLayout;
  map->setSpacing(2);
  map->addWidget(heads_, 1);
  map->addWidget(head_note_);
  grid->addLayout(map, 2, 1);
  grid->addWidget(make_sweep(), 3, 0, 1, 2);
  grid->setRowStretch(2, 1);
  grid->setRowStretch(3, 1);
  grid->setColumnStretch(0, 1);
  grid->setColumnStretch(1, 1);
  connect(run_, &QPushButton::clicked, this, &FidelityTab::measure);
  connect(heads_, &Plot::clicked, this, [this](const QPointF& at) {
    Chosen selection = controller().selection();
    selection.head = qRound(at.x());
    selection.layer = qRound(at.y());
    controller().setSelection(selection);
  });
  connect(heads_, &Plot::hovered, this, [this](const QPointF& at) {
    const float error = heads_->valueAt(at);
    if (!std::isnan(error))
      head_note_->setText(tr("layer %1, head %2: output off by %3")
                              .arg(qRound(at.y()))
                              .arg(qRound(at.x()))
                              .arg(format::percent(error)));
  });
  connect(heads_, &Plot::left, this, &FidelityTab::show_heads);
  for (Plot* plot : std::initializer_list<Plot*>{positions_, pareto_, heads_}) {
    connect(plot, &Plot::failed, this, [this](const QString& message) {
      controller().tell({tr("The plot cannot be saved"), message, ErrorKind::Io});
    });
  }
  return content;
}

QWidget* FidelityTab::make_sweep() {
  named(sweep_, tr("Sweep over conversions"),
        tr("Convert in many ways and hold each against the original; takes a while (F7)"));
  named(adopt_, tr("Adopt the chosen conversion"),
        tr("Take over the row chosen below, or click a point of the plot"));
  sweep_->setShortcut(Qt::Key_F7);
  pareto_->setName(tr("KL against density"));
  pareto_->setToolTip(tr("What is lost for what is read exactly; a point for every setting of the sweep"));
  pareto_->setAxisTitles(tr("density (% of pairs read exactly)"), tr("KL (nats a token)"));
  pareto_->setLogarithmic(true, true);
  pareto_->setEmptyText(tr("Sweep to see many conversions beside each other; click one to adopt it."));
  list_->setModel(table_);
  named(list_, tr("Conversions of the sweep"),
        tr("Double click or Return adopts one; ★: none is better in everything"));
  list_->verticalHeader()->hide();
  list_->setSelectionBehavior(QAbstractItemView::SelectRows);
  list_->setSelectionMode(QAbstractItemView::SingleSelection);
  list_->setShowGrid(false);
  list_->verticalHeader()->setDefaultSectionSize(list_->fontMetrics().height() + 6);
  list_->setAlternatingRowColors(true);
  list_->horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
  list_->horizontalHeader()->setSectionResizeMode(0, QHeaderView::Stretch);
  auto* buttons = new QHBoxLayout;
  buttons->addWidget(sweep_);
  buttons->addWidget(adopt_);
  buttons->addStretch();
  auto* right = new QVBoxLayout;
  right->addLayout(buttons);
  right->addWidget(list_, 1);
  auto* box = new QWidget;
  auto* row = new QHBoxLayout(box);
  row->setContentsMargins(0, 0, 0, 0);
  row->addWidget(pareto_, 1);
  row->addLayout(right, 1);
  connect(sweep_, &QPushButton::clicked, this, &FidelityTab::start_sweep);
  connect(adopt_, &QPushButton::clicked, this, [this] { adopt(list_->currentIndex().row()); });
  connect(list_, &QTableView::activated, this, [this](const QModelIndex& index) { adopt(index.row()); });
  connect(pareto_, &LinePlot::pointClicked, this, [this](int series, int point) {
    const auto s = static_cast<std::size_t>(series);
    if (s < shown_points_.size() && static_cast<std::size_t>(point) < shown_points_[s].size())
      adopt(shown_points_[s][static_cast<std::size_t>(point)]);
  });
  return box;
}

void FidelityTab::clear() {
  fidelity_.reset();
  figures_->setFigures({});
  positions_->setSeries({});
  heads_->setGrid({});
  heads_->setEmptyText(tr("Measure to see the error of every head."));
  head_note_->clear();
  const auto tokens = static_cast<std::int64_t>(controller().usable_tokens().size());
  note_->setText(tokens < 2 ? tr("There is no text to measure on; type or open one on the left.")
                            : tr("Both models predict the text on the left, in passages of %1 tokens.")
                                  .arg(format::count(tokens)));
}

void FidelityTab::fill() {
  if (fidelity_) return;
  sweep_next_ = table_->points().empty();
  measure();
}

void FidelityTab::measure() {
  const auto opened = controller().opened();
  const auto converted = controller().converted();
  const auto tokens = controller().tokens();
  const auto length = static_cast<std::int64_t>(controller().usable_tokens().size());
  if (!converted || !tokens || length < 2) return;
  controller().run(
      tr("Measuring fidelity"),
      [opened, converted, tokens, length](const Job& job) {
        PassageOptions options;
        options.passages = kPassages;
        options.beginning = opened->tokenizer.beginning_token();
        return measure_lengths(opened->original, converted->model, tokens->ids, {{length}}, options, job)
            .front();
      },
      [this, converted](const LengthFidelity& fidelity) {
        if (controller().converted() == converted) show_fidelity(fidelity);
      });
}

void FidelityTab::show_fidelity(const LengthFidelity& fidelity) {
  fidelity_ = fidelity;
  figures_->setFigures(
      {{with_margin(fidelity.perplexity_ratio, four_digits), tr("perplexity, converted / original"),
        tr("1: the converted model predicts the text as well as the original")},
       {two_digits(fidelity.original_perplexity.mean) + QStringLiteral(" → ") +
            two_digits(fidelity.converted_perplexity.mean),
        tr("perplexity"), tr("Original → converted")},
       {with_margin(fidelity.kl, format::nats), tr("KL, nats a token"),
        tr("Mean divergence of the next-token distributions")},
       {with_margin(fidelity.top1_agreement, format::percent), tr("top-1 agreement"),
        tr("Positions where both rank the same token first")},
       {format::percent(fidelity.density.mean), tr("density"), tr("Pairs read exactly")}});
  const QString length = format::count(fidelity.tokens);
  note_->setText(fidelity.passages == 1
                     ? tr("One passage of %1 tokens, so no error bars.").arg(length)
                     : tr("%1 passages of %2 tokens; ± are 95 % confidence intervals, wide over so few.")
                           .arg(format::count(fidelity.passages), length));
  LineSeries converted = perplexity(fidelity, tr("converted"), 1, &RangeEstimate::converted);
  converted.dashed = true;  // where they agree, both are to be seen
  converted.points = false;
  positions_->setSeries({perplexity(fidelity, tr("original"), 0, &RangeEstimate::original), converted});
  HeatGrid grid;
  const ModelConfig& config = controller().opened()->config();
  grid.columns = static_cast<int>(config.heads);
  grid.rows = static_cast<int>(config.layers);
  grid.extent = QRectF(-0.5, -0.5, grid.columns, grid.rows);
  float most = 0;
  for (const HeadFidelity& head : fidelity.heads) {
    grid.values.push_back(static_cast<float>(head.error));
    most = std::max(most, grid.values.back());
  }
  heads_->setExtent(grid.extent);
  heads_->setEmptyText({});
  heads_->setScale({ColorMap::Sequential, 0, std::max(1e-6F, most), false},
                   tr("relative error of the head's output"));
  heads_->setGrid(std::move(grid));
  show_heads();
}

void FidelityTab::show_heads() {
  if (!fidelity_) return;
  const Chosen& selection = controller().selection();
  heads_->setFrame(QRectF(selection.head - 0.5, selection.layer - 0.5, 1, 1));
  for (const HeadFidelity& head : fidelity_->heads) {
    if (head.layer != selection.layer || head.head != selection.head) continue;
    head_note_->setText(
        tr("Chosen: layer %1, head %2. Output off by %3, %4 of its mass not read exactly, density %5.")
            .arg(head.layer)
            .arg(head.head)
            .arg(format::percent(head.error), format::percent(head.lost_mass),
                 format::percent(head.density)));
  }
}

void FidelityTab::start_sweep() {
  const auto opened = controller().opened();
  const std::vector<TokenId> ids = controller().usable_tokens();
  if (!opened || ids.size() < 2 || controller().busy()) return;
  table_->clear();
  show_sweep();
  const auto on_point = [home = &controller(), tab = QPointer<FidelityTab>(this),
                         opened](const SweepPoint& point) {
    QMetaObject::invokeMethod(home, [tab, opened, point] {
      if (!tab || tab->controller().opened() != opened) return;
      tab->table_->add(point);
      tab->show_sweep();
    });
  };
  controller().run(
      tr("Sweeping"),
      [opened, settings = controller().settings(), ids, on_point](const Job& job) {
        ConversionSettings base = settings;
        base.goal = Goal::Quality;  // what is planned for is what is varied
        sweep(opened->original, base.config(), calibration_texts(*opened, base), ids, {}, on_point, job);
      },
      [] {});
}

void FidelityTab::show_sweep() {
  const std::vector<SweepPoint>& points = table_->points();
  const QStringList names{tr("same for all heads"), tr("planned"), tr("states only")};
  std::vector<LineSeries> series;
  shown_points_.clear();
  for (int kind = 0; kind < names.size(); ++kind) {
    LineSeries of{names[kind], {}, {}};
    of.color = kind + 2;
    of.joined = false;
    of.points = true;
    shown_points_.emplace_back();
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (static_cast<int>(points[i].kind) != kind || points[i].fidelity.kl <= 0) continue;
      of.x.push_back(100 * points[i].fidelity.density);
      of.y.push_back(points[i].fidelity.kl);
      shown_points_.back().push_back(static_cast<int>(i));
    }
    series.push_back(std::move(of));
  }
  LineSeries best{tr("none better in both"), {}, {}};
  std::vector<std::pair<double, double>> front;
  for (const SweepPoint& point : points) {
    const Fidelity& own = point.fidelity;
    const bool beaten = std::any_of(points.begin(), points.end(), [&](const SweepPoint& other) {
      const Fidelity& theirs = other.fidelity;
      return theirs.density <= own.density && theirs.kl <= own.kl &&
             (theirs.density < own.density || theirs.kl < own.kl);
    });
    if (!beaten && own.kl > 0) front.emplace_back(own.density, own.kl);
  }
  std::sort(front.begin(), front.end());
  for (const auto& [density, kl] : front) {
    best.x.push_back(100 * density);
    best.y.push_back(kl);
  }
  best.color = 5;
  best.dashed = true;
  if (points.empty()) series.clear();
  if (front.size() > 1) series.push_back(std::move(best));
  pareto_->setSeries(std::move(series));
}

void FidelityTab::adopt(int point) {
  if (point < 0 || static_cast<std::size_t>(point) >= table_->points().size() || controller().busy()) return;
  const SweepPoint chosen = table_->points()[static_cast<std::size_t>(point)];
  controller().adopt(chosen.config, settings_of(chosen, controller().settings()));
  list_->selectRow(point);
}

}  // namespace bsbr
