#include <QtTest>

#include "engine/model/language_model.h"
#include "tests/support/counted_new.h"
#include "tests/support/places.h"

using bsbr::LanguageModel;

/// Nothing but Error leaves a model.
class TestTorchBorder : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  /// Whichever of its allocations fails.
  void otherAttention_data() {
    QTest::addColumn<bool>("dense_start");
    QTest::newRow("with_attention") << false;
    QTest::newRow("with_dense_start") << true;
  }
  void otherAttention() {
    QFETCH(bool, dense_start);
    const LanguageModel model =
        LanguageModel::load(bsbr::Checkpoint::open(bsbr::test::in_repository("resources/demo")));
    const LanguageModel converted = model.with_attention(bsbr::BsbrConfig());
    const std::vector<std::int64_t> dense(static_cast<std::size_t>(model.config().layers), 128);
    const auto make = [&] {
      return dense_start ? converted.with_dense_start(dense) : model.with_attention(bsbr::BsbrConfig());
    };
    const long needed = bsbr::test::count_allocations([&] { (void)make(); });
    QVERIFY(needed > 5);
    long failed = 0;
    for (long failing = 1; failing <= needed; ++failing) {
      bsbr::test::failing_allocation = bsbr::test::allocations + failing;
      std::optional<bsbr::ErrorKind> kind;
      try {
        (void)make();
      } catch (const bsbr::Error& error) {
        kind = error.kind();
      }
      bsbr::test::failing_allocation = 0;
      // Some of what is wanted can be done without.
      QVERIFY2(!kind || kind == bsbr::ErrorKind::OutOfMemory, qPrintable(QString::number(failing)));
      failed += kind ? 1 : 0;
    }
    QVERIFY(failed > 5);
  }
};

QTEST_APPLESS_MAIN(TestTorchBorder)
#include "test_torch_border.moc"
