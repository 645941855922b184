#include <nlohmann/json.hpp>

#include "engine/checkpoint/checkpoint.h"
#include "tests/support/files.h"

using bsbr::Checkpoint;
using bsbr::ErrorKind;
using bsbr::test::safetensors_of;
using bsbr::test::write_file;
namespace fs = std::filesystem;

namespace {

constexpr const char* kIndex = "model.safetensors.index.json";
constexpr const char* kConfig = R"({"model_type":"llama"})";

}  // namespace

/// Folders that are something other than a checkpoint, and checkpoints that are not quite as they should be.
class TestOtherFolders : public QObject {
  Q_OBJECT
  bsbr::test::TempFolder temp_;
  int count_ = 0;

  fs::path folder() {
    fs::path path = temp_ / bsbr::cat("folder", ++count_);
    fs::create_directories(path);
    return path;
  }
  fs::path model(const std::string& config, const std::string& weights) {
    fs::path path = folder();
    write_file(path / "config.json", config);
    write_file(path / "model.safetensors", weights);
    return path;
  }

 private Q_SLOTS:
  void kinds_data() {
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* files, const char* says) { QTest::newRow(files) << QByteArray(says); };
    row("model_index.json", "a diffusion pipeline");
    row("config.json diffusion_pytorch_model.safetensors", "a diffusion pipeline");
    row("consolidated.safetensors params.json", "the format of its publisher");
    row("consolidated.00.pth params.json tokenizer.model", "the format of its publisher");
    row("config.json model.onnx", "exported for another program");
    row("config.json onnx/model.onnx", "exported for another program");
    row("openvino_model.xml openvino_model.bin config.json", "exported for another program");
    row("rank0.engine config.json", "exported for another program");
    row("model.mlpackage/x", "exported for another program");
    row("model.tflite", "exported for another program");
    row("m.llamafile", "exported for another program");
    row("model.nemo", "a NeMo archive");
    row("latest_checkpointed_iteration.txt iter_0000010/x", "a Megatron checkpoint");
    row("zero_to_fp32.py global_step10/x", "a checkpoint of DeepSpeed");
    row("__0_0.distcp", "several processes");
    row("ggml-model-q4_0.bin", "a GGML file");
    row("checkpoint-500/config.json", "a training's folder of checkpoints");
    row("snapshots/abc refs/main", "a model of the hub cache");
    row("tokenizer.json tokenizer_config.json", "a tokenizer and no model");
    row("vocab.json merges.txt", "a tokenizer and no model");
    row("preprocessor_config.json", "a preprocessor of images");
    row("adapter_model.bin", "an adapter");
    row("config.json model-00002-of-00003.safetensors", "holds 1 of the 3 files");
    row("config.json pytorch_model-00002-of-00003.bin", "holds 1 of the 3 files");
  }
  void kinds() {
    QFETCH(QByteArray, says);
    const fs::path path = folder();
    for (const QString& name : QString(QTest::currentDataTag()).split(' '))
      write_file(path / name.toStdString(), "{}");
    const auto error = bsbr::test::error_of([&] { Checkpoint::open(path); });
    QVERIFY(error.has_value());
    const std::string message = error->what();
    QVERIFY2(message.starts_with(path.string() + ": "), message.c_str());
    QVERIFY2(message.find(says.toStdString()) != std::string::npos, message.c_str());
    QVERIFY2(message.find('\n') == std::string::npos, message.c_str());
    write_file(path / "config.json", kConfig);
    write_file(path / "model.safetensors", safetensors_of({"a"}));
    QCOMPARE(Checkpoint::open(path).tensors().size(), std::size_t(1));
  }

  void allShardsButTheIndex() {
    const fs::path path = folder();
    for (const char* name : {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"})
      write_file(path / name, "x");
    EXPECT_ERROR(Checkpoint::open(path), ErrorKind::Unsupported, "holds 2 of the 2 files", kIndex,
                 "download it again");
    EXPECT_ERROR(Checkpoint::open(path / "model-00002-of-00002.safetensors"), ErrorKind::InvalidArgument,
                 "number 2 of the 2", "give their folder, " + path.string());
  }

  void adapters_data() {
    QTest::addColumn<QByteArray>("config");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, const char* config, const char* says) {
      QTest::newRow(name) << QByteArray(config).replace('\'', '"') << QByteArray(says);
    };
    row("LoRA", "{'peft_type':'LORA','base_model_name_or_path':'org/base'}",
        "is an adapter (LoRA) of the model \"org/base\", not a model; merge it first");
    row("MLX", "{'fine_tune_type':'lora','model':'org/base'}",
        "is an adapter (LoRA) of the model \"org/base\"");
    row("no base", "{'peft_type':'LOHA','base_model_name_or_path':null}",
        "is an adapter (LoHa) of another model");
    row("prompts", "{'peft_type':'PREFIX_TUNING','base_model_name_or_path':'b'}", "cannot be merged");
    row("not JSON", "{", "is an adapter (LoRA) of another model");
  }
  void adapters() {
    QFETCH(QByteArray, config);
    QFETCH(QByteArray, says);
    const fs::path path = folder();
    write_file(path / "adapter_config.json", config.toStdString());
    write_file(path / "adapter_model.safetensors", safetensors_of({"a"}));
    EXPECT_ERROR(Checkpoint::open(path), ErrorKind::Unsupported, path.string() + ": ", says.toStdString());
    EXPECT_ERROR(Checkpoint::open(path / "adapter_model.safetensors"), ErrorKind::Unsupported,
                 says.toStdString());
  }

  void quantised_data() {
    QTest::addColumn<QByteArray>("key");
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, const char* key, const char* says) {
      QTest::newRow(name) << QByteArray(key).replace('\'', '"') << QByteArray(says);
    };
    row("gptq", "'quantization_config':{'quant_method':'gptq','bits':4}", "with GPTQ (4 bits)");
    row("awq", "'quantization_config':{'quant_method':'awq','bits':4}", "with AWQ (4 bits)");
    row("bitsandbytes", "'quantization_config':{'quant_method':'bitsandbytes','load_in_4bit':true}",
        "with bitsandbytes");
    row("old bitsandbytes", "'quantization_config':{'load_in_8bit':true}", "with bitsandbytes");
    row("fp8", "'quantization_config':{'quant_method':'fp8','fmt':'e4m3'}", "with FP8");
    row("compressed", "'quantization_config':{'quant_method':'compressed-tensors'}",
        "with compressed-tensors");
    row("old compressed", "'compression_config':{'format':'pack-quantized'}", "with compressed-tensors");
    row("mlx", "'quantization':{'group_size':64,'bits':4}", "with MLX (4 bits)");
    row("mlx twice", "'quantization_config':{'group_size':64,'bits':8}", "with MLX (8 bits)");
    row("hqq", "'quantization_config':{'quant_method':'hqq'}", "with HQQ");
    row("aqlm", "'quantization_config':{'quant_method':'aqlm'}", "with AQLM");
    row("exl2", "'quantization_config':{'quant_method':'exl2','bits':4.65}", "with EXL2");
    row("quanto", "'quantization_config':{'quant_method':'quanto'}", "with quanto");
    row("torchao", "'quantization_config':{'quant_method':'torchao'}", "with torchao");
    row("mxfp4", "'quantization_config':{'quant_method':'mxfp4'}", "with MXFP4");
    row("to come", "'quantization_config':{'quant_method':'new\\u001b'}", "with \"new\\x1B\"");
    row("a text", "'quantization_config':'x'", "with an unknown method");
  }
  void quantised() {
    QFETCH(QByteArray, key);
    QFETCH(QByteArray, says);
    const fs::path path = model("{\"model_type\":\"llama\"," + key.toStdString() + "}", "not even looked at");
    EXPECT_ERROR(Checkpoint::open(path), ErrorKind::Unsupported, (path / "config.json").string() + ": ",
                 says.toStdString(), "use the original, unquantised checkpoint");
  }

  void notQuantised() {
    for (const char* config : {R"({"quantization_config":null})", R"({"quantization_config":{}})"})
      QCOMPARE(Checkpoint::open(model(config, safetensors_of({"a"}))).tensors().size(), std::size_t(1));
  }

  void quantisedByItsTensors_data() {
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* name, const char* says) { QTest::newRow(name) << QByteArray(says); };
    row("model.layers.0.self_attn.q_proj.qweight", "GPTQ or AWQ");
    row("model.layers.0.self_attn.q_proj.weight.absmax", "bitsandbytes");
    row("model.layers.0.self_attn.q_proj.SCB", "bitsandbytes");
    row("model.layers.0.self_attn.q_proj.weight_scale_inv", "FP8");
    row("model.layers.0.self_attn.q_proj.weight_packed", "compressed-tensors");
    row("model.layers.0.self_attn.q_proj.biases", "MLX");
    row("model.layers.0.self_attn.q_proj.q_weight", "EXL2");
    row("model.layers.0.self_attn.q_proj.W_q", "HQQ");
    row("model.layers.0.self_attn.q_proj.weight._data", "quanto");
    row("model.layers.0.mlp.experts.gate_up_proj_blocks", "MXFP4");
  }
  void quantisedByItsTensors() {
    QFETCH(QByteArray, says);
    const std::string tensor = QTest::currentDataTag();
    const fs::path path = model(kConfig, safetensors_of({"model.norm.weight", tensor}));
    EXPECT_ERROR(Checkpoint::open(path), ErrorKind::Unsupported, path.string() + ": its tensor \"" + tensor,
                 "quantised with " + says.toStdString());
  }

  void quantisedByItsTypes() {
    const fs::path path =
        model(kConfig, bsbr::test::safetensors(R"({"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]},)"
                                               R"("b":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[2,4]}})",
                                               "xxxx"));
    EXPECT_ERROR(Checkpoint::open(path), ErrorKind::Unsupported,
                 "2 tensors (\"a\", \"b\"): the dtype F8_E4M3", "quantised weights",
                 "original, unquantised checkpoint");
  }

  void otherModels_data() {
    QTest::addColumn<QByteArray>("says");
    const auto row = [](const char* config, const char* says) { QTest::newRow(config) << QByteArray(says); };
    row("'model_type':'bert'", "model_type is \"bert\": an encoder");
    row("'model_type':'t5'", "an encoder with a decoder");
    row("'model_type':'vit'", "a model of images");
    row("'model_type':'whisper'", "a model of speech");
    row("'model_type':'llava','text_config':{}", "a multimodal model");
    row("'model_type':'to_come','text_config':{}", "a multimodal model");
    row("'_class_name':'UNet2DConditionModel'", "a part of a diffusion pipeline");
  }
  void otherModels() {
    QFETCH(QByteArray, says);
    const QByteArray config = "{" + QByteArray(QTest::currentDataTag()).replace('\'', '"') + "}";
    const fs::path path = model(config.toStdString(), "not even looked at");
    EXPECT_ERROR(Checkpoint::open(path), ErrorKind::Unsupported, (path / "config.json").string() + ": ",
                 says.toStdString(), "gpt2, llama and qwen2 models are supported");
  }

  void indexIsNotQuiteRight() {
    const fs::path path = folder();
    write_file(path / "config.json", kConfig);
    write_file(path / "one.safetensors", safetensors_of({"a", "b"}));
    write_file(path / "two.safetensors", safetensors_of({"c"}));
    write_file(path / kIndex,
               R"({"weight_map":{"a":"one.safetensors","c":"two.safetensors","c":"two.safetensors",)"
               R"("lm_head.weight":"two.safetensors"}})");
    const Checkpoint checkpoint = Checkpoint::open(path);
    QCOMPARE(checkpoint.tensors().size(), std::size_t(3));
    QCOMPARE(checkpoint.warnings().size(), std::size_t(3));
    QVERIFY(checkpoint.warnings()[0].find("repeats the key \"c\"") != std::string::npos);
    QVERIFY(checkpoint.warnings()[1].find("leaves out tensors that the shards have, \"b\"") !=
            std::string::npos);
    QVERIFY(checkpoint.warnings()[2].find("that no shard has, \"lm_head.weight\"") != std::string::npos);
  }

  void repeatedKey() {
    const Checkpoint checkpoint = Checkpoint::open(
        model(R"({"model_type":"gpt2","x":NaN,"model_type":"llama"})", safetensors_of({"a"})));
    QCOMPARE(checkpoint.config()["model_type"].get<std::string>(), std::string("llama"));
    QCOMPARE(checkpoint.warnings().size(), std::size_t(1));
    QVERIFY(checkpoint.warnings()[0].find("config.json: repeats the key \"model_type\"") !=
            std::string::npos);
  }

  void wrapperPrefixes() {
    const Checkpoint plain = Checkpoint::open(model(kConfig, safetensors_of({"model.a", "b"})));
    QCOMPARE(plain.warnings().size(), std::size_t(0));
    const Checkpoint checkpoint = Checkpoint::open(
        model(kConfig, bsbr::test::safetensors(
                           R"({"__metadata__":{"module._orig_mod.lm_head.weight":"module._orig_mod.model.a",)"
                           R"("x":"none"},"module._orig_mod.model.a":{"dtype":"F64","shape":[1],)"
                           R"("data_offsets":[0,8]},"module._orig_mod.b":{"dtype":"F32","shape":[1],)"
                           R"("data_offsets":[8,12]}})",
                           std::string(12, 'x'))));
    QVERIFY(checkpoint.find("model.a") != nullptr);
    QCOMPARE(checkpoint.find("model.a")->dtype, bsbr::Dtype::F64);
    QVERIFY(checkpoint.find("b") != nullptr);
    QCOMPARE(checkpoint.shared_names(), (std::map<std::string, std::string>{{"lm_head.weight", "model.a"}}));
    QCOMPARE(checkpoint.warnings().size(), std::size_t(1));
    QVERIFY(checkpoint.warnings()[0].find("\"module._orig_mod.\"") != std::string::npos);
    const Checkpoint some = Checkpoint::open(model(kConfig, safetensors_of({"module.a", "module.module.a"})));
    QVERIFY(some.find("a") != nullptr && some.find("module.a") != nullptr);
    QVERIFY(Checkpoint::open(model(kConfig, safetensors_of({"module.a", "b"}))).find("module.a") != nullptr);
  }
};

QTEST_APPLESS_MAIN(TestOtherFolders)
#include "test_other_folders.moc"
