#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/checkpoint/checkpoint.h"
#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
using bsbr::Checkpoint;
namespace fs = std::filesystem;

/// Folders whose weights torch.save wrote, through the program; the vocabulary is the first 32 of the demo's.
class TestCliTorchCheckpoint : public QObject {
  Q_OBJECT
  TempFolder temp_;

  /// A copy of a golden folder, by torch.save's files or by its safetensors, with a tokenizer.
  fs::path model(const std::string& name, bool torch) {
    const fs::path golden = fs::path(BSBR_SOURCE_DIR "/tests/checkpoint/golden/torch") / name;
    fs::path folder = temp_ / (name + (torch ? "-torch" : "-safetensors"));
    for (const auto& entry : fs::directory_iterator(golden)) {
      const fs::path file = entry.path().filename();
      const bool weights = file != "config.json";
      if (!weights || torch == (file.extension() != ".safetensors"))
        write_file(folder / file, content(entry.path()));
    }
    nlohmann::json vocabulary;
    for (int i = 0; i < 32; ++i) vocabulary[std::string(1, char('a' + i % 26)) + (i < 26 ? "" : "b")] = i;
    write_file(folder / "vocab.json", vocabulary.dump());
    write_file(folder / "merges.txt", "#version: 0.2\na b\nb b\nc b\nd b\ne b\nf b\n");
    return folder;
  }

 private Q_SLOTS:
  void everything_data() {
    QTest::newRow("gpt2");
    QTest::newRow("llama");
  }
  void everything() {
    const std::string name = QTest::currentDataTag();
    const fs::path torch = model(name, true);
    const fs::path same = model(name, false);
    RunResult result = run_bsbr({"info", torch, "--json"});
    EXPECT_SUCCESS(result);
    QCOMPARE(result.json()["family"].get<std::string>(), name);
    const auto output = [&](std::vector<std::string> arguments, const fs::path& folder) {
      arguments.insert(arguments.begin() + 1, folder.string());
      return run_bsbr(arguments);
    };
    const fs::path text = write_file(temp_ / "text", "abcabdeffedcbahello");
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"tokenize", "--text", text, "--json"},
          std::vector<std::string>{"generate", "--prompt", "abc", "--max-new-tokens", "8"}}) {
      result = output(arguments, torch);
      EXPECT_SUCCESS(result);
      QCOMPARE(result.out, output(arguments, same).out);
    }
    const fs::path out = temp_ / (name + "-out");
    EXPECT_SUCCESS(
        run_bsbr({"convert", torch, out, "--chunk-size", "8", "--retrieve", "8", "--block-size", "4"}));
    QVERIFY(fs::exists(out / "model.safetensors"));
    QVERIFY(!fs::exists(out / "pytorch_model.bin"));
    const Checkpoint before = Checkpoint::open(torch);
    const Checkpoint after = Checkpoint::open(out);
    QCOMPARE(after.tensors().size(), before.tensors().size());
    for (const bsbr::TensorView& tensor : before.tensors()) {
      const bsbr::TensorView* const other = after.find(tensor.name);
      QVERIFY2(other != nullptr && std::ranges::equal(other->bytes, tensor.bytes), tensor.name.c_str());
    }
    EXPECT_SUCCESS(run_bsbr({"compare", torch, out, "--text", text, "--seq-len", "16"}));
  }
};

QTEST_APPLESS_MAIN(TestCliTorchCheckpoint)
#include "test_cli_torch_checkpoint.moc"
