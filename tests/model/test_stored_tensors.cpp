#include <QtTest>

#include <algorithm>

#include "engine/model/language_model.h"
#include "engine/model/summary.h"
#include "tests/model/edited_checkpoint.h"

using bsbr::Checkpoint;
using bsbr::Dtype;
using bsbr::ErrorKind;
using bsbr::LanguageModel;
using bsbr::test::EditedCheckpoint;
using bsbr::test::TempFolder;
using Tensor = EditedCheckpoint::Tensor;

namespace {

const std::string kUntied = "generation-config-stop";  // Llama: two different tensors
const std::string kGpt2 = "value-head";
const std::string kHead = "lm_head.weight";
const std::string kTable = "model.embed_tokens.weight";

std::vector<float> logits(const LanguageModel& model) {
  return model.logits({1, 5, {5, 17, 200, 31, 77}, {}});
}

bool says(const LanguageModel& model, const std::string& what) {
  return std::ranges::any_of(model.warnings(),
                             [&](const std::string& line) { return line.find(what) != std::string::npos; });
}

/// Of another size than the table's values, each of another one.
Tensor ramp(std::vector<std::int64_t> shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(0.01F * static_cast<float>(i % 37 - 18));
  return Tensor::of(std::move(shape), values);
}

}  // namespace

/// What is stored against what config.json says.
class TestStoredTensors : public QObject {
  Q_OBJECT
  TempFolder temp_;
  int made_ = 0;

  Checkpoint open(const EditedCheckpoint& edited) { return edited.open(temp_ / std::to_string(++made_)); }
  LanguageModel load(const EditedCheckpoint& edited) { return LanguageModel::load(open(edited)); }
  /// What the model is with the head and the embedding that were given explicitly.
  std::vector<float> with_two(const Tensor& table, const Tensor& head) {
    EditedCheckpoint edited(kUntied);
    edited.config["tie_word_embeddings"] = false;
    edited.tensors[kTable] = table;
    edited.tensors[kHead] = head;
    return logits(load(edited));
  }

 private Q_SLOTS:
  void twoDifferentTensorsAreTwo() {
    EditedCheckpoint edited(kUntied);
    const std::vector<float> two = logits(load(edited));
    edited.config["tie_word_embeddings"] = true;
    const LanguageModel model = load(edited);
    QVERIFY(!model.config().tied_head);
    QCOMPARE(logits(model), two);
    QCOMPARE(model.warnings().size(), std::size_t(1));
    QVERIFY(says(model, "config.json ties lm_head.weight to model.embed_tokens.weight"));
    QVERIFY(model.tensor_names().contains(kHead));
  }

  void equalTensorsAreOne() {
    EditedCheckpoint edited(kUntied);
    edited.config["tie_word_embeddings"] = true;
    edited.tensors[kHead] = edited.tensors[kTable];
    const LanguageModel model = load(edited);
    QVERIFY(model.config().tied_head);
    QVERIFY(model.warnings().empty());
    QVERIFY(!model.tensor_names().contains(kHead));
    QCOMPARE(logits(model), with_two(edited.tensors[kTable], edited.tensors[kTable]));
  }

  void oneTensorIsBoth_data() {
    QTest::addColumn<QString>("kept");
    QTest::addColumn<QString>("said");
    for (const std::string& kept : {kTable, kHead}) {
      for (const char* said : {"true", "false", "null"}) {
        QTest::newRow((kept + ", tied " + said).c_str()) << QString::fromStdString(kept) << QString(said);
      }
    }
  }
  void oneTensorIsBoth() {
    QFETCH(QString, kept);
    QFETCH(QString, said);
    EditedCheckpoint edited(kUntied);
    const std::string name = kept.toStdString();
    const Tensor one = edited.tensors[name];
    edited.tensors.erase(name == kHead ? kTable : kHead);
    edited.config["tie_word_embeddings"] = nlohmann::json::parse(said.toStdString());
    const LanguageModel model = load(edited);
    QVERIFY(model.config().tied_head);
    QCOMPARE(model.warnings().empty(), said == "true");
    QCOMPARE(model.tensor_names().at(kTable), name);
    QVERIFY(!model.tensor_names().contains(kHead));
    QCOMPARE(logits(model), with_two(one, one));
  }

  void noneOfBothIsRefused() {
    EditedCheckpoint edited(kUntied);
    edited.tensors.erase(kHead);
    edited.tensors.erase(kTable);
    edited.config["tie_word_embeddings"] = false;
    EXPECT_ERROR(load(edited), ErrorKind::InvalidFile, "missing tensors (2): lm_head.weight", kTable);
    edited.config["tie_word_embeddings"] = true;
    EXPECT_ERROR(load(edited), ErrorKind::InvalidFile, "missing tensors (1)", kTable);
  }

  /// safetensors' save_model() drops one of two names and says so.
  void sharedNames() {
    for (const auto& [dropped, kept] : {std::pair(kHead, kTable), std::pair(kTable, kHead)}) {
      EditedCheckpoint edited(kUntied);
      const Tensor one = edited.tensors[kept];
      edited.tensors.erase(dropped);
      edited.metadata[dropped] = kept;
      const LanguageModel model = load(edited);
      QVERIFY(model.config().tied_head);
      QCOMPARE(model.tensor_names().at(kTable), kept);
      QCOMPARE(logits(model), with_two(one, one));
    }
  }

