#include <unistd.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <random>

#include "engine/checkpoint/checkpoint.h"
#include "tests/cli/checkpoints.h"
#include "tests/cli/run_bsbr.h"

using namespace bsbr::test;
namespace fs = std::filesystem;

namespace {

constexpr int kWidth = 512, kLayers = 8, kVocabulary = 8192, kContext = 512;
#ifdef __SANITIZE_ADDRESS__
constexpr int kSlower = 4;
#else
constexpr int kSlower = 1;
#endif

/// A GPT-2 checkpoint of random weights that takes about a second to convert.
void write_large_checkpoint(const fs::path& folder) {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes{{"wte.weight", {kVocabulary, kWidth}},
                                                                        {"wpe.weight", {kContext, kWidth}}};
  const auto add = [&](const std::string& name, std::vector<std::int64_t> weight) {
    shapes.emplace_back(name + ".bias", std::vector<std::int64_t>{weight.back()});
    shapes.emplace_back(name + ".weight", std::move(weight));
  };
  for (int i = 0; i < kLayers; ++i) {
    const std::string layer = bsbr::cat("h.", i, ".");
    add(layer + "ln_1", {kWidth});
    add(layer + "attn.c_attn", {kWidth, 3 * kWidth});
    add(layer + "attn.c_proj", {kWidth, kWidth});
    add(layer + "ln_2", {kWidth});
    add(layer + "mlp.c_fc", {kWidth, 4 * kWidth});
    add(layer + "mlp.c_proj", {4 * kWidth, kWidth});
  }
  add("ln_f", {kWidth});
  std::minstd_rand random(1);
  std::vector<std::vector<float>> values;
  std::vector<bsbr::TensorView> tensors;
  values.reserve(shapes.size());
  for (const auto& [name, shape] : shapes) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    std::vector<float>& data = values.emplace_back(std::size_t(count));
    for (float& value : data) value = float(random() % 2001) * 4e-5F - 0.04F;
    tensors.push_back({name, bsbr::Dtype::F32, shape, std::as_bytes(std::span(data))});
  }
  fs::create_directories(folder);
  bsbr::write_safetensors(folder / "model.safetensors", tensors, {});
  write_file(folder / "config.json", nlohmann::json{{"model_type", "gpt2"},
                                                    {"vocab_size", kVocabulary},
                                                    {"n_positions", kContext},
                                                    {"n_embd", kWidth},
                                                    {"n_layer", kLayers},
                                                    {"n_head", 8}}
                                         .dump());
}

}  // namespace

/// The program is told to end, or killed, at many moments of a conversion: the destination is whole or not
/// there.
class TestCliInterrupted : public QObject {
  Q_OBJECT
  TempFolder temp_;
  fs::path source_, place_, out_;
  int whole_ms_ = 0;

  RunResult convert(int signal = 0, int after_ms = 0) {
    RunOptions options;
    options.signal = signal;
    options.signal_after_ms = after_ms;
    return run_bsbr({"convert", source_, out_, "--chunk-size", "64", "--retrieve", "64", "--force"}, options);
  }
  [[nodiscard]] std::vector<int> delays(int count) const {
    std::vector<int> all;
    for (int i = 0; i < count; ++i) all.push_back(1 + whole_ms_ * (i + 1) / count);
    return all;
  }
  void put_old_checkpoint() {
    fs::remove_all(place_);
    copy_checkpoint(golden_checkpoint("gpt2-one-head"), out_);
  }
  /// The destination is the old checkpoint or the new one.
  [[nodiscard]] bool is_old() const {
    return content(out_ / "config.json").find("n_inner") != std::string::npos;
  }
  void check_whole() {
    if (is_old()) {
      QVERIFY(tree(out_) == old_);
      return;
    }
    const auto files = tree(out_);
    QCOMPARE(files.size(), std::size_t(3) + python_file_count());
    const bsbr::Checkpoint before = bsbr::Checkpoint::open(source_);
    const bsbr::Checkpoint after = bsbr::Checkpoint::open(out_);
    QCOMPARE(after.tensor_bytes(), before.tensor_bytes());
    QCOMPARE(after.config()["bsbr"]["chunk_size"].get<int>(), 64);
  }
  [[nodiscard]] std::ptrdiff_t entries() const { return std::distance(fs::directory_iterator(place_), {}); }

  std::map<std::string, std::string> old_;

