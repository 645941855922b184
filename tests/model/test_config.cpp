#include <QtTest>

#include <nlohmann/json.hpp>

#include "engine/model/checkpoint_config.h"
#include "tests/checkpoint/gguf_builder.h"
#include "tests/model/edited_checkpoint.h"

using bsbr::Checkpoint;
using bsbr::ErrorKind;
using bsbr::ModelConfig;
using bsbr::test::EditedCheckpoint;
using bsbr::test::GgufBuilder;
using bsbr::test::TempFolder;
using nlohmann::json;

namespace {

const char* const kLlama = "generation-config-stop";
const char* const kQwen2 = "qwen2-window-unused";

json parsed(const QByteArray& text) {
  return json::parse(QByteArray(text).replace('\'', '"').toStdString());
}

/// The checkpoint's config.json with these keys set, or removed where they are "-".
ModelConfig changed(const char* name, const QByteArray& changes) {
  json config = EditedCheckpoint(name).config;
  const json all = parsed(changes);
  for (const auto& [key, value] : all.items()) {
    if (value == "-") {
      config.erase(key);
    } else {
      config[key] = value;
    }
  }
  return ModelConfig::from_json(config);
}

std::string array_of(const std::vector<std::string>& texts) {
  std::string elements;
  for (const std::string& text : texts) elements += bsbr::test::gguf_string(text);
  return bsbr::test::gguf_array(8, texts.size(), elements);
}

std::string array_of(const std::vector<std::int32_t>& numbers) {
  std::string elements;
  for (const std::int32_t number : numbers) elements += bsbr::test::raw(number);
  return bsbr::test::gguf_array(5, numbers.size(), elements);
}

}  // namespace

/// What config.json, generation_config.json and GGUF metadata say, against transformers' and llama.cpp's
/// reading of them.
class TestConfig : public QObject {
  Q_OBJECT
  TempFolder temp_;
  int made_ = 0;

  Checkpoint open(const EditedCheckpoint& edited) { return edited.open(temp_ / std::to_string(++made_)); }

 private Q_SLOTS:
  void accepted_data() {
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<QByteArray>("changes");
    const auto row = [](const char* name, const char* changes) {
      QTest::newRow(changes) << QByteArray(name) << QByteArray(changes);
    };
    row(kQwen2, "{}");
    row(kQwen2, "{'max_window_layers':0,'sliding_window':256}");
    row(kQwen2, "{'max_window_layers':0,'sliding_window':null}");
    row(kQwen2, "{'max_window_layers':0,'sliding_window':'-'}");  // 4096, above the context
    row(kQwen2, "{'max_window_layers':'-'}");                     // 28
    row(kQwen2, "{'use_sliding_window':false,'max_window_layers':0}");
    row(kQwen2, "{'max_window_layers':0,'layer_types':['full_attention','full_attention']}");
    row(kLlama, "{'sliding_window':null}");
    row(kLlama, "{'sliding_window':256}");
    row(kLlama, "{'sliding_window':4,'layer_types':['full_attention','full_attention']}");
    row(kLlama, "{'head_dim':null,'num_key_value_heads':2}");
    row(kLlama, "{'hidden_act':'gelu_python'}");
    row(kLlama, "{'partial_rotary_factor':1.0,'pretraining_tp':2,'use_cache':false}");
    row(kLlama, "{'tie_word_embeddings':null}");
  }
  void accepted() {
    QFETCH(QByteArray, name);
    QFETCH(QByteArray, changes);
    const ModelConfig config = changed(name, changes);
    QCOMPARE(config.context, 256);
    QCOMPARE(config.head_dim, 8);
    QVERIFY(!config.tied_head);
  }

