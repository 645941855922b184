#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "engine/checkpoint/checkpoint.h"
#include "tests/checkpoint/gguf_builder.h"
#include "tests/support/files.h"

using bsbr::Checkpoint;
using bsbr::Error;
using bsbr::ErrorKind;
using bsbr::TensorView;
using bsbr::test::GgufBuilder;
using bsbr::test::raw;
using bsbr::test::write_file;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::vector<float> values_of(const TensorView* tensor) {
  if (tensor == nullptr || tensor->dtype != bsbr::Dtype::F32) return {};
  std::vector<float> out(tensor->bytes.size() / sizeof(float));
  std::memcpy(out.data(), tensor->bytes.data(), tensor->bytes.size());
  return out;
}

/// The first value of every row.
std::vector<float> first_column(const TensorView* tensor) {
  const std::vector<float> all = values_of(tensor);
  std::vector<float> out;
  for (std::size_t i = 0; i < all.size(); i += std::size_t(tensor->shape.at(1))) out.push_back(all[i]);
  return out;
}

std::vector<std::string> names_of(const Checkpoint& checkpoint) {
  std::vector<std::string> out;
  for (const TensorView& tensor : checkpoint.tensors()) out.push_back(tensor.name);
  return out;
}

/// Row r of a matrix of `rows` by `width` holds r everywhere.
std::vector<float> numbered_rows(std::size_t rows, std::size_t width) {
  std::vector<float> out(rows * width);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = float(i / width);
  return out;
}

std::vector<float> counted(std::size_t count) {
  std::vector<float> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = float(i);
  return out;
}

/// Metadata of a model with a width of 8, 2 query heads and 1 key-value head of 4 dimensions.
GgufBuilder llama_metadata(const std::string& architecture) {
  return GgufBuilder()
      .text("general.architecture", architecture)
      .number(architecture + ".embedding_length", 8)
      .number(architecture + ".block_count", 1)
      .number(architecture + ".context_length", 64)
      .number(architecture + ".feed_forward_length", 12)
      .number(architecture + ".attention.head_count", 2)
      .number(architecture + ".attention.head_count_kv", 1)
      .real(architecture + ".attention.layer_norm_rms_epsilon", 1e-5F);
}

/// `file` and a model's weights; rows of the projections of query and key are numbered.
GgufBuilder& add_llama_tensors(GgufBuilder& file) {
  return file.floats("token_embd.weight", {8, 6}, counted(48))
      .floats("output_norm.weight", {8}, 1)
      .floats("blk.0.attn_norm.weight", {8}, 2)
      .floats("blk.0.attn_q.weight", {8, 8}, numbered_rows(8, 8))
      .floats("blk.0.attn_k.weight", {8, 4}, numbered_rows(4, 8))
      .floats("blk.0.attn_v.weight", {8, 4}, numbered_rows(4, 8))
      .floats("blk.0.attn_output.weight", {8, 8}, numbered_rows(8, 8))
      .floats("blk.0.ffn_norm.weight", {8}, 3)
      .floats("blk.0.ffn_gate.weight", {8, 12}, 4)
      .floats("blk.0.ffn_up.weight", {8, 12}, 5)
      .floats("blk.0.ffn_down.weight", {12, 8}, counted(96));
}

GgufBuilder llama() {
  GgufBuilder file = llama_metadata("llama");
  return add_llama_tensors(file);
}

