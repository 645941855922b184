#include <ATen/Functions.h>

#include <QtTest>

#include "engine/analysis/memory_meter.h"
#include "engine/attention/attention.h"

using bsbr::Attention;
using bsbr::AttentionShape;
using bsbr::MemoryMeter;

namespace {

/// Bytes at once beyond queries, keys and values, when attention of one layer runs over n tokens.
std::int64_t peak(const Attention& attention, const AttentionShape& shape, std::int64_t n) {
  at::manual_seed(1);
  const auto heads = [&](std::int64_t count) { return at::randn({n, count, shape.head_dim}); };
  const at::Tensor q = heads(shape.heads), k = heads(shape.kv_heads), v = heads(shape.kv_heads);
  const MemoryMeter meter;
  (void)attention.forward(q, k, v, 0.2, nullptr, {});
  return meter.peak_bytes();
}

}  // namespace

class TestMemory : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void meterCounts() {
    const MemoryMeter meter;
    QCOMPARE(meter.peak_bytes(), 0);
    { const at::Tensor a = at::empty({1000}); }
    { const at::Tensor b = at::empty({500}); }
    QCOMPARE(meter.peak_bytes(), 4000);
    const at::Tensor c = at::empty({600});
    const at::Tensor d = at::empty({600});
    QCOMPARE(meter.peak_bytes(), 4800);
  }

  /// Twice the tokens, at most a little over twice the memory, and far from n x n.
  void attentionIsLinear_data() {
    QTest::addColumn<bool>("reference");
    QTest::newRow("kernel") << false;
    QTest::newRow("reference") << true;
  }
  void attentionIsLinear() {
    QFETCH(bool, reference);
    const AttentionShape shape{2, 2, 16};
    const bsbr::BsbrConfig config;
    const auto attention = reference ? bsbr::make_bsbr_reference(shape, config, at::kCPU)
                                     : bsbr::make_bsbr_attention(shape, config, at::kCPU);
    const std::int64_t small = reference ? 2048 : 8192;
    const std::int64_t once = peak(*attention, shape, small);
    const std::int64_t twice = peak(*attention, shape, 2 * small);
    QVERIFY(once > 0);
    QVERIFY2(double(twice) < 2.2 * double(once),
             qPrintable(QString("%1 then %2 bytes").arg(once).arg(twice)));
    QVERIFY(twice < shape.heads * (2 * small) * (2 * small) * std::int64_t(sizeof(float)) / 2);
  }
};

QTEST_APPLESS_MAIN(TestMemory)
#include "test_memory.moc"
