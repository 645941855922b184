#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>

#include <QtTest>
#include <array>

#include "engine/analysis/kernel_checks.h"
#include "engine/attention/attention.h"
#include "engine/attention/bsbr_cuda.h"
#include "engine/base/error.h"
#include "engine/kernels/cuda/load.h"
#include "tests/support/emulated_kernels.h"
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

constexpr double kScale = 0.3;
#ifdef __SANITIZE_ADDRESS__
// Under the sanitizer less, as all else there is slower.
constexpr std::array<std::int64_t, 2> kLengths{33, 101};
#else
constexpr std::array<std::int64_t, 4> kLengths{1, 33, 101, 200};
#endif
const AttentionShape kShape{4, 4, 24};

std::unique_ptr<Attention> emulated(const AttentionShape& shape, const BsbrConfig& config,
                                    std::size_t scratch_bytes = std::size_t{64} << 20) {
  return bsbr::make_bsbr_cuda(shape, config, at::kCPU, 0, bsbr::cuda::emulated_kernels(), scratch_bytes);
}

at::Tensor whole(const Attention& attention, const Qkv& x, std::vector<PairCount>* pairs = nullptr) {
  if (pairs == nullptr) return attention.forward(x.query, x.key, x.value, kScale, nullptr, {});
  pairs->assign(static_cast<std::size_t>(x.query.size(1)), {});
  return attention.forward(x.query, x.key, x.value, kScale, nullptr, {*pairs});
}

at::Tensor in_pieces(const Attention& attention, const Qkv& x, LayerCache& cache,
                     std::initializer_list<std::int64_t> sizes) {
  std::vector<at::Tensor> pieces;
  std::int64_t begin = 0;
  const auto run = [&](std::int64_t size) {
    const Qkv part = x.narrow(begin, size);
    pieces.push_back(attention.forward(part.query, part.key, part.value, kScale, &cache, {}));
    begin += size;
  };
  for (const std::int64_t size : sizes) run(size);
  while (begin < x.query.size(0)) run(1);
  return at::cat(pieces);
}

}  // namespace

/// The CUDA kernels, emulated, behind the interface of Attention.
class TestCudaKernels : public QObject {
  Q_OBJECT

  static void expectPass(const bsbr::KernelCheck& check) {
    QVERIFY2(check.passed(), (check.kernel + " (" + check.input + "): " + check.fault).c_str());
  }

  static void addConfigs() {
    QTest::addColumn<BsbrConfig>("config");
    QTest::addColumn<AttentionShape>("shape");
    const BsbrConfig base = small_config();
    QTest::newRow("plain") << base << kShape;
    QTest::newRow("grouped heads") << base << AttentionShape{6, 2, 16};
    QTest::newRow("many heads a group") << base << AttentionShape{40, 1, 8};
    QTest::newRow("rotary keys") << base << AttentionShape{4, 2, 8, {1.0F, 0.3F, 0.1F, 0.03F}};
    QTest::newRow("wide heads") << base << AttentionShape{1, 1, 80};
    QTest::newRow("widest heads") << base << AttentionShape{1, 1, 256};
    QTest::newRow("odd heads") << base << AttentionShape{2, 1, 7};
    const auto vary = [&](const char* name, auto change) {
      BsbrConfig config = base;
      change(config);
      QTest::newRow(name) << config << kShape;
    };
    vary("one state a block", [](BsbrConfig& c) { c.compression_factor = 8; });
    vary("states are keys", [](BsbrConfig& c) { c.compression_factor = 1; });
    vary("nothing retrieved", [](BsbrConfig& c) { c.retrieve = 0; });
    vary("wide window", [](BsbrConfig& c) { c.window = 3; });
    vary("no sink", [](BsbrConfig& c) { c.sink = 0; });
    vary("sink of several chunks", [](BsbrConfig& c) { c.sink = 70; });
    vary("block is chunk", [](BsbrConfig& c) { c.block_size = 32; });
    vary("blocks wider than a warp", [](BsbrConfig& c) {
      c.chunk_size = 64, c.block_size = 64, c.compression_factor = 1, c.retrieve = 64, c.candidate_chunks = 2;
    });
    vary("tiny blocks", [](BsbrConfig& c) { c.block_size = 2, c.compression_factor = 2; });
    vary("every chunk a candidate", [](BsbrConfig& c) { c.candidate_chunks = 1000; });
    vary("one candidate", [](BsbrConfig& c) { c.candidate_chunks = 1, c.retrieve = 8; });
    const auto plan = [&](const char* name, std::vector<bsbr::HeadPlan> heads) {
      vary(name, [&](BsbrConfig& c) { c.plan = {std::move(heads)}; });
    };
    plan("heads differ", {{0, 0, false}, {0, 0, true}, {64, 0, false}, {1024, 0, true}});
    plan("thresholds", {{64, 0.02, true}, {16, 0.002, true}, {64, 0.02, false}, {1024, 0.1, true}});
    plan("no head has states", {{0, 0, false}, {32, 0, false}, {64, 0.01, false}, {0, 0, false}});
    {
      BsbrConfig config = base;
      config.plan = {{{64, 0.02, true}, {1024, 0, true}, {0, 0, false}, {16, 0, true}}};
      QTest::newRow("heads of a group differ") << config << AttentionShape{4, 1, 16};
    }
    vary("states only", [](BsbrConfig& c) { c.retrieve = 0, c.states_only = true; });
    vary("states only, window", [](BsbrConfig& c) { c.retrieve = 0, c.window = 2, c.states_only = true; });
    vary("odd chunk", [](BsbrConfig& c) { c.chunk_size = 24; });
    vary("one token a chunk",
         [](BsbrConfig& c) { c.chunk_size = 1, c.block_size = 1, c.compression_factor = 1, c.retrieve = 5; });
  }