/// A model of an embedding alone, with as many factors of rotary positions as its heads need.
GgufBuilder with_factors(const std::vector<float>& factors) {
  GgufBuilder file = llama_metadata("llama");
  const auto head_dim = std::uint32_t(2 * factors.size());
  return file.number("llama.attention.key_length", head_dim)
      .number("llama.attention.value_length", head_dim)
      .real("llama.rope.freq_base", 500'000)
      .floats("token_embd.weight", {8, 6})
      .floats("rope_freqs.weight", {factors.size()}, factors);
}

/// As llama.cpp's converter computes them, in float32.
std::vector<float> llama3_factors(int head_dim, float theta, double factor, int context) {
  std::vector<float> out;
  for (int i = 0; i < head_dim; i += 2) {
    const float frequency = 1 / std::pow(theta, float(i) / float(head_dim));
    const double length = 2 * std::numbers::pi / double(frequency);
    const double smooth = (context / length - 1) / 3;
    out.push_back(float(length < context / 4.0 ? 1
                        : length > context     ? factor
                                               : 1 / ((1 - smooth) / factor + smooth)));
  }
  return out;
}

GgufBuilder gpt2() {
  GgufBuilder file;
  return file.text("general.architecture", "gpt2")
      .number("gpt2.embedding_length", 4)
      .number("gpt2.block_count", 1)
      .number("gpt2.context_length", 16)
      .number("gpt2.feed_forward_length", 16)
      .number("gpt2.attention.head_count", 2)
      .real("gpt2.attention.layer_norm_epsilon", 1e-5F)
      .number("tokenizer.ggml.eos_token_id", 5)
      .floats("token_embd.weight", {4, 6}, counted(24))
      .floats("position_embd.weight", {4, 16}, 1)
      .floats("output_norm.weight", {4}, 1)
      .floats("output_norm.bias", {4}, 1)
      .floats("blk.0.attn_norm.weight", {4}, 1)
      .floats("blk.0.attn_norm.bias", {4}, 1)
      .floats("blk.0.attn_qkv.weight", {4, 12}, counted(48))
      .floats("blk.0.attn_qkv.bias", {12}, counted(12))
      .floats("blk.0.attn_output.weight", {4, 4}, counted(16))
      .floats("blk.0.attn_output.bias", {4}, 1)
      .floats("blk.0.ffn_norm.weight", {4}, 1)
      .floats("blk.0.ffn_norm.bias", {4}, 1)
      .floats("blk.0.ffn_up.weight", {4, 16}, counted(64))
      .floats("blk.0.ffn_up.bias", {16}, 1)
      .floats("blk.0.ffn_down.weight", {16, 4}, counted(64))
      .floats("blk.0.ffn_down.bias", {4}, 1);
}

}  // namespace

class TestGgufCheckpoint : public QObject {
  Q_OBJECT
  bsbr::test::TempFolder temp_;

  fs::path write(const GgufBuilder& file) { return write_file(temp_ / "models/tiny.Q4.gguf", file.bytes()); }
  Checkpoint open(const GgufBuilder& file) { return Checkpoint::open(write(file)); }

