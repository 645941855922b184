#include "engine/checkpoint/hub_address.h"

#include "engine/checkpoint/gguf_names.h"
#include "engine/checkpoint/part_name.h"
#include "tests/support/files.h"

using bsbr::parse_hub_address;
using bsbr::parse_hub_name;

/// Addresses and names of models, as people paste and write them.
class TestHubAddress : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() { qunsetenv("HF_ENDPOINT"); }

  void models_data() {
    QTest::addColumn<QByteArray>("name");
    const auto row = [](const char* text, const char* name) { QTest::newRow(text) << QByteArray(name); };
    row("https://huggingface.co/org/name", "org/name");
    row("http://huggingface.co/org/name/", "org/name");
    row("HTTPS://HuggingFace.co/Org/Name", "Org/Name");
    row("huggingface.co/org/name", "org/name");
    row("hf.co/org/name", "org/name");
    row("https://hf.co/org/name:Q4_K_M", "org/name:Q4_K_M");
    row("hf://org/name", "org/name");
    row("https://huggingface.co/gpt2", "gpt2");
    row("https://huggingface.co/gpt2/tree/main", "gpt2");
    row("https://huggingface.co/org/name/tree/main", "org/name");
    row("https://huggingface.co/org/name/tree/v1.0", "org/name@v1.0");
    row("https://huggingface.co/org/name/tree/refs%2Fpr%2F1", "org/name@refs/pr/1");
    row("https://huggingface.co/org/name/tree/refs/pr/1", "org/name@refs/pr/1");
    row("https://huggingface.co/org/name/commit/607a30d783dfa663caf39e06633721c8d4cfcd7e",
        "org/name@607a30d783dfa663caf39e06633721c8d4cfcd7e");
    row("https://huggingface.co/org/name/discussions/3", "org/name");
    row("https://huggingface.co/org/name?library=transformers#usage", "org/name");
    row("https://huggingface.co/org/name/blob/main/config.json", "org/name");
    row("https://huggingface.co/org/name/blob/main/x.Q4_K_M.gguf", "org/name:x.Q4_K_M.gguf");
    row("https://huggingface.co/org/name/resolve/main/x.gguf?download=true", "org/name:x.gguf");
    row("https://huggingface.co/org/name/resolve/v2/Q8/x%20y.gguf", "org/name@v2:Q8/x y.gguf");
    row("https://huggingface.co/org/name/raw/main/model.safetensors.index.json", "org/name");
    row("org/name:Q4_K_M", "org/name:Q4_K_M");
    row("org/name@v1:UD-IQ2_XXS", "org/name@v1:UD-IQ2_XXS");
    row("org/name:sub/x.gguf", "org/name:sub/x.gguf");
  }
  void models() {
    QFETCH(QByteArray, name);
    const auto parsed = parse_hub_name(QTest::currentDataTag());
    QVERIFY(parsed.has_value());
    QCOMPARE(parsed->text(), name.toStdString());
    QCOMPARE(parse_hub_name(parsed->text())->text(), name.toStdString());
  }

  void others_data() {
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* text, const char* says) { QTest::newRow(text) << QByteArray(says); };
    row("https://huggingface.co", "the hub itself");
    row("https://huggingface.co/", "the hub itself");
    row("https://huggingface.co/datasets/org/name", "a data set");
    row("hf.co/spaces/org/name/tree/main", "a Space");
    row("https://huggingface.co/papers/2301.00001", "a paper");
    row("https://huggingface.co/models?search=gguf", "a list of models");
    row("https://huggingface.co/org/name/tree/main/unet", "a folder of a repository");
    row("https://huggingface.co/org/name/blob/main/unet/x.safetensors", "a file in a folder");
    row("https://huggingface.co/org/name/nonsense", "no page of a model");
    row("https://huggingface.co/org/..", "no model");
    row("https://huggingface.co/org/name/tree/..%2F..", "no model");
    row("https://huggingface.co/org/name/blob/main/..%2F..%2Fx.gguf", "no model");
  }
  void others() {
    QFETCH(QByteArray, says);
    QVERIFY(!parse_hub_name(QTest::currentDataTag()));
    const auto address = parse_hub_address(QTest::currentDataTag());
    QVERIFY(address.has_value());
    QVERIFY(!address->model);
    QVERIFY2(address->problem.find(says.toStdString()) != std::string::npos, address->problem.c_str());
  }

  void noAddresses() {
    for (const char* text :
         {"", "gpt2", "org/name", "https://example.com/org/name", "ftp://huggingface.co/a/b", "https://",
          "/huggingface.co/a", "./huggingface.co/a", "huggingface.com/a/b"}) {
      QVERIFY2(!parse_hub_address(text), text);
    }
    for (const char* text : {"org/name:", "org/name:x.bin", "org/name:a b", "org/name:../x.gguf", "a/b/c",
                             "https://example.com/org/name", "org/name:%"}) {
      QVERIFY2(!parse_hub_name(text), text);
    }
  }

  void ownEndpoint() {
    qputenv("HF_ENDPOINT", "http://127.0.0.1:8080/mirror/");
    QCOMPARE(parse_hub_name("http://127.0.0.1:8080/mirror/org/name/tree/main")->text(),
             std::string("org/name"));
    QVERIFY(!parse_hub_name("http://127.0.0.1:8080/org/name"));
  }

  void partNames() {
    const auto part = bsbr::parse_part_name("dir/tiny-00002-of-00003.gguf", ".gguf");
    QVERIFY(part.has_value());
    QCOMPARE(part->stem, std::string("dir/tiny"));
    QCOMPARE(part->number, 2u);
    QCOMPARE(part->count, 3u);
    QCOMPARE(bsbr::part_name(*part, ".gguf"), std::string("dir/tiny-00002-of-00003.gguf"));
    for (const char* name :
         {"tiny.gguf", "-00001-of-00003.gguf", "t-00000-of-00003.gguf", "t-00004-of-00003.gguf",
          "t-0001-of-0003.gguf", "t-00001-of-00003.bin", "t-00001-of-000x3.gguf", ".gguf"}) {
      QVERIFY2(!bsbr::parse_part_name(name, ".gguf"), name);
    }
  }

  void quantisations() {
    const auto models = bsbr::group_gguf_files({"m-Q4_K_M.gguf", "m-Q4_K_S.gguf", "m.q8_0.gguf",
                                                "mmproj-F16.gguf", "m-Q6_K-00002-of-00002.gguf",
                                                "m-Q6_K-00001-of-00002.gguf", "BF16/m-00001-of-00001.gguf"});
    QCOMPARE(models.size(), std::size_t(5));
    const auto files = [&](const char* wanted) {
      const auto found = bsbr::of_quantisation(models, wanted);
      return found.size() == 1 ? found.front() : bsbr::GgufFiles();
    };
    QCOMPARE(files("q4_k_m"), bsbr::GgufFiles{"m-Q4_K_M.gguf"});
    QCOMPARE(files("Q8_0"), bsbr::GgufFiles{"m.q8_0.gguf"});
    QCOMPARE(files("Q6_K"), (bsbr::GgufFiles{"m-Q6_K-00001-of-00002.gguf", "m-Q6_K-00002-of-00002.gguf"}));
    QCOMPARE(files("bf16"), bsbr::GgufFiles{"BF16/m-00001-of-00001.gguf"});
    QVERIFY(bsbr::of_quantisation(models, "Q4_K").empty());
    QVERIFY(bsbr::of_quantisation(models, "F16").empty());
    EXPECT_ERROR(bsbr::choose_quantisation(models, "Q5_0", "org/name"), bsbr::ErrorKind::NotFound,
                 "org/name: has no GGUF file of the quantisation Q5_0", "m-Q4_K_S.gguf");
    EXPECT_ERROR(bsbr::choose_quantisation({{"a-Q4_0.gguf"}, {"b-Q4_0.gguf"}}, "Q4_0", "org/name"),
                 bsbr::ErrorKind::InvalidArgument, "several", "a-Q4_0.gguf and b-Q4_0.gguf");
  }
};

QTEST_APPLESS_MAIN(TestHubAddress)
#include "test_hub_address.moc"
