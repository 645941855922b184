#!/usr/bin/env python3
"""Writes torch/: files of torch.save in both its forms and several pickle protocols, and the same tensors as
safetensors; and two small random models, each as pytorch_model.bin and as model.safetensors.

Made with torch 2.11.0, safetensors 0.8.0:  python3 make_torch_goldens.py
"""

import json
import pathlib
from collections import OrderedDict

import torch
from safetensors.torch import save_file

torch.manual_seed(20261125)
HERE = pathlib.Path(__file__).parent / "torch"
HERE.mkdir(exist_ok=True)


def safetensors(tensors: dict, path: pathlib.Path) -> None:
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, path,
              {"format": "pt"})


def every_kind() -> OrderedDict:
    """Tensors of every element type and of every way to lie in a storage."""
    out = OrderedDict()
    values = torch.randn(3, 4)
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        out[str(dtype)] = values.to(dtype)
    for dtype in (torch.int64, torch.int32, torch.int16, torch.int8):
        out[str(dtype)] = torch.randint(-100, 100, (5,), dtype=dtype)
    for dtype in (torch.uint8, torch.uint16, torch.uint32, torch.uint64):
        out[str(dtype)] = torch.randint(0, 100, (5,)).to(dtype)
    out["torch.bool"] = torch.tensor([True, False, True])
    out["scalar"] = torch.tensor(-1e4)
    big = torch.randn(6, 8)
    out["whole"] = big
    out["tied"] = big
    out["rows"] = big[2:5]
    out["columns"] = big[:, 1::3]
    out["transposed"] = big.t()
    out["transposed again"] = big.t()
    out["row of the transposed"] = big.t()[3]
    out["one row"] = big[4:5].t()
    cube = torch.randn(2, 3, 4).half()
    out["permuted"] = cube.permute(2, 0, 1)
    out["diagonal"] = torch.randn(4, 4).diagonal()
    out["expanded"] = torch.randn(3, 1).expand(3, 2)
    out["parameter"] = torch.nn.Parameter(torch.randn(2, 2))
    out["frozen"] = torch.nn.Parameter(torch.randn(2).bfloat16(), requires_grad=False)
    out["größe"] = torch.randn(1)
    return out


def models() -> None:
    """GPT-2 as old files have it: no prefix, float32, the masks that are no weights, and a tied head. Llama in
    float16, in shards, with the frequencies that are no weights."""
    d, layers, vocabulary, context, inner = 16, 1, 32, 24, 40
    folder = HERE / "gpt2"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(
        {"model_type": "gpt2", "vocab_size": vocabulary, "n_positions": context, "n_ctx": context, "n_embd": d,
         "n_layer": layers, "n_head": 2, "n_inner": inner}, indent=1) + "\n")
    gpt2 = OrderedDict()
    gpt2["wte.weight"] = torch.randn(vocabulary, d) * 0.5
    gpt2["wpe.weight"] = torch.randn(context, d) * 0.5
    for i in range(layers):
        at = f"h.{i}."
        gpt2[at + "ln_1.weight"], gpt2[at + "ln_1.bias"] = 1 + torch.randn(d) * 0.1, torch.randn(d) * 0.1
        gpt2[at + "attn.bias"] = torch.tril(torch.ones(context, context, dtype=torch.uint8))[None, None]
        gpt2[at + "attn.masked_bias"] = torch.tensor(-1e4)
        # As a transposed view, in which a converted linear layer stays.
        gpt2[at + "attn.c_attn.weight"] = (torch.randn(3 * d, d) * 0.3).t()
        gpt2[at + "attn.c_attn.bias"] = torch.randn(3 * d) * 0.1
        gpt2[at + "attn.c_proj.weight"], gpt2[at + "attn.c_proj.bias"] = torch.randn(d, d) * 0.3, torch.randn(d) * 0.1
        gpt2[at + "ln_2.weight"], gpt2[at + "ln_2.bias"] = 1 + torch.randn(d) * 0.1, torch.randn(d) * 0.1
        gpt2[at + "mlp.c_fc.weight"], gpt2[at + "mlp.c_fc.bias"] = torch.randn(d, inner) * 0.3, torch.randn(inner) * 0.1
        gpt2[at + "mlp.c_proj.weight"], gpt2[at + "mlp.c_proj.bias"] = torch.randn(inner, d) * 0.3, torch.randn(d) * 0.1
    gpt2["ln_f.weight"], gpt2["ln_f.bias"] = 1 + torch.randn(d) * 0.1, torch.randn(d) * 0.1
    gpt2["lm_head.weight"] = gpt2["wte.weight"]
    torch.save(gpt2, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    del gpt2["lm_head.weight"]
    safetensors(gpt2, folder / "model.safetensors")

    folder = HERE / "llama"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(
        {"model_type": "llama", "vocab_size": vocabulary, "max_position_embeddings": context, "hidden_size": d,
         "intermediate_size": inner, "num_hidden_layers": layers, "num_attention_heads": 2,
         "num_key_value_heads": 1, "rms_norm_eps": 1e-5}, indent=1) + "\n")
    llama = OrderedDict()
    llama["model.embed_tokens.weight"] = torch.randn(vocabulary, d)
    for i in range(layers):
        at = f"model.layers.{i}."
        for name, shape in {"self_attn.q_proj": (d, d), "self_attn.k_proj": (d // 2, d),
                            "self_attn.v_proj": (d // 2, d), "self_attn.o_proj": (d, d),
                            "mlp.gate_proj": (inner, d), "mlp.up_proj": (inner, d),
                            "mlp.down_proj": (d, inner)}.items():
            llama[at + name + ".weight"] = torch.randn(shape) * 0.3
        llama[at + "input_layernorm.weight"] = 1 + torch.randn(d) * 0.1
        llama[at + "post_attention_layernorm.weight"] = 1 + torch.randn(d) * 0.1
        llama[at + "self_attn.rotary_emb.inv_freq"] = torch.randn(d // 4)
    llama["model.norm.weight"] = 1 + torch.randn(d) * 0.1
    llama["lm_head.weight"] = torch.randn(vocabulary, d) * 0.3
    llama = OrderedDict((name, tensor.half()) for name, tensor in llama.items())
    names = list(llama)
    shards = {"pytorch_model-00001-of-00002.bin": names[:4], "pytorch_model-00002-of-00002.bin": names[4:]}
    for file, held in shards.items():
        torch.save({name: llama[name] for name in held}, folder / file)
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(
        {"metadata": {"total_size": sum(tensor.nbytes for tensor in llama.values())},
         "weight_map": {name: file for file, held in shards.items() for name in held}}, indent=1) + "\n")
    safetensors(llama, folder / "model.safetensors")


kinds = every_kind()
safetensors(kinds, HERE / "kinds.safetensors")
for protocol in (2, 4, 5):
    torch.save(kinds, HERE / f"zip-{protocol}.bin", pickle_protocol=protocol)
for protocol in (2, 4):
    torch.save(kinds, HERE / f"old-{protocol}.bin", pickle_protocol=protocol,
               _use_new_zipfile_serialization=False)
module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
torch.save(module.state_dict(), HERE / "module-zip.bin")
torch.save(module.state_dict(), HERE / "module-old.bin", _use_new_zipfile_serialization=False)
safetensors(module.state_dict(), HERE / "module.safetensors")
models()
for file in HERE.rglob("*.safetensors"):
    file.chmod(0o644)
