#include "engine/checkpoint/gguf_checkpoint.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "engine/checkpoint/gguf_config.h"
#include "engine/checkpoint/gguf_rope.h"
#include "engine/checkpoint/gguf_rows.h"
#include "engine/checkpoint/problems.h"

namespace bsbr {
namespace {

/// What order a tensor's values have. Rows of queries and keys are rotated, by as many heads as each has.
enum class Order { Same, QueryRows, KeyRows, Transposed };

struct Name {
  std::string_view gguf;
  std::string_view ours;
  Order order = Order::Same;
  bool bias = false;  // a ".bias" may be beside the ".weight"
};

// Names without their ending .weight or .bias; those of layers come after "blk.N.".
constexpr std::array kLlama{Name{"token_embd", "model.embed_tokens"}, Name{"output_norm", "model.norm"},
                            Name{"output", "lm_head"}};
constexpr std::array kLlamaLayer{Name{"attn_norm", "input_layernorm"},
                                 Name{"attn_q", "self_attn.q_proj", Order::QueryRows, true},
                                 Name{"attn_k", "self_attn.k_proj", Order::KeyRows, true},
                                 Name{"attn_v", "self_attn.v_proj", Order::Same, true},
                                 Name{"attn_output", "self_attn.o_proj", Order::Same, true},
                                 Name{"ffn_norm", "post_attention_layernorm"},
                                 Name{"ffn_gate", "mlp.gate_proj", Order::Same, true},
                                 Name{"ffn_up", "mlp.up_proj", Order::Same, true},
                                 Name{"ffn_down", "mlp.down_proj", Order::Same, true}};
constexpr std::array kGpt2{Name{"token_embd", "transformer.wte"}, Name{"position_embd", "transformer.wpe"},
                           Name{"output_norm", "transformer.ln_f", Order::Same, true},
                           Name{"output", "lm_head"}};
constexpr std::array kGpt2Layer{Name{"attn_norm", "ln_1", Order::Same, true},
                                Name{"attn_qkv", "attn.c_attn", Order::Transposed, true},
                                Name{"attn_output", "attn.c_proj", Order::Transposed, true},
                                Name{"ffn_norm", "ln_2", Order::Same, true},
                                Name{"ffn_up", "mlp.c_fc", Order::Transposed, true},
                                Name{"ffn_down", "mlp.c_proj", Order::Transposed, true}};

struct Target {
  std::string name;
  Order order;
};

/// The layer and the rest of "blk.N.rest".
std::optional<std::pair<std::uint32_t, std::string_view>> in_layer(std::string_view name) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  std::uint32_t layer = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), layer);
  const auto digits = static_cast<std::size_t>(end - name.data());
  if (error != std::errc() || digits >= name.size() || name[digits] != '.' ||
      (name[0] == '0' && digits > 1)) {
    return std::nullopt;
  }
  return std::pair(layer, name.substr(digits + 1));
}

/// Where a tensor of that name belongs; nothing for names that the architecture does not have.
std::optional<Target> target_of(std::string_view name, const GgufModelShape& shape) {
  const bool gpt2 = shape.architecture == "gpt2";
  std::span<const Name> names = gpt2 ? std::span<const Name>(kGpt2) : kLlama;
  std::string prefix;
  if (const auto layer = in_layer(name)) {
    names = gpt2 ? std::span<const Name>(kGpt2Layer) : kLlamaLayer;
    prefix = cat(gpt2 ? "transformer.h." : "model.layers.", layer->first, ".");
    name = layer->second;
  }
  const std::size_t dot = name.rfind('.');
  if (dot == name.npos) return std::nullopt;
  const std::string_view ending = name.substr(dot);
  for (const Name& row : names) {
    if (name.substr(0, dot) != row.gguf || (ending != ".weight" && !(row.bias && ending == ".bias")))
      continue;
    Order order = row.order;
    if (order == Order::Transposed && ending == ".bias") order = Order::Same;
    if (shape.architecture == "qwen2" && order != Order::Transposed) order = Order::Same;
    return Target{cat(prefix, row.ours, ending), order};
  }
  return std::nullopt;
}

struct Entry {
  const GgufTensor* source;
  Target target;
};

std::size_t values_of(const GgufTensor& tensor) {
  std::size_t values = 1;
  for (const std::int64_t dimension : tensor.shape) values *= static_cast<std::size_t>(dimension);
  return values;
}

