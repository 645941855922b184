"""What the tests share: conversions of the golden checkpoints, and what the program bsbr says of them.

The environment names BSBR_PROGRAM and BSBR_GOLDEN (a folder of checkpoints).
"""

import json
import os
import subprocess
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

PROGRAM = os.environ["BSBR_PROGRAM"]
GOLDEN = Path(os.environ["BSBR_GOLDEN"])
CASES = Path(__file__).resolve().parents[1] / "cases"
# Small enough that 75 tokens have far blocks, and chunks that are no candidates.
SMALL = "--chunk-size 8 --block-size 4 --compression-factor 2"
CONVERSIONS = {
    "planned": SMALL + " --retrieve 16",  # and then a plan
    "uniform": SMALL + " --retrieve 16",
    "coarse": "--chunk-size 8 --block-size 4 --compression-factor 4 --retrieve 8 --candidates 2 --window 1",
    "states only": "--chunk-size 8 --block-size 8 --compression-factor 2 --window 1 --states-only",
}
# retrieve, threshold, states of heads in turn: every kind that a plan can hold.
HEADS = [(16, 0.001, True), (96, 0.002, False), (24, 0, True), (0, 0, True), (0, 0, False), (8, 0.0001, True)]


def run(*arguments):
    result = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode:
        raise RuntimeError(result.stderr)
    return result.stdout


def golden_names():
    return sorted(path.parent.name for path in GOLDEN.glob("*/config.json"))


def convert(name, conversion, folder):
    """A golden checkpoint, converted into `folder`; its sink is one block, so that there is more that is far."""
    run("convert", GOLDEN / name, folder, *CONVERSIONS[conversion].split())
    path = folder / "config.json"
    config = json.loads(path.read_text())
    bsbr = config["bsbr"]
    bsbr["sink"] = bsbr["block_size"]
    if conversion == "planned":
        layers = config.get("n_layer") or config["num_hidden_layers"]
        heads = config.get("n_head") or config["num_attention_heads"]
        kinds = [[HEADS[(layer * heads + head) % len(HEADS)] for head in range(heads)] for layer in range(layers)]
        for i, key in enumerate(("retrieve", "threshold", "states")):
            bsbr.setdefault("plan", {})[key] = [[kind[i] for kind in row] for row in kinds]
    path.write_text(json.dumps(config))
    return folder


def batches(name):
    """input_ids and attention_mask of a golden file: one row, two, two of unequal length with padding at either end."""
    golden = load_file(GOLDEN / name / "golden.safetensors")
    ids, mask = golden["input_ids"], golden["attention_mask"]
    left = torch.stack([row.roll(int((of == 0).sum())) for row, of in zip(ids, mask)])
    return {
        "single": (ids[:1].contiguous(), torch.ones_like(ids[:1])),
        "batch": (ids, torch.ones_like(ids)),
        "padded right": (ids, mask),
        "padded left": (left, mask.flip(1).contiguous()),
    }


def all_logits(folder, of_batches, room):
    """The engine's logits of each batch, from one run over all their rows."""
    parts = list(of_batches.values())
    joined = [torch.cat([part[i] for part in parts]) for i in range(2)]
    return dict(zip(of_batches, logits(folder, *joined, room).split([len(ids) for ids, _ in parts])))


def logits(folder, ids, mask, room):
    save_file({"input_ids": ids, "attention_mask": mask}, room / "input.safetensors")
    run("logits", folder, "--input", room / "input.safetensors", "--output", room / "logits.safetensors")
    return load_file(room / "logits.safetensors")["logits"]
