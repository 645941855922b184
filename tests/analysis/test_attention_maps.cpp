#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <c10/core/InferenceMode.h>

#include <QtTest>

#include <cmath>

#include "engine/analysis/attention_map.h"
#include "engine/analysis/retrieval.h"
#include "engine/model/checkpoint_tokenizer.h"
#include "engine/model/decoder.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/resource_text.h"
#include "tests/support/small_config.h"

using bsbr::AttentionCapture;
using bsbr::AttentionMap;
using bsbr::BsbrConfig;
using bsbr::Checkpoint;
using bsbr::HeadPlan;
using bsbr::LanguageModel;
using bsbr::MapRequest;
using bsbr::Pooling;
using bsbr::QueryAttention;
using bsbr::TokenId;
using bsbr::Zone;
using bsbr::test::tiny_config;

namespace {

constexpr std::int64_t kTokens = 93;  // not a multiple of the chunk or block
constexpr std::int64_t kLayer = 1;

std::vector<TokenId> some_tokens(std::int64_t count) {
  std::vector<TokenId> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back((i * i * 7 + i * 13 + 5) % 211);
  return ids;
}

/// Queries, keys, values and output of one layer, as the model itself has them.
struct LayerData {
  at::Tensor query, key, value, out;
  double scale = 0;
};

LayerData layer_of(const LanguageModel& model, const std::vector<TokenId>& ids, std::int64_t layer) {
  const c10::InferenceMode inference;
  LayerData data;
  bsbr::Decoder::Options options;
  options.on_attended = [&](const bsbr::AttentionInput& input, const at::Tensor& out) {
    if (input.layer == layer)
      data = {input.query.clone(), input.key.clone(), input.value.clone(), out.clone(), input.scale};
  };
  (void)model.decoder().forward({ids, {static_cast<std::int64_t>(ids.size())}}, options);
  return data;
}

/// Exact weights of a head, [queries][keys], by plain loops in double.
std::vector<std::vector<double>> brute_force(const LayerData& data, std::int64_t head) {
  const std::int64_t n = data.query.size(0);
  const at::Tensor q = data.query.select(1, head).to(at::kDouble).contiguous();
  const at::Tensor k =
      data.key.select(1, head / (data.query.size(1) / data.key.size(1))).to(at::kDouble).contiguous();
  const std::int64_t dim = q.size(1);
  std::vector<std::vector<double>> weights;
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<double> row;
    double sum = 0;
    for (std::int64_t j = 0; j <= i; ++j) {
      double dot = 0;
      for (std::int64_t d = 0; d < dim; ++d)
        dot += q.const_data_ptr<double>()[i * dim + d] * k.const_data_ptr<double>()[j * dim + d];
      row.push_back(std::exp(dot * data.scale));
      sum += row.back();
    }
    for (double& weight : row) weight /= sum;
    weights.push_back(std::move(row));
  }
  return weights;
}

/// A window's cells from rows of weights, by the definition of pooling.
template <class Value>
std::vector<float> pooled(const MapRequest& request, std::int64_t rows, std::int64_t columns, Value value) {
  std::vector<float> cells;
  const auto edge = [](std::int64_t i, std::int64_t count, std::int64_t begin, std::int64_t end) {
    return begin + (end - begin) * i / count;
  };
  const bsbr::MapWindow& w = request.window;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      double most = 0, sum = 0;
      int pairs = 0;
      for (std::int64_t i = edge(row, rows, w.query_begin, w.query_end);
           i < edge(row + 1, rows, w.query_begin, w.query_end); ++i) {
        for (std::int64_t j = edge(column, columns, w.key_begin, w.key_end);
             j < edge(column + 1, columns, w.key_begin, w.key_end) && j <= i; ++j) {
          const double v = value(i, j);
          if (std::abs(v) > std::abs(most)) most = v;
          sum += v;
          ++pairs;
        }
      }
      cells.push_back(
          pairs == 0 ? NAN : static_cast<float>(request.pooling == Pooling::Maximum ? most : sum / pairs));
    }
  }
  return cells;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return INFINITY;
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) != std::isnan(b[i])) return INFINITY;
    if (!std::isnan(a[i])) largest = std::max(largest, std::abs(double(a[i]) - b[i]));
  }
  return largest;
}

}  // namespace

