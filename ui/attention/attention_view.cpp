#include "ui/attention/attention_view.h"

#include <QCheckBox>
#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QSpinBox>
#include <QSplitter>
#include <QVBoxLayout>

#include "ui/attention/head_grid_view.h"
#include "ui/attention/map_trio.h"
#include "ui/attention/query_plot.h"
#include "ui/attention/token_text.h"

namespace bsbr {
namespace {

QString zone_name(Zone zone) {
  switch (zone) {
    case Zone::Sink:
      return AttentionView::tr("sink, exact");
    case Zone::Near:
      return AttentionView::tr("near, exact");
    case Zone::Retrieved:
      return AttentionView::tr("retrieved, exact");
    case Zone::Condensed:
      return AttentionView::tr("through a condensed state");
    case Zone::Dropped:
      return AttentionView::tr("not read");
  }
  return {};
}

/// A label whose width does not follow its text.
QLabel* calm_label() {
  auto* label = new QLabel;
  label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
  label->setTextFormat(Qt::PlainText);
  label->setTextInteractionFlags(Qt::TextSelectableByMouse);
  return label;
}

}  // namespace

AttentionView::AttentionView(AttentionScene& scene, QWidget* parent)
    : QWidget(parent),
      scene_(scene),
      maps_(new MapTrio(scene)),
      query_plot_(new QueryPlot),
      heads_(new HeadGridView(scene)) {
  auto* right = new QSplitter(Qt::Vertical);
  auto* upper = new QWidget;
  auto* upper_layout = new QVBoxLayout(upper);
  upper_layout->setContentsMargins(0, 0, 0, 0);
  upper_layout->setSpacing(4);
  upper_layout->addWidget(maps_, 1);
  pair_ = calm_label();
  values_ = calm_label();
  pair_->setAccessibleName(tr("Pair under the cursor"));
  values_->setAccessibleName(tr("Its weights"));
  upper_layout->addWidget(pair_);
  upper_layout->addWidget(values_);
  right->addWidget(upper);
  right->addWidget(makeQuery());
  right->setStretchFactor(0, 5);
  right->setStretchFactor(1, 3);
  right->setChildrenCollapsible(false);
  right->setSizes({420, 220});

  auto* across = new QSplitter(Qt::Horizontal);
  across->addWidget(makeHeads());
  across->addWidget(right);
  across->setStretchFactor(0, 0);
  across->setStretchFactor(1, 1);
  across->setChildrenCollapsible(false);
  across->setSizes({190, 770});

  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(8, 8, 8, 8);
  layout->setSpacing(6);
  layout->addWidget(makeBar());
  layout->addWidget(across, 1);

  connect(maps_, &MapTrio::pointedAt, this, &AttentionView::point);
  connect(maps_, &MapTrio::pointedAway, this, [this] {
    pair_at_.reset();
    hover_task_.cancel();
    showPair();
  });
  for (LatestTask* task : {&hover_task_, &query_task_})
    connect(task, &LatestTask::failed, &scene, &AttentionScene::failed);
  connect(&scene, &AttentionScene::captureChanged, this, &AttentionView::showHead);
  connect(&scene, &AttentionScene::headChanged, this, &AttentionView::showHead);
  connect(&scene, &AttentionScene::queryChanged, this, &AttentionView::askQuery);
  showHead();
}

QWidget* AttentionView::makeBar() {
  auto* bar = new QWidget;
  auto* layout = new QHBoxLayout(bar);
  layout->setContentsMargins(0, 0, 0, 0);
  const auto add = [&](const QString& name, QWidget* widget, const QString& tip) {
    auto* label = new QLabel(name);
    label->setBuddy(widget);
    widget->setToolTip(tip);
    widget->setAccessibleName(QString(name).remove('&'));
    layout->addWidget(label);
    layout->addWidget(widget);
    layout->addSpacing(8);
  };
  layer_ = new QSpinBox;
  head_ = new QSpinBox;
  add(tr("&Layer"), layer_, tr("The layer whose attention is shown, counted from 0"));
  add(tr("&Head"), head_, tr("The head whose attention is shown, counted from 0"));
  const auto choose = [this] { scene_.setHead(layer_->value(), head_->value()); };
  connect(layer_, qOverload<int>(&QSpinBox::valueChanged), this, choose);
  connect(head_, qOverload<int>(&QSpinBox::valueChanged), this, choose);

  auto* colors = new QComboBox;
  colors->addItems({tr("logarithmic"), tr("linear")});
  add(tr("&Colours"), colors, tr("How weights become colours"));
  connect(colors, qOverload<int>(&QComboBox::currentIndexChanged), this, [this](int index) {
    maps_->setLogarithmic(index == 0);
    query_plot_->setLogarithmicWeights(index == 0);
  });
  auto* pooling = new QComboBox;
  pooling->addItems({tr("largest"), tr("mean")});
  add(tr("&Pixel shows"), pooling,
      tr("What a pixel shows that stands for many pairs: their largest weight, so that no spike vanishes, or "
         "the mean"));
  connect(pooling, qOverload<int>(&QComboBox::currentIndexChanged), this,
          [this](int index) { maps_->setPooling(index == 0 ? Pooling::Maximum : Pooling::Mean); });
  auto* zones = new QCheckBox(tr("&Zones"));
  zones->setChecked(true);
  zones->setToolTip(tr("Outline what is near, and lighten what the converted model reads exactly"));
  layout->addWidget(zones);
  connect(zones, &QCheckBox::toggled, maps_, &MapTrio::setZonesVisible);
  layout->addStretch(1);
  return bar;
}

QWidget* AttentionView::makeHeads() {
  auto* side = new QWidget;
  auto* layout = new QVBoxLayout(side);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(4);
  auto* row = new QHBoxLayout;
  auto* title = new QLabel(tr("Heads"));
  QFont bold = title->font();
  bold.setBold(true);
  title->setFont(bold);
  auto* shows = new QComboBox;
  shows->addItems({tr("original"), tr("converted"), tr("difference")});
  shows->setToolTip(tr("What the thumbnails show"));
  shows->setAccessibleName(tr("Thumbnails show"));
  connect(shows, qOverload<int>(&QComboBox::currentIndexChanged), this,
          [this](int index) { heads_->setShows(static_cast<HeadGridView::Shows>(index)); });
  row->addWidget(title);
  row->addStretch(1);
  row->addWidget(shows);
  layout->addLayout(row);
  layout->addWidget(heads_, 1);
  auto* note = new QLabel(tr("Rows: layers. Columns: heads."));
  note->setWordWrap(true);
  layout->addWidget(note);
  return side;
}

QWidget* AttentionView::makeQuery() {
  auto* lower = new QWidget;
  auto* layout = new QVBoxLayout(lower);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(2);
  auto* row = new QHBoxLayout;
  query_title_ = calm_label();
  zones_ = new QLabel;
  zones_->setTextFormat(Qt::RichText);
  lines_ = new QLabel;
  lines_->setTextFormat(Qt::RichText);
  row->addWidget(query_title_, 1);
  row->addWidget(lines_);
  layout->addLayout(row);
  layout->addWidget(zones_);
  layout->addWidget(query_plot_, 1);
  query_plot_->setEmptyText(tr("Click a query in a map to see what it attends to."));
  query_plot_->setToolTip(
      tr("What the chosen query weighs each key with; shaded: read exactly by the converted model"));
  connect(query_plot_, &Plot::failed, &scene_, &AttentionScene::failed);
  return lower;
}

void AttentionView::showHead() {
  if (scene_.capture()) {
    const QSignalBlocker quiet_layer(layer_), quiet_head(head_);
    layer_->setRange(0, static_cast<int>(scene_.capture()->layers()) - 1);
    head_->setRange(0, static_cast<int>(scene_.capture()->heads()) - 1);
    layer_->setValue(scene_.layer());
    head_->setValue(scene_.head());
  }
  hovered_.reset();
  showPair();
  askQuery();
}

void AttentionView::askQuery() {
  query_task_.cancel();
  if (!scene_.capture() || !scene_.query()) {
    query_plot_->setQuery(std::nullopt);
    query_plot_->setEmptyText(tr("Click a query in a map to see what it attends to."));
    query_title_->clear();
    showShares();
    return;
  }
  const std::int64_t query = *scene_.query();
  query_title_->setText(tr("Query %1 %2").arg(count_text(query), scene_.text(query, query + 1)));
  query_task_.start([capture = scene_.capture(), layer = scene_.layer(), head = scene_.head(),
                     query](const Job&) { return attention_of_query(*capture, layer, head, query); },
                    [this](const QueryAttention& weights) {
                      query_plot_->setEmptyText({});
                      query_plot_->setQuery(weights);
                      showShares();
                    });
}

void AttentionView::showShares() {
  if (!query_plot_->query()) {
    lines_->clear();
    return zones_->clear();
  }
  const QueryAttention& weights = *query_plot_->query();
  double near = 0, retrieved = 0, condensed = 0;
  for (std::size_t i = 0; i < weights.zones.size(); ++i) {
    const Zone zone = weights.zones[i];
    double& sum = zone <= Zone::Near ? near : zone == Zone::Retrieved ? retrieved : condensed;
    sum += weights.converted[i];
  }
  const PlotColors colors(palette());
  const auto mark = [](const QString& style, const QString& sign, const QString& name) {
    return QString("<span style='%1'>%2</span>&nbsp;%3&nbsp;&nbsp; ").arg(style, sign, name);
  };
  const auto line = [&](int index, const QString& name) {
    return mark("color:" + colors.series(index).name(), "<b>━━</b>", name);
  };
  const auto area = [&](Zone zone, const QString& name) {
    const QColor over = zone_color(zone, colors), under = colors.background();
    const auto mix = [part = over.alphaF() * 1.6](int a, int b) { return qRound(a + part * (b - a)); };
    const QColor color(mix(under.red(), over.red()), mix(under.green(), over.green()),
                       mix(under.blue(), over.blue()));
    return mark("background-color:" + color.name(), "&nbsp;&nbsp;&nbsp;&nbsp;", name);
  };
  lines_->setText(line(PlotColors::kOriginal, tr("original")) +
                  line(PlotColors::kConverted, tr("converted")));
  zones_->setText(area(Zone::Near, tr("sink and near %1").arg(percent_text(near))) +
                  area(Zone::Retrieved, tr("retrieved %1").arg(percent_text(retrieved))) +
                  tr("elsewhere condensed %1").arg(percent_text(condensed)));
}

void AttentionView::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::PaletteChange) showShares();
}