/// What a tensor's order demands of its shape.
void check_shape(const Entry& entry, const GgufModelShape& shape, Problems& problems) {
  const auto& dims = entry.source->shape;
  const auto bad = [&](const std::string& what) {
    problems.add(cat("tensor ", in_quotes(entry.source->name), ": ", what));
  };
  if (entry.target.order == Order::Transposed && dims.size() != 2) {
    bad(cat("has ", dims.size(), " dimensions; a matrix is expected"));
  } else if (entry.target.order == Order::QueryRows || entry.target.order == Order::KeyRows) {
    const std::int64_t heads = entry.target.order == Order::QueryRows ? shape.heads : shape.kv_heads;
    if (dims.empty() || dims.size() > 2 || dims[0] != heads * shape.head_dim) {
      bad(cat("has ", dims.empty() ? 1 : dims[0], " rows; ", heads, " heads of ", shape.head_dim,
              " dimensions need ", heads * shape.head_dim));
    }
  }
}

GgufOrder order_of(Order order) {
  if (order == Order::Same) return GgufOrder::Same;
  return order == Order::Transposed ? GgufOrder::Transposed : GgufOrder::Rotated;
}

bool stays_in_file(const Entry& entry) {
  const auto address = reinterpret_cast<std::uintptr_t>(entry.source->bytes.data());
  return entry.source->type == GgufType::F32 && entry.target.order == Order::Same &&
         address % alignof(float) == 0;
}

/// Adds the tensor; one that does not stay in the file, with a place for its values and a reading of them.
void add_tensor(const Entry& entry, const GgufModelShape& shape, GgufModel& model,
                std::vector<GgufReading>& readings) {
  const GgufTensor& source = *entry.source;
  model.tensors.push_back({entry.target.name, Dtype::F32, source.shape, source.bytes});
  TensorView& view = model.tensors.back();
  if (stays_in_file(entry)) return;
  if (entry.target.order == Order::Transposed) std::ranges::reverse(view.shape);
  const std::size_t values = values_of(source);
  model.buffers.push_back(std::make_unique_for_overwrite<float[]>(values));
  const std::span<float> out(model.buffers.back().get(), values);
  view.bytes = std::as_bytes(out);
  readings.push_back({&source, order_of(entry.target.order), static_cast<std::size_t>(shape.head_dim), out});
}

bool is_tied(const GgufFile& file) {
  const GgufTensor* const head = file.find("output.weight");
  const GgufTensor* const embedding = file.find("token_embd.weight");
  return head == nullptr ||
         (embedding != nullptr && head->type == embedding->type && head->shape == embedding->shape &&
          std::ranges::equal(head->bytes, embedding->bytes));
}

}  // namespace

GgufModel read_gguf_model(const GgufFile& file, const Job& job) {
  GgufModel model;
  GgufModelShape shape;
  const bool tied = is_tied(file);
  model.config = gguf_config(file, tied, shape);
  model.warnings = std::move(shape.warnings);

  std::vector<Entry> entries;
  Problems problems(file.path());
  for (const GgufTensor& tensor : file.tensors()) {
    if (tied && tensor.name == "output.weight") continue;
    if (tensor.name == kRopeFactors && shape.architecture != "gpt2") continue;
    auto target = target_of(tensor.name, shape);
    if (!target) {
      problems.add_tensor(tensor.name,
                          cat("a ", shape.architecture,
                              " model has no place for such a tensor here; variants of the architecture are "
                              "not supported"),
                          ErrorKind::Unsupported);
    } else {
      entries.push_back({&tensor, std::move(*target)});
      check_shape(entries.back(), shape, problems);
    }
  }
  problems.throw_if_any();

  std::uint64_t bytes = 0;
  for (const Entry& entry : entries) bytes += values_of(*entry.source) * sizeof(float);
  try {
    std::vector<GgufReading> readings;
    for (const Entry& entry : entries) add_tensor(entry, shape, model, readings);
    read_gguf_tensors(readings, job);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorKind::OutOfMemory,
                cat(file.path().string(), ": its tensors need ", bytes,
                    " bytes as float32, more memory than there is; use a smaller model"));
  }
  return model;
}

}  // namespace bsbr
