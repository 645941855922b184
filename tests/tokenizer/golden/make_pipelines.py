#!/usr/bin/env python3
"""Writes pipelines.json: tokenizer.json pipelines over GPT-2's bytes and first 5,000 merges, and what HuggingFace's `tokenizers`
0.23.3 makes of some texts with each.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python make_pipelines.py
"""
import json
import pathlib

from tokenizers import Tokenizer, models

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")
DEEPSEEK = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
            r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
MERGES = 5000


def byte_level(regex):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": regex}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def added(text, token, special=True, lstrip=False, rstrip=False, normalized=False):
    return {"id": token, "content": text, "single_word": False, "lstrip": lstrip, "rstrip": rstrip,
            "normalized": normalized, "special": special}


END = added("<|endoftext|>", 50256)
PIPELINES = {
    "gpt2": (byte_level(True), None, False, [END]),
    "smollm2": (sequence({"type": "Digits", "individual_digits": True}, byte_level(True)), None, False, [END]),
    "digit groups": (sequence({"type": "Digits", "individual_digits": False}, byte_level(True)), None, False, []),
    "llama3": (sequence(split(LLAMA3), byte_level(False)), None, True, [END, added("<|eot_id|>", 50300)]),
    "qwen2": (sequence(split(QWEN2), byte_level(False)), {"type": "NFC"}, False,
              [END, added("e\u0301x", 50301, special=False, normalized=True)]),
    "deepseek": (sequence(split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK), byte_level(False)),
                 None, False, [END]),
    "strip": (byte_level(True), None, False,
              [added("<l>", 50301, lstrip=True), added("<r>", 50302, rstrip=True),
               added("<lr>", 50303, lstrip=True, rstrip=True),
               added("caf", 50304, special=False, normalized=True)]),
    "words": (sequence(split(r"\w+|[^\w\s]+|\S\h"), byte_level(False)), None, False, []),
    "classes": (sequence(split(r"[\S]+|[\w\d]\s|.$|^a"), byte_level(False)), None, False, []),
}
for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"):
    for invert in (False, True):
        PIPELINES[f"{behavior} {invert}"] = (sequence(split("[aeo]", behavior, invert), byte_level(True)), None,
                                             False, [])
PIPELINES["string"] = (sequence(split("e.", "MergedWithNext", False, "String"), byte_level(False)), None, False, [])

TEXTS = [
    "Hello world", "It's we're I'LL THEY'D you'Ve 'S I\u2019m 'ſ 'tis", "  leading   spaces \n\n  and\r\n\tlines \n ",
    "1234567890 3.14159 1,000 x12y ²½Ⅷ٣٤ 12", "abc_DEF-ghi!!\n\n?! (parens)\r\n\r\n", "naïve café cafe\u0301 e\u0301x éx Ünï",
    "日本語のテキスト 한국어 \u1112\u1161\u11ab 각 가\u11a7 中文123", "😀 👩‍👩‍👧‍👦 🇫🇷 a\u0301\u0323b", "\u00a0nbsp\u2003em\u2028\u3000x\u200b\ufeff\u180e \x85\x1c\x0b",
    "a <l> b <r> c <lr> d<l><r>  <lr>  ", "<|endoftext|><|eot_id|> <|endoftext|>\n", "aeoaeiou beet. the. sea aaa\nzzz ab a",
    "def f(x):\n    return x ** 2  # done\n\n\n", " ", "\n", "'", "The whale's  the-whale'll\t\tgo.",
]


def main():
    folder = pathlib.Path(__file__).resolve().parents[2] / "golden" / "gpt2-tokenizer"
    vocabulary = json.loads((folder / "vocab.json").read_text())
    vocabulary = {text: token for text, token in vocabulary.items() if token < 256 + MERGES}
    lines = (folder / "merges.txt").read_text().split("\n")
    merges = [tuple(line.split(" ")) for line in lines[1:1 + MERGES]]
    model = json.loads(Tokenizer(models.BPE(vocab=vocabulary, merges=merges)).to_str())
    rows = []
    for name, (pre_tokenizer, normalizer, ignore_merges, tokens) in PIPELINES.items():
        document = dict(model, pre_tokenizer=pre_tokenizer, normalizer=normalizer, added_tokens=tokens,
                        decoder=byte_level(True))
        # tokenizers numbers new tokens itself; a longer vocabulary makes it keep ours
        document["model"] = dict(model["model"], ignore_merges=ignore_merges,
                                 vocab=dict(vocabulary, **{t["content"]: t["id"] for t in tokens}))
        tokenizer = Tokenizer.from_str(json.dumps(document))
        rows.append({"name": name, "pre_tokenizer": pre_tokenizer, "normalizer": normalizer,
                     "ignore_merges": ignore_merges, "added_tokens": tokens,
                     "ids": [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]})
    out = pathlib.Path(__file__).with_name("pipelines.json")
    lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
    out.write_text('{"texts": ' + json.dumps(TEXTS) + ',\n"pipelines": [\n' + lines + "\n]}\n")


main()
