#include "tests/cli/checkpoints.h"

#include <nlohmann/json.hpp>

#include "tests/cli/run_bsbr.h"
#include "tests/support/golden.h"

using namespace bsbr::test;
using bsbr::Dtype;
using bsbr::SafetensorsFile;
using bsbr::TensorView;
namespace fs = std::filesystem;

/// bsbr logits, against what transformers computes.
class TestCliLogits : public QObject {
  Q_OBJECT
  TempFolder temp_;
  int count_ = 0;

  /// A file of integer tensors, each [rows, columns].
  template <class T>
  fs::path integers(const std::map<std::string, std::vector<T>>& tensors, Dtype dtype,
                    std::vector<std::int64_t> shape) {
    const fs::path path = temp_ / bsbr::cat("input", ++count_, ".safetensors");
    std::vector<TensorView> views;
    for (const auto& [name, values] : tensors)
      views.push_back({name, dtype, shape, std::as_bytes(std::span(values))});
    bsbr::write_safetensors(path, views, {});
    return path;
  }
  fs::path ids(std::vector<std::int64_t> values, std::vector<std::int64_t> shape) {
    return integers<std::int64_t>({{"input_ids", std::move(values)}}, Dtype::I64, std::move(shape));
  }
  RunResult run(const fs::path& checkpoint, const fs::path& input, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"logits", checkpoint.string(), "--input", input.string(), "--output",
                               (temp_ / "out").string()});
    return run_bsbr(more);
  }
  void compare(const SafetensorsFile& golden, const std::string& name) {
    const SafetensorsFile out = SafetensorsFile::open(temp_ / "out");
    QVERIFY2(out.find(name) != nullptr, name.c_str());
    QCOMPARE(out.find(name)->shape, golden.find(name)->shape);
    const double error =
        golden::relative_error(golden::values<float>(out, name), golden::values<float>(golden, name));
    QVERIFY2(error < 1e-4, bsbr::cat(name, ": ", error).c_str());
  }
  void refuse(const fs::path& input, std::vector<std::string> says) {
    fs::remove(temp_ / "out");
    says.push_back(input.string());
    const std::string problem = refusal_problem(run(golden_checkpoint("gpt2-plain"), input), says);
    QVERIFY2(problem.empty(), problem.c_str());
    QVERIFY(!fs::exists(temp_ / "out"));
  }

 private Q_SLOTS:
  void golden_data() {
    QTest::addColumn<QString>("name");
    for (const char* name :
         {"gpt2-plain", "gpt2-gelu-exact", "gpt2-relu-inner", "gpt2-inverse-layer-scale", "gpt2-no-scale",
          "gpt2-untied", "gpt2-one-head", "gpt2-fp16-sharded", "gpt2-bf16-prefix"}) {
      QTest::newRow(name) << QString(name);
    }
  }
  void golden() {
    QFETCH(QString, name);
    const fs::path folder = golden_checkpoint(name.toStdString());
    const SafetensorsFile golden = SafetensorsFile::open(folder / "golden.safetensors");
    EXPECT_SUCCESS(run(folder, folder / "golden.safetensors"));
    QCOMPARE(SafetensorsFile::open(temp_ / "out").tensors().size(), std::size_t(1));
    compare(golden, "logits");
    const nlohmann::json report = run(folder, folder / "golden.safetensors", {"--hidden", "--json"}).json();
    const int layers = bsbr::read_json_object(folder / "config.json")["n_layer"].get<int>();
    QCOMPARE(report["tensors"].get<int>(), layers + 2);
    for (int i = 0; i <= layers; ++i) compare(golden, bsbr::cat("hidden_", i));
    compare(golden, "logits");
  }

  /// A chunk of the whole context leaves nothing far: a converted checkpoint gives the golden logits too.
  void convertedAtTheDenseLimit() {
    const fs::path folder = golden_checkpoint("gpt2-fp16-sharded");
    const fs::path out = temp_ / "converted";
    EXPECT_SUCCESS(run_bsbr({"convert", folder, out, "--chunk-size", "96", "--retrieve", "96"}));
    EXPECT_SUCCESS(run(out, folder / "golden.safetensors", {"--hidden"}));
    const SafetensorsFile golden = SafetensorsFile::open(folder / "golden.safetensors");
    compare(golden, "hidden_1");
    compare(golden, "logits");
  }

  void narrowIntegersAndNoMask() {
    const fs::path wide = ids({1, 2, 3, 4, 5, 6}, {2, 3});
    const fs::path narrow = integers<std::int32_t>(
        {{"input_ids", {1, 2, 3, 4, 5, 6}}, {"attention_mask", {1, 1, 1, 1, 1, 1}}}, Dtype::I32, {2, 3});
    EXPECT_SUCCESS(run(golden_checkpoint("gpt2-plain"), wide));
    const std::string first = content(temp_ / "out");
    EXPECT_SUCCESS(run(golden_checkpoint("gpt2-plain"), narrow));
    QVERIFY(content(temp_ / "out") == first);
  }

  void badInput() {
    refuse(ids({1, 211}, {1, 2}), {"token id 211", "0 to 210"});
    refuse(ids({1, -1}, {1, 2}), {"token id -1"});
    refuse(ids(std::vector<std::int64_t>(97, 1), {1, 97}), {"97 tokens", "context of 96"});
    refuse(ids({1, 2}, {2}), {"input_ids of shape [rows, columns]"});
    refuse(ids({}, {0, 3}), {"input_ids", "[0, 3]"});
    refuse(ids({}, {3, 0}), {"input_ids", "[3, 0]"});
    refuse(integers<std::int64_t>({{"inputs", {1}}}, Dtype::I64, {1, 1}), {"input_ids"});
    refuse(integers<float>({{"input_ids", {1}}}, Dtype::F32, {1, 1}), {"input_ids is F32, I64 or I32"});
    refuse(
        integers<std::int64_t>({{"input_ids", {1, 2, 3}}, {"attention_mask", {1, 0, 1}}}, Dtype::I64, {1, 3}),
        {"padding between tokens"});
    refuse(write_file(temp_ / "words.safetensors", "words"), {"only 5 bytes long"});
    refuse(temp_ / "missing.safetensors", {"does not exist"});
    refuse(temp_.path(), {});
  }

  void badOutput() {
    const fs::path input = ids({1, 2}, {1, 2});
    const fs::path folder = temp_ / "folder";
    fs::create_directories(folder);
    const auto before = tree(temp_.path());
    const auto refuse = [&](const fs::path& output, const char* says) {
      const RunResult result =
          run_bsbr({"logits", golden_checkpoint("gpt2-plain"), "--input", input, "--output", output});
      EXPECT_REFUSAL(result, says, output.string());
    };
    refuse(folder, "directory");
    refuse(temp_ / "nowhere/out", "folder does not exist");
    fs::permissions(folder, fs::perms(0555));
    RunOptions options;
    options.in_child = obey_permissions;
    const RunResult result = run_bsbr(
        {"logits", golden_checkpoint("gpt2-plain"), "--input", input, "--output", folder / "out"}, options);
    EXPECT_REFUSAL(result, "Permission denied", (folder / "out").string());
    QVERIFY(tree(temp_.path()) == before);
  }
};

QTEST_GUILESS_MAIN(TestCliLogits)
#include "test_cli_logits.moc"
