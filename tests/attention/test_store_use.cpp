#include <ATen/Functions.h>
#include <ATen/Parallel.h>

#include <QtTest>

#include "engine/attention/attention.h"
#include "tests/support/counted_new.h"

using bsbr::test::count_allocations;

/// What a step of attention makes besides its result.
class TestStoreUse : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  /// A store has parts for every key-value head; a step that has a cache makes none.
  void aStoreIsMadeOnlyWithoutACache() {
    at::set_num_threads(1);
    bsbr::AttentionShape shape{512, 512, 8};
    shape.rope_frequencies = {1.0F, 0.1F, 0.01F, 0.001F};
    const auto attention = bsbr::make_bsbr_attention(shape, bsbr::BsbrConfig(), at::kCPU);
    const at::Tensor x = at::randn({1, 512, 8});
    const auto cache = attention->make_cache(8);
    const auto step = [&](bsbr::LayerCache* with) { (void)attention->forward(x, x, x, 0.3, with, {}); };
    step(cache.get());
    const long store = count_allocations([&] { (void)attention->make_cache(8); });
    const long with = count_allocations([&] { step(cache.get()); });
    const long without = count_allocations([&] { step(nullptr); });
    qInfo("a store %ld allocations, a step with one %ld, without %ld", store, with, without);
    QVERIFY(store > 512);
    QVERIFY(with < store);
    QVERIFY(without > store);
  }
};

QTEST_APPLESS_MAIN(TestStoreUse)
#include "test_store_use.moc"
