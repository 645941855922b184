#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <QtTest>

#include <numeric>
#include <random>

#include "engine/kernels/cpu/micro.h"
#include "engine/kernels/cpu/select_largest.h"
#include "engine/kernels/cpu/vector_targets.h"
// highway.h leaves out what vector_targets.h says
#include "hwy/highway.h"
#include "tests/support/random_qkv.h"

using bsbr::test::relative_error;

class TestMicro : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  /// Everything runs with every instruction set that this machine has.
  void initTestCase_data() {
    QTest::addColumn<qint64>("target");
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      QTest::newRow(hwy::TargetName(target)) << qint64(target);
    }
  }
  void init() {
    QFETCH_GLOBAL(qint64, target);
    hwy::SetSupportedTargetsForTest(target);
    QCOMPARE(bsbr::micro::instruction_set(), hwy::TargetName(target));
  }
  void cleanup() { hwy::SetSupportedTargetsForTest(0); }

  void microKernelsAgainstPlainLoops() {
    at::manual_seed(10);
    for (const std::int64_t dim : {1, 16, 24, 64}) {
      for (const std::int64_t width : {1, 3, 8, 16, 17, 48, 100}) {
        for (const std::int64_t rows : {1, 2, 3, 4, 5, 6, 7, 13}) {
          const auto stride = static_cast<std::int64_t>(bsbr::micro::padded(static_cast<std::size_t>(width)));
          const auto padded = static_cast<std::int64_t>(bsbr::micro::padded(static_cast<std::size_t>(dim)));
          const at::Tensor q = at::randn({rows, dim}), keys = at::randn({dim, stride});
          const at::Tensor values = at::randn({width, padded}), bias = at::randn({width});
          const at::Tensor logits = at::full({rows, width + 1}, 7.0), sums = at::ones({rows, padded});
          std::vector<const float*> from, weight;
          std::vector<float*> to, out;
          for (std::int64_t r = 0; r < rows; ++r) {
            from.push_back(q[r].data_ptr<float>());
            to.push_back(logits[r].data_ptr<float>());
            weight.push_back(logits[r].data_ptr<float>());
            out.push_back(sums[r].data_ptr<float>());
          }
          bsbr::micro::logits(from.data(), to.data(), from.size(), std::size_t(dim), keys.data_ptr<float>(),
                              std::size_t(stride), std::size_t(width), bias.data_ptr<float>());
          const at::Tensor expected = at::matmul(q, keys.narrow(1, 0, width)) + bias;
          QVERIFY(relative_error(logits.narrow(1, 0, width), expected) < 1e-5);
          QVERIFY(logits.select(1, width).eq(7.0).all().item<bool>());
          bsbr::micro::accumulate(weight.data(), out.data(), weight.size(), values.data_ptr<float>(),
                                  std::size_t(width), std::size_t(padded));
          QVERIFY(relative_error(sums, at::matmul(expected, values) + 1) < 1e-5);
        }
      }
    }
    for (const std::int64_t n : {0, 1, 15, 16, 17, 100}) {
      const at::Tensor x = at::randn({n}) * 20;
      const at::Tensor y = x.clone();
      const auto count = static_cast<std::size_t>(n);
      const float most = bsbr::micro::maximum(y.data_ptr<float>(), count);
      if (n == 0) {
        QVERIFY(std::isinf(most) && most < 0);
        continue;
      }
      QCOMPARE(most, x.max().item<float>());
      const float sum = bsbr::micro::exponentiate(y.data_ptr<float>(), count, most);
      QVERIFY(relative_error(y, (x - most).exp()) < 1e-5);
      QVERIFY(std::abs(sum - y.sum().item<float>()) < 1e-4F * sum);
      QVERIFY(std::abs(bsbr::micro::sum(y.data_ptr<float>(), count) - sum) < 1e-4F * sum);
    }
    for (const std::int64_t width : {1, 2, 3, 4, 8, 16}) {
      for (const std::int64_t groups : {1, 7, 16, 40, 67}) {
        const at::Tensor x = at::randn({groups, width});
        at::Tensor sums = at::full({groups + 1}, 7.0);
        bsbr::micro::group_sums(x.data_ptr<float>(), std::size_t(groups), std::size_t(width),
                                sums.data_ptr<float>());
        QVERIFY((sums.narrow(0, 0, groups) - x.sum(1)).abs().max().item<float>() < 1e-5F);
        QCOMPARE(sums[groups].item<float>(), 7.0F);
      }
    }
  }

  /// A softmax over two pieces, the second with much larger logits; each row sees its own part of them.
  void attendIsASoftmax() {
    at::manual_seed(11);
    for (const std::int64_t dim : {1, 16, 24, 64}) {
      for (const std::int64_t width : {1, 8, 17, 100}) {
        for (const std::int64_t rows : {1, 2, 3, 5, 8}) {
          const auto stride = static_cast<std::int64_t>(bsbr::micro::padded(static_cast<std::size_t>(width)));
          const auto padded = static_cast<std::int64_t>(bsbr::micro::padded(static_cast<std::size_t>(dim)));
          const at::Tensor q = at::randn({rows, padded}), values = at::randn({2, width, padded});
          const at::Tensor keys = at::randn({2, dim, stride});
          keys[1].mul_(40);
          const at::Tensor out = at::zeros({rows, padded});
          std::vector<bsbr::micro::SoftmaxRow> of(static_cast<std::size_t>(rows));
          std::vector<bsbr::micro::SoftmaxRow*> all;
          std::vector<std::size_t> visible;
          for (std::int64_t r = 0; r < rows; ++r) {
            auto& row = of[static_cast<std::size_t>(r)];
            row = {q[r].data_ptr<float>(), out[r].data_ptr<float>(), 0,
                   -std::numeric_limits<float>::infinity()};
            all.push_back(&row);
            visible.push_back(static_cast<std::size_t>(r * 7 % (width + 1)));
          }
          for (const int piece : {0, 1}) {
            bsbr::micro::attend(all.data(), all.size(), std::size_t(dim), keys[piece].data_ptr<float>(),
                                std::size_t(stride), values[piece].data_ptr<float>(), std::size_t(padded),
                                std::size_t(width), piece == 0 ? nullptr : visible.data());
          }
          for (std::int64_t r = 0; r < rows; ++r) {
            const auto seen = static_cast<std::int64_t>(visible[static_cast<std::size_t>(r)]);
            const at::Tensor key = at::cat({keys[0].narrow(1, 0, width), keys[1].narrow(1, 0, seen)}, 1);
            const at::Tensor value = at::cat({values[0], values[1].narrow(0, 0, seen)});
            const at::Tensor weights =
                at::softmax(at::matmul(q[r].narrow(0, 0, dim).to(at::kDouble), key.to(at::kDouble)), 0);
            const at::Tensor expected = at::matmul(weights, value.to(at::kDouble));
            QVERIFY(relative_error(out[r] / of[static_cast<std::size_t>(r)].sum, expected) < 1e-4);
          }
        }
      }
    }
  }

  void largestAreSelectedInOrder() {
    std::mt19937_64 random(3);
    for (const std::size_t n : {1, 2, 15, 16, 17, 100, 257}) {
      for (const int values : {1, 3, 1000}) {  // few values: ties
        std::vector<float> x(n);
        for (float& of : x)
          of = static_cast<float>(static_cast<int>(random() % std::size_t(values)) - values / 2);
        x[random() % n] = -std::numeric_limits<float>::infinity();
        x[random() % n] = 1e-42F;
        for (const std::size_t count : {std::size_t{0}, std::size_t{1}, (n + 1) / 2, n}) {
          std::vector<std::int32_t> expected(n), chosen(count);
          std::iota(expected.begin(), expected.end(), 0);
          std::stable_sort(expected.begin(), expected.end(), [&](std::int32_t a, std::int32_t b) {
            return x[std::size_t(a)] > x[std::size_t(b)];
          });
          expected.resize(count);
          std::sort(expected.begin(), expected.end());
          bsbr::select_largest(x.data(), n, count, chosen.data());
          QCOMPARE(chosen, expected);
        }
      }
    }
  }
};

QTEST_APPLESS_MAIN(TestMicro)
#include "test_micro.moc"
