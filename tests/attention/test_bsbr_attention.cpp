#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include <QtTest>

#include <nlohmann/json.hpp>
#include "engine/attention/anchors.h"
#include "engine/attention/attention.h"
#include "engine/attention/selection.h"
#include "engine/base/error.h"
#include "engine/kernels/cpu/group_keys.h"
#include "engine/kernels/cpu/kv_store.h"
#include "engine/kernels/cpu/mean_query.h"
#include "tests/support/random_qkv.h"
#include "tests/support/small_config.h"

using bsbr::Attention;
using bsbr::AttentionShape;
using bsbr::BsbrConfig;
using bsbr::LayerCache;
using bsbr::PairCount;
using bsbr::test::Qkv;
using bsbr::test::random_qkv;
using bsbr::test::relative_error;
using bsbr::test::small_config;

namespace {

bsbr::TokenRows rows_of(const at::Tensor& x) {
  return {x.const_data_ptr<float>(), static_cast<std::size_t>(x.stride(0)),
          static_cast<std::size_t>(x.stride(1))};
}

/// What a store says of a query's mass and value of one block, [dim + 1].
at::Tensor read_block(const bsbr::KvStore& store, std::size_t block, const float* bias,
                      const at::Tensor& query) {
  const std::size_t states = store.layout().block / store.layout().compression;
  const auto dim = static_cast<std::int64_t>(store.layout().dim);
  at::Tensor sum = at::zeros({dim + 1});
  for (std::size_t s = block * states; s < (block + 1) * states; ++s) {
    float logit = bias[s];
    for (std::int64_t i = 0; i < dim; ++i) {
      logit += query[i].item<float>() *
               store.state_keys(0, 0)[static_cast<std::size_t>(i) * store.state_stride() + s];
    }
    const float* value = store.state_values(0, 0) + s * store.value_stride();
    for (std::int64_t i = 0; i < dim; ++i) sum[i] += std::exp(logit) * value[i];
    sum[dim] += std::exp(logit);
  }
  return sum;
}

/// Rotary position embedding of x [tokens, heads, dim], token t at position t.
at::Tensor rotated(const at::Tensor& x, const std::vector<float>& frequencies) {
  const std::int64_t half = x.size(2) / 2;
  const at::Tensor angle = at::arange(x.size(0)).view({-1, 1, 1}) * at::tensor(frequencies);
  const at::Tensor first = x.narrow(2, 0, half), second = x.narrow(2, half, half);
  return at::cat({first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin()}, 2);
}

at::Tensor whole(const Attention& attention, const Qkv& x, double scale, PairCount* pairs = nullptr) {
  std::vector<PairCount> heads(pairs == nullptr ? 0 : static_cast<std::size_t>(x.query.size(1)));
  const at::Tensor out = attention.forward(x.query, x.key, x.value, scale, nullptr, {heads});
  for (const PairCount& head : heads) {
    pairs->exact += head.exact;
    pairs->causal += head.causal;
  }
  return out;
}

const AttentionShape kShape{4, 4, 24};
constexpr double kScale = 0.3;

}  // namespace

class TestBsbrAttention : public QObject {
  Q_OBJECT

