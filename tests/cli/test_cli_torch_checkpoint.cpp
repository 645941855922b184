#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/checkpoint/checkpoint.h"
#include "tests/checkpoint/torch_builder.h"
#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using bsbr::Checkpoint;
using bsbr::TensorView;
namespace fs = std::filesystem;

namespace {

std::string_view storage_type(bsbr::Dtype dtype) {
  if (dtype == bsbr::Dtype::F16) return "HalfStorage";
  return dtype == bsbr::Dtype::BF16 ? "BFloat16Storage" : "FloatStorage";
}

/// The checkpoint's tensors, all of one type, as a file of torch.save.
std::string torch_file(const Checkpoint& checkpoint, bool old) {
  std::string entries;
  std::map<std::string, std::string> storages;
  const std::size_t element = size_of(checkpoint.tensors()[0].dtype);
  for (const TensorView& tensor : checkpoint.tensors()) {
    const std::string key = std::to_string(storages.size());
    std::vector<std::int64_t> strides(tensor.shape.size(), 1);
    for (std::size_t i = strides.size(); i-- > 1;) strides[i - 1] = strides[i] * tensor.shape[i];
    const auto count = static_cast<std::int64_t>(tensor.bytes.size() / element);
    entries +=
        pickle::text(tensor.name) +
        pickle::tensor(pickle::storage(storage_type(tensor.dtype), key, count), 0, tensor.shape, strides);
    storages[key].assign(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  }
  const std::string value = pickle::dict(entries);
  return old ? torch_old(value, storages, element) : torch_zip(value, storages);
}

}  // namespace

/// The demo as pytorch_model.bin, through the program: all is as with model.safetensors.
class TestCliTorchCheckpoint : public QObject {
  Q_OBJECT
  TempFolder temp_;

 private Q_SLOTS:
  void demo_data() {
    QTest::addColumn<bool>("old");
    QTest::newRow("zip") << false;
    QTest::newRow("old") << true;
  }
  void demo() {
    QFETCH(bool, old);
    const fs::path folder = copy_checkpoint(kDemo, temp_ / (old ? "old" : "zip"));
    fs::remove(folder / "model.safetensors");
    write_file(folder / "pytorch_model.bin", torch_file(Checkpoint::open(kDemo), old));
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"info", "--json"},
                                                      {"tokenize", "--text", kSample},
                                                      {"generate", "--prompt", "It was", "--tokens", "8"}}) {
      const auto output = [&](const fs::path& checkpoint) {
        std::vector<std::string> all = arguments;
        all.insert(all.begin() + 1, checkpoint.string());
        return run_bsbr(all);
      };
      const RunResult result = output(folder);
      EXPECT_SUCCESS(result);
      QCOMPARE(result.out, output(kDemo).out);
    }
    const fs::path out = temp_ / (old ? "old-out" : "zip-out");
    EXPECT_SUCCESS(run_bsbr({"convert", folder, out, "--retrieve", "64"}));
    QVERIFY(fs::exists(out / "model.safetensors") && !fs::exists(out / "pytorch_model.bin"));
    const Checkpoint before = Checkpoint::open(kDemo);
    const Checkpoint after = Checkpoint::open(out);
    QCOMPARE(after.tensors().size(), before.tensors().size());
    for (const TensorView& tensor : before.tensors()) {
      const TensorView* const other = after.find(tensor.name);
      QVERIFY2(other != nullptr && std::ranges::equal(other->bytes, tensor.bytes), tensor.name.c_str());
    }
    EXPECT_SUCCESS(run_bsbr({"compare", folder, out, "--seq-len", "256"}));
  }
};

QTEST_APPLESS_MAIN(TestCliTorchCheckpoint)
#include "test_cli_torch_checkpoint.moc"
