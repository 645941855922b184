#include "ui/attention/retrieval_view.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QSortFilterProxyModel>
#include <QSplitter>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

#include "ui/attention/ranking_model.h"
#include "ui/attention/token_text.h"
#include "ui/plot/heat_map.h"
#include "ui/plot/line_plot.h"

namespace bsbr {
namespace {

constexpr double kFaintest = 1e-4;

QLabel* bold_label(const QString& text) {
  auto* label = new QLabel(text);
  QFont bold = label->font();
  bold.setBold(true);
  label->setFont(bold);
  label->setTextFormat(Qt::PlainText);
  label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
  return label;
}

double largest(const std::vector<float>& values) {
  double most = 0;
  for (const float value : values)
    if (std::isfinite(value)) most = std::max(most, static_cast<double>(value));
  return most;
}

double next_power(double value) {
  return value > 0 ? std::pow(10.0, std::ceil(std::log10(value))) : 1;
}

}  // namespace

RetrievalView::RetrievalView(AttentionScene& scene, QWidget* parent)
    : QWidget(parent),
      scene_(scene),
      by_head_(new HeatMap),
      by_query_(new LinePlot),
      ranking_(new RankingModel(scene, this)),
      table_(new QTableView) {
  auto* right = new QSplitter(Qt::Vertical);
  right->addWidget(makeGrids());
  right->addWidget(makeRanking());
  right->setStretchFactor(0, 4);
  right->setStretchFactor(1, 4);
  right->setChildrenCollapsible(false);
  auto* across = new QSplitter(Qt::Horizontal);
  across->addWidget(makeHeads());
  across->addWidget(right);
  across->setStretchFactor(0, 2);
  across->setStretchFactor(1, 7);
  across->setChildrenCollapsible(false);
  across->setSizes({190, 770});
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(8, 8, 8, 8);
  layout->addWidget(across);

  for (LatestTask* task : {&grid_task_, &query_task_, &heads_task_})
    connect(task, &LatestTask::failed, &scene, &AttentionScene::failed);
  connect(&scene, &AttentionScene::captureChanged, this, &RetrievalView::reset);
  connect(&scene, &AttentionScene::headChanged, this, [this] {
    frameHead();
    askGrid();
    askQuery();
  });
  connect(&scene, &AttentionScene::queryChanged, this, [this] {
    frameChunk();
    askQuery();
  });
  reset();
}

QWidget* RetrievalView::makeHeads() {
  auto* side = new QWidget;
  auto* layout = new QVBoxLayout(side);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(2);
  layout->addWidget(bold_label(tr("Lost mass by head")));
  by_head_->setName(tr("Lost mass by head"));
  by_head_->setAxisTitles(tr("head"), tr("layer"));
  by_head_->setToolTip(
      tr("What dense attention attends to and the conversion neither reads exactly nor sees as much of "
         "through its states: mean over a sample of queries. Click a head to look at it"));
  by_head_->setScale({ColorMap::Sequential, kFaintest, 1, true}, tr("lost mass (share)"));
  layout->addWidget(by_head_, 3);
  heads_note_ = new QLabel(" ");
  heads_note_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
  layout->addWidget(heads_note_);
  layout->addSpacing(6);
  layout->addWidget(bold_label(tr("Lost mass by query")));
  by_query_->setLegendVisible(false);
  by_query_->setName(tr("Lost mass by query"));
  by_query_->setAxisTitles(tr("query (token)"), tr("lost mass (share)"));
  by_query_->setToolTip(
      tr("The chosen head's, of each query, and in colour the mean of each chunk. Click to choose a query"));
  layout->addWidget(by_query_, 2);

  connect(by_head_, &Plot::clicked, this, [this](const QPointF& at) {
    scene_.setHead(static_cast<int>(std::lround(at.y())), static_cast<int>(std::lround(at.x())));
  });
  const auto say = [this](const QPointF& at) {
    const float loss = by_head_->valueAt(at);
    const QString name = tr("layer %1, head %2").arg(std::lround(at.y())).arg(std::lround(at.x()));
    heads_note_->setText(std::isnan(loss) ? name : tr("%1: %2 lost").arg(name, percent_text(loss)));
  };
  connect(by_head_, &Plot::hovered, this, say);
  connect(by_head_, &HeatMap::cursorMoved, this, say);
  connect(by_head_, &Plot::left, this, [this] { heads_note_->setText(" "); });
  connect(by_query_, &Plot::clicked, this,
          [this](const QPointF& at) { scene_.setQuery(static_cast<std::int64_t>(std::floor(at.x()))); });
  for (Plot* plot : {static_cast<Plot*>(by_head_), static_cast<Plot*>(by_query_)})
    connect(plot, &Plot::failed, &scene_, &AttentionScene::failed);
  return side;
}

QWidget* RetrievalView::makeGrids() {
  auto* upper = new QWidget;
  auto* layout = new QVBoxLayout(upper);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(4);
  title_ = new QLabel;
  title_->setWordWrap(true);
  layout->addWidget(title_);
  auto* row = new QHBoxLayout;
  row->setSpacing(8);
  struct Words {
    QString name, scale, tip;
  };
  const std::array<Words, 3> words{
      Words{tr("True mass"), tr("true mass (share)"),
            tr("What exact attention would give to a key chunk, over the converted model's own queries and "
               "keys: mean "
               "over the queries of a chunk")},
      Words{tr("Retrieval score"), tr("retrieval score"),
            tr("What retrieval goes by, summed over a key chunk's blocks: what reading it through its states "
               "may get "
               "wrong (share × variance), or without states its estimated share")},
      Words{tr("Retrieved"), tr("share of far pairs retrieved"),
            tr("Share of a key chunk's far tokens that the queries of a chunk read exactly")}};
  for (std::size_t i = 0; i < grids_.size(); ++i) {
    auto* column = new QVBoxLayout;
    column->setSpacing(2);
    auto* name = new QLabel(words[i].name);
    name->setAlignment(Qt::AlignHCenter);
    auto* map = grids_[i] = new HeatMap;
    map->setName(words[i].name);
    map->setToolTip(words[i].tip + tr(". Click to choose a query of that chunk"));
    map->setAxisTitles(tr("key (token)"), tr("query (token)"));
    map->setScale(i == 2 ? HeatScale{ColorMap::Sequential, 0, 1, false}
                         : HeatScale{ColorMap::Sequential, kFaintest, 1, true},
                  words[i].scale);
    column->addWidget(name);
    column->addWidget(map, 1);
    row->addLayout(column, 1);
    connect(map, &Plot::viewChanged, this, [this, map](const QRectF& view) {
      if (linking_) return;
      linking_ = true;
      for (HeatMap* other : grids_)
        if (other != map) other->setView(view);
      linking_ = false;
    });
    const auto point = [this](const QPointF& at) {
      for (HeatMap* each : grids_) each->setCursorAt(at);
    };
    connect(map, &Plot::hovered, this, point);
    connect(map, &HeatMap::cursorMoved, this, point);
    connect(map, &Plot::left, this, [this] {
      for (HeatMap* each : grids_) each->setCursorAt(std::nullopt);
    });
    connect(map, &Plot::clicked, this,
            [this](const QPointF& at) { scene_.setQuery(static_cast<std::int64_t>(std::floor(at.y()))); });
    connect(map, &Plot::failed, &scene_, &AttentionScene::failed);
  }
  layout->addLayout(row, 1);
  return upper;
}

QWidget* RetrievalView::makeRanking() {
  auto* lower = new QWidget;
  auto* layout = new QVBoxLayout(lower);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(4);
  auto* row = new QHBoxLayout;
  query_title_ = bold_label({});
  auto* parts = new QComboBox;
  parts->addItems({tr("chunks"), tr("blocks")});
  parts->setAccessibleName(tr("Rank"));
  parts->setToolTip(tr("Rank whole chunks, or the blocks that are retrieved one by one"));
  connect(parts, qOverload<int>(&QComboBox::currentIndexChanged), this,
          [this](int index) { ranking_->setBlocks(index == 1); });
  row->addWidget(query_title_, 1);
  row->addWidget(parts);
  layout->addLayout(row);

  auto* sorted = new QSortFilterProxyModel(this);
  sorted->setSourceModel(ranking_);
  sorted->setSortRole(RankingModel::SortRole);
  table_->setModel(sorted);
  table_->setSortingEnabled(true);
  table_->sortByColumn(RankingModel::Rank, Qt::AscendingOrder);
  table_->setSelectionBehavior(QAbstractItemView::SelectRows);
  table_->setSelectionMode(QAbstractItemView::SingleSelection);
  table_->setAlternatingRowColors(true);
  table_->setShowGrid(false);
  table_->setWordWrap(false);
  table_->setTabKeyNavigation(false);
  table_->setAccessibleName(tr("Why this chunk?"));
  table_->setToolTip(tr("How the chosen head ranks what is far from the chosen query"));
  table_->verticalHeader()->hide();
  table_->verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 6);
  table_->horizontalHeader()->setHighlightSections(false);
  for (int column = 0; column < RankingModel::kColumns; ++column)
    table_->horizontalHeader()->setSectionResizeMode(
        column, column == RankingModel::Text ? QHeaderView::Stretch : QHeaderView::ResizeToContents);
  layout->addWidget(table_, 1);
  connect(table_->selectionModel(), &QItemSelectionModel::selectionChanged, this, &RetrievalView::frameChunk);
  connect(ranking_, &QAbstractItemModel::modelReset, this, &RetrievalView::frameChunk);
  return lower;
}