void AttentionView::point(std::int64_t query, std::int64_t key) {
  pair_at_ = {query, key};
  if (!hovered_ || hovered_->position != query) {
    hovered_.reset();
    if (scene_.capture()) {
      hover_task_.start([capture = scene_.capture(), layer = scene_.layer(), head = scene_.head(),
                         query](const Job&) { return attention_of_query(*capture, layer, head, query); },
                        [this](const QueryAttention& weights) {
                          hovered_ = weights;
                          showPair();
                        });
    }
  }
  showPair();
}

void AttentionView::showPair() {
  if (!pair_at_ || !scene_.capture()) {
    pair_->setText(tr("Point at a map to read a pair; click to choose its query."));
    values_->setText(" ");
    return;
  }
  const auto [query, key] = *pair_at_;
  pair_->setText(
      tr("Query %1 %2  →  key %3 %4")
          .arg(count_text(query), scene_.text(query, query + 1), count_text(key), scene_.text(key, key + 1)));
  if (key > query) {
    values_->setText(tr("The key comes after the query."));
  } else if (hovered_ && hovered_->position == query) {
    const auto at = static_cast<std::size_t>(key);
    const double original = hovered_->original[at], converted = hovered_->converted[at];
    values_->setText(tr("original %1    converted %2    difference %3    %4")
                         .arg(weight_text(original), weight_text(converted),
                              weight_text(converted - original), zone_name(hovered_->zones[at])));
  } else {
    values_->setText(tr("…"));
  }
}

bool AttentionView::working() const {
  return query_task_.busy() || !maps_->settled() || heads_->working();
}

QString AttentionView::readout() const {
  return pair_->text() + '\n' + values_->text();
}

}  // namespace bsbr