 private Q_SLOTS:
  void initTestCase() { at::set_num_threads(2); }

  /// Float32 against the plain implementation, which makes the same choices.
  void equalsReference_data() { addConfigs(); }
  void equalsReference() {
    QFETCH(BsbrConfig, config);
    QFETCH(AttentionShape, shape);
    const auto kernels = emulated(shape, config);
    const auto reference = bsbr::make_bsbr_reference(shape, config, at::kCPU);
    for (const std::int64_t n : kLengths) {
      const Qkv x = random_qkv(shape, n, static_cast<std::uint64_t>(n));
      std::vector<PairCount> counted, expected;
      const at::Tensor out = whole(*kernels, x, &counted);
      const double error = relative_error(out, whole(*reference, x, &expected));
      QVERIFY2(error < 1e-5, qPrintable(QString("n %1: error %2").arg(n).arg(error)));
      for (std::size_t head = 0; head < counted.size(); ++head) {
        QCOMPARE(counted[head].exact, expected[head].exact);
        QCOMPARE(counted[head].causal, expected[head].causal);
      }
    }
  }

  /// Token by token and in uneven pieces.
  void piecesEqualWhole_data() { addConfigs(); }
  void piecesEqualWhole() {
    QFETCH(BsbrConfig, config);
    QFETCH(AttentionShape, shape);
    const auto kernels = emulated(shape, config);
    const Qkv x = random_qkv(shape, 106, 7);
    const auto cache = kernels->make_cache(106);
    const at::Tensor pieces = in_pieces(*kernels, x, *cache, {1, 1, 29, 70});
    QCOMPARE(cache->tokens(), 106);
    const double error = relative_error(pieces, whole(*kernels, x));
    QVERIFY2(error < 1e-5, qPrintable(QString("error %1").arg(error)));
  }

  /// Little scratch memory means many passes, which changes nothing but how a row's work is divided.
  void passesEqualOnePass() {
    const Qkv x = random_qkv(kShape, 300, 8);
    const at::Tensor one = whole(*emulated(kShape, small_config()), x);
    const at::Tensor many = whole(*emulated(kShape, small_config(), 20000), x);
    QVERIFY(relative_error(many, one) < 1e-6);
    QVERIFY(at::equal(many, whole(*emulated(kShape, small_config(), 20000), x)));
  }

