#include "engine/model/language_model.h"
#include "engine/model/summary.h"
#include "tests/support/files.h"
#include "tests/support/places.h"

using bsbr::Checkpoint;
using bsbr::LanguageModel;
namespace fs = std::filesystem;

/// Models that torch.save wrote against the same ones as safetensors.
class TestTorchModel : public QObject {
  Q_OBJECT
  bsbr::test::TempFolder temp_;

 private Q_SLOTS:
  /// gpt2: the form before torch 1.6, whose values are not aligned; no prefix, masks, a tied head and a
  /// transposed weight. llama: shards of float16, with the frequencies of its rotary positions.
  void logits_data() {
    QTest::addColumn<int>("more");
    QTest::newRow("gpt2") << 1;
    QTest::newRow("llama") << 0;
  }
  void logits() {
    QFETCH(int, more);
    const std::string name = QTest::currentDataTag();
    const fs::path golden = fs::path(bsbr::test::in_repository("tests/checkpoint/golden/torch")) / name;
    const fs::path folder = temp_ / name;
    fs::copy(golden, folder);
    fs::remove(folder / "model.safetensors");
    const Checkpoint checkpoint = Checkpoint::open(folder.string());
    const Checkpoint expected = Checkpoint::open(golden.string());
    QCOMPARE(checkpoint.tensors().size(), expected.tensors().size() + std::size_t(more));
    for (const bsbr::TensorView& tensor : expected.tensors()) {
      const bsbr::TensorView* const same = checkpoint.find(tensor.name);
      QVERIFY2(same != nullptr && same->shape == tensor.shape, tensor.name.c_str());
      QVERIFY2(std::ranges::equal(same->bytes, tensor.bytes), tensor.name.c_str());
    }
    bsbr::TokenBatch batch{1, 20, {}, {}};
    for (bsbr::TokenId i = 0; i < batch.columns; ++i) batch.ids.push_back(i * 7 % 32);
    const LanguageModel model = LanguageModel::load(checkpoint);
    const std::vector<float> logits = model.logits(batch);
    QCOMPARE(logits.size(), std::size_t(20 * 32));
    QVERIFY(logits == LanguageModel::load(expected).logits(batch));
    QVERIFY(*std::ranges::max_element(logits) - *std::ranges::min_element(logits) > 1);
    QCOMPARE(bsbr::summarize(checkpoint).parameters, bsbr::summarize(expected).parameters);
  }
};

QTEST_APPLESS_MAIN(TestTorchModel)
#include "test_torch_model.moc"