class TestAttentionMaps : public QObject {
  Q_OBJECT

  std::vector<TokenId> ids_ = some_tokens(kTokens);
  std::optional<LanguageModel> original_, converted_;
  std::optional<AttentionCapture> capture_;

 private Q_SLOTS:
  void initTestCase_data() {
    QTest::addColumn<QString>("checkpoint");
    QTest::addColumn<BsbrConfig>("config");
    const BsbrConfig base = tiny_config();
    QTest::newRow("gpt2") << QString("gpt2-plain") << base;
    QTest::newRow("grouped heads, rotary") << QString("llama-gqa") << base;
    BsbrConfig planned = base;
    planned.plan.assign(4, {{8, 0, true}, {0, 0, true}, {0, 0, false}, {32, 0.01, true}});
    QTest::newRow("planned") << QString("gpt2-plain") << planned;
    BsbrConfig wide = base;
    wide.sink = 24;
    wide.window = 1;
    QTest::newRow("sink cuts a chunk") << QString("llama-gqa") << wide;
  }

  void init() {
    QFETCH_GLOBAL(QString, checkpoint);
    QFETCH_GLOBAL(BsbrConfig, config);
    original_ = golden::model(checkpoint.toStdString());
    if (!config.plan.empty()) {
      config.plan.resize(std::size_t(original_->config().layers), config.plan.front());
      for (auto& layer : config.plan) layer.resize(std::size_t(original_->config().heads), {8, 0, false});
    }
    converted_ = original_->with_attention(config);
    capture_.emplace(*original_, *converted_, ids_);
  }

  void originalEqualsBruteForce() {
    const LayerData data = layer_of(*original_, ids_, kLayer);
    for (std::int64_t head = 0; head < capture_->heads(); ++head) {
      const auto expected = brute_force(data, head);
      for (const Pooling pooling : {Pooling::Maximum, Pooling::Mean}) {
        for (const bsbr::MapWindow window : {bsbr::MapWindow{0, kTokens, 0, kTokens}, {40, 70, 11, 58}}) {
          MapRequest request{kLayer, head, window, 20, 13, pooling};
          request.converted = false;
          const AttentionMap map = bsbr::attention_map(*capture_, request);
          const auto cells = pooled(request, 20, 13, [&](std::int64_t i, std::int64_t j) {
            return expected[std::size_t(i)][std::size_t(j)];
          });
          QVERIFY(largest_difference(map.original, cells) < 1e-5);
          QVERIFY(map.converted.empty() && map.difference.empty());
        }
      }
    }
  }

  void anotherConversionSharesTheOriginal() {
    BsbrConfig config = *converted_->config().bsbr;
    config.compression_factor = config.block_size;
    const LanguageModel other = original_->with_attention(config);
    const AttentionCapture shared = capture_->with_conversion(other);
    const AttentionCapture fresh(*original_, other, ids_);
    const MapRequest request{kLayer, 0, {0, kTokens, 0, kTokens}, 31, 31};
    const AttentionMap map = bsbr::attention_map(shared, request);
    const AttentionMap expected = bsbr::attention_map(fresh, request);
    QVERIFY(largest_difference(map.original, expected.original) == 0);
    QVERIFY(largest_difference(map.converted, expected.converted) == 0);
    QVERIFY(largest_difference(map.converted, bsbr::attention_map(*capture_, request).converted) > 0);
    EXPECT_ERROR((void)capture_->with_conversion(*original_), bsbr::ErrorKind::InvalidArgument,
                 "not converted");
  }

  /// The strongest that can be said: the weights times the values are what the kernel put out.
  void convertedWeightsMakeTheOutput() {
    const LayerData data = layer_of(*converted_, ids_, kLayer);
    const std::int64_t dim = data.query.size(2);
    for (std::int64_t head = 0; head < capture_->heads(); ++head) {
      const at::Tensor values =
          data.value.select(1, head / (data.query.size(1) / data.key.size(1))).contiguous();
      for (std::int64_t position = 0; position < kTokens; ++position) {
        const QueryAttention query = bsbr::attention_of_query(*capture_, kLayer, head, position);
        QCOMPARE(query.converted.size(), std::size_t(position + 1));
        const at::Tensor made = at::matmul(at::tensor(query.converted), values.narrow(0, 0, position + 1));
        const at::Tensor out = data.out[position].narrow(0, head * dim, dim);
        const double error = ((made - out).abs().max() / out.abs().max()).item<double>();
        QVERIFY2(error < 1e-3,
                 qPrintable(QString("head %1, query %2: %3").arg(head).arg(position).arg(error)));
      }
    }
  }

