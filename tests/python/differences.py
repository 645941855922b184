"""Prints the largest difference of a logit between bsbr and transformers, for every golden checkpoint and conversion."""

import tempfile
from pathlib import Path

import test_transformers as tests
import torch

import engine

torch.set_grad_enabled(False)
print("transformers", tests.transformers.__version__)
for name in engine.golden_names():
    for conversion in engine.CONVERSIONS:
        with tempfile.TemporaryDirectory() as folder:
            room = Path(folder)
            out = engine.convert(name, conversion, room / "out")
            model = tests.load(out)
            cells = []
            batches = engine.batches(name)
            expected = engine.all_logits(out, batches, room)
            for kind, (ids, mask) in batches.items():
                actual = model(input_ids=ids, attention_mask=mask).logits * mask[:, :, None]
                cells.append(f"{(actual - expected[kind]).abs().max().item():.1e}")
        print("|", " | ".join([name, conversion, *cells]), "|", flush=True)
