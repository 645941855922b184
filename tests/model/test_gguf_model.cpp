#include <QtTest>

#include <map>
#include <nlohmann/json.hpp>

#include "tests/checkpoint/gguf_builder.h"
#include "tests/support/files.h"
#include "tests/support/golden.h"

using bsbr::Checkpoint;
using bsbr::LanguageModel;
using bsbr::SafetensorsFile;
using bsbr::test::GgufBuilder;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr int kHeadDim = 8;

const std::map<std::string, std::string> kNames{
    {"input_layernorm", "attn_norm"},    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},      {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"}, {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},       {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"}};

/// GGUF's name of a tensor of a Llama checkpoint.
std::string gguf_name(const std::string& name) {
  if (name == "model.embed_tokens.weight") return "token_embd.weight";
  if (name == "model.norm.weight") return "output_norm.weight";
  const std::string layers = "model.layers.";
  const std::size_t dot = name.find('.', layers.size());
  const std::size_t ending = name.rfind('.');
  return "blk." + name.substr(layers.size(), dot - layers.size()) + "." +
         kNames.at(name.substr(dot + 1, ending - dot - 1)) + name.substr(ending);
}

/// Rows of every head in the order 0, d/2, 1, d/2 + 1, …, as GGUF has those of query and key.
std::string in_pairs(const std::string& rows, std::size_t row_bytes) {
  std::string out;
  for (std::size_t i = 0; i < rows.size() / row_bytes; ++i) {
    const std::size_t place = i % kHeadDim;
    const std::size_t from = i - place + place / 2 + place % 2 * (kHeadDim / 2);
    out += rows.substr(from * row_bytes, row_bytes);
  }
  return out;
}

/// The same model as a GGUF file, without scaling of rotary positions.
GgufBuilder gguf_of(const Checkpoint& checkpoint) {
  const json& config = checkpoint.config();
  const auto size = [&](const char* key) { return config[key].get<std::uint32_t>(); };
  GgufBuilder file;
  file.text("general.architecture", "llama")
      .number("llama.embedding_length", size("hidden_size"))
      .number("llama.block_count", size("num_hidden_layers"))
      .number("llama.context_length", size("max_position_embeddings"))
      .number("llama.feed_forward_length", size("intermediate_size"))
      .number("llama.attention.head_count", size("num_attention_heads"))
      .number("llama.attention.head_count_kv", size("num_key_value_heads"))
      .real("llama.attention.layer_norm_rms_epsilon", config["rms_norm_eps"].get<float>());
  for (const bsbr::TensorView& tensor : checkpoint.tensors()) {
    std::string data(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    if (tensor.name.find("q_proj") != std::string::npos || tensor.name.find("k_proj") != std::string::npos) {
      data = in_pairs(data, data.size() / std::size_t(tensor.shape[0]));
    }
    file.tensor(gguf_name(tensor.name), {tensor.shape.rbegin(), tensor.shape.rend()}, 0, data);
  }
  return file;
}

}  // namespace

/// Models of GGUF files against the same ones in HuggingFace's form.
class TestGgufModel : public QObject {
  Q_OBJECT
  bsbr::test::TempFolder temp_;

 private Q_SLOTS:
  /// The factors that llama.cpp's converter computes for heads of 8 dimensions, a base of 10,000 and a factor
  /// of 4: frequencies 1, 0.1, 0.01 and 0.001 turn once in 6.3, 63, 628 and 6283 tokens.
  void llama3Rope_data() {
    QTest::addColumn<int>("originalContext");
    QTest::addColumn<float>("second");
    QTest::newRow("as in the golden file") << 32 << 4.0F;
    QTest::newRow("one is blended") << 128 << float(1 / ((1 - 0.345727F) / 4 + 0.345727F));
  }
  void llama3Rope() {
    QFETCH(int, originalContext);
    QFETCH(float, second);
    const auto golden_folder = golden::folder("llama-rope-llama3");
    const auto folder = temp_ / "huggingface";
    fs::remove_all(folder);
    fs::copy(golden_folder, folder);
    json config = Checkpoint::open(folder.string()).config();
    config["rope_parameters"]["original_max_position_embeddings"] = originalContext;
    bsbr::test::write_file(folder / "config.json", config.dump());
    const Checkpoint expected = Checkpoint::open(folder.string());

    GgufBuilder file = gguf_of(expected);
    file.floats("rope_freqs.weight", {kHeadDim / 2}, {1, second, 4, 4});
    const auto path = bsbr::test::write_file(temp_ / "model.gguf", file.bytes());
    const Checkpoint checkpoint = Checkpoint::open(path.string());
    QCOMPARE(checkpoint.tensors().size(), expected.tensors().size());

    const SafetensorsFile results = SafetensorsFile::open(golden_folder / "golden.safetensors");
    const LanguageModel model = LanguageModel::load(checkpoint);
    const auto logits = model.logits(golden::batch(results));
    QCOMPARE(logits, LanguageModel::load(expected).logits(golden::batch(results)));
    const double error = golden::relative_error(logits, golden::values<float>(results, "logits"));
    QCOMPARE(error < 1e-4, originalContext == 32);
  }
};

QTEST_APPLESS_MAIN(TestGgufModel)
#include "test_gguf_model.moc"