  /// Cells of a map are those of its queries, whichever way they are asked for.
  void mapEqualsQueries() {
    const std::int64_t head = capture_->heads() - 1;
    std::vector<QueryAttention> queries;
    for (std::int64_t i = 0; i < kTokens; ++i)
      queries.push_back(bsbr::attention_of_query(*capture_, kLayer, head, i));
    for (const Pooling pooling : {Pooling::Maximum, Pooling::Mean}) {
      const MapRequest request{kLayer, head, {5, 93, 0, 80}, 31, 17, pooling};
      const AttentionMap map = bsbr::attention_map(*capture_, request);
      const auto expect = [&](const std::vector<float>& cells, auto value) {
        return largest_difference(cells, pooled(request, 31, 17, [&](std::int64_t i, std::int64_t j) {
                                    return value(queries[std::size_t(i)], std::size_t(j));
                                  }));
      };
      QVERIFY(expect(map.converted, [](const QueryAttention& q, std::size_t j) { return q.converted[j]; }) <
              1e-5);
      QVERIFY(expect(map.difference, [](const QueryAttention& q, std::size_t j) {
                return q.converted[j] - q.original[j];
              }) < 1e-5);
    }
    const AttentionMap whole =
        bsbr::attention_map(*capture_, {kLayer, head, {0, kTokens, 0, kTokens}, 500, 500});
    QCOMPARE(whole.rows, kTokens);
    for (std::int64_t i = 0; i < kTokens; ++i) {
      for (std::int64_t j = 0; j <= i; ++j) {
        const Zone zone = queries[std::size_t(i)].zones[std::size_t(j)];
        QCOMPARE(whole.exact[std::size_t(i * kTokens + j)], zone <= Zone::Retrieved ? 1.0F : 0.0F);
      }
    }
  }

  void zones() {
    const BsbrConfig& config = capture_->config();
    bool condensed = false, retrieved = false;
    for (std::int64_t head = 0; head < capture_->heads(); ++head) {
      const HeadPlan plan = capture_->plan(kLayer, head);
      for (const std::int64_t position : {0, 15, 16, 50, 92}) {
        const QueryAttention query = bsbr::attention_of_query(*capture_, kLayer, head, position);
        const std::int64_t recent =
            std::max<std::int64_t>(0, position / config.chunk_size - config.window) * config.chunk_size;
        float sum = 0;
        for (std::int64_t j = 0; j <= position; ++j) {
          const Zone zone = query.zones[std::size_t(j)];
          const float weight = query.converted[std::size_t(j)];
          sum += weight;
          if (j >= recent)
            QCOMPARE(zone, Zone::Near);
          else if (j < config.sink)
            QCOMPARE(zone, Zone::Sink);
          else
            QVERIFY(zone >= Zone::Retrieved);
          if (zone == Zone::Dropped) QVERIFY(!plan.states && weight == 0);
          if (zone == Zone::Condensed) QVERIFY(plan.states && weight > 0);
          condensed = condensed || zone == Zone::Condensed;
          retrieved = retrieved || zone == Zone::Retrieved;
        }
        QVERIFY(std::abs(sum - 1) < 1e-5);
      }
    }
    QVERIFY(condensed && retrieved);
  }

  /// Keeping fewer streams gives the same layers.
  void fewStreamsKept() {
    const AttentionCapture small(*original_, *converted_, ids_, {}, 1);
    QVERIFY(small.bytes() < capture_->bytes());
    for (std::int64_t layer = capture_->layers() - 1; layer >= 0; --layer) {
      const MapRequest request{layer, 0, {0, kTokens, 0, kTokens}};
      const AttentionMap expected = bsbr::attention_map(*capture_, request);
      const AttentionMap map = bsbr::attention_map(small, request);
      QVERIFY(largest_difference(map.original, expected.original) < 1e-5);
      QVERIFY(largest_difference(map.converted, expected.converted) < 1e-5);
    }
  }

