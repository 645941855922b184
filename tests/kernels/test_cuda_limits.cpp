#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/record_function.h>

#include <QtTest>
#include <cstring>

#include "engine/analysis/cost_model.h"
#include "engine/analysis/kernel_checks.h"
#include "engine/attention/bsbr_cuda.h"
#include "engine/base/error.h"
#include "engine/kernels/cuda/layout.h"
#include "tests/support/emulated_kernels.h"
#include "tests/support/random_qkv.h"
#include "tests/support/small_config.h"

using bsbr::Attention;
using bsbr::AttentionShape;
using bsbr::BsbrConfig;
using bsbr::KernelCase;
using bsbr::cuda::AttendCall;
using bsbr::cuda::emulated_kernels;
using bsbr::cuda::GrantedShared;

namespace {

// What a thread block may have on GPUs for games and small servers (sm_86, sm_89), and on an older kind.
constexpr std::size_t kSmall = 99 << 10, kSmaller = 64 << 10;

std::unique_ptr<Attention> emulated(const AttentionShape& shape, const BsbrConfig& config) {
  return bsbr::make_bsbr_cuda(shape, config, at::kCPU, 0, emulated_kernels());
}

BsbrConfig few_candidates() {
  BsbrConfig config = bsbr::test::small_config();
  config.candidate_chunks = 3;
  return config;
}

at::Tensor run(const Attention& attention, const KernelCase& of, bsbr::LayerCache* cache = nullptr) {
  return attention.forward(of.query, of.key, of.value, of.scale, cache, {});
}

KernelCase random_input(const AttentionShape& shape, const BsbrConfig& config, std::int64_t tokens) {
  at::manual_seed(5);
  const auto random = [&](std::int64_t heads) { return at::randn({tokens, heads, shape.head_dim}); };
  return {
      shape, config, at::kFloat, 0.1, random(shape.heads), random(shape.kv_heads), random(shape.kv_heads)};
}

void expect_pass(const bsbr::KernelCheck& check) {
  QVERIFY2(check.passed(), (check.kernel + " (" + check.input + "): " + check.fault).c_str());
}

/// How many tensors of zeros `work` makes on this thread.
template <class Work>
int zeros_made(const Work& work) {
  static thread_local int made;
  made = 0;
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback([](const at::RecordFunction& call) -> std::unique_ptr<at::ObserverContext> {
        if (std::strcmp(call.name(), "aten::zeros") == 0) ++made;
        return nullptr;
      }).scopes({at::RecordScope::FUNCTION}));
  work();
  at::removeCallback(handle);
  return made;
}

/// States that choose() scored of each head, as far as what it wrote tells.
std::vector<std::uint64_t> scored;

constexpr float kUntouched = 12345.0F;

int counting_choose(const AttendCall& call, void* stream) {
  const bsbr::cuda::Scratch& scratch = call.scratch;
  const auto rows = static_cast<std::size_t>(call.positions * call.cache.shape.heads);
  const auto states = static_cast<std::size_t>(scratch.slots_each * states_of_chunk(call.cache.shape));
  const auto chunks = static_cast<std::size_t>(scratch.chunks);
  std::fill_n(scratch.logits, rows * states, kUntouched);
  std::fill_n(scratch.chunk_logits, rows * chunks, kUntouched);
  const int error = emulated_kernels().choose(call, stream);
  scored.resize(static_cast<std::size_t>(call.cache.shape.heads));
  for (std::size_t row = 0; row < rows; ++row) {
    const auto written = [&](const float* from, std::size_t count) {
      return static_cast<std::uint64_t>(
          std::count_if(from, from + count, [](float x) { return x != kUntouched; }));
    };
    scored[row % scored.size()] +=
        written(scratch.logits + row * states, states) + written(scratch.chunk_logits + row * chunks, chunks);
  }
  return error;
}

}  // namespace