void RetrievalView::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  if (stale_) askGrid();
  nextHead();
}

void RetrievalView::hideEvent(QHideEvent* event) {
  heads_task_.cancel();
  QWidget::hideEvent(event);
}

void RetrievalView::reset() {
  heads_task_.cancel();
  grid_ = {};
  const bool there = scene_.capture() != nullptr;
  const auto layers = there ? scene_.capture()->layers() : 0, heads = there ? scene_.capture()->heads() : 0;
  losses_.assign(static_cast<std::size_t>(layers * heads), NAN);
  by_head_->setExtent({-0.5, -0.5, static_cast<double>(heads), static_cast<double>(layers)});
  const auto n = static_cast<double>(scene_.tokens());
  for (HeatMap* map : grids_) {
    map->setGrid({});
    map->setExtent({0, 0, n, n});
    if (there) {
      const auto chunk = static_cast<double>(scene_.capture()->config().chunk_size);
      map->setStep({chunk, chunk});
    }
  }
  by_query_->setSeries({});
  showHeads();
  frameHead();
  askGrid();
  askQuery();
  nextHead();
}

void RetrievalView::askGrid() {
  grid_task_.cancel();
  stale_ = true;
  if (!scene_.capture() || !isVisible()) return;
  stale_ = false;
  grid_task_.start([capture = scene_.capture(), layer = scene_.layer(), head = scene_.head()](
                       const Job& job) { return retrieval_grid(*capture, layer, head, job); },
                   [this](const RetrievalGrid& grid) { take(grid); });
}