  void quickLookIsPartOfTheWhole() {
    MapRequest request{kLayer, 1, {0, kTokens, 0, kTokens}, 12, 12};
    const AttentionMap whole = bsbr::attention_map(*capture_, request);
    request.queries_per_row = 2;
    const AttentionMap quick = bsbr::attention_map(*capture_, request);
    QCOMPARE(quick.rows, 12);
    double seen = 0;
    for (std::size_t i = 0; i < whole.original.size(); ++i) {
      if (std::isnan(quick.original[i])) continue;
      QVERIFY(quick.original[i] <= whole.original[i] + 1e-6F);
      seen += quick.original[i];
    }
    QVERIFY(seen > 1);
  }

  /// True mass, lost mass and what was retrieved, from the definitions.
  void retrievalEqualsItsDefinitions() {
    const LayerData data = layer_of(*converted_, ids_, kLayer);
    const BsbrConfig& config = capture_->config();
    const std::int64_t c = config.chunk_size;
    for (std::int64_t head = 0; head < capture_->heads(); ++head) {
      const auto truth = brute_force(data, head);
      const bsbr::RetrievalGrid grid = bsbr::retrieval_grid(*capture_, kLayer, head);
      QCOMPARE(grid.chunks, (kTokens + c - 1) / c);
      QCOMPARE(grid.lost_by_query.size(), std::size_t(kTokens));
      std::vector<double> mass(std::size_t(grid.chunks * grid.chunks)), lost(mass), taken(mass), far(mass),
          score(mass);
      std::vector<double> queries(std::size_t(grid.chunks));
      double all_lost = 0, unread = 0;
      for (std::int64_t i = 0; i < kTokens; ++i) {
        const QueryAttention query = bsbr::attention_of_query(*capture_, kLayer, head, i);
        const bsbr::QueryRetrieval why = bsbr::retrieval_of_query(*capture_, kLayer, head, i);
        queries[std::size_t(i / c)] += 1;
        double lost_here = 0, near = 0;
        for (std::int64_t j = 0; j <= i; ++j) {
          const auto cell = std::size_t(i / c * grid.chunks + j / c);
          const double p = truth[std::size_t(i)][std::size_t(j)];
          const Zone zone = query.zones[std::size_t(j)];
          mass[cell] += p;
          if (zone <= Zone::Near) near += p;
          if (zone >= Zone::Retrieved) far[cell] += 1;
          if (zone == Zone::Retrieved) taken[cell] += 1;
          if (zone <= Zone::Retrieved) continue;
          unread += p / kTokens;
          const double missing = std::max(0.0, p - double(query.converted[std::size_t(j)]));
          lost[cell] += missing;
          lost_here += missing;
        }
        all_lost += lost_here / kTokens;
        QVERIFY(std::abs(lost_here - grid.lost_by_query[std::size_t(i)]) < 1e-5);
        QVERIFY(std::abs(lost_here - why.lost) < 1e-5);
        QVERIFY(std::abs(near - why.near_mass) < 1e-5);
        for (const bsbr::RankedPart& chunk : why.chunks) {
          double p = 0, exact = 0;
          for (std::int64_t j = chunk.begin; j < chunk.end; ++j) {
            p += truth[std::size_t(i)][std::size_t(j)];
            exact += query.zones[std::size_t(j)] == Zone::Retrieved ? 1 : 0;
          }
          QVERIFY(std::abs(p - chunk.true_mass) < 1e-5);
          QCOMPARE(double(chunk.exact_tokens), exact);
          if (!std::isnan(chunk.score))
            score[std::size_t(i / c * grid.chunks + chunk.begin / c)] += chunk.score;
        }
      }
      for (std::int64_t row = 0; row < grid.chunks; ++row) {
        for (std::int64_t column = 0; column < grid.chunks; ++column) {
          const auto cell = std::size_t(row * grid.chunks + column);
          QCOMPARE(std::isnan(grid.true_mass[cell]), column > row);
          QCOMPARE(std::isnan(grid.retrieved[cell]), far[cell] == 0);
          if (column > row) continue;
          const double count = queries[std::size_t(row)];
          QVERIFY(std::abs(mass[cell] / count - grid.true_mass[cell]) < 1e-5);
          QVERIFY(std::abs(lost[cell] / count - grid.lost[cell]) < 1e-5);
          if (far[cell] > 0) QVERIFY(std::abs(taken[cell] / far[cell] - grid.retrieved[cell]) < 1e-5);
          if (!std::isnan(grid.score[cell])) {
            QVERIFY(far[cell] > 0);
            QVERIFY(std::abs(score[cell] / count - grid.score[cell]) <
                    1e-4 * (1 + std::abs(grid.score[cell])));
          }
        }
      }
      const bsbr::HeadLoss loss = bsbr::head_loss(*capture_, kLayer, head, kTokens);
      QVERIFY(std::abs(loss.lost - all_lost) < 1e-5);
      QVERIFY(std::abs(loss.unread - unread) < 1e-5);
      QVERIFY(loss.lost <= loss.unread + 1e-6);
    }
  }

