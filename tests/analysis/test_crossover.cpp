#include <QtTest>

#include "engine/analysis/crossover.h"
#include "engine/analysis/crossover_file.h"
#include "engine/base/error.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"
#include "tests/support/small_config.h"

using bsbr::BsbrConfig;
using bsbr::CrossoverMemory;
using bsbr::LanguageModel;
using bsbr::TokenId;
using bsbr::test::TempFolder;
using bsbr::test::tiny_config;

namespace {

LanguageModel load() {
  return golden::model("llama-gqa");
}

bsbr::TokenBatch row(std::int64_t tokens) {
  bsbr::TokenBatch batch{1, tokens, {}, {}};
  for (std::int64_t i = 0; i < tokens; ++i) batch.ids.push_back(TokenId(i * 7 % 97));
  return batch;
}

/// Largest difference of logits at positions [begin, end).
double difference(const std::vector<float>& a, const std::vector<float>& b, std::int64_t begin,
                  std::int64_t end, std::int64_t vocabulary) {
  double most = 0;
  for (std::int64_t i = begin * vocabulary; i < end * vocabulary; ++i)
    most = std::max(most, std::abs(double(a[std::size_t(i)]) - double(b[std::size_t(i)])));
  return most;
}

}  // namespace

/// Where dense attention is faster: that it is measured, remembered, and changes nothing but what it should.
class TestCrossover : public QObject {
  Q_OBJECT
 private Q_SLOTS:
  void a_dense_start_is_dense_and_no_more() {
    const LanguageModel original = load().with_attention(std::nullopt);
    const LanguageModel converted = original.with_attention(tiny_config());
    const std::int64_t layers = original.config().layers;
    const std::int64_t words = original.config().vocabulary;
    const std::int64_t n = original.config().context;
    QVERIFY(n >= 96);
    const std::vector<float> dense = original.logits(row(n));
    const std::vector<float> sparse = converted.logits(row(n));
    // 40 tokens are two whole chunks of 16.
    const std::vector<std::int64_t> start(std::size_t(layers), 40);
    const std::vector<float> started = converted.with_dense_start(start).logits(row(n));
    QVERIFY(difference(started, dense, 0, 32, words) < 1e-4);
    QVERIFY(difference(started, dense, 32, n, words) > 1e-3);
    QVERIFY(difference(sparse, dense, 16, 32, words) > 1e-4);
    const std::vector<std::int64_t> all(std::size_t(layers), n);
    QVERIFY(difference(converted.with_dense_start(all).logits(row(n)), dense, 0, n / 16 * 16, words) < 1e-4);
    const std::vector<std::int64_t> none(std::size_t(layers), 15);
    QCOMPARE(converted.with_dense_start(none).logits(row(n)), sparse);
  }

  void states_alone_have_no_dense_start() {
    BsbrConfig config = tiny_config();
    config.states_only = true;
    config.retrieve = 0;
    const LanguageModel converted = load().with_attention(config);
    const std::vector<std::int64_t> start(std::size_t(converted.config().layers), 64);
    QCOMPARE(converted.with_dense_start(start).logits(row(96)), converted.logits(row(96)));
    QCOMPARE(bsbr::measure_crossover(converted, row(96).ids),
             std::vector<std::int64_t>(std::size_t(converted.config().layers), 0));
  }

  /// Of 96 tokens the lengths 96, 48 and 16 are tried; another clock says which are faster.
  void the_longest_that_is_faster_is_found() {
    const LanguageModel converted = load().with_attention(tiny_config());
    const std::vector<std::int64_t> faster{1000, 50, 10};  // of each layer, up to so many tokens
    std::map<std::int64_t, std::vector<std::int64_t>> tried;
    const auto found = [&](double dense) {
      const auto clock = [&](const bsbr::AttentionRun& run, const std::function<void()>& work) {
        work();
        auto& lengths = tried[run.layer];
        if (lengths.empty() || lengths.back() != run.tokens) lengths.push_back(run.tokens);
        if (!run.dense) return 1.0;
        return run.tokens <= faster[std::size_t(run.layer)] ? dense : 2.0;
      };
      return bsbr::measure_crossover(converted, row(96).ids, {}, clock);
    };
    const std::vector<std::int64_t> expected{96, 48, 0}, none(3, 0);
    QCOMPARE(found(0.5), expected);
    QCOMPARE(tried[0], (std::vector<std::int64_t>{96}));
    QCOMPARE(tried[2], (std::vector<std::int64_t>{96, 48, 16}));
    QCOMPARE(found(0.96), expected);
    QCOMPARE(found(0.98), none);  // no more than noise
    QCOMPARE(found(1.5), none);
  }

  /// What else the machine does at times only adds, and the first run warms up.
  void a_disturbed_run_does_not_count() {
    const LanguageModel converted = load().with_attention(tiny_config());
    std::map<std::pair<std::int64_t, bool>, int> runs;
    const auto clock = [&](const bsbr::AttentionRun& run, const std::function<void()>&) {
      const int number = ++runs[{run.layer, run.dense}];
      if (number == 1) return run.dense ? 3.0 : 0.1;
      if (run.dense) return number == 3 ? 1.0 : 100.0;
      return number == 6 ? 2.0 : 7.0;
    };
    QCOMPARE(bsbr::measure_crossover(converted, row(96).ids, {}, clock), std::vector<std::int64_t>(3, 96));
  }