void RetrievalView::take(const RetrievalGrid& grid) {
  grid_ = grid;
  const auto side = static_cast<double>(grid.chunks * grid.chunk_size);
  const auto put = [&](HeatMap* map, const std::vector<float>& values) {
    map->setGrid({static_cast<int>(grid.chunks), static_cast<int>(grid.chunks), values, {0, 0, side, side}});
  };
  put(grids_[0], grid.true_mass);
  put(grids_[1], grid.score);
  put(grids_[2], grid.retrieved);
  const double most = next_power(largest(grid.score));
  grids_[1]->setScale({ColorMap::Sequential, most * kFaintest, most, true}, tr("retrieval score"));
  const bool chooses =
      std::any_of(grid.score.begin(), grid.score.end(), [](float s) { return !std::isnan(s); });
  grids_[1]->setEmptyText(chooses ? QString() : tr("This head has nothing to choose."));
  LineSeries lost{tr("a query"), {}, {}, {}, {}};
  LineSeries mean{tr("mean of a chunk"), {}, {}, {}, {}, PlotColors::kConverted};
  const auto size = static_cast<std::size_t>(grid.chunk_size);
  for (std::size_t begin = 0; begin < grid.lost_by_query.size(); begin += size) {
    const std::size_t end = std::min(begin + size, grid.lost_by_query.size());
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) {
      lost.x.push_back(static_cast<double>(i));
      lost.y.push_back(grid.lost_by_query[i]);
      sum += grid.lost_by_query[i];
    }
    for (const std::size_t edge : {begin, end}) {
      mean.x.push_back(static_cast<double>(edge));
      mean.y.push_back(sum / static_cast<double>(end - begin));
    }
  }
  by_query_->setYRange(std::pair(0.0, std::max(0.01, largest(grid.lost_by_query) * 1.1)));
  lost.faint = true;
  by_query_->setSeries({std::move(lost), std::move(mean)});
  frameChunk();
}