 private Q_SLOTS:
  void initTestCase() {
    source_ = temp_ / "large";
    place_ = temp_ / "place";
    out_ = place_ / "out";
    write_large_checkpoint(source_);
    QVERIFY(fs::file_size(source_ / "model.safetensors") > 100'000'000);
    put_old_checkpoint();
    old_ = tree(out_);
    QVERIFY(is_old());
    const RunResult whole = convert();
    EXPECT_SUCCESS(whole);
    QVERIFY(!is_old());
    check_whole();
    whole_ms_ = int(whole.seconds * 1000);
  }

  void asked_data() {
    QTest::addColumn<int>("signal");
    QTest::newRow("SIGINT") << SIGINT;
    QTest::newRow("SIGTERM") << SIGTERM;
    QTest::newRow("SIGHUP") << SIGHUP;
  }
  void asked() {
    QFETCH(int, signal);
    int cancelled = 0;
    for (const int delay : delays(signal == SIGHUP ? 3 : 8 / kSlower + 2)) {
      put_old_checkpoint();
      const RunResult result = convert(signal, delay);
      QVERIFY2(result.code == 0 || result.code == 130 || result.code == -signal, result.text().c_str());
      cancelled += result.code == 130;
      QCOMPARE(is_old(), result.code != 0);
      check_whole();
      QCOMPARE(entries(), std::ptrdiff_t(1));
      if (result.code == 130) QCOMPARE(result.err, std::string("bsbr: cancelled\n"));
    }
    QVERIFY(cancelled > 0);
  }

  void killed() {
    int old = 0, left = 0;
    for (const int delay : delays(12 / kSlower)) {
      put_old_checkpoint();
      const RunResult result = convert(SIGKILL, delay);
      QVERIFY2(result.code == 0 || result.code == -SIGKILL, result.text().c_str());
      check_whole();
      old += is_old();
      QVERIFY(entries() <= 2);
      if (entries() == 1) continue;
      ++left;
      for (const auto& entry : fs::directory_iterator(place_)) {
        QVERIFY(entry.path() == out_ || entry.path().filename().string().starts_with("."));
      }
      if (left > 2) continue;
      EXPECT_SUCCESS(convert());  // the next one cleans up
      QCOMPARE(entries(), std::ptrdiff_t(1));
      QVERIFY(!is_old());
    }
    QVERIFY(old > 0);
    QVERIFY(left > 0);
  }

  /// What looks like it, but is none of ours, stays.
  void othersAreLeftAlone() {
    put_old_checkpoint();
    write_file(place_ / ".out.other/keep", "mine");
    write_file(place_ / ".output.staging-abc123/keep", "of another destination");
    EXPECT_SUCCESS(convert());
    QCOMPARE(entries(), std::ptrdiff_t(3));
    QCOMPARE(content(place_ / ".out.other/keep"), std::string("mine"));
  }

  /// A program that waits for its input ends when it is asked to.
  void waiting_data() { asked_data(); }
  void waiting() {
    QFETCH(int, signal);
    RunOptions options;
    // A pipe that nobody ever writes to.
    options.in_child = [] {
      static int ends[2];
      if (::pipe(ends) == 0) ::dup2(ends[0], STDIN_FILENO);
    };
    options.signal = signal;
    options.signal_after_ms = 1500 * kSlower;
    options.limit_ms = 20'000;
    const RunResult result = run_bsbr({"tokenize", kDemo, "--text", "-"}, options);
    QVERIFY2(result.code == -signal || result.code == 130, result.text().c_str());
    QCOMPARE(result.out, std::string());
  }

  /// compare and generate stop too, and soon.
  void computing() {
    RunOptions options;
    options.signal = SIGINT;
    options.signal_after_ms = 2000 * kSlower;
    const RunResult compared = run_bsbr({"compare", kDemo, "--threads", "1"}, options);
    QVERIFY2(compared.code == 130, compared.text().c_str());
    QCOMPARE(compared.out, std::string());
    options.signal_on_output = true;
    const RunResult generated = run_bsbr(
        {"generate", kDemo, "--prompt", "a", "--tokens", "2000", "--temperature", "1", "--threads", "1"},
        options);
    QVERIFY2(generated.code == 130, generated.text().c_str());
    QVERIFY(generated.out.starts_with("a"));  // what came before is shown
    QCOMPARE(generated.err, std::string("bsbr: cancelled\n"));
  }
};

QTEST_GUILESS_MAIN(TestCliInterrupted)
#include "test_cli_interrupted.moc"