  /// As many are called best as were retrieved; hits are retrieved and misses are not.
  void ranking() {
    for (std::int64_t head = 0; head < capture_->heads(); ++head) {
      const bsbr::QueryRetrieval why = bsbr::retrieval_of_query(*capture_, kLayer, head, kTokens - 1);
      for (const auto* parts : {&why.blocks, &why.chunks}) {
        int retrieved = 0, best = 0;
        double worst_best = INFINITY, best_other = 0;
        for (std::size_t i = 0; i < parts->size(); ++i) {
          const bsbr::RankedPart& part = (*parts)[i];
          const bool among = part.verdict == bsbr::Verdict::Hit || part.verdict == bsbr::Verdict::Miss;
          QCOMPARE(part.exact_tokens > 0,
                   part.verdict == bsbr::Verdict::Hit || part.verdict == bsbr::Verdict::Surplus);
          retrieved += part.exact_tokens > 0 ? 1 : 0;
          best += among ? 1 : 0;
          if (among)
            worst_best = std::min(worst_best, part.true_mass);
          else
            best_other = std::max(best_other, part.true_mass);
          if (i > 0 && !std::isnan(part.score)) QVERIFY(part.score <= (*parts)[i - 1].score);
        }
        QCOMPARE(best, retrieved);
        QVERIFY(worst_best >= best_other);
      }
      // The uniform plan takes the best scores, whatever they are.
      if (capture_->config().plan.empty()) {
        QCOMPARE(why.blocks[0].exact_tokens, 4);
        QCOMPARE(why.blocks[1].exact_tokens, 4);
        QCOMPARE(why.blocks[2].exact_tokens, 0);
      }
    }
  }

  void badRequests() {
    const auto refused = [&](MapRequest request) {
      try {
        (void)bsbr::attention_map(*capture_, request);
      } catch (const bsbr::Error& error) {
        return error.kind() == bsbr::ErrorKind::InvalidArgument;
      }
      return false;
    };
    const bsbr::MapWindow whole{0, kTokens, 0, kTokens};
    QVERIFY(refused({99, 0, whole}) && refused({0, 99, whole}) && refused({-1, 0, whole}));
    QVERIFY(refused({0, 0, {0, kTokens + 1, 0, kTokens}}) && refused({0, 0, {5, 5, 0, 1}}));
    QVERIFY(refused({0, 0, whole, 0, 5}));
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, (void)bsbr::attention_of_query(*capture_, 0, 0, kTokens));
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, (void)bsbr::retrieval_of_query(*capture_, 0, 0, -1));
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, AttentionCapture(*original_, *original_, ids_));
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, AttentionCapture(*original_, *converted_, {}));
  }

  void cancelled() {
    bsbr::CancelToken token;
    bsbr::Job job;
    job.cancel = &token;
    job.progress = [&](std::string_view, double fraction) {
      if (fraction > 0.3) token.cancel();
    };
    try {
      (void)bsbr::attention_map(*capture_, {kLayer, 0, {0, kTokens, 0, kTokens}}, job);
      QFAIL("went on");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::Cancelled);
    }
  }
};

QTEST_APPLESS_MAIN(TestAttentionMaps)
#include "test_attention_maps.moc"
