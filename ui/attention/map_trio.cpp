#include "ui/attention/map_trio.h"

#include <QGridLayout>
#include <QTimer>

#include <algorithm>
#include <cmath>

#include "engine/kernels/zones.h"

namespace bsbr {
namespace {

constexpr double kFaintest = 1e-5;
constexpr double kFaintestDifference = 1e-4;
constexpr std::int64_t kMostPixels = 1024;
/// So long a view may still change before it is computed.
constexpr int kPatienceMs = 25;

HeatGrid grid_of(const AttentionMap& map, const std::vector<float>& values) {
  const MapWindow& w = map.window;
  return {static_cast<int>(map.columns), static_cast<int>(map.rows), values,
          QRectF(QPointF(static_cast<double>(w.key_begin), static_cast<double>(w.query_begin)),
                 QPointF(static_cast<double>(w.key_end), static_cast<double>(w.query_end)))};
}

double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float value : values)
    if (!std::isnan(value)) most = std::max(most, std::abs(static_cast<double>(value)));
  return most;
}

}  // namespace

MapTrio::MapTrio(AttentionScene& scene, QWidget* parent) : QWidget(parent), scene_(scene) {
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setHorizontalSpacing(8);
  grid->setVerticalSpacing(2);
  grid->setRowStretch(1, 1);
  const std::array<QString, 3> titles{tr("Original"), tr("Converted"), tr("Difference")};
  const std::array<QString, 3> tips{
      tr("What the original's softmax weighs each key with"),
      tr("What the converted model weighs each key with, by its own queries "
         "and keys; a condensed state is spread "
         "over the keys that it stands for. Lighter: retrieved, so read exactly"),
      tr("Converted minus original")};
  for (std::size_t i = 0; i < maps_.size(); ++i) {
    auto* title = new QLabel(titles[i]);
    title->setAlignment(Qt::AlignHCenter);
    QFont bold = title->font();
    bold.setBold(true);
    title->setFont(bold);
    auto* map = maps_[i] = new HeatMap;
    map->setName(tr("Attention map, %1").arg(titles[i].toLower()));
    map->setToolTip(tips[i]);
    title->setToolTip(tips[i]);
    map->setAxisTitles(tr("key (token)"), tr("query (token)"));
    grid->addWidget(title, 0, static_cast<int>(i));
    grid->addWidget(map, 1, static_cast<int>(i));
    grid->setColumnStretch(static_cast<int>(i), 1);
    connect(map, &Plot::viewChanged, this, [this, map](const QRectF& view) {
      if (linking_) return;
      linking_ = true;
      for (HeatMap* other : maps_)
        if (other != map) other->setView(view);
      linking_ = false;
      ask();
    });
    connect(map, &Plot::hovered, this, &MapTrio::point);
    connect(map, &HeatMap::cursorMoved, this, &MapTrio::point);
    connect(map, &Plot::left, this, [this] {
      for (HeatMap* each : maps_) each->setCursorAt(std::nullopt);
      Q_EMIT pointedAway();
    });
    connect(map, &Plot::clicked, this,
            [this](const QPointF& at) { scene_.setQuery(static_cast<std::int64_t>(std::floor(at.y()))); });
    connect(map, &Plot::failed, &scene, &AttentionScene::failed);
  }
  connect(&task_, &LatestTask::failed, &scene, &AttentionScene::failed);
  connect(&scene, &AttentionScene::captureChanged, this, [this] {
    task_.cancel();
    shown_ = {};
    for (HeatMap* map : maps_) {
      map->setGrid({});
      map->setOverlay({});
      const auto n = static_cast<double>(scene_.tokens());
      map->setExtent(n > 0 ? QRectF(0, 0, n, n) : QRectF());
    }
    showZones();
    showQuery();
    ask();
  });
  connect(&scene, &AttentionScene::headChanged, this, &MapTrio::ask);
  connect(&scene, &AttentionScene::queryChanged, this, &MapTrio::showQuery);
  showScales();
}

void MapTrio::setLogarithmic(bool logarithmic) {
  logarithmic_ = logarithmic;
  showScales();
}

void MapTrio::setPooling(Pooling pooling) {
  pooling_ = pooling;
  ask();
}

void MapTrio::setZonesVisible(bool visible) {
  zones_ = visible;
  showZones();
}

void MapTrio::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  ask();
}

void MapTrio::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  ask();
}

void MapTrio::ask() {
  task_.cancel();
  if (waiting_) return;
  waiting_ = true;
  QTimer::singleShot(kPatienceMs, this, [this] {
    waiting_ = false;
    askNow();
  });
}

void MapTrio::askNow() {
  if (!scene_.capture() || !isVisible()) return;
  const QRectF view = maps_[0]->view();
  const std::int64_t n = scene_.tokens();
  const auto low = [n](double x) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(x)), 0, n - 1);
  };
  const auto high = [n](double x) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(x)), 1, n);
  };
  const auto pixels = [&](int size) {
    return std::clamp<std::int64_t>(qRound(size * devicePixelRatioF()), 16, kMostPixels);
  };
  MapRequest request{scene_.layer(),
                     scene_.head(),
                     {low(view.top()), high(view.bottom()), low(view.left()), high(view.right())},
                     pixels(maps_[0]->dataRect().height()),
                     pixels(maps_[0]->dataRect().width()),
                     pooling_};
  const std::int64_t queries = request.window.query_end - request.window.query_begin;
  if (queries > 2 * request.rows) request.queries_per_row = 1;
  compute(request);
}

