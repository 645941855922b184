#!/usr/bin/env python3
"""Writes the tiny random checkpoints beside this folder, each with what transformers computes from it in float32.

Each is a folder as save_pretrained leaves one, with a golden.safetensors of input_ids [2, 75] int64, attention_mask
[2, 75] int64 (row 1 is padded on the right by 11), logits [2, 75, 211] and hidden_0..hidden_L [2, 75, 48], the last
after the final norm. Rows of padded positions are zero.

Made with transformers 5.23.0, torch 2.11.0, safetensors 0.8.0:  python3 make_checkpoints.py [FOLDER]
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

LENGTH, PADDED = 75, 11
COMMON = {"vocab_size": 211, "bos_token_id": 0, "eos_token_id": 0}


def gpt2(**changes):
    base = {"n_positions": 96, "n_embd": 48, "n_layer": 3, "n_head": 4, "attn_pdrop": 0, "embd_pdrop": 0, "resid_pdrop": 0}
    return GPT2LMHeadModel, GPT2Config(**{**COMMON, **base, **changes})


def rotary(model, config, **changes):
    base = {"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3, "num_attention_heads": 6,
            "max_position_embeddings": 128, "tie_word_embeddings": True}
    return model, config(**{**COMMON, **base, **changes})


def llama(**changes):
    return rotary(LlamaForCausalLM, LlamaConfig, **{"num_key_value_heads": 2, **changes})


def qwen2(**changes):
    return rotary(Qwen2ForCausalLM, Qwen2Config, **{"num_key_value_heads": 3, **changes})


# Seeded by their place: only append.
CHECKPOINTS = {
    "gpt2-plain": (gpt2(), {}),
    "gpt2-gelu-exact": (gpt2(activation_function="gelu"), {}),
    "gpt2-relu-inner": (gpt2(activation_function="relu", n_inner=100), {}),
    "gpt2-inverse-layer-scale": (gpt2(scale_attn_by_inverse_layer_idx=True), {}),
    "gpt2-no-scale": (gpt2(scale_attn_weights=False), {}),
    "gpt2-untied": (gpt2(tie_word_embeddings=False), {}),
    "gpt2-one-head": (gpt2(n_head=1, n_layer=1), {}),
    "gpt2-fp16-sharded": (gpt2(), {"dtype": torch.float16, "shard": True}),
    "gpt2-bf16-prefix": (gpt2(), {"dtype": torch.bfloat16, "strip": "transformer."}),
    "llama-gqa": (llama(), {}),
    "llama-mha-untied": (llama(num_key_value_heads=6, tie_word_embeddings=False), {}),
    "llama-head-dim": (llama(head_dim=16), {}),
    "llama-bias": (llama(attention_bias=True, mlp_bias=True), {}),
    "llama-rope-linear": (llama(rope_parameters={"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}), {}),
    "llama-rope-llama3": (llama(rope_parameters={"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0,
                                                 "high_freq_factor": 4.0, "original_max_position_embeddings": 32,
                                                 "rope_theta": 10000.0}), {}),
    "qwen2": (qwen2(), {}),
}


def write(folder, seed, model_class, config, dtype=torch.float32, shard=False, strip=""):
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    model = model_class._from_config(config, attn_implementation="eager").float().eval()
    with torch.no_grad():
        for parameter in model.parameters():  # larger than usual, so that attention is peaked and biases matter
            parameter.add_(torch.randn_like(parameter) * (0.15 if parameter.dim() > 1 else 0.05))
    model = model.to(dtype).float()  # values as they are stored
    ids = torch.randint(0, config.vocab_size, (2, LENGTH))
    mask = torch.ones(2, LENGTH, dtype=torch.long)
    mask[1, LENGTH - PADDED:] = 0
    with torch.no_grad():
        out = model(input_ids=ids, attention_mask=mask, output_hidden_states=True, use_cache=False)
    kept = mask[..., None].float()
    golden = {"input_ids": ids, "attention_mask": mask, "logits": (out.logits * kept).contiguous()}
    for i, hidden in enumerate(out.hidden_states):
        golden[f"hidden_{i}"] = (hidden * kept).contiguous()
    save_file(golden, folder / "golden.safetensors")

    tensors = {name.removeprefix(strip): tensor.to(dtype).contiguous() for name, tensor in model.state_dict().items()
               if not (config.tie_word_embeddings and name == "lm_head.weight")}
    document = {**config.to_dict(), "torch_dtype": str(dtype).split(".")[-1], "architectures": [model_class.__name__]}
    (folder / "config.json").write_text(json.dumps(document, indent=2, default=str))
    if not shard:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names, half, weight_map = list(tensors), len(tensors) // 2, {}
    for i, part in enumerate((names[:half], names[half:])):
        file = f"model-0000{i + 1}-of-00002.safetensors"
        save_file({name: tensors[name] for name in part}, folder / file, metadata={"format": "pt"})
        weight_map.update(dict.fromkeys(part, file))
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[1]
    for place, (name, ((model_class, config), options)) in enumerate(CHECKPOINTS.items()):
        write(folder / name, place, model_class, config, **options)


main()
