#include "engine/checkpoint/quantised.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "engine/checkpoint/path_error.h"
#include "engine/checkpoint/problems.h"
#include "engine/checkpoint/weight_files.h"

namespace bsbr {
namespace {

using nlohmann::json;

struct Sign {
  std::string_view sign, method;
};

/// Values of quant_method, in transformers and beside it; others are named as they are.
constexpr std::array<Sign, 19> kMethods{{{"gptq", "GPTQ"},
                                         {"awq", "AWQ"},
                                         {"bitsandbytes", "bitsandbytes"},
                                         {"bitsandbytes_4bit", "bitsandbytes"},
                                         {"bitsandbytes_8bit", "bitsandbytes"},
                                         {"fp8", "FP8"},
                                         {"fbgemm_fp8", "FP8 (FBGEMM)"},
                                         {"compressed-tensors", "compressed-tensors"},
                                         {"hqq", "HQQ"},
                                         {"aqlm", "AQLM"},
                                         {"exl2", "EXL2"},
                                         {"exl3", "EXL3"},
                                         {"quanto", "quanto"},
                                         {"torchao", "torchao"},
                                         {"mxfp4", "MXFP4"},
                                         {"auto-round", "AutoRound"},
                                         {"modelopt", "ModelOpt"},
                                         {"bitnet", "BitNet"},
                                         {"eetq", "EETQ"}}};

/// Files that older tools write in place of a key of config.json.
constexpr std::array<Sign, 5> kFiles{{{"quantize_config.json", "GPTQ"},
                                      {"quant_config.json", "AWQ"},
                                      {"hf_quant_config.json", "ModelOpt"},
                                      {"quanto_qmap.json", "quanto"},
                                      {"qmodel.pt", "HQQ"}}};

/// Endings of tensors' names; a method's own before those that several have.
constexpr std::array<Sign, 19> kTensors{{{".qzeros", "GPTQ or AWQ"},
                                         {".qweight", "GPTQ or AWQ"},
                                         {".weight.absmax", "bitsandbytes"},
                                         {".weight.quant_map", "bitsandbytes"},
                                         {".SCB", "bitsandbytes"},
                                         {".weight_scale_inv", "FP8"},
                                         {".weight_packed", "compressed-tensors"},
                                         {".weight_scale", "FP8 or compressed-tensors"},
                                         {".codebooks", "AQLM"},
                                         {".q_weight", "EXL2"},
                                         {".trellis", "EXL3"},
                                         {".W_q", "HQQ"},
                                         {".weight._data", "quanto"},
                                         {".weight._scale", "quanto"},
                                         {"_blocks", "MXFP4"},
                                         {".Qidxs", "QuIP#"},
                                         {".dequant_scale", "SmoothQuant"},
                                         {".biases", "MLX"},
                                         {".scales", "MLX"}}};

[[noreturn]] void refuse(const std::filesystem::path& where, const std::string& says,
                         const std::string& method) {
  throw Error(ErrorKind::Unsupported,
              cat(where.string(), ": ", says, " the weights are quantised with ", method,
                  ", which cannot be read; use the original, unquantised checkpoint, or a GGUF file of the "
                  "model"));
}

bool is_on(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_boolean() && at->get<bool>();
}

/// The method that a quantization_config means.
std::string method_of(const json& quantisation) {
  if (!quantisation.is_object()) return "an unknown method";
  const auto at = quantisation.find("quant_method");
  if (at != quantisation.end() && at->is_string()) {
    const auto& name = at->get_ref<const std::string&>();
    const auto* const known = std::ranges::find(kMethods, name, &Sign::sign);
    return known == kMethods.end() ? in_quotes(name) : std::string(known->method);
  }
  if (is_on(quantisation, "load_in_4bit") || is_on(quantisation, "load_in_8bit")) return "bitsandbytes";
  return quantisation.contains("group_size") ? "MLX" : "an unknown method";
}

std::string bits_of(const json& quantisation) {
  for (const char* key : {"bits", "w_bit", "nbits"}) {
    const auto at = quantisation.is_object() ? quantisation.find(key) : quantisation.end();
    if (at != quantisation.end() && at->is_number_integer()) return cat(" (", at->dump(), " bits)");
  }
  return {};
}

}  // namespace

void refuse_quantised_config(const std::filesystem::path& folder, const json& config) {
  for (const char* key : {"quantization_config", "quantization", "compression_config"}) {
    const auto at = config.find(key);
    if (at == config.end() || at->is_null() || at->empty()) continue;
    const bool compressed = std::string_view(key) == "compression_config";
    refuse(folder / kConfigFile, cat(key, " says that"),
           (compressed ? "compressed-tensors" : method_of(*at)) + bits_of(*at));
  }
  for (const Sign& file : kFiles) {
    if (has_entry(folder / file.sign))
      refuse(folder, cat("its ", file.sign, " shows that"), std::string(file.method));
  }
}

void refuse_quantised_tensors(const std::filesystem::path& folder, std::span<const TensorView> tensors) {
  for (const Sign& sign : kTensors) {
    const auto shows = [&](const TensorView& tensor) { return tensor.name.ends_with(sign.sign); };
    const auto at = std::ranges::find_if(tensors, shows);
    if (at != tensors.end())
      refuse(folder, cat("its tensor ", in_quotes(at->name), " shows that"), std::string(sign.method));
  }
}

}  // namespace bsbr
