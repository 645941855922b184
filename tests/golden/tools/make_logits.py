#!/usr/bin/env python3
"""Writes demo-gpt2.safetensors and smollm2-135m.safetensors: what transformers computes in float32 with the demo and
with SmolLM2-135M-Instruct, its weights dequantised.

In each input_ids [1, N] int64, rows [R] int64, logits [R, V] float32 at those positions, and nll [N - 1] float32,
where nll[i] is the loss of input_ids[i + 1]. The ids and rows are read from the file itself and kept: the demo's are
the first 2,048 of characters 50,000 to 70,000 of Pride and Prejudice, SmolLM2's 256 of Moby-Dick, both in Project
Gutenberg's texts.

Made with transformers 5.23.0, torch 2.11.0, gguf 0.19.0, accelerate 1.15.0, safetensors 0.8.0, and SmolLM2 from
resources/setup/smollm2:
    python3 make_logits.py [FOLDER]
"""

import os
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

GOLDEN = pathlib.Path(__file__).resolve().parents[1]
CACHE = pathlib.Path(os.environ.get("BSBR_CACHE") or pathlib.Path.home() / ".cache" / "bsbr")
MODELS = {
    "demo-gpt2": (GOLDEN.parents[1] / "resources" / "demo", {}),
    "smollm2-135m": (CACHE / "smollm2", {"gguf_file": "SmolLM2-135M-Instruct.Q4_1.gguf"}),
}


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDEN
    for name, (folder, options) in MODELS.items():
        golden = load_file(GOLDEN / f"{name}.safetensors")
        ids, rows = golden["input_ids"], golden["rows"]
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager", **options)
        with torch.no_grad():
            logits = model.eval()(input_ids=ids, use_cache=False).logits[0].float()
        losses = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="none")
        golden = {"input_ids": ids, "rows": rows, "logits": logits[rows].contiguous(), "nll": losses}
        save_file(golden, out / f"{name}.safetensors")


main()