void MapTrio::compute(MapRequest request) {
  task_.start(
      [capture = scene_.capture(), request](const Job& job) { return attention_map(*capture, request, job); },
      [this, request](const AttentionMap& map) {
        take(map);
        if (request.queries_per_row == 0) return;
        MapRequest all = request;
        all.queries_per_row = 0;
        compute(all);
      });
}

void MapTrio::take(const AttentionMap& map) {
  shown_ = map;
  maps_[0]->setGrid(grid_of(map, map.original));
  maps_[1]->setGrid(grid_of(map, map.converted));
  maps_[2]->setGrid(grid_of(map, map.difference));
  showScales();
  showZones();
}

void MapTrio::showScales() {
  const double most = std::max(largest(shown_.original), largest(shown_.converted));
  const double apart = largest(shown_.difference);
  const auto round_up = [](double value) {
    if (value <= 0) return 1.0;
    const double unit = std::pow(10.0, std::floor(std::log10(value)));
    for (const double step : {1.0, 2.0, 5.0})
      if (value <= step * unit) return step * unit;
    return 10 * unit;
  };
  const QString title =
      pooling_ == Pooling::Maximum ? tr("attention weight (largest)") : tr("attention weight (mean)");
  const HeatScale scale = logarithmic_ ? HeatScale{ColorMap::Sequential, kFaintest, 1, true}
                                       : HeatScale{ColorMap::Sequential, 0, round_up(most), false};
  maps_[0]->setScale(scale, title);
  maps_[1]->setScale(scale, title);
  const double reach = logarithmic_ ? 1 : round_up(apart);
  maps_[2]->setScale({ColorMap::Diverging, -reach, reach, false, logarithmic_ ? kFaintestDifference : 0},
                     tr("converted − original"));
}

void MapTrio::showZones() {
  std::vector<HeatLine> lines;
  if (zones_ && scene_.capture()) {
    const BsbrConfig& config = scene_.capture()->config();
    const auto n = static_cast<double>(scene_.tokens());
    const auto chunk = static_cast<double>(config.chunk_size);
    const auto sink = static_cast<double>(config.sink_in_blocks());
    HeatLine near{{}, false};
    double last = 0;
    for (std::int64_t i = 0; i * config.chunk_size < scene_.tokens(); ++i) {
      const double begin = static_cast<double>(i) * chunk;
      const double recent = std::max(0.0, begin - static_cast<double>(config.window) * chunk);
      if (recent < sink) continue;
      if (near.points.empty()) {
        near.points.emplace_back(sink, n);
        near.points.emplace_back(sink, begin);
      } else {
        near.points.emplace_back(last, begin);
      }
      near.points.emplace_back(recent, begin);
      last = recent;
    }
    if (!near.points.empty()) {
      near.points.emplace_back(last, n);
      lines.push_back(std::move(near));
    }
  }
  maps_[0]->setLines({});
  maps_[1]->setLines(lines);
  maps_[2]->setLines(lines);
  maps_[1]->setOverlay(zones_ && shown_.rows > 0 ? retrievedGrid() : HeatGrid{});
}

HeatGrid MapTrio::retrievedGrid() const {
  HeatGrid grid = grid_of(shown_, shown_.exact);
  const BsbrConfig& config = scene_.capture()->config();
  for (int row = 0; row < grid.rows; ++row) {
    const double query = grid.extent.top() + (row + 0.5) * grid.extent.height() / grid.rows;
    const auto chunk = static_cast<std::int64_t>(query) / config.chunk_size;
    const std::int64_t recent =
        zones::chunks_before_near(chunk * config.chunk_size, config.chunk_size, config.window) *
        config.chunk_size;
    for (int column = 0; column < grid.columns; ++column) {
      const double key = grid.extent.left() + (column + 0.5) * grid.extent.width() / grid.columns;
      if (key >= static_cast<double>(recent) || key < static_cast<double>(config.sink_in_blocks()))
        grid.values[static_cast<std::size_t>(row) * static_cast<std::size_t>(grid.columns) +
                    static_cast<std::size_t>(column)] = 0;
    }
  }
  return grid;
}

void MapTrio::showQuery() {
  for (HeatMap* map : maps_)
    map->setChosenRow(scene_.query() ? std::optional(static_cast<double>(*scene_.query()) + 0.5)
                                     : std::nullopt);
}

void MapTrio::point(const QPointF& at) {
  for (HeatMap* map : maps_) map->setCursorAt(at);
  const auto token = [&](double x) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(std::floor(x)), 0,
                                    std::max<std::int64_t>(1, scene_.tokens()) - 1);
  };
  Q_EMIT pointedAt(token(at.y()), token(at.x()));
}

}  // namespace bsbr