 private Q_SLOTS:
  void llamaConfig() {
    const Checkpoint checkpoint = open(llama());
    const json expected = json::parse(R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"],
        "vocab_size": 6, "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1,
        "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "hidden_act": "silu",
        "max_position_embeddings": 64, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "rope_scaling": null,
        "attention_bias": false, "mlp_bias": false, "tie_word_embeddings": true, "torch_dtype": "float32"})");
    QCOMPARE(checkpoint.config().dump(), expected.dump());
    QCOMPARE(checkpoint.name(), std::string("tiny.Q4"));
    QCOMPARE(checkpoint.folder(), temp_ / "models");
    QCOMPARE(checkpoint.shard_count(), std::size_t(1));
    QVERIFY(checkpoint.gguf() != nullptr);
    QCOMPARE(checkpoint.gguf()->path(), temp_ / "models/tiny.Q4.gguf");
    QVERIFY(checkpoint.tensor_bytes() == 4 * (48 + 8 + 8 + 64 + 32 + 32 + 64 + 8 + 3 * 96));
  }

  void llamaTensors() {
    const Checkpoint checkpoint = open(llama());
    const std::string layer = "model.layers.0.";
    QCOMPARE(names_of(checkpoint),
             (std::vector<std::string>{
                 "model.embed_tokens.weight", layer + "input_layernorm.weight",
                 layer + "mlp.down_proj.weight", layer + "mlp.gate_proj.weight", layer + "mlp.up_proj.weight",
                 layer + "post_attention_layernorm.weight", layer + "self_attn.k_proj.weight",
                 layer + "self_attn.o_proj.weight", layer + "self_attn.q_proj.weight",
                 layer + "self_attn.v_proj.weight", "model.norm.weight"}));
    QCOMPARE(checkpoint.find("model.embed_tokens.weight")->shape, (std::vector<std::int64_t>{6, 8}));
    QCOMPARE(values_of(checkpoint.find("model.embed_tokens.weight")), counted(48));
    QCOMPARE(checkpoint.find(layer + "mlp.down_proj.weight")->shape, (std::vector<std::int64_t>{8, 12}));
    QCOMPARE(values_of(checkpoint.find(layer + "mlp.down_proj.weight")), counted(96));
    QCOMPARE(values_of(checkpoint.find(layer + "mlp.gate_proj.weight"))[0], 4.0F);
    QCOMPARE(values_of(checkpoint.find(layer + "post_attention_layernorm.weight"))[7], 3.0F);
  }

  /// A head's pairs (0, 1) (2, 3) become (0, 2) (1, 3): HuggingFace rotates values that are half a head
  /// apart.
  void llamaRotatedRows() {
    GgufBuilder file = llama();
    file.floats("blk.0.attn_q.bias", {8}, counted(8)).floats("blk.0.attn_k.bias", {4}, counted(4));
    const Checkpoint checkpoint = open(file);
    const std::string layer = "model.layers.0.self_attn.";
    const std::vector<float> query{0, 2, 1, 3, 4, 6, 5, 7};
    const std::vector<float> key{0, 2, 1, 3};
    QCOMPARE(first_column(checkpoint.find(layer + "q_proj.weight")), query);
    QCOMPARE(values_of(checkpoint.find(layer + "q_proj.bias")), query);
    QCOMPARE(first_column(checkpoint.find(layer + "k_proj.weight")), key);
    QCOMPARE(values_of(checkpoint.find(layer + "k_proj.bias")), key);
    QCOMPARE(first_column(checkpoint.find(layer + "v_proj.weight")), counted(4));
    QCOMPARE(first_column(checkpoint.find(layer + "o_proj.weight")), counted(8));
    QCOMPARE(checkpoint.config()["attention_bias"].get<bool>(), true);
  }

  void quantisedRotatedRows() {
    // Rows of one Q8_0 block: d = 1, then 32 times the row's number.
    std::string rows;
    for (char row = 0; row < 4; ++row) rows += std::string("\x00\x3C", 2) + std::string(32, row);
    const Checkpoint checkpoint = open(GgufBuilder()
                                           .text("general.architecture", "llama")
                                           .number("llama.embedding_length", 32)
                                           .number("llama.block_count", 1)
                                           .number("llama.context_length", 64)
                                           .number("llama.feed_forward_length", 32)
                                           .number("llama.attention.head_count", 1)
                                           .number("llama.attention.key_length", 4)
                                           .number("llama.attention.value_length", 4)
                                           .number("llama.rope.dimension_count", 4)
                                           .real("llama.attention.layer_norm_rms_epsilon", 1e-6F)
                                           .floats("token_embd.weight", {32, 2})
                                           .tensor("blk.0.attn_q.weight", {32, 4}, 8, rows)
                                           .tensor("blk.0.attn_v.weight", {32, 4}, 8, rows));
    QCOMPARE(first_column(checkpoint.find("model.layers.0.self_attn.q_proj.weight")),
             (std::vector<float>{0, 2, 1, 3}));
    QCOMPARE(first_column(checkpoint.find("model.layers.0.self_attn.v_proj.weight")), counted(4));
    QCOMPARE(checkpoint.config()["head_dim"].get<int>(), 4);
    QCOMPARE(checkpoint.config()["num_key_value_heads"].get<int>(), 1);
  }

  void head() {
    GgufBuilder file = llama();
    file.floats("output.weight", {8, 6}, 9);
    const Checkpoint untied = open(file);
    QCOMPARE(untied.config()["tie_word_embeddings"].get<bool>(), false);
    QCOMPARE(values_of(untied.find("lm_head.weight")), std::vector<float>(48, 9));
    file = llama();
    file.floats("output.weight", {8, 6}, counted(48));
    const Checkpoint copied = open(file);
    QCOMPARE(copied.config()["tie_word_embeddings"].get<bool>(), true);
    QVERIFY(copied.find("lm_head.weight") == nullptr);
  }

  void rope() {
    GgufBuilder file = llama();
    file.real("llama.rope.freq_base", 500'000)
        .text("llama.rope.scaling.type", "linear")
        .real("llama.rope.scaling.factor", 4);
    json config = open(file).config();
    QCOMPARE(config["rope_theta"].get<double>(), 500'000.0);
    QCOMPARE(config["rope_scaling"].dump(), std::string(R"({"factor":4.0,"rope_type":"linear"})"));
    file = llama();
    file.real("llama.rope.scale_linear", 2);
    QCOMPARE(open(file).config()["rope_scaling"]["factor"].get<double>(), 2.0);
    file = llama();
    file.text("llama.rope.scaling.type", "none");
    QVERIFY(open(file).config()["rope_scaling"].is_null());
  }

  /// Among them the scalings of Llama 3.2 1B and of Llama 3.1 8B.
  void ropeFactors_data() {
    QTest::addColumn<int>("headDim");
    QTest::addColumn<double>("factor");
    QTest::addColumn<int>("context");
    QTest::newRow("3.2") << 64 << 32.0 << 8192;
    QTest::newRow("3.1") << 128 << 8.0 << 8192;
    QTest::newRow("small") << 64 << 2.5 << 256;
  }
  void ropeFactors() {
    QFETCH(int, headDim);
    QFETCH(double, factor);
    QFETCH(int, context);
    const std::vector<float> factors = llama3_factors(headDim, 500'000, factor, context);
    const json config = open(with_factors(factors)).config();
    QCOMPARE(config["head_dim"].get<int>(), headDim);
    const json expected{{"rope_type", "llama3"},
                        {"factor", factor},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", context}};
    QCOMPARE(config["rope_scaling"].dump(), expected.dump());
  }
  void noRopeFactors() {
    GgufBuilder file = with_factors(std::vector<float>(2, 1));
    QVERIFY(open(file).config()["rope_scaling"].is_null());
    QCOMPARE(open(file).tensors().size(), std::size_t(1));
    file.text("llama.rope.scaling.type", "linear").real("llama.rope.scaling.factor", 4);
    QCOMPARE(open(file).config()["rope_scaling"]["rope_type"].get<std::string>(), std::string("linear"));
  }

  void qwen2() {
    GgufBuilder file = llama_metadata("qwen2");
    add_llama_tensors(file)
        .floats("blk.0.attn_q.bias", {8}, counted(8))
        .floats("blk.0.attn_k.bias", {4}, counted(4))
        .floats("blk.0.attn_v.bias", {4}, counted(4))
        .number("tokenizer.ggml.bos_token_id", 3)
        .number("tokenizer.ggml.eos_token_id", 4);
    const Checkpoint checkpoint = open(file);
    QCOMPARE(checkpoint.config()["model_type"].get<std::string>(), std::string("qwen2"));
    QCOMPARE(checkpoint.config()["architectures"][0].get<std::string>(), std::string("Qwen2ForCausalLM"));
    QCOMPARE(checkpoint.config()["bos_token_id"].get<int>(), 3);
    QCOMPARE(checkpoint.config()["eos_token_id"].get<int>(), 4);
    const std::string layer = "model.layers.0.self_attn.";
    QCOMPARE(first_column(checkpoint.find(layer + "q_proj.weight")), counted(8));
    QCOMPARE(first_column(checkpoint.find(layer + "k_proj.weight")), counted(4));
    QCOMPARE(values_of(checkpoint.find(layer + "q_proj.bias")), counted(8));
    QCOMPARE(values_of(checkpoint.find(layer + "v_proj.bias")), counted(4));
  }

  void gpt2Model() {
    const Checkpoint checkpoint = open(gpt2());
    const json expected = json::parse(R"({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"],
        "vocab_size": 6, "n_embd": 4, "n_inner": 16, "n_layer": 1, "n_head": 2, "n_positions": 16, "n_ctx": 16,
        "activation_function": "gelu_new", "layer_norm_epsilon": 1e-05, "tie_word_embeddings": true,
        "torch_dtype": "float32", "eos_token_id": 5})");
    QCOMPARE(checkpoint.config().dump(), expected.dump());
    QCOMPARE(checkpoint.tensors().size(), std::size_t(16));
    const std::string layer = "transformer.h.0.";
    for (const char* name : {"ln_1", "ln_2", "attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"}) {
      QVERIFY2(checkpoint.find(layer + name + ".weight") != nullptr, name);
      QVERIFY2(checkpoint.find(layer + name + ".bias") != nullptr, name);
    }
    QCOMPARE(values_of(checkpoint.find("transformer.wte.weight")), counted(24));
    QVERIFY(checkpoint.find("transformer.wpe.weight") != nullptr);
    QVERIFY(checkpoint.find("transformer.ln_f.bias") != nullptr);
    const TensorView* const qkv = checkpoint.find(layer + "attn.c_attn.weight");
    QCOMPARE(qkv->shape, (std::vector<std::int64_t>{4, 12}));
    QCOMPARE(first_column(qkv), (std::vector<float>{0, 1, 2, 3}));
    QCOMPARE(values_of(qkv)[1], 4.0F);
    QCOMPARE(values_of(checkpoint.find(layer + "attn.c_attn.bias")), counted(12));
    QCOMPARE(checkpoint.find(layer + "mlp.c_proj.weight")->shape, (std::vector<std::int64_t>{16, 4}));
  }

  /// Tensors that are read in parts, by several threads.
  void largeLlama() {
    constexpr std::size_t kWidth = 256, kRows = 700;
    std::string quantised;  // Q8_0: d, then 32 values
    for (std::size_t i = 0; i < kRows * kWidth / 32; ++i) {
      quantised += raw(std::uint16_t(0x3000 + i % 1000));
      for (std::size_t j = 0; j < 32; ++j) quantised += char(i * 7 + j * j);
    }
    std::vector<float> expected(kRows * kWidth);
    bsbr::dequantize(bsbr::GgufType::Q8_0, std::as_bytes(std::span(quantised)), expected);
    const auto by_row = numbered_rows(512, kWidth);
    const Checkpoint checkpoint = open(GgufBuilder()
                                           .text("general.architecture", "llama")
                                           .number("llama.embedding_length", kWidth)
                                           .number("llama.block_count", 1)
                                           .number("llama.context_length", 64)
                                           .number("llama.feed_forward_length", 32)
                                           .number("llama.attention.head_count", 8)
                                           .number("llama.attention.key_length", 64)
                                           .number("llama.attention.value_length", 64)
                                           .real("llama.attention.layer_norm_rms_epsilon", 1e-6F)
                                           .tensor("token_embd.weight", {kWidth, kRows}, 8, quantised)
                                           .floats("blk.0.attn_q.bias", {512}, counted(512))
                                           .floats("blk.0.attn_q.weight", {kWidth, 512}, by_row));
    QVERIFY(values_of(checkpoint.find("model.embed_tokens.weight")) == expected);
    const auto query = values_of(checkpoint.find("model.layers.0.self_attn.q_proj.weight"));
    const auto bias = values_of(checkpoint.find("model.layers.0.self_attn.q_proj.bias"));
    for (std::size_t i = 0; i < 512; ++i) {
      const auto place = i % 64;  // in the head; HuggingFace's row i is the file's
      const auto row = float(i - place + place % 32 * 2 + place / 32);
      QCOMPARE(bias[i], row);
      for (std::size_t j = 0; j < kWidth; ++j) QVERIFY(query[i * kWidth + j] == row);
    }
  }

  void largeTransposed() {
    constexpr std::size_t kRows = 1003, kWidth = 272;
    GgufBuilder file = gpt2();
    file.floats("blk.1.ffn_up.weight", {kWidth, kRows}, counted(kRows * kWidth));
    const Checkpoint checkpoint = open(file);
    const TensorView* const up = checkpoint.find("transformer.h.1.mlp.c_fc.weight");
    QCOMPARE(up->shape, (std::vector<std::int64_t>{kWidth, kRows}));
    const std::vector<float> values = values_of(up);
    for (std::size_t j = 0; j < kWidth; ++j) {
      for (std::size_t i = 0; i < kRows; ++i) QVERIFY(values[j * kRows + i] == float(i * kWidth + j));
    }
  }

  void progressAndCancel() {
    GgufBuilder large = gpt2();
    large.floats("blk.1.ffn_up.weight", {256, 4096}, 1);
    for (const auto& path : {write_file(temp_ / "small.gguf", gpt2().bytes()),
                             write_file(temp_ / "large.gguf", large.bytes())}) {
      std::vector<double> fractions;
      bsbr::CancelToken token;
      bsbr::Job job{[&](std::string_view stage, double fraction) {
                      QCOMPARE(stage, std::string_view("reading GGUF"));
                      fractions.push_back(fraction);
                    },
                    &token};
      Checkpoint::open(path, job);
      QVERIFY(!fractions.empty());
      QVERIFY(std::ranges::is_sorted(fractions));
      QVERIFY(fractions.front() >= 0 && fractions.back() < 1);

      job.progress = [&](std::string_view, double) { token.cancel(); };
      EXPECT_ERROR(Checkpoint::open(path, job), ErrorKind::Cancelled, "cancelled");
      job.progress = [](std::string_view, double) { QFAIL("went on"); };
      EXPECT_ERROR(Checkpoint::open(path, job), ErrorKind::Cancelled, "cancelled");
      job.progress = [](std::string_view, double) { throw Error(ErrorKind::Io, "the progress failed"); };
      job.cancel = nullptr;
      EXPECT_ERROR(Checkpoint::open(path, job), ErrorKind::Io, "the progress failed");
    }
  }

  void refused_data() {
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<bool>("unsupported");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, const GgufBuilder& file, bool unsupported, const char* says) {
      const std::string bytes = file.bytes();
      QTest::newRow(name) << QByteArray(bytes.data(), qsizetype(bytes.size())) << unsupported
                          << QByteArray(says);
    };
    const auto with = [](auto change) {
      GgufBuilder file = llama();
      change(file);
      return file;
    };
    using File = GgufBuilder;
    row("no architecture", File(), false, "\"general.architecture\": is missing");
    row("other architecture", File().text("general.architecture", "mamba"), true, "architecture \"mamba\"");
    row("architecture is a number", File().number("general.architecture", 1), false,
        "is an integer, not a string");
    row("split", with([](File& f) { f.pair("split.count", 2, raw(std::uint16_t{3})); }), true,
        "one of the 3 files");
    row("no width", File().text("general.architecture", "llama"), false,
        "\"llama.embedding_length\": is missing");
    row("heads of each layer",
        File()
            .text("general.architecture", "gpt2")
            .number("gpt2.embedding_length", 8)
            .pair("gpt2.attention.head_count", 9, bsbr::test::gguf_array(4, 1, raw(2u))),
        false, "is an array of integers, not an integer");
    row("no heads",
        File()
            .text("general.architecture", "gpt2")
            .number("gpt2.embedding_length", 8)
            .number("gpt2.attention.head_count", 0),
        false, "\"gpt2.attention.head_count\": is 0");
    row("odd heads",
        File()
            .text("general.architecture", "gpt2")
            .number("gpt2.embedding_length", 8)
            .number("gpt2.attention.head_count", 3),
        false, "not a multiple of the 3 heads");
    row("no embedding", llama_metadata("llama"), false, "\"token_embd.weight\" is missing");
    row("narrow embedding", llama_metadata("llama").floats("token_embd.weight", {4, 6}), false,
        "\"token_embd.weight\": is not a table of rows of 8 values");
    row("value length", with([](File& f) { f.number("llama.attention.value_length", 8); }), true,
        "is 8, but heads have 4 dimensions");
    row("part of a head is rotated", with([](File& f) { f.number("llama.rope.dimension_count", 2); }), true,
        "is 2, but heads have 4 dimensions");
    row("yarn", with([](File& f) { f.text("llama.rope.scaling.type", "yarn"); }), true, "is \"yarn\"");
    row("rope base", with([](File& f) { f.real("llama.rope.freq_base", -1); }), false,
        "is -1; a number above 0");
    row("rope base NaN", with([](File& f) { f.real("llama.rope.freq_base", std::nanf("")); }), false,
        "a number above 0");
    row("experts", with([](File& f) { f.number("llama.expert_count", 8); }), true,
        "is 8; mixtures of experts");
    const auto factors = [](std::vector<float> values) {
      File file = llama();
      return file.floats("rope_freqs.weight", {values.size()}, values);
    };
    row("too few factors", factors({1}), false, "\"rope_freqs.weight\": is not a list of 2 factors");
    row("too many factors", factors({1, 1, 8}), false, "is not a list of 2 factors");
    row("table of factors", with([](File& f) {
          f.floats("rope_freqs.weight", {2, 1}, 1);
        }),
        false, "is not a list of 2 factors");
    row("factors of another type",
        with([](File& f) { f.tensor("rope_freqs.weight", {2}, 1, std::string(4, 'x')); }), false,
        "\"rope_freqs.weight\": is F16; F32");
    row("factor zero", factors({1, 0}), false, "\"rope_freqs.weight\": its value 1 is 0; a number above 0");
    row("factor negative", factors({-1, 8}), false, "its value 0 is -1;");
    row("factor NaN", factors({1, std::nanf("")}), false, "its value 1 is nan;");
    row("factor infinite", factors({1, INFINITY}), false, "its value 1 is inf;");
    row("other factors", factors({2, 8}), true,
        "\"rope_freqs.weight\": its factors are not those of Llama 3");
    row("factors below one", factors({1, 0.5F}), true, "its factors are not those of Llama 3");
    row("nearly those factors", with_factors([] {
          std::vector<float> values = llama3_factors(64, 500'000, 32, 8192);
          values[15] *= 1.0001F;
          return values;
        }()),
        true, "its factors are not those of Llama 3");
    File linear = factors({1, 8});
    linear.text("llama.rope.scaling.type", "linear").real("llama.rope.scaling.factor", 2);
    row("factors and linear", linear, true, "is \"linear\", but the tensor \"rope_freqs.weight\"");
    File short_and_long = llama();
    short_and_long.floats("rope_factors_long.weight", {2}, 1);
    row("longrope", short_and_long, true, "\"rope_factors_long.weight\": a llama model has no place");
    File of_gpt2 = gpt2();
    of_gpt2.floats("rope_freqs.weight", {1}, 1);
    row("factors of gpt2", of_gpt2, true, "\"rope_freqs.weight\": a gpt2 model has no place");
    row("unknown tensor", with([](File& f) { f.floats("blk.0.attn_sinks.weight", {2}); }), true,
        "tensor \"blk.0.attn_sinks.weight\": a llama model has no place");
    row("layer 00", with([](File& f) { f.floats("blk.00.attn_norm.weight", {8}); }), true,
        "blk.00.attn_norm");
    row("bias of a norm", with([](File& f) { f.floats("output_norm.bias", {8}); }), true, "output_norm.bias");
    row("query rows", with([](File& f) {
          f.floats("blk.1.attn_q.weight", {8, 6});
        }),
        false, "has 6 rows; 2 heads of 4 dimensions need 8");
    row("key scalar", with([](File& f) { f.floats("blk.1.attn_k.weight", {}); }), false,
        "has 1 rows; 1 heads");
    File flat = gpt2();
    flat.floats("blk.1.attn_qkv.weight", {48});
    row("flat projection", flat, false, "\"blk.1.attn_qkv.weight\": has 1 dimensions; a matrix");
  }
  void refused() {
    QFETCH(QByteArray, bytes);
    QFETCH(bool, unsupported);
    QFETCH(QByteArray, says);
    const auto path = write_file(temp_ / "refused.gguf", {bytes.data(), std::size_t(bytes.size())});
    EXPECT_ERROR(Checkpoint::open(path), unsupported ? ErrorKind::Unsupported : ErrorKind::InvalidFile,
                 path.string() + ": ", says.toStdString());
  }

  /// Whatever one byte is changed to, opening ends well or with an Error.
  void everyByteDamaged() {
    for (const std::string& whole : {llama().bytes(), gpt2().bytes()}) {
      std::size_t refused = 0;
      for (std::size_t i = 0; i < std::min<std::size_t>(whole.size(), 1200); ++i) {
        std::string bytes = whole;
        bytes[i] = char(bytes[i] ^ "\x01\x80\xFF"[i % 3]);
        const auto path = write_file(temp_ / "flipped.gguf", bytes);
        if (bsbr::test::error_of([&] { Checkpoint::open(path); })) ++refused;
      }
      QVERIFY2(refused > 600, bsbr::cat(refused).c_str());
    }
  }

  void folders() {
    const fs::path folder = temp_ / "lone";
    write_file(folder / "model.gguf", llama().bytes());
    write_file(folder / "README.md", "x");
    const Checkpoint checkpoint = Checkpoint::open(folder);
    QCOMPARE(checkpoint.folder(), folder);
    QCOMPARE(checkpoint.name(), std::string("lone"));
    QCOMPARE(checkpoint.gguf()->path(), folder / "model.gguf");
    QCOMPARE(checkpoint.tensors().size(), std::size_t(11));

    write_file(folder / "other.gguf", "x");
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::InvalidArgument,
                 "holds 2 GGUF files: model.gguf and other.gguf",
                 "give one of them, as in " + (folder / "model.gguf").string());
    QCOMPARE(Checkpoint::open(folder / "model.gguf").tensors().size(), std::size_t(11));

    write_file(folder / "config.json", R"({"model_type":"gpt2"})");
    EXPECT_ERROR(Checkpoint::open(folder), ErrorKind::Unsupported, "model.gguf and other.gguf",
                 "give the GGUF file");
    write_file(folder / "model.safetensors", bsbr::test::safetensors_of({"a"}));
    QVERIFY(Checkpoint::open(folder).gguf() == nullptr);
  }

  void viewsOutliveTheFirstCopy() {
    std::optional<Checkpoint> first = open(llama());
    const Checkpoint second = *first;
    const TensorView* const query = first->find("model.layers.0.self_attn.q_proj.weight");
    first.reset();
    QCOMPARE(first_column(query)[1], 2.0F);
    QCOMPARE(values_of(second.find("model.norm.weight"))[0], 1.0F);
  }
};

QTEST_APPLESS_MAIN(TestGgufCheckpoint)
#include "test_gguf_checkpoint.moc"