  void gpt2WithAndWithoutPrefix() {
    EditedCheckpoint edited(kGpt2);
    const std::vector<float> expected = logits(load(edited));
    EditedCheckpoint bare = edited;
    bare.tensors.clear();
    for (const auto& [name, tensor] : edited.tensors) {
      const std::string prefix = "transformer.";
      bare.tensors[name.starts_with(prefix) ? name.substr(prefix.size()) : name] = tensor;
    }
    QCOMPARE(logits(load(bare)), expected);
    // Only the head's name is left.
    for (auto* one : {&edited, &bare}) {
      const std::string table = one == &bare ? "wte.weight" : "transformer.wte.weight";
      one->tensors[kHead] = one->tensors.at(table);
      one->tensors.erase(table);
      QCOMPARE(logits(load(*one)), expected);
      one->tensors[table] = ramp({400, 32});
      const LanguageModel two = load(*one);
      QVERIFY(!two.config().tied_head);
      QVERIFY(logits(two) != expected);
    }
  }

  void whatNothingNeedsIsLeftOut_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<bool>("told");
    const auto row = [](const char* name, bool told) { QTest::newRow(name) << QString(name) << told; };
    row("v_head.summary.weight", true);
    row("score.weight", true);
    row("model.layers.2.self_attn.q_proj.weight", true);
    row("model.layers.11.mlp.up_proj.bias", true);
    row("medusa_head.0.weight", true);
    row("model.layers.0.self_attn.rotary_emb.inv_freq", false);
    row("model.rotary_emb.inv_freq", false);
    row("model.layers.1.self_attn.rotary_emb.cos_cached", false);
  }
  void whatNothingNeedsIsLeftOut() {
    QFETCH(QString, name);
    QFETCH(bool, told);
    EditedCheckpoint edited(kUntied);
    const std::vector<float> expected = logits(load(edited));
    edited.tensors[name.toStdString()] = ramp({8});
    const Checkpoint checkpoint = open(edited);
    const LanguageModel model = LanguageModel::load(checkpoint);
    QCOMPARE(logits(model), expected);
    QCOMPARE(says(model, name.toStdString()), told);
    QCOMPARE(model.warnings().size(), std::size_t(told ? 1 : 0));
    QVERIFY(!model.tensor_names().contains(name.toStdString()));
    QCOMPARE(bsbr::summarize(checkpoint).warnings, model.warnings());
  }

  void masksOfGpt2AreConstants() {
    EditedCheckpoint edited(kGpt2);
    const LanguageModel model = load(edited);
    QCOMPARE(model.warnings().size(), std::size_t(1));
    QVERIFY(says(model, "(2): v_head.summary.bias, v_head.summary.weight"));
    edited.tensors["transformer.h.0.attn.bias"] = {Dtype::Bool, {1, 1, 4, 4}, std::string(16, '\1')};
    edited.tensors["transformer.h.1.attn.masked_bias"] = Tensor::of({}, {-1e4F});
    QCOMPARE(load(edited).warnings().size(), std::size_t(1));
    // A mask under another name is none of the weights either.
    edited.tensors["transformer.h.1.attn.causal"] = {Dtype::Bool, {4}, std::string(4, '\1')};
    QVERIFY(says(load(edited), "(3): transformer.h.1.attn.causal"));
  }

  /// Left out, these would make another model of it.
  void whatALayerWouldComputeWithIsRefused_data() {
    QTest::addColumn<QString>("name");
    for (const char* name :
         {"model.layers.0.self_attn.q_norm.weight", "model.layers.1.post_feedforward_layernorm.weight",
          "model.layers.0.self_attn.q_proj.bias", "model.layers.1.mlp.experts.0.up_proj.weight",
          "model.layers.0.self_attn.q_proj.lora_A.weight", "model.layers.1.self_attn.o_proj.gate",
          "lm_head.bias", "model.norm.bias"}) {
      QTest::newRow(name) << QString(name);
    }
  }
  void whatALayerWouldComputeWithIsRefused() {
    QFETCH(QString, name);
    EditedCheckpoint edited(kUntied);
    edited.tensors[name.toStdString()] = ramp({8});
    const Checkpoint checkpoint = open(edited);
    EXPECT_ERROR(LanguageModel::load(checkpoint), ErrorKind::InvalidFile, checkpoint.folder().string(),
                 name.toStdString());
    EXPECT_ERROR(bsbr::summarize(checkpoint), ErrorKind::InvalidFile, name.toStdString());
  }
  void aBiasOfATiedHeadIsRefused() {
    EditedCheckpoint edited(kGpt2);
    edited.tensors["lm_head.bias"] = ramp({400});
    EXPECT_ERROR(load(edited), ErrorKind::InvalidFile, "lm_head.bias");
  }

  void doublesAreWeights() {
    EditedCheckpoint edited(kUntied);
    const std::vector<float> expected = logits(load(edited));
    for (auto& [name, tensor] : edited.tensors) {
      const std::vector<float> values = tensor.values();
      const std::vector<double> wide(values.begin(), values.end());
      tensor.dtype = Dtype::F64;
      tensor.bytes.resize(wide.size() * sizeof(double));
      std::memcpy(tensor.bytes.data(), wide.data(), tensor.bytes.size());
    }
    const Checkpoint checkpoint = open(edited);
    QCOMPARE(logits(LanguageModel::load(checkpoint)), expected);
    QCOMPARE(bsbr::summarize(checkpoint).dtype, std::string("F64"));
  }
};

QTEST_APPLESS_MAIN(TestStoredTensors)
#include "test_stored_tensors.moc"
