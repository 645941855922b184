#!/usr/bin/env python3
"""Writes tokenizers.json and gpt2_texts.json: what HuggingFace's `tokenizers` makes of texts with the tokenizers of GPT-2
and SmolLM2.

tokenizers.json: short texts and their ids; the texts are read from the file itself and kept. gpt2_texts.json: of long
texts the count of ids and a checksum, sum = sum * 1000003 + id modulo 2^64 over all of them.

Made with tokenizers 0.23.3, transformers 5.23.0, gguf 0.19.0, and SmolLM2 from resources/setup/smollm2:
    python3 make_tokens.py [FOLDER]
"""

import json
import os
import pathlib
import sys

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer

GOLDEN = pathlib.Path(__file__).resolve().parents[1]
RESOURCES = GOLDEN.parents[1] / "resources"
CACHE = pathlib.Path(os.environ.get("BSBR_CACHE") or pathlib.Path.home() / ".cache" / "bsbr")
END = "<|endoftext|>"


def gpt2():
    folder = GOLDEN / "gpt2-tokenizer"
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(END, normalized=False)])
    return tokenizer


def every_token(tokenizer):
    """Every token that is whole characters, and then 200,000 of them drawn at random, one after the other."""
    pieces = [tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size())]
    pieces = [piece for piece in pieces if piece and "\ufffd" not in piece]
    drawn, state = [], 1
    for _ in range(200_000):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        drawn.append(pieces[(state >> 33) % len(pieces)])
    return "".join(pieces + drawn)


def summary(ids):
    checksum = 0
    for token in ids:
        checksum = (checksum * 1000003 + token) % 2**64
    return {"count": len(ids), "checksum": f"{checksum:016x}"}


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else GOLDEN
    tokenizer = gpt2()
    smollm2 = AutoTokenizer.from_pretrained(CACHE / "smollm2", gguf_file="SmolLM2-135M-Instruct.Q4_1.gguf").backend_tokenizer
    # As in its published tokenizer.json; transformers gives a GGUF file's tokenizer no Digits.
    smollm2.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    cases = [{"text": case["text"], "gpt2": tokenizer.encode(case["text"]).ids,
              "smollm2": smollm2.encode(case["text"], add_special_tokens=False).ids}
             for case in json.loads((GOLDEN / "tokenizers.json").read_text())]
    (out / "tokenizers.json").write_text(json.dumps(cases, indent=0))
    texts = {"resources/demo/sample.txt": (RESOURCES / "demo" / "sample.txt").read_text(),
             "resources/calibration/plan.txt": (RESOURCES / "calibration" / "plan.txt").read_text(),
             "every token": every_token(tokenizer)}
    summaries = {name: summary(tokenizer.encode(text).ids) for name, text in texts.items()}
    (out / "gpt2_texts.json").write_text(json.dumps(summaries, indent=1) + "\n")
    print({name: len(text.encode()) for name, text in texts.items()})


main()