  void measuring_gives_whole_chunks_within_the_text() {
    const LanguageModel converted = load().with_attention(tiny_config());
    for (const std::int64_t tokens : {std::int64_t(0), std::int64_t(15), std::int64_t(90)}) {
      const auto crossover = bsbr::measure_crossover(converted, row(tokens).ids);
      QCOMPARE(crossover.size(), std::size_t(converted.config().layers));
      for (const std::int64_t of_layer : crossover) {
        QCOMPARE(of_layer % 16, 0);
        QVERIFY(of_layer >= 0 && of_layer <= tokens);
      }
    }
    bsbr::CancelToken cancel;
    cancel.cancel();
    bsbr::Job job;
    job.cancel = &cancel;
    QVERIFY_THROWS_EXCEPTION(bsbr::Error, (void)bsbr::measure_crossover(converted, row(96).ids, job));
  }

  void it_is_remembered_by_model_and_plan() {
    const TempFolder folder;
    const CrossoverMemory memory(folder / "new/memory.json");
    const LanguageModel converted = load().with_attention(tiny_config());
    QVERIFY(!memory.find(converted));
    std::vector<std::int64_t> tokens(std::size_t(converted.config().layers), 16);
    tokens.back() = 32;
    memory.keep(converted, tokens);
    QCOMPARE(memory.find(converted).value(), tokens);
    BsbrConfig other = tiny_config();
    other.retrieve = 4;
    QVERIFY(!memory.find(converted.with_attention(other)));
    memory.keep(converted.with_attention(other), std::vector<std::int64_t>(tokens.size(), 0));
    QCOMPARE(memory.find(converted).value(), tokens);
  }

  void it_lies_in_the_cache_and_never_in_the_working_folder() {
    qputenv("XDG_CACHE_HOME", "/some/cache");
    QCOMPARE(CrossoverMemory::of_user().file(), std::filesystem::path("/some/cache/bsbr/crossover.json"));
    for (const char* none : {"", "relative", "./here"}) {
      qputenv("XDG_CACHE_HOME", none);
      qputenv("HOME", "/home/of/mine");
      QCOMPARE(CrossoverMemory::of_user().file(),
               std::filesystem::path("/home/of/mine/.cache/bsbr/crossover.json"));
      qputenv("HOME", "relative");
      QVERIFY(CrossoverMemory::of_user().file().empty());
    }
    qunsetenv("HOME");  // then the system's list of users says where it is
    QVERIFY(CrossoverMemory::of_user().file().is_absolute());
  }

  void nothing_is_kept_where_there_is_no_file() {
    const TempFolder folder;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    const CrossoverMemory memory{std::filesystem::path()};
    const LanguageModel converted = load().with_attention(tiny_config());
    memory.keep(converted, std::vector<std::int64_t>(std::size_t(converted.config().layers), 16));
    QVERIFY(!memory.find(converted));
    std::filesystem::current_path(before);
    QVERIFY(std::filesystem::is_empty(folder.path()));
  }

  void a_damaged_memory_is_begun_anew() {
    const TempFolder folder;
    const CrossoverMemory memory(folder / "memory.json");
    const LanguageModel converted = load().with_attention(tiny_config());
    const std::vector<std::int64_t> tokens(std::size_t(converted.config().layers), 16);
    for (const char* damaged : {"", "{", "[]", "{\"version\": 1}", "{\"version\": \"1\", \"entries\": {}}",
                                "{\"version\": 1, \"entries\": 3}"}) {
      bsbr::test::write_file(memory.file(), damaged);
      QVERIFY(!memory.find(converted));
      memory.keep(converted, tokens);
      QCOMPARE(memory.find(converted).value(), tokens);
    }
  }

  void lengths_that_are_none_are_not_believed() {
    const QTemporaryDir folder;
    const std::filesystem::path file = std::filesystem::path(folder.path().toStdString()) / "memory.json";
    for (const char* number :
         {"-1", "0.5", "1e300", "9223372036854775808", "18446744073709551615", "\"1\""}) {
      std::ofstream(file) << R"({"version": 3, "entries": {"key": [16, )" << number << "]}}";
      QVERIFY(!bsbr::find_crossover(file, "key", 2));
    }
    std::ofstream(file) << R"({"version": 3, "entries": {"key": [16, 9223372036854775807]}})";
    QVERIFY(bsbr::find_crossover(file, "key", 2).has_value());
    std::ofstream(file) << R"({"version": 1e300, "entries": {"key": [16, 16]}})";
    QVERIFY(!bsbr::find_crossover(file, "key", 2));
  }
};

QTEST_APPLESS_MAIN(TestCrossover)
#include "test_crossover.moc"
