#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include <QtTest>

#include <numeric>
#include <random>

#include "engine/kernels/cpu/micro.h"
#include "engine/kernels/cpu/select_largest.h"

namespace {

double relative_error(const at::Tensor& actual, const at::Tensor& expected) {
  return ((actual - expected).abs().max() / expected.abs().max()).item<double>();
}

}  // namespace

class TestMicro : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void microKernelsAgainstPlainLoops() {
    qInfo("instruction set %s", bsbr::micro::instruction_set());
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
