#include <QtTest>
#include <nlohmann/json.hpp>

#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;

/// With a GPU or without, kernels are checked and counted.
class TestCliDoctor : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void checksKernels() {
    const RunResult result = run_bsbr({"doctor", "--cases", "3", "--seed", "7"});
    EXPECT_SUCCESS(result);
    for (const char* part : {"machine  ", "LibTorch", "GPU      ", "checks   of the CPU"})
      QVERIFY2(result.out.find(part) != std::string::npos, result.text().c_str());
    QVERIFY2(result.out.ends_with(" passed, 0 failed\n"), result.text().c_str());
  }

  /// Whoever asks for a GPU is not told of the CPU's kernels alone.
  void cudaIsAnErrorWithoutAGpu() {
    const RunResult result = run_bsbr({"doctor", "--cases", "1", "--small", "--device", "cuda"});
    if (result.code == 0) QSKIP("there is a GPU");
    EXPECT_REFUSAL(result, "CUDA", "--device cpu");
  }

  void jsonCounts() {
    const auto json = run_bsbr({"doctor", "--cases", "2", "--json"}).json();
    // On the CPU, two checks a case; a GPU adds to them.
    QVERIFY(json["passed"].get<int>() >= 4);
    QVERIFY(json["failed"].empty());
    QVERIFY(json.contains("gpu") != json.contains("no_gpu"));
  }
};

QTEST_APPLESS_MAIN(TestCliDoctor)
#include "test_cli_doctor.moc"
