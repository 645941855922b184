#!/usr/bin/env python3
"""Writes gguf_splits.json: a small byte-level vocabulary, some texts, and what HuggingFace's `tokenizers` 0.23.3 makes of them
with the splits that llama.cpp (src/llama-vocab.cpp) knows by a name. The vocabulary is read from the file itself and kept.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python make_gguf_splits.py
"""
import json
import pathlib

from tokenizers import AddedToken, Tokenizer, models

WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA3 = WORDS + r"|\p{N}{1,3}" + REST
QWEN2 = WORDS + r"|\p{N}" + REST
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{SUFFIX}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{SUFFIX}|\p{{N}}{{1,3}}"
         r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = [r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+",
            "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
            "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"]
SEED = WORDS + r"|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"
BLOOM = r" ?[^(\s|.,!?…。，、।۔،)]+"
CJK = "[一-龥\u0800-一가-\ud7ff]+"
PUNCTUATION = r"\s?[!-/:-~！-／：-～‘-‟　-。]+"

TEXTS = [
    "Hello world, it's 2024: 1234567 x12y", "I'LL they'd'Ve  HTMLParser camelCase ÄRger", "  a   b\t\tc \n\n d\r\n  \r\n", "", " ",
    "日本語のテキスト 漢字カナ 한국어 中文123", "naïve café e\u0301x ÉCOLE", "foo.bar(baz)/qux // x-y_z #tag $5.00 <a|b>", "😀 👩‍👩‍👧 ²½Ⅷ٣",
    "नमस्ते। สวัสดี مرحبا؟", "\u00a0nbsp\u2003em\u3000x\u200b", "end.   ", "a!!\n\n?? «Zitat» „x“", "<|eot_id|> x<|begin_of_text|>",
]


def splits():
    return {
        "gpt-2": ([], True), "smollm": ([r"\p{N}"], True), "llama3": ([LLAMA3], False), "smaug-bpe": ([LLAMA3], False),
        "stablelm2": ([QWEN2], False), "gpt-4o": ([O200K], False), "tekken": ([TEKKEN], False),
        "deepseek-v3": (DEEPSEEK, False),
        "deepseek-coder": ([r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CJK, r"\p{N}"], False), "seed-coder": ([SEED], False),
        "minicpm5": ([r"\p{N}{1,3}", WORDS + r"|\p{N}+" + REST], False), "bloom": ([BLOOM], False),
        "viking": ([BLOOM, r"\p{N}"], False),
        # cased letters by their categories, which says the same for the letters in the texts
        "deepseek-llm": ([r"[\r\n]", r"\s?[\p{Lu}\p{Ll}\p{Lt}]+", PUNCTUATION, r"\s+$", CJK, r"\p{N}+"], False),
    }


def main():
    path = pathlib.Path(__file__).with_name("gguf_splits.json")
    known = json.loads(path.read_text())
    special = [known["tokens"][i] for i in known["special"]]
    model = models.BPE(vocab={token: i for i, token in enumerate(known["tokens"]) if token not in special},
                       merges=[tuple(merge.split(" ")) for merge in known["merges"]])
    tokenizer = Tokenizer(model)
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    document = json.loads(tokenizer.to_str())
    rows = {}
    for name, (patterns, gpt2) in splits().items():
        steps = [{"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False} for p in patterns]
        steps.append({"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": gpt2})
        document["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}
        document["model"]["ignore_merges"] = name in ("llama3", "tekken", "minicpm5")
        tokenizer = Tokenizer.from_str(json.dumps(document))
        rows[name] = [tokenizer.encode(text).ids for text in TEXTS]
    out = {key: known[key] for key in ("tokens", "special", "merges")} | {"texts": TEXTS}
    lines = [f'"{key}": {json.dumps(value)}' for key, value in out.items()]
    lines.append('"ids": {\n' + ",\n".join(f'"{name}": {json.dumps(ids)}' for name, ids in rows.items()) + "\n}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