  /// Where everything is read there is no choice that rounding might change, so only the sums differ.
  void smallElements_data() {
    QTest::addColumn<at::ScalarType>("type");
    QTest::addColumn<double>("tolerance");
    QTest::newRow("float16") << at::kHalf << 2e-3;
    QTest::newRow("bfloat16") << at::kBFloat16 << 8e-3;
  }
  void smallElements() {
    QFETCH(at::ScalarType, type);
    QFETCH(double, tolerance);
    BsbrConfig nothing_chosen = small_config();
    nothing_chosen.retrieve = 0;
    nothing_chosen.candidate_chunks = 1000;
    BsbrConfig all_read = small_config();
    all_read.retrieve = 1024;
    for (const AttentionShape& shape : {kShape, AttentionShape{6, 2, 7}, AttentionShape{2, 1, 80}}) {
      for (const BsbrConfig& config : {nothing_chosen, all_read}) {
        const Qkv x = random_qkv(shape, 140, 9).to(type);
        const at::Tensor out = whole(*emulated(shape, config), x);
        QCOMPARE(out.scalar_type(), type);
        const auto reference = bsbr::make_bsbr_reference(shape, config, at::kCPU);
        const double error = relative_error(out.to(at::kFloat), whole(*reference, x.to(at::kFloat)));
        QVERIFY2(error < tolerance, qPrintable(QString("error %1").arg(error)));
        const auto kernels = emulated(shape, config);
        const auto own = kernels->make_cache(140);
        const at::Tensor pieces = in_pieces(*kernels, x, *own, {135});
        QVERIFY(relative_error(pieces.to(at::kFloat), out.to(at::kFloat)) < tolerance);
      }
    }
  }

  /// Far keys and values are given back: the same bits from a cache that is smaller by about the factor.
  void statesOnlyForgetsTheRest() {
    BsbrConfig config = small_config();
    config.retrieve = 0;
    const auto keeps = emulated(kShape, config);
    config.states_only = true;
    const auto forgets = emulated(kShape, config);
    const Qkv x = random_qkv(kShape, 800, 11);
    const auto all = keeps->make_cache(800);
    const auto some = forgets->make_cache(800);
    const at::Tensor kept = keeps->forward(x.query, x.key, x.value, kScale, all.get(), {});
    const at::Tensor forgot = forgets->forward(x.query, x.key, x.value, kScale, some.get(), {});
    QVERIFY(relative_error(forgot, kept) < 1e-6);
    QVERIFY2(some->bytes() * 5 < all->bytes() * 2,
             qPrintable(QString("%1 of %2").arg(some->bytes()).arg(all->bytes())));
  }

  /// The cache of half the element takes half, and grows with the tokens, not with the capacity.
  void cacheGrowsByChunks() {
    const auto kernels = emulated(kShape, small_config());
    const auto bytes = [&](std::int64_t tokens, at::ScalarType type) {
      const Qkv x = random_qkv(kShape, tokens, 12).to(type);
      const auto cache = kernels->make_cache(1 << 20);
      dynamic_cast<bsbr::DeviceStore&>(*cache).append(x.query, x.key, x.value, kScale);
      return static_cast<double>(cache->bytes());
    };
    QVERIFY(bytes(640, at::kFloat) < 2.1 * bytes(320, at::kFloat));
    QVERIFY(bytes(640, at::kFloat) > 1.8 * bytes(320, at::kFloat));
    QVERIFY(bytes(640, at::kHalf) < 0.6 * bytes(640, at::kFloat));
  }

  /// What `bsbr doctor` checks on a GPU, of every kernel by itself.
  void doctorsChecks_data() {
    QTest::addColumn<at::ScalarType>("type");
    QTest::newRow("float32") << at::kFloat;
    QTest::newRow("float16") << at::kHalf;
    QTest::newRow("bfloat16") << at::kBFloat16;
  }
  void doctorsChecks() {
    QFETCH(at::ScalarType, type);
    for (std::uint64_t seed = 100; seed < 112; ++seed) {
      bsbr::check_cuda_kernels(bsbr::random_case(seed, type), at::kCPU, bsbr::cuda::emulated_kernels(),
                               expectPass);
    }
  }
  void doctorsChecksOfWholes() {
    for (std::uint64_t seed = 200; seed < 206; ++seed) {
      const bsbr::KernelCase of = bsbr::random_case(seed, at::kFloat);
      bsbr::check_attention(of, *emulated(of.shape, of.config), at::kCPU, "emulated", expectPass);
      bsbr::check_attention(of, *bsbr::make_bsbr_attention(of.shape, of.config, at::kCPU), at::kCPU, "CPU",
                            expectPass);
      bsbr::check_dense(of, at::kCPU, expectPass);
    }
  }