/// What the CUDA kernels need of a GPU and what they do for it, in the emulation.
class TestCudaLimits : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(2); }

  /// Where a GPU grants little shared memory the kernels work in less, and come to the same.
  void everyHeadRunsOnASmallGpu_data() {
    QTest::addColumn<int>("dim");
    QTest::addColumn<at::ScalarType>("type");
    for (const int dim : {7, 64, 128, 160, 192, 224, 255, 256}) {
      QTest::addRow("%d", dim) << dim << at::kFloat;
      if (dim >= 192) QTest::addRow("%d in bfloat16", dim) << dim << at::kBFloat16;
    }
  }
  void everyHeadRunsOnASmallGpu() {
    QFETCH(int, dim);
    QFETCH(at::ScalarType, type);
    KernelCase of = random_input({2, 1, dim}, few_candidates(), 173);
    for (at::Tensor* x : {&of.query, &of.key, &of.value}) *x = x->to(type);
    const at::Tensor large = run(*emulated(of.shape, of.config), of);
    const GrantedShared granted(kSmall);
    const at::Tensor small = run(*emulated(of.shape, of.config), of);
    QVERIFY(at::equal(small, large));
    if (type == at::kFloat) {
      const at::Tensor reference = run(*bsbr::make_bsbr_reference(of.shape, of.config, at::kCPU), of);
      QVERIFY(bsbr::test::relative_error(small, reference) < 1e-5);
    }
  }

  /// What cannot run is refused before anything is launched.
  void whatIsTooLargeIsRefused_data() {
    QTest::addColumn<quint64>("granted");
    QTest::addColumn<int>("dim");
    QTest::addColumn<int>("block");
    QTest::addColumn<bool>("runs");
    QTest::newRow("head of 224, 64 KiB") << quint64(kSmaller) << 224 << 8 << true;
    QTest::newRow("head of 256, 64 KiB") << quint64(kSmaller) << 256 << 8 << false;
    QTest::newRow("block of 2048 keys, 99 KiB") << quint64(kSmall) << 8 << 2048 << true;
    QTest::newRow("block of 4096 keys, 99 KiB") << quint64(kSmall) << 8 << 4096 << false;
  }
  void whatIsTooLargeIsRefused() {
    QFETCH(quint64, granted);
    QFETCH(int, dim);
    QFETCH(int, block);
    QFETCH(bool, runs);
    const GrantedShared limit(granted);
    BsbrConfig config = few_candidates();
    if (block > config.chunk_size) config.chunk_size = block;
    config.block_size = block;
    config.compression_factor = 1;
    config.retrieve = block;
    try {
      const auto attention = emulated({1, 1, dim}, config);
      QVERIFY(runs);
      if (block < 100) (void)run(*attention, random_input({1, 1, dim}, config, 140));
    } catch (const bsbr::Error& error) {
      QVERIFY2(!runs, error.what());
      QCOMPARE(error.kind(), bsbr::ErrorKind::Unsupported);
      for (const std::string& part : {bsbr::cat("heads of ", dim), bsbr::cat("blocks of ", block),
                                      bsbr::cat("grants ", granted), std::string("--device cpu")})
        QVERIFY2(std::string(error.what()).find(part) != std::string::npos, error.what());
    }
  }

  /// The runtime keeps the error of a kernel that it refused; the next kernel is not to be blamed for it.
  void aRefusalIsToldOnce() {
    const KernelCase of = random_input({1, 1, 256}, few_candidates(), 40);
    const auto constants =
        std::make_shared<const bsbr::DeviceConstants>(of.shape, of.config, 0, at::kCPU, emulated_kernels());
    bsbr::DeviceStore store(constants, emulated_kernels());
    store.append(of.query, of.key, of.value, of.scale);
    const at::Tensor exact = at::zeros({1}, at::kLong);
    const bsbr::DevicePass pass = bsbr::make_pass(*constants, store, of.query, 0, of.scale, exact);
    const GrantedShared granted(49 << 10);
    QVERIFY(emulated_kernels().read_near(pass.call, nullptr) != 0);
    store.append(of.query, of.key, of.value, of.scale);  // throws for an error of any kernel
    QCOMPARE(store.tokens(), 80);
  }

  /// A sequence may outlive the model that it was begun with: what the cache reads lives on with it.
  void aStoreOutlivesItsAttention() {
    const KernelCase of = random_input({2, 1, 16}, few_candidates(), 70);
    const auto cache = emulated(of.shape, of.config)->make_cache(140);
    (void)run(*emulated(of.shape, of.config), of, cache.get());
    (void)run(*emulated(of.shape, of.config), of, cache.get());
    QCOMPARE(cache->tokens(), 140);
  }

  /// With a cache, a step makes the count of pairs and nothing that only a sequence without one needs.
  void aStoreIsMadeOnlyWithoutACache() {
    const KernelCase of = random_input({4, 2, 16}, few_candidates(), 1);
    const auto attention = emulated(of.shape, of.config);
    const auto cache = attention->make_cache(8);
    (void)run(*attention, of, cache.get());
    QCOMPARE(zeros_made([&] { (void)run(*attention, of, cache.get()); }), 1);
    QVERIFY(zeros_made([&] { (void)run(*attention, of); }) > 1);
  }

  /// What the cost model counts is what the kernels score, head by head.
  void scoredStatesAreThoseOfTheKernels() {
    bsbr::cuda::Interface kernels = emulated_kernels();
    kernels.choose = counting_choose;
    int cases = 0, coarse = 0, none = 0;
    for (std::uint64_t seed = 1; seed <= 16; ++seed) {
      const KernelCase of = bsbr::random_case(seed, at::kFloat);
      scored.assign(static_cast<std::size_t>(of.shape.heads), 0);
      (void)run(*bsbr::make_bsbr_cuda(of.shape, of.config, at::kCPU, 0, kernels), of);
      const std::vector<bsbr::HeadPlan> plans = of.config.heads_of(0, of.shape.heads);
      for (std::size_t head = 0; head < plans.size(); ++head) {
        const double counted = bsbr::scored_states(of.config, plans[head], of.query.size(0));
        QVERIFY2(
            counted == static_cast<double>(scored[head]),
            bsbr::cat("seed ", seed, ", head ", head, ", retrieve ", plans[head].retrieve, ", threshold ",
                      plans[head].threshold, ", states ", plans[head].states, ", sink ", of.config.sink, "; ",
                      of.text(), ": ", counted, " counted, ", scored[head], " scored")
                .c_str());
        ++cases;
        none += counted == 0 ? 1 : 0;
        BsbrConfig all = of.config;
        all.candidate_chunks = 1 << 20;
        coarse += bsbr::scored_states(all, plans[head], of.query.size(0)) != counted ? 1 : 0;
      }
    }
    QVERIFY(cases > 30 && coarse > 3 && none > 3 && none < cases);  // all kinds were among them
  }

  /// What `bsbr doctor` checks on a GPU besides small inputs.
  void usualHeads_data() {
    QTest::addColumn<qint64>("dim");
    QTest::addColumn<at::ScalarType>("type");
    QTest::addColumn<bool>("coarse");
    QTest::newRow("64") << qint64{64} << at::kHalf << true;
    QTest::newRow("192") << qint64{192} << at::kBFloat16 << true;
    QTest::newRow("256") << qint64{256} << at::kFloat << false;
  }
  void usualHeads() {
    QFETCH(qint64, dim);
    QFETCH(at::ScalarType, type);
    QFETCH(bool, coarse);
    const KernelCase of = bsbr::usual_case(dim, coarse, type);
    QCOMPARE(of.config.chunk_size, BsbrConfig{}.chunk_size);
    QCOMPARE(of.config.block_size, BsbrConfig{}.block_size);
    QVERIFY(of.query.size(0) / of.config.chunk_size > 32);
    const GrantedShared granted(kSmall);
    int passed = 0;
    bsbr::check_cuda_kernels(of, at::kCPU, emulated_kernels(), [&](const bsbr::KernelCheck& check) {
      expect_pass(check);
      passed += check.passed() ? 1 : 0;
    });
    QCOMPARE(passed, 5);
  }
};

QTEST_APPLESS_MAIN(TestCudaLimits)
#include "test_cuda_limits.moc"