void RetrievalView::askQuery() {
  query_task_.cancel();
  by_query_->setMarker(scene_.query() ? std::optional(static_cast<double>(*scene_.query())) : std::nullopt);
  if (!scene_.capture() || !scene_.query()) {
    ranking_->setRetrieval(std::nullopt);
    query_title_->setText(tr("Why this chunk?  Click a chunk above, or a query at the left."));
    return;
  }
  const std::int64_t query = *scene_.query();
  query_task_.start(
      [capture = scene_.capture(), layer = scene_.layer(), head = scene_.head(), query](const Job&) {
        return retrieval_of_query(*capture, layer, head, query);
      },
      [this, query](const QueryRetrieval& why) {
        query_title_->setText(tr("Why this chunk?  Query %1 %2: %3 of its true mass is near, %4 is lost")
                                  .arg(count_text(query), scene_.text(query, query + 1),
                                       percent_text(why.near_mass), percent_text(why.lost)));
        ranking_->setRetrieval(why);
      });
}

void RetrievalView::nextHead() {
  if (!scene_.capture() || !isVisible() || heads_task_.busy()) return;
  // The chosen head's layer first: its keys are at hand.
  const auto heads = static_cast<std::size_t>(scene_.capture()->heads());
  const std::size_t chosen = static_cast<std::size_t>(scene_.layer()) * heads;
  std::size_t wanted = losses_.size();
  for (std::size_t i = 0; i < losses_.size() && wanted == losses_.size(); ++i) {
    const std::size_t at = (chosen + i) % losses_.size();
    if (std::isnan(losses_[at])) wanted = at;
  }
  if (wanted == losses_.size()) return;
  heads_task_.start([capture = scene_.capture(), layer = static_cast<std::int64_t>(wanted / heads),
                     head = static_cast<std::int64_t>(wanted % heads)](
                        const Job& job) { return head_loss(*capture, layer, head, 64, job); },
                    [this, wanted](const HeadLoss& loss) {
                      losses_[wanted] = static_cast<float>(loss.lost);
                      showHeads();
                      nextHead();
                    });
}

void RetrievalView::showHeads() {
  if (!scene_.capture()) return by_head_->setGrid({});
  const auto layers = static_cast<int>(scene_.capture()->layers()),
             heads = static_cast<int>(scene_.capture()->heads());
  by_head_->setGrid(
      {heads, layers, losses_, {-0.5, -0.5, static_cast<double>(heads), static_cast<double>(layers)}});
}

void RetrievalView::frameHead() {
  if (!scene_.capture()) return by_head_->setFrame(std::nullopt);
  by_head_->setFrame(QRectF(scene_.head() - 0.5, scene_.layer() - 0.5, 1, 1));
  const HeadPlan plan = scene_.capture()->plan(scene_.layer(), scene_.head());
  QString words = tr("Layer %1, head %2: ").arg(scene_.layer()).arg(scene_.head());
  if (plan.retrieve == 0)
    words += tr("retrieves nothing");
  else if (plan.threshold > 0)
    words += tr("retrieves blocks whose score exceeds %1, at most %2 tokens")
                 .arg(weight_text(plan.threshold),
                      count_text(std::min<std::int64_t>(plan.retrieve, scene_.tokens())));
  else if (plan.retrieve >= scene_.tokens())
    words += tr("reads everything exactly");
  else
    words += tr("retrieves the best %1 tokens").arg(count_text(plan.retrieve));
  words += plan.states ? tr("; the rest through condensed states") : tr("; the rest is dropped");
  title_->setText(words);
}

void RetrievalView::frameChunk() {
  std::optional<QRectF> frame;
  std::optional<double> row;
  if (scene_.query()) row = static_cast<double>(*scene_.query()) + 0.5;
  const QModelIndexList chosen = table_->selectionModel()->selectedRows();
  if (scene_.query() && scene_.capture() && !chosen.isEmpty()) {
    const auto* sorted = static_cast<const QSortFilterProxyModel*>(table_->model());
    const QModelIndex source = sorted->mapToSource(chosen.front());
    if (source.isValid()) {
      const auto size = static_cast<double>(scene_.capture()->config().chunk_size);
      const double key = std::floor(static_cast<double>(ranking_->part(source.row()).begin) / size) * size;
      const double query = std::floor(static_cast<double>(*scene_.query()) / size) * size;
      frame = QRectF(key, query, size, size);
    }
  }
  for (HeatMap* map : grids_) {
    map->setFrame(frame);
    map->setChosenRow(row);
  }
}

}  // namespace bsbr
