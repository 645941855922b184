#!/usr/bin/env python3
"""Writes gguf_quants.safetensors: random blocks of every GGUF type that the engine reads, "<type>.bytes", and
what the Python package gguf makes of them, "<type>.values".

Made with gguf 0.19.0, numpy 2.4.6, safetensors 0.8.0:  python3 make_gguf_goldens.py
"""

import pathlib

import gguf
import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T
from safetensors.numpy import save_file

BLOCKS = 6
# Where the float16 scales of a block lie; the other bytes are free.
SCALES = {T.Q8_0: [0], T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q4_K: [0, 2], T.Q5_K: [0, 2],
          T.Q6_K: [208]}

rng = np.random.default_rng(20240611)


def some_scales(count: int) -> np.ndarray:
    """float16 values of both signs, with a zero, a subnormal and the largest among them."""
    values = (rng.standard_normal(count) * 0.05).astype(np.float16)
    values[:3] = np.array([0.0, 3e-6, -65504.0], np.float16)[:count]
    return rng.permutation(values)


tensors = {}
for kind in [T.F32, T.F16, T.BF16, *SCALES]:
    values, size = GGML_QUANT_SIZES[kind]
    if kind in SCALES:
        data = rng.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
        for at in SCALES[kind]:
            data[:, at:at + 2] = some_scales(BLOCKS).view(np.uint8).reshape(BLOCKS, 2)
    elif kind == T.F32:
        data = np.array([0.0, -0.0, 1.0, -2.5, 1e-45, 3.4e38, np.inf, -np.inf], np.float32).view(np.uint8)
    elif kind == T.F16:
        # Every finite exponent and both infinities, with some mantissas; no NaN, whose bits need not survive.
        halves = [e << 10 | m for e in range(31) for m in (0, 1, 0x155, 0x3FF)] + [31 << 10]
        data = np.array(halves + [h | 0x8000 for h in halves], np.uint16).view(np.uint8)
    else:
        halves = [0, 1, 0x7F, 0x80, 0x3F80, 0x4049, 0x7F7F, 0x7F80]
        data = np.array(halves + [h | 0x8000 for h in halves], np.uint16).view(np.uint8)
    data = data.reshape(-1)
    with np.errstate(over="ignore"):
        out = gguf.quants.dequantize(data, kind).astype(np.float32).reshape(-1)
    assert out.size == data.size // size * values and not np.isnan(out).any()
    tensors[f"{kind.name}.bytes"] = data
    tensors[f"{kind.name}.values"] = out

save_file(tensors, pathlib.Path(__file__).with_name("gguf_quants.safetensors"))