  /// Each of the checks fails where its kernel does something else.
  void doctorFindsFaults_data() {
    QTest::addColumn<QString>("broken");
    for (const char* kernel : {"append", "condense", "read_near", "choose", "read_far"})
      QTest::newRow(kernel) << QString(kernel);
  }
  void doctorFindsFaults() {
    QFETCH(QString, broken);
    using bsbr::cuda::AttendCall;
    bsbr::cuda::Interface kernels = bsbr::cuda::emulated_kernels();
    if (broken == "append") {
      kernels.append = [](const auto& cache, auto first, auto tokens, const auto& keys, const auto&,
                          void* stream) {
        return bsbr::cuda::emulated_kernels().append(cache, first, tokens, keys, keys, stream);
      };
    } else if (broken == "condense") {
      kernels.condense = [](const bsbr::cuda::CondenseCall& call, void* stream) {
        bsbr::cuda::CondenseCall other = call;
        other.turns = {};
        std::vector<double> zeros(static_cast<std::size_t>((call.end - call.first) *
                                                           call.cache.shape.kv_heads * call.cache.shape.dim));
        other.until = zeros.data();
        return bsbr::cuda::emulated_kernels().condense(other, stream);
      };
    } else if (broken == "read_near") {
      kernels.read_near = [](const AttendCall& call, void* stream) {
        AttendCall other = call;
        other.scale *= 1.01F;
        return bsbr::cuda::emulated_kernels().read_near(other, stream);
      };
    } else if (broken == "choose") {
      kernels.choose = [](const AttendCall& call, void* stream) {
        AttendCall other = call;
        other.scale = -call.scale;
        return bsbr::cuda::emulated_kernels().choose(other, stream);
      };
    } else {
      kernels.read_far = [](const AttendCall& call, void* stream) {
        AttendCall other = call;
        other.scale *= 1.1F;
        return bsbr::cuda::emulated_kernels().read_far(other, stream);
      };
    }
    bool found = false;
    for (std::uint64_t seed = 100; seed < 112 && !found; ++seed) {
      bsbr::check_cuda_kernels(bsbr::random_case(seed, at::kFloat), at::kCPU, kernels,
                               [&](const bsbr::KernelCheck& check) {
                                 found = found || (!check.passed() && check.kernel == broken.toStdString());
                               });
    }
    QVERIFY(found);
  }

  /// The library itself opens without a GPU.
  void libraryOpens() {
    const bsbr::cuda::Interface& kernels = bsbr::cuda::load_kernels();
    QCOMPARE(kernels.version, bsbr::cuda::kInterfaceVersion);
    QCOMPARE(&bsbr::cuda::load_kernels(), &kernels);
    QCOMPARE(std::string(kernels.error_text(2)), std::string("out of memory"));
  }

  void refusals() {
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, emulated({1, 1, 257}, small_config()));
    const auto kernels = emulated(kShape, small_config());
    const Qkv x = random_qkv(kShape, 4, 13).to(at::kDouble);
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, whole(*kernels, x));
    bsbr::cuda::Interface failing = bsbr::cuda::emulated_kernels();
    failing.append = [](const auto&, auto, auto, const auto&, const auto&, void*) { return 2; };
    const auto fails = bsbr::make_bsbr_cuda(kShape, small_config(), at::kCPU, 0, failing);
    try {
      whole(*fails, random_qkv(kShape, 4, 13));
      QFAIL("accepted");
    } catch (const bsbr::Error& error) {
      QCOMPARE(error.kind(), bsbr::ErrorKind::OutOfMemory);
    }
  }

  /// Blocks whose mass vanishes beside others' are retrieved in the order of their scores all the same.
  void vanishingBlocksAreRanked() {
    bsbr::KernelCase of = bsbr::random_case(3, at::kFloat);
    of.shape = {2, 1, 24};
    of.config = small_config();
    of.config.retrieve = 96;
    of.scale = 12;
    const Qkv x = random_qkv(of.shape, 300, 11);
    of.query = x.query;
    of.key = x.key;
    of.value = x.value;
    int checked = 0;
    bsbr::check_cuda_kernels(of, at::kCPU, bsbr::cuda::emulated_kernels(),
                             [&](const bsbr::KernelCheck& check) {
                               if (check.kernel != "choose")
                                 return;  // the other results are large differences of large numbers
                               ++checked;
                               expectPass(check);
                             });
    QCOMPARE(checked, 1);
  }
};

QTEST_APPLESS_MAIN(TestCudaKernels)
#include "test_cuda_kernels.moc"