  static void addConfigs() {
    QTest::addColumn<BsbrConfig>("config");
    QTest::addColumn<AttentionShape>("shape");
    const BsbrConfig base = small_config();
    QTest::newRow("plain") << base << kShape;
    QTest::newRow("grouped heads") << base << AttentionShape{6, 2, 16};
    QTest::newRow("rotary keys") << base << AttentionShape{4, 2, 8, {1.0F, 0.3F, 0.1F, 0.03F}};
    QTest::newRow("wide heads") << base << AttentionShape{1, 1, 80};
    const auto vary = [&](const char* name, auto change) {
      BsbrConfig config = base;
      change(config);
      QTest::newRow(name) << config << kShape;
    };
    vary("one state a block", [](BsbrConfig& c) { c.compression_factor = 8; });
    vary("states are keys", [](BsbrConfig& c) { c.compression_factor = 1; });
    vary("nothing retrieved", [](BsbrConfig& c) { c.retrieve = 0; });
    vary("no window", [](BsbrConfig& c) { c.window = 0; });
    vary("wide window", [](BsbrConfig& c) { c.window = 3; });
    vary("no sink", [](BsbrConfig& c) { c.sink = 0; });
    vary("sink of several chunks", [](BsbrConfig& c) { c.sink = 70; });
    vary("block is chunk", [](BsbrConfig& c) { c.block_size = 32; });
    vary("tiny blocks", [](BsbrConfig& c) { c.block_size = 2, c.compression_factor = 2; });
    vary("every chunk a candidate", [](BsbrConfig& c) { c.candidate_chunks = 1000; });
    const auto plan = [&](const char* name, std::vector<bsbr::HeadPlan> heads) {
      vary(name, [&](BsbrConfig& c) { c.plan = {std::move(heads)}; });
    };
    plan("heads differ", {{0, 0, false}, {0, 0, true}, {64, 0, false}, {1024, 0, true}});
    plan("thresholds", {{64, 0.02, true}, {16, 0.002, true}, {64, 0.02, false}, {1024, 0.1, true}});
    vary("states only", [](BsbrConfig& c) { c.retrieve = 0, c.states_only = true; });
    vary("odd chunk", [](BsbrConfig& c) { c.chunk_size = 24; });
    vary("one token a chunk",
         [](BsbrConfig& c) { c.chunk_size = 1, c.block_size = 1, c.compression_factor = 1, c.retrieve = 5; });
  }

 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(2); }

  /// The kernel against the plain implementation, over lengths that do and do not fill chunks and blocks.
  void kernelEqualsReference_data() { addConfigs(); }
  void kernelEqualsReference() {
    QFETCH(BsbrConfig, config);
    QFETCH(AttentionShape, shape);
    const auto kernel = bsbr::make_bsbr_attention(shape, config, at::kCPU);
    const auto reference = bsbr::make_bsbr_reference(shape, config, at::kCPU);
    for (const std::int64_t n : {1, 7, 8, 31, 32, 33, 101, 300, 611}) {
      const Qkv x = random_qkv(shape, n, static_cast<std::uint64_t>(n));
      PairCount counted, expected;
      const at::Tensor out = whole(*kernel, x, kScale, &counted);
      const double error = relative_error(out, whole(*reference, x, kScale, &expected));
      QVERIFY2(error < 1e-5, qPrintable(QString("n %1: error %2").arg(n).arg(error)));
      QCOMPARE(counted.exact, expected.exact);
      QCOMPARE(counted.causal, expected.causal);
    }
  }

  /// What a selection says of single queries adds up to what the kernel counts, and to its output.
  void selectionEqualsKernel_data() { addConfigs(); }
  void selectionEqualsKernel() {
    QFETCH(BsbrConfig, config);
    QFETCH(AttentionShape, shape);
    constexpr std::int64_t n = 301;
    const Qkv x = random_qkv(shape, n, 11);
    std::vector<PairCount> counted(static_cast<std::size_t>(shape.heads));
    const at::Tensor out = bsbr::make_bsbr_attention(shape, config, at::kCPU)
                               ->forward(x.query, x.key, x.value, kScale, nullptr, {counted})
                               .view({n, shape.heads, shape.head_dim});
    const std::vector<bsbr::HeadPlan> plans = config.heads_of(0, shape.heads);
    bsbr::Anchors anchors(shape, config);
    anchors.append(x.query, kScale);
    for (std::int64_t head = 0; head < shape.heads; ++head) {
      const std::int64_t kv_head = head / (shape.heads / shape.kv_heads);
      const at::Tensor values = x.value.select(1, kv_head);
      const bsbr::Selector selector(x.key.select(1, kv_head), values, anchors.of(kv_head), config,
                                    shape.rope_frequencies);
      std::int64_t exact = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        const bsbr::Selection chosen = selector.select(x.query.narrow(0, i, 1).select(1, head) * kScale,
                                                       {&i, 1}, plans[static_cast<std::size_t>(head)]);
        QCOMPARE(chosen.exact.size(1), i + 1);
        QCOMPARE(chosen.retrieved.size(1) * config.block_size, chosen.recent - chosen.sink);
        exact += chosen.exact.sum().item<std::int64_t>();
        at::Tensor weights = chosen.logits.exp() * chosen.exact;
        at::Tensor read = values.narrow(0, 0, i + 1);
        if (chosen.state_logits.defined()) {
          weights = at::cat({weights, chosen.state_logits.exp()}, 1);
          read = at::cat({read, chosen.state_values});
        }
        QVERIFY(relative_error(out[i][head], at::matmul(weights, read)[0] / weights.sum()) < 1e-3);
      }
      QCOMPARE(static_cast<std::uint64_t>(exact), counted[static_cast<std::size_t>(head)].exact);
    }
  }

  void denseLimit() {
    BsbrConfig config = small_config();
    config.retrieve = 608;
    const auto kernel = bsbr::make_bsbr_attention(kShape, config, at::kCPU);
    const auto dense = bsbr::make_dense_attention(kShape, at::kCPU);
    for (const std::int64_t n : {1, 33, 300, 611}) {
      const Qkv x = random_qkv(kShape, n, 3);
      PairCount pairs;
      QVERIFY(relative_error(whole(*kernel, x, kScale, &pairs), whole(*dense, x, kScale)) < 1e-5);
      QCOMPARE(pairs.exact, pairs.causal);
    }
  }

  /// With one state a token the states are the keys themselves, so nothing is lost whatever is retrieved.
  void factorOneIsExact() {
    BsbrConfig config = small_config();
    config.compression_factor = 1;
    config.candidate_chunks = 1000;
    const Qkv x = random_qkv(kShape, 500, 4);
    const auto kernel = bsbr::make_bsbr_attention(kShape, config, at::kCPU);
    const auto dense = bsbr::make_dense_attention(kShape, at::kCPU);
    PairCount pairs;
    QVERIFY(relative_error(whole(*kernel, x, kScale, &pairs), whole(*dense, x, kScale)) < 1e-5);
    QVERIFY(pairs.exact < pairs.causal);
  }

  void approximatesButIsNotDense() {
    const Qkv x = random_qkv(kShape, 611, 5);
    const auto kernel = bsbr::make_bsbr_attention(kShape, small_config(), at::kCPU);
    const auto dense = bsbr::make_dense_attention(kShape, at::kCPU);
    QVERIFY(relative_error(whole(*kernel, x, kScale), whole(*dense, x, kScale)) > 1e-3);
  }

  void causal() {
    const Qkv x = random_qkv(kShape, 400, 6);
    const auto kernel = bsbr::make_bsbr_attention(kShape, small_config(), at::kCPU);
    const at::Tensor before = whole(*kernel, x, kScale);
    for (const std::int64_t t : {0, 15, 64, 200, 399}) {
      Qkv changed{x.query.clone(), x.key.clone(), x.value.clone()};
      for (const at::Tensor& part : {changed.query, changed.key, changed.value}) part.select(0, t).mul_(-2);
      const at::Tensor after = whole(*kernel, changed, kScale);
      QVERIFY(at::equal(after.narrow(0, 0, t), before.narrow(0, 0, t)));
      QVERIFY(!at::equal(after.select(0, t), before.select(0, t)));
    }
  }

  /// Token by token and in uneven pieces, on both implementations and dense.
  void cachedPiecesEqualWhole_data() {
    QTest::addColumn<int>("which");
    QTest::addColumn<AttentionShape>("shape");
    const AttentionShape rotary{4, 2, 8, {1.0F, 0.3F, 0.1F, 0.03F}};
    QTest::newRow("dense") << 0 << kShape;
    QTest::newRow("kernel") << 1 << kShape;
    QTest::newRow("kernel, rotary") << 1 << rotary;
    QTest::newRow("reference") << 2 << kShape;
    QTest::newRow("reference, rotary") << 2 << rotary;
  }
  void cachedPiecesEqualWhole() {
    QFETCH(int, which);
    QFETCH(AttentionShape, shape);
    const auto attention = which == 0   ? bsbr::make_dense_attention(shape, at::kCPU)
                           : which == 1 ? bsbr::make_bsbr_attention(shape, small_config(), at::kCPU)
                                        : bsbr::make_bsbr_reference(shape, small_config(), at::kCPU);
    const Qkv x = random_qkv(shape, 360, 7);
    const at::Tensor expected = whole(*attention, x, kScale);
    const auto cache = attention->make_cache(360);
    std::vector<at::Tensor> pieces;
    std::int64_t begin = 0;
    for (const std::int64_t size : {1, 1, 1, 29, 1, 100, 150}) {
      const Qkv part = x.narrow(begin, size);
      pieces.push_back(attention->forward(part.query, part.key, part.value, kScale, cache.get(), {}));
      begin += size;
    }
    for (; begin < 360; ++begin) {
      const Qkv part = x.narrow(begin, 1);
      pieces.push_back(attention->forward(part.query, part.key, part.value, kScale, cache.get(), {}));
    }
    QCOMPARE(cache->tokens(), 360);
    QVERIFY(relative_error(at::cat(pieces), expected) < 1e-5);
  }

  /// Far keys and values are given back: the same result from a cache that is smaller by the factor.
  void statesOnlyForgetsTheRest() {
    BsbrConfig config = small_config();
    config.retrieve = 0;
    const auto keeps = bsbr::make_bsbr_attention(kShape, config, at::kCPU);
    config.states_only = true;
    const auto forgets = bsbr::make_bsbr_attention(kShape, config, at::kCPU);
    const Qkv x = random_qkv(kShape, 1600, 11);
    const auto all = keeps->make_cache(1600);
    const auto some = forgets->make_cache(1600);
    const auto run = [&](const Attention& attention, LayerCache& cache) {
      return attention.forward(x.query, x.key, x.value, kScale, &cache, {});
    };
    QVERIFY(at::equal(run(*keeps, *all), run(*forgets, *some)));
    // 50 chunks: keys and values with their states, a quarter as large; then the states alone.
    QVERIFY2(some->bytes() * 3 < all->bytes(),
             qPrintable(QString("%1 of %2").arg(some->bytes()).arg(all->bytes())));
    QCOMPARE(some->tokens(), 1600);
  }

  void sameBitsEveryTime() {
    const Qkv x = random_qkv(kShape, 500, 8);
    const auto kernel = bsbr::make_bsbr_attention(kShape, small_config(), at::kCPU);
    const at::Tensor once = whole(*kernel, x, kScale);
    for (int i = 0; i < 5; ++i) QVERIFY(at::equal(whole(*kernel, x, kScale), once));
  }

  /// Logits that overflow a plain e^x must not reach infinity or NaN.
  void largeLogits() {
    Qkv x = random_qkv(kShape, 300, 9);
    x.query = x.query * 100;
    const auto kernel = bsbr::make_bsbr_attention(kShape, small_config(), at::kCPU);
    const auto reference = bsbr::make_bsbr_reference(kShape, small_config(), at::kCPU);
    const at::Tensor out = whole(*kernel, x, kScale);
    QVERIFY(at::isfinite(out).all().item<bool>());
    const double error = relative_error(out, whole(*reference, x, kScale));
    QVERIFY2(error < 1e-3, qPrintable(QString::number(error)));
  }
  /// Where all queries are one and the same, that is the anchor: mass and value of every block are exact at
  /// it.
  void statesAreExactAtTheAnchor() {
    constexpr std::int64_t n = 32, dim = 24;
    at::manual_seed(12);
    const at::Tensor query = at::randn({dim});
    const at::Tensor keys = at::randn({n, 1, dim}), values = at::randn({n, 1, dim});
    bsbr::KvStore store({2, 1, dim, n, 8, 4});
    store.append(rows_of(query.expand({n, 2, dim})), rows_of(keys), rows_of(values), n, 0.5);
    store.make_states(1);
    const at::Tensor anchor = query * 0.5;
    const at::Tensor mass = at::matmul(keys.squeeze(1), anchor).exp().unsqueeze(1);
    const at::Tensor read = at::cat({mass * values.squeeze(1), mass}, 1).view({4, 8, dim + 1}).sum(1);
    for (std::size_t block = 0; block < 4; ++block) {
      const at::Tensor actual = read_block(store, block, store.state_bias(0, 0), anchor);
      QVERIFY(relative_error(actual, read[static_cast<std::int64_t>(block)]) < 1e-5);
      const at::Tensor plain = read_block(store, block, store.state_log_size(0, 0), anchor);
      QVERIFY(plain[dim].item<float>() < 0.99F * actual[dim].item<float>());
    }
  }

  /// An anchor of 0: the sizes of groups, and at the query 0 the number of keys and the sum of values.
  void anchorZeroIsPlain() {
    constexpr std::int64_t n = 32, dim = 24;
    at::manual_seed(13);
    const at::Tensor keys = at::randn({n, 1, dim}), values = at::randn({n, 1, dim});
    bsbr::KvStore store({1, 1, dim, n, 8, 4});
    store.append(rows_of(at::zeros({n, 1, dim})), rows_of(keys), rows_of(values), n, 1);
    store.make_states(1);
    for (std::size_t block = 0; block < 4; ++block) {
      const at::Tensor sum = values.view({4, 8, dim})[static_cast<std::int64_t>(block)].sum(0);
      const at::Tensor read = read_block(store, block, store.state_bias(0, 0), at::zeros({dim}));
      QVERIFY(relative_error(read.narrow(0, 0, dim), sum) < 1e-5);
      QVERIFY(std::abs(read[dim].item<float>() - 8) < 1e-5F);
    }
    for (std::size_t s = 0; s < store.states_per_chunk(); ++s)
      QCOMPARE(store.state_bias(0, 0)[s], store.state_log_size(0, 0)[s]);
  }

  /// The same bits of every state, in whatever pieces the tokens come.
  void statesDoNotDependOnPieces() {
    const AttentionShape shape{4, 2, 8, {1.0F, 0.3F, 0.1F, 0.03F}};
    const bsbr::KvLayout layout{4, 2, 8, 32, 8, 4};
    const Qkv x = random_qkv(shape, 96, 14);
    const auto fill = [&](std::int64_t piece) {
      bsbr::KvStore store(layout, shape.rope_frequencies);
      std::int64_t pieces = 0;
      for (std::int64_t begin = 0; begin < 96; begin += piece) {
        const Qkv part = x.narrow(begin, std::min<std::int64_t>(piece, 96 - begin));
        store.append(rows_of(part.query), rows_of(part.key), rows_of(part.value),
                     static_cast<std::size_t>(part.query.size(0)), kScale);
        // Some at once, some late.
        if (pieces++ % 2 == 0) store.make_states(store.tokens() / layout.chunk);
      }
      store.make_states(3);
      return store;
    };
    const bsbr::KvStore whole_store = fill(96);
    for (const std::int64_t piece : {1, 7, 32, 50}) {
      const bsbr::KvStore store = fill(piece);
      for (std::size_t chunk = 0; chunk < 3; ++chunk) {
        for (std::size_t head = 0; head < 2; ++head) {
          const auto same = [&](auto part, std::size_t floats) {
            return std::equal((store.*part)(chunk, head), (store.*part)(chunk, head) + floats,
                              (whole_store.*part)(chunk, head));
          };
          QVERIFY(same(&bsbr::KvStore::state_keys, layout.dim * store.state_stride()));
          QVERIFY(same(&bsbr::KvStore::state_values, store.states_per_chunk() * store.value_stride()));
          QVERIFY(same(&bsbr::KvStore::state_bias, store.states_per_chunk()));
          QVERIFY(same(&bsbr::KvStore::state_spread, 2 * store.state_stride()));
        }
      }
    }
  }

  /// A query that is the same at every position but for its rotation, read back at every distance.
  void expectedQueriesAreAveragedOverDistances() {
    const std::vector<float> frequencies{1.0F, 0.01F, 0.0005F, 0.0F};
    constexpr std::int64_t dim = 8, n = 64;
    const auto distances = static_cast<std::int64_t>(bsbr::kReadDistance);
    at::manual_seed(15);
    const at::Tensor query = at::randn({1, 1, dim});
    const at::Tensor everywhere = rotated(query.expand({n + distances, 1, dim}), frequencies);
    bsbr::MeanQuery mean(1, dim, frequencies);
    const auto stride = static_cast<std::size_t>(dim);
    for (std::int64_t t = 0; t < n; ++t) mean.add(everywhere[t].const_data_ptr<float>(), stride, 2);
    for (const std::int64_t position : {std::int64_t{0}, std::int64_t{5}, n - 1}) {
      at::Tensor found = at::empty({dim});
      mean.expect(static_cast<double>(position), found.data_ptr<float>());
      const at::Tensor pairs = (distances - at::arange(distances)).view({-1, 1});
      const at::Tensor expected =
          2 * (everywhere.narrow(0, position, distances).squeeze(1) * pairs).sum(0) / pairs.sum();
      QVERIFY(relative_error(found, expected) < 1e-3);
    }
  }

  /// A far outlier is a group of its own; equal keys stay together.
  void groupsBySimilarity() {
    bsbr::KeyGrouper grouper;
    const std::vector<float> line{0.0F, 100.0F, 0.1F, 5.0F, 5.2F, 0.3F, 5.1F, 0.2F};
    QCOMPARE(grouper.group(line.data(), 8, 1, 8, 3), (std::vector<std::int32_t>{0, 1, 0, 2, 2, 0, 2, 0}));
    QCOMPARE(grouper.group(line.data(), 8, 1, 8, 1), std::vector<std::int32_t>(8, 0));
    QCOMPARE(grouper.group(line.data(), 8, 1, 8, 8), (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 6, 7}));
    // Complete linkage on 0, 2, 3.9, 6: 1 and 2 join, then 0 with them (3.9) before 3 (4.0 from key 1).
    const std::vector<float> chain{0.0F, 2.0F, 3.9F, 6.0F};
    QCOMPARE(grouper.group(chain.data(), 4, 1, 4, 2), (std::vector<std::int32_t>{0, 0, 0, 1}));
    // One key repeated, as rounding leaves it: as if all were equal.
    const std::vector<float> repeated{1.0F, 1.000001F, 1.0F, 0.999999F};
    QCOMPARE(grouper.group(repeated.data(), 4, 1, 4, 2), (std::vector<std::int32_t>{0, 0, 0, 1}));
    // Two keys that are one and the same but for their positions, between others.
    bsbr::KeyGrouper rotary({2.0F});
    const auto turned = [](float x, float y, float angle) {
      return std::pair(x * std::cos(angle) - y * std::sin(angle), x * std::sin(angle) + y * std::cos(angle));
    };
    const auto [x2, y2] = turned(1.0F, 0.0F, 4.0F);
    const auto [x1, y1] = turned(0.0F, 1.0F, 2.0F);
    const std::vector<float> two{1.0F, x1, x2, 0.0F, y1, y2};
    QCOMPARE(rotary.group(two.data(), 3, 2, 3, 2), (std::vector<std::int32_t>{0, 1, 0}));
    QCOMPARE(grouper.group(two.data(), 3, 2, 3, 2), (std::vector<std::int32_t>{0, 1, 1}));
    const std::vector<float> broken{NAN, 1.0F, NAN, 2.0F};
    const auto& labels = grouper.group(broken.data(), 4, 1, 4, 2);
    QCOMPARE(*std::max_element(labels.begin(), labels.end()), 1);
  }

  void badParameters_data() {
    QTest::addColumn<BsbrConfig>("config");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, auto change, const char* says) {
      BsbrConfig config;
      change(config);
      QTest::newRow(name) << config << QByteArray(says);
    };
    row(
        "chunk 0", [](BsbrConfig& c) { c.chunk_size = 0; }, "chunk_size is 0; legal: 1 to 1024");
    row(
        "chunk large", [](BsbrConfig& c) { c.chunk_size = 2048; }, "chunk_size is 2048; legal: 1 to 1024");
    row(
        "block 0", [](BsbrConfig& c) { c.block_size = 0; },
        "block_size is 0; legal: 1, 2, 4, 8, 16, 32, 64, 128");
    row(
        "block no divisor", [](BsbrConfig& c) { c.chunk_size = 96, c.block_size = 64; },
        "legal: 1, 2, 4, 8, 16, 32 ");
    row(
        "block no power", [](BsbrConfig& c) { c.chunk_size = 96, c.block_size = 48; }, "block_size is 48");
    row(
        "factor 0", [](BsbrConfig& c) { c.compression_factor = 0; },
        "compression_factor is 0; legal: 1, 2, 4, 8, 16 ");
    row(
        "factor 3", [](BsbrConfig& c) { c.compression_factor = 3; },
        "compression_factor is 3; legal: 1, 2, 4, 8, 16 ");
    row(
        "factor above block", [](BsbrConfig& c) { c.compression_factor = 32; }, "compression_factor is 32");
    row(
        "retrieve negative", [](BsbrConfig& c) { c.retrieve = -16; }, "retrieve is -16");
    row(
        "retrieve no multiple", [](BsbrConfig& c) { c.retrieve = 100; },
        "multiples of block_size 16 from 0 to 1024");
    row(
        "retrieve large", [](BsbrConfig& c) { c.retrieve = 2048; }, "retrieve is 2048");
    row(
        "window negative", [](BsbrConfig& c) { c.window = -1; }, "window is -1; legal: 0 to 8");
    row(
        "window large", [](BsbrConfig& c) { c.window = 9; }, "window is 9; legal: 0 to 8");
    row(
        "two at once", [](BsbrConfig& c) { c.window = 9, c.retrieve = 1; }, "retrieve is 1; legal");
  }
  void badParameters() {
    QFETCH(BsbrConfig, config);
    QFETCH(QByteArray, says);
    try {
      config.validate(1024);
      QFAIL("accepted");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::InvalidArgument);
      QVERIFY2(QByteArray(error.what()).contains(says), error.what());
    }
  }

  void configRoundTrip() {
    const BsbrConfig config = small_config();
    QCOMPARE(BsbrConfig::from_json(config.to_json()), config);
    auto json = config.to_json();
    json["version"] = 99;
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, BsbrConfig::from_json(json));
    json = config.to_json();
    json["surprise"] = 1;
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, BsbrConfig::from_json(json));
    json = config.to_json();
    json.erase("window");
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, BsbrConfig::from_json(json));
  }
};

QTEST_APPLESS_MAIN(TestBsbrAttention)
#include "test_bsbr_attention.moc"