  void refused_data() {
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<QByteArray>("changes");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, const char* changes, const char* says) {
      QTest::newRow(changes) << QByteArray(name) << QByteArray(changes) << QByteArray(says);
    };
    row(kQwen2, "{'max_window_layers':1}", "sliding_window is 4 ");
    row(kQwen2, "{'max_window_layers':0}", "only full attention over the 256 positions");
    row(kQwen2, "{'layer_types':['full_attention','sliding_attention']}", "sliding_window is 4 ");
    row(kQwen2, "{'layer_types':['full_attention','linear_attention']}", "\"linear_attention\"");
    row(kQwen2, "{'use_sliding_window':1}", "use_sliding_window is 1");
    row(kQwen2, "{'max_window_layers':-1}", "max_window_layers is -1");
    row(kLlama, "{'sliding_window':4}", "sliding_window is 4 ");
    row(kLlama, "{'sliding_window':4,'layer_types':['sliding_attention']}", "sliding_window is 4 ");
    row(kLlama, "{'head_dim':null,'num_attention_heads':3,'num_key_value_heads':3}", "not a multiple");
    row(kLlama, "{'partial_rotary_factor':0.5}", "partial_rotary_factor must be 1");
    row(kLlama, "{'rope_parameters':{'rope_type':'default','partial_rotary_factor':0.5}}",
        "rope_parameters: partial_rotary_factor must be 1");
    row(kLlama, "{'rope_parameters':{'full_attention':{'rope_theta':5.0}}}",
        "rope_parameters: full_attention is an object");
    row(kLlama, "{'rope_scaling':{'type':'linear'}}", "rope_scaling: factor is missing");
    row(kLlama, "{'rope_scaling':{'type':'yarn','factor':2.0}}", "rope_type is \"yarn\"");
  }
  void refused() {
    QFETCH(QByteArray, name);
    QFETCH(QByteArray, changes);
    QFETCH(QByteArray, says);
    EXPECT_ERROR(changed(name, changes), ErrorKind::InvalidFile, says.toStdString());
  }

  /// transformers 4 and 5 read rope_scaling, where both spellings are there.
  void ropeScalingGoesFirst() {
    const ModelConfig both = changed(kLlama,
                                     "{'rope_scaling':{'rope_type':'linear','factor':4.0},'rope_theta':500.0,"
                                     "'rope_parameters':{'rope_type':'default','rope_theta':7.0}}");
    QVERIFY(both.rope->type == bsbr::RopeType::Linear);
    QCOMPARE(both.rope->factor, 4.0);
    QCOMPARE(both.rope->theta, 500.0);
    const ModelConfig empty =
        changed(kLlama, "{'rope_scaling':{},'rope_parameters':{'rope_type':'default','rope_theta':7.0}}");
    QCOMPARE(empty.rope->theta, 7.0);
  }

  void missingContext_data() {
    QTest::addColumn<QByteArray>("name");
    QTest::addColumn<QByteArray>("tokenizer");  // its config; empty: none
    QTest::addColumn<int>("context");
    const QByteArray unlimited = "{'model_max_length':1000000000000000019884624838656}";
    QTest::newRow("tokenizer") << QByteArray(kLlama) << QByteArray("{'model_max_length':512}") << 512;
    QTest::newRow("no limit") << QByteArray(kLlama) << unlimited << 2048;
    QTest::newRow("no file") << QByteArray(kQwen2) << QByteArray() << 32768;
    QTest::newRow("damaged") << QByteArray(kQwen2) << QByteArray("{") << 32768;
    QTest::newRow("not believable") << QByteArray(kQwen2) << QByteArray("{'model_max_length':-5}") << 32768;
    QTest::newRow("text") << QByteArray(kQwen2) << QByteArray("{'model_max_length':'512'}") << 32768;
  }
  void missingContext() {
    QFETCH(QByteArray, name);
    QFETCH(QByteArray, tokenizer);
    QFETCH(int, context);
    EditedCheckpoint edited(name.toStdString());
    edited.config.erase("max_position_embeddings");
    if (!tokenizer.isEmpty())
      edited.files["tokenizer_config.json"] = tokenizer.replace('\'', '"').toStdString();
    const ModelConfig config = bsbr::config_of(open(edited));
    QCOMPARE(config.context, context);
    QCOMPARE(config.warnings.size(), std::size_t(1));
    QVERIFY(QByteArray(config.warnings.front().c_str()).contains("max_position_embeddings is missing"));
  }

  void endTokens_data() {
    QTest::addColumn<QByteArray>("config");      // its eos_token_id; empty: none
    QTest::addColumn<QByteArray>("generation");  // the file; empty: none
    QTest::addColumn<std::vector<std::int64_t>>("ends");
    QTest::addColumn<QByteArray>("warning");
    const auto row = [](const char* name, const char* config, const char* generation,
                        std::vector<std::int64_t> ends, const char* warning = "") {
      QTest::newRow(name) << QByteArray(config) << QByteArray(generation) << std::move(ends)
                          << QByteArray(warning);
    };
    row("config only", "399", "", {399});
    row("neither", "", "", {});
    row("a list", "399", "{'eos_token_id':[399,31,399]}", {399, 31});
    row("one", "399", "{'eos_token_id':31}", {31});
    row("null", "399", "{'eos_token_id':null}", {});
    row("not named", "399", "{'temperature':0.5}", {});
    row("out of range", "399", "{'eos_token_id':[500,31,-1]}", {31}, "the end token 500 is none");
    row("config out of range", "-1", "", {}, "the end token -1 is none");
    row("overruled", "500", "{'eos_token_id':31}", {31});
    row("text", "399", "{'eos_token_id':'31'}", {399}, "eos_token_id is neither a token id nor a list");
    row("list of texts", "399", "{'eos_token_id':['31']}", {399}, "generation_config.json: eos_token_id");
    row("cut off", "399", "{'eos_token_id':", {399}, "generation_config.json: ");
    row("empty", "399", " ", {399}, "the end tokens of config.json are taken");
    row("no object", "399", "[]", {399}, "the end tokens of config.json are taken");
  }
  void endTokens() {
    QFETCH(QByteArray, config);
    QFETCH(QByteArray, generation);
    QFETCH(std::vector<std::int64_t>, ends);
    QFETCH(QByteArray, warning);
    EditedCheckpoint edited(kLlama);
    edited.config.erase("eos_token_id");
    if (!config.isEmpty()) edited.config["eos_token_id"] = parsed(config);
    if (!generation.isEmpty())
      edited.files["generation_config.json"] = generation.replace('\'', '"').toStdString();
    const ModelConfig read = bsbr::config_of(open(edited));
    QCOMPARE(read.end_tokens, ends);
    QCOMPARE(read.warnings.empty(), warning.isEmpty());
    if (!warning.isEmpty()) QVERIFY(QByteArray(read.warnings.front().c_str()).contains(warning));
  }

  /// A link that leads nowhere, and a folder, are no reason to stop either.
  void generationConfigThatIsNoFile() {
    const EditedCheckpoint edited(kLlama);
    for (const bool link : {true, false}) {
      const Checkpoint checkpoint = open(edited);
      const auto file = checkpoint.folder() / "generation_config.json";
      if (link) {
        std::filesystem::create_symlink("nowhere", file);
      } else {
        std::filesystem::create_directory(file);
      }
      const ModelConfig read = bsbr::config_of(Checkpoint::open(checkpoint.folder().string()));
      QCOMPARE(read.end_tokens, (std::vector<std::int64_t>{399}));
      QCOMPARE(read.warnings.size(), std::size_t(1));
    }
  }

  void ggufEndTokens() {
    const std::vector<std::string> tokens{"a", "<|im_end|>", "<|eot_id|>", "<|end|>", "b", "c"};
    const auto file = [&] {
      GgufBuilder builder;
      return builder.text("general.architecture", "llama")
          .number("llama.embedding_length", 8)
          .number("llama.block_count", 1)
          .number("llama.context_length", 64)
          .number("llama.feed_forward_length", 12)
          .number("llama.attention.head_count", 2)
          .real("llama.attention.layer_norm_rms_epsilon", 1e-5F)
          .floats("token_embd.weight", {8, 6})
          .pair("tokenizer.ggml.tokens", 9, array_of(tokens));
    };
    const auto ends = [&](const GgufBuilder& builder) {
      const auto path = bsbr::test::write_file(temp_ / (std::to_string(++made_) + ".gguf"), builder.bytes());
      return bsbr::config_of(Checkpoint::open(path.string())).end_tokens;
    };
    using Ids = std::vector<std::int64_t>;
    QCOMPARE(ends(file()), Ids{});
    QCOMPARE(ends(file()
                      .number("tokenizer.ggml.eos_token_id", 0)
                      .number("tokenizer.ggml.eot_token_id", 4)
                      .number("tokenizer.ggml.eom_token_id", 5)),
             (Ids{0, 4, 5}));
    QCOMPARE(ends(file().number("tokenizer.ggml.eos_token_id", 1).number("tokenizer.ggml.eot_token_id", 77)),
             (Ids{1}));
    // By their text, where they are control tokens.
    const auto types = array_of(std::vector<std::int32_t>{3, 3, 3, 1, 1, 3});
    QCOMPARE(
        ends(file().number("tokenizer.ggml.eos_token_id", 2).pair("tokenizer.ggml.token_type", 9, types)),
        (Ids{2, 1}));
  }
};

QTEST_APPLESS_MAIN(TestConfig)
#include "test_config.moc"
