#include <ATen/Functions.h>

#include <QtTest>

#include "engine/attention/bsbr_cuda.h"
#include "engine/base/error.h"
#include "engine/model/decoder.h"
#include "engine/model/memory_need.h"
#include "tests/support/emulated_kernels.h"
#include "tests/support/golden.h"

using bsbr::MemoryNeed;

class TestMemoryNeed : public QObject {
  Q_OBJECT

  static bsbr::ModelConfig config() {
    bsbr::ModelConfig made{};
    made.width = 64;
    made.inner = 256;
    made.layers = 3;
    made.heads = 4;
    made.kv_heads = 2;
    made.head_dim = 16;
    made.vocabulary = 100;
    return made;
  }
  static bsbr::BsbrConfig small_bsbr() {
    bsbr::BsbrConfig made;
    made.chunk_size = 32;
    made.block_size = 8;
    made.compression_factor = 4;
    return made;
  }
  static std::int64_t cache_bytes(const bsbr::Attention& attention, std::int64_t tokens, at::ScalarType type,
                                  bool forgets) {
    const auto cache = attention.make_cache(tokens);
    const at::Tensor query = at::randn({tokens, 4, 16}).to(type), key = at::randn({tokens, 2, 16}).to(type);
    auto& store = dynamic_cast<bsbr::DeviceStore&>(*cache);
    for (std::int64_t begin = 0; begin < tokens; begin += 32) {
      const auto piece = [&](const at::Tensor& x) { return x.narrow(0, begin, 32); };
      store.append(piece(query), piece(key), piece(key), 1);
      if (forgets) store.forget(0, store.tokens() / 32);
    }
    return cache->bytes();
  }

 private Q_SLOTS:
  /// The longest that fits fits, and one token more does not.
  void whatFits() {
    bsbr::ModelConfig of = config();
    for (const bool converted : {false, true}) {
      if (converted) of.bsbr = small_bsbr();
      const MemoryNeed need(of, 2, true);
      const std::int64_t free = std::int64_t{300} << 20;
      const std::int64_t tokens = need.tokens_within(free);
      QVERIFY(tokens > 0);
      QVERIFY(need.bytes(0, tokens) <= free);
      QVERIFY(need.bytes(0, tokens + 1) > free);
      QCOMPARE(need.tokens_within(need.fixed), 0);
      QCOMPARE(need.tokens_within(0), 0);
    }
  }

  /// What is reckoned for a cache is what it takes.
  void cachesTakeWhatIsReckoned() {
    for (const bool states_only : {false, true}) {
      for (const at::ScalarType type : {at::kFloat, at::kHalf}) {
        bsbr::ModelConfig of = config();
        of.layers = 1;
        of.bsbr = small_bsbr();
        of.bsbr->states_only = states_only;
        if (states_only) of.bsbr->retrieve = 0;
        const auto attention =
            bsbr::make_bsbr_cuda({4, 2, 16}, *of.bsbr, at::kCPU, 0, bsbr::cuda::emulated_kernels());
        constexpr std::int64_t kTokens = 1600;
        const auto measured = static_cast<double>(cache_bytes(*attention, kTokens, type, states_only) -
                                                  cache_bytes(*attention, kTokens / 2, type, states_only));
        const MemoryNeed need(of, static_cast<std::int64_t>(c10::elementSize(type)), true);
        const double reckoned = static_cast<double>(need.cache_each) * kTokens / 2;
        QVERIFY2(std::abs(measured / reckoned - 1) < 0.1,
                 qPrintable(QString("measured %1, reckoned %2").arg(measured).arg(reckoned)));
      }
    }
  }

  /// Where the device has no more memory, the error names the lengths.
  void exhaustedMemoryIsExplained() {
    const auto model = golden::model("gpt2-plain");
    bsbr::Decoder::Options options;
    options.on_hidden = [](std::int64_t layer, const at::Tensor&) {
      if (layer == 1) C10_THROW_ERROR(OutOfMemoryError, "Tried to allocate");
    };
    try {
      const c10::InferenceMode inference;
      (void)model.decoder().forward({{1, 2, 3, 4, 5}, {5}}, options);
      QFAIL("no error");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::OutOfMemory);
      const QString text = error.what();
      QVERIFY2(text.contains("5 tokens want about"), error.what());
      QVERIFY2(text.contains(QRegularExpression("about [0-9]+ tokens would fit")), error.what());
    }
  }
};

QTEST_APPLESS_MAIN(TestMemoryNeed)
#include "test_memory_need.moc"
