#!/usr/bin/env python3
"""Writes the made part of tests/fuzz/corpus: valid inputs of each fuzz target and hostile ones. Inputs on which a
target once failed lie beside them, named found-*; this script leaves those alone.

usage: make_corpora.py
"""

import json
import pathlib
import struct

FUZZ = pathlib.Path(__file__).resolve().parent
TESTS = FUZZ.parent
KEPT = "found-"


def u16(value):
    return struct.pack("<H", value)


def u32(value):
    return struct.pack("<I", value)


def u64(value):
    return struct.pack("<Q", value & (2**64 - 1))


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# safetensors -------------------------------------------------------------------------------------------------------


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else compact(header)
    return u64(len(text)) + text + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def safetensors_header():
    two = {"a": tensor([2], 0, 8), "b": tensor([1, 2], 8, 12, "BF16")}
    yield "two", safetensors(two | {"__metadata__": {"format": "pt", "b.x": "a"}}, b"x" * 12)
    kinds = ["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "I16", "U16", "F16", "BF16", "I32", "U32", "F32", "I64", "F64"]
    sizes = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 8, 8]
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    every = {k: tensor([1], e - s, e, k) for k, s, e in zip(kinds, sizes, ends)}
    yield "kinds", safetensors(every, b"x" * ends[-1])
    yield "scalar-and-zero", safetensors({"s": tensor([], 0, 4), "z": tensor([0, 3], 4, 4)}, b"x" * 4)
    yield "overlap", safetensors({"a": tensor([2], 0, 8), "b": tensor([2], 4, 12)}, b"x" * 12)
    yield "gap", safetensors({"a": tensor([1], 4, 8)}, b"x" * 8)
    yield "overflow", safetensors({"a": tensor([2**62, 2**62], 0, 4)}, b"x" * 4)
    yield "offset-overflow", safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,0]}}')
    yield "float-shape", safetensors(b'{"a":{"dtype":"F32","shape":[1e300],"data_offsets":[0.5,-4]}}', b"x" * 4)
    yield "twice", safetensors(b'{"a":%s,"a":%s}' % ((compact(tensor([1], 0, 4)),) * 2), b"x" * 4)
    yield "deep", safetensors(b'{"a":' + b"[" * 200)
    yield "length", u64(2**64 - 1) + b"{}"


# JSON --------------------------------------------------------------------------------------------------------------


def shard_index():
    def index(weight_map, **more):
        return compact({"metadata": {"total_size": 8}, "weight_map": weight_map} | more)

    yield "two", index({"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"})
    yield "up", index({"a": "../one.safetensors"})
    yield "absolute", index({"a": "/etc/passwd"})
    yield "dots", index({"a": "..", "b": ".", "c": ""})
    yield "zero-byte", rb'{"weight_map":{"a":"one\u0000"}}'
    yield "long", index({"a": "n" * 300})
    yield "numbers", index({"a": 1e300, "b": None})
    yield "list", b'{"weight_map":["a","b"]}'
    yield "twice", b'{"weight_map":{"a":"x","a":"y"},"weight_map":{"a":"z"}}'
    yield "constants", b'{"metadata":{"total_size":NaN,"x":-Infinity},"weight_map":{"a":"x"}}'
    yield "empty", b'{"weight_map":{}}'


LLAMA = {
    "model_type": "llama", "vocab_size": 32, "max_position_embeddings": 2048, "hidden_size": 16,
    "intermediate_size": 40, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1,
    "rms_norm_eps": 1e-5, "hidden_act": "silu",
}
GPT2 = {
    "model_type": "gpt2", "vocab_size": 32, "n_positions": 1024, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_inner": 40,
    "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
}
BSBR = {
    "version": 1, "chunk_size": 128, "block_size": 16, "compression_factor": 4, "retrieve": 512, "window": 0,
    "sink": 16, "candidate_chunks": 64, "states_only": False,
}


def config_json():
    llama3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
              "original_max_position_embeddings": 1024}
    yield "gpt2", compact(GPT2)
    yield "llama", compact(LLAMA | {"eos_token_id": [1, 2], "tie_word_embeddings": True, "head_dim": 8})
    yield "llama-llama3", compact(LLAMA | {"rope_scaling": llama3, "rope_theta": 500000.0})
    yield "llama-linear", compact(LLAMA | {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}})
    window = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}
    yield "qwen2", compact(LLAMA | {"model_type": "qwen2", "layer_types": ["full_attention"]} | window)
    plan = {"retrieve": [[16, 0]], "threshold": [[0.01, 0]], "states": [[True, False]]}
    yield "bsbr", compact(GPT2 | {"bsbr": BSBR | {"plan": plan}})
    yield "bsbr-huge", compact(GPT2 | {"bsbr": BSBR | {"chunk_size": 2**63 - 1, "block_size": 2**62, "sink": 2**63 - 1}})
    yield "huge", compact(LLAMA | {"hidden_size": 2**63 - 1, "num_attention_heads": 2**62, "vocab_size": 2**64 - 1})
    yield "floats", compact(LLAMA | {"hidden_size": 1e300, "num_hidden_layers": 1.5, "rms_norm_eps": 0})
    yield "negative", compact(GPT2 | {"n_head": -1, "n_layer": 0, "eos_token_id": [-1, 2**63]})
    yield "constants", b'{"model_type":"gpt2","attn_pdrop":NaN,"n_embd":Infinity,"n_embd":-Infinity}'
    yield "wrong-types", compact({key: [value] for key, value in LLAMA.items()} | {"model_type": "llama"})
    yield "quantised", compact(LLAMA | {"quantization_config": {"quant_method": "gptq", "bits": 4}})
    yield "other", compact({"model_type": "bert", "is_encoder_decoder": True})


def session():
    settings = {"goal": "quality", "quality": 0.005, "density": 0.15, "retrieve": 256, "chunk_size": 128,
                "block_size": 16, "compression_factor": 4, "window": 0, "candidates": 64, "calibration": "./c.txt",
                "calibration_tokens": 4096}
    whole = {"version": 1, "checkpoint": "../demo", "conversion": settings, "converted": True, "text": "Hallo ö\n",
             "tab": "attention", "selection": {"layer": 2, "head": 1, "query": 1793}}
    yield "whole", compact(whole)
    yield "least", b'{"version":1}'
    yield "goals", compact(whole | {"conversion": {"goal": "states_only", "window": -1}})
    yield "density", compact(whole | {"conversion": {"goal": "density", "density": 2}})
    yield "text-file", compact(whole | {"text_file": "./session.json"})
    yield "no-text-file", compact(whole | {"text_file": "../../\x01"})
    yield "huge", compact(whole | {"selection": {"layer": 2**40, "head": -1, "query": 2**64 - 1}})
    yield "floats", compact(whole | {"selection": {"layer": 1e300, "head": -1e300, "query": 1e300}})
    yield "float-settings", compact(whole | {"conversion": settings | {"chunk_size": 1e300, "retrieve": -1e300}})
    sizes = ("chunk_size", "block_size", "compression_factor", "candidates", "calibration_tokens")
    yield "zero-sizes", compact(whole | {"conversion": {"goal": "uniform"} | {size: 0 for size in sizes}})
    yield "no-chunk", compact(whole | {"conversion": {"goal": "uniform", "chunk_size": 0}})
    yield "no-factor", compact(whole | {"conversion": {"goal": "states_only", "compression_factor": -1}})
    yield "huge-sizes", compact(whole | {"conversion": {"goal": "uniform"} | {size: 2**62 for size in sizes}})
    yield "float-version", b'{"version":1e300}'
    yield "wrong-types", compact(whole | {"selection": [], "conversion": 1, "tab": None})
    yield "version", b'{"version":2}'


def crossover_json():
    yield "sound", compact({"version": 3, "entries": {"key": [512, 0], "other": [1]}})
    yield "other-version", compact({"version": 1, "entries": {"key": [512, 0]}})
    yield "no-entries", b'{"version":2}'
    yield "list", compact({"version": 3, "entries": [512]})
    yield "negative", compact({"version": 3, "entries": {"key": [-1, 0]}})
    yield "huge", compact({"version": 3, "entries": {"key": [2**64 - 1, 2**63]}})
    yield "floats", compact({"version": 3, "entries": {"key": [1e300, 0.5]}})
    yield "float-version", b'{"version":1e300,"entries":{}}'
    yield "layers", compact({"version": 3, "entries": {"key": [1, 2, 3]}})
    yield "no-json", b'{"version":2,"entries":'


# GGUF --------------------------------------------------------------------------------------------------------------

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)


def gguf_string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return u64(len(data)) + data


def gguf_value(value):
    if isinstance(value, tuple):  # type, bytes
        return u32(value[0]) + value[1]
    if isinstance(value, bool):
        return u32(BOOL) + bytes([value])
    if isinstance(value, int):
        return u32(U32) + u32(value)
    if isinstance(value, float):
        return u32(F32) + struct.pack("<f", value)
    if isinstance(value, list):
        texts = value and isinstance(value[0], str)
        items = b"".join(gguf_string(v) if texts else struct.pack("<i", v) for v in value)
        return u32(ARRAY) + u32(STRING if texts else I32) + u64(len(value)) + items
    return u32(STRING) + gguf_string(value)


def gguf(pairs, tensors=(), version=3, counts=None, alignment=32):
    """tensors: (name, dimensions, type, bytes)."""
    body, data = b"", b""
    for key, value in pairs.items():
        body += gguf_string(key) + gguf_value(value)
    for name, dims, kind, values in tensors:
        data += b"\0" * (-len(data) % alignment)
        body += gguf_string(name) + u32(len(dims)) + b"".join(u64(d) for d in dims) + u32(kind) + u64(len(data))
        data += values
    count, pair_count = counts or (len(tensors), len(pairs))
    head = b"GGUF" + u32(version) + u64(count) + u64(pair_count) + body
    return head + (b"\0" * (-len(head) % alignment) + data if tensors else b"")


def llama_pairs(architecture="llama", width=8):
    sizes = {"embedding_length": width, "block_count": 1, "context_length": 64, "feed_forward_length": 12,
             "attention.head_count": 2, "attention.head_count_kv": 1,
             "attention.layer_norm_rms_epsilon": 1e-5}
    return {"general.architecture": architecture} | {f"{architecture}.{key}": value for key, value in sizes.items()}


def zeros(name, dims):
    count = 1
    for dim in dims:
        count *= dim
    return name, dims, 0, b"\0\0\x80\x3f" * count


LLAMA_TENSORS = [
    zeros("token_embd.weight", [8, 6]), zeros("output_norm.weight", [8]), zeros("blk.0.attn_norm.weight", [8]),
    zeros("blk.0.attn_q.weight", [8, 8]), zeros("blk.0.attn_k.weight", [8, 4]), zeros("blk.0.attn_v.weight", [8, 4]),
    zeros("blk.0.attn_output.weight", [8, 8]), zeros("blk.0.ffn_norm.weight", [8]),
    zeros("blk.0.ffn_gate.weight", [8, 12]), zeros("blk.0.ffn_up.weight", [8, 12]),
    zeros("blk.0.ffn_down.weight", [12, 8]),
]


def byte_symbols():
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in own]
    return [chr(byte) if byte in own else chr(256 + others.index(byte)) for byte in range(256)]


def gguf_files():
    tokens = [*byte_symbols(), "he", "ll", "hell", "<|end|>"]
    words = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.tokens": tokens,
             "tokenizer.ggml.merges": ["h e", "l l", "he ll"], "tokenizer.ggml.token_type": [1] * 259 + [3],
             "tokenizer.ggml.eos_token_id": 259, "tokenizer.ggml.add_bos_token": False}
    yield "llama", gguf(llama_pairs(), LLAMA_TENSORS)
    yield "vocabulary", gguf({"general.architecture": "llama"} | words)
    yield "bad-vocabulary", gguf({"general.architecture": "llama"} | words | {
        "tokenizer.ggml.merges": ["h", "x y z", ""], "tokenizer.ggml.eos_token_id": (I64, u64(-(2**63))),
        "tokenizer.ggml.token_type": [2**31 - 1, -5]})
    types = {"u8": (U8, b"\xff"), "i8": (I8, b"\xff"), "u16": (U16, u16(9)), "i16": (I16, u16(9)), "i32": (I32, u32(9)),
             "u64": (U64, u64(-1)), "i64": (I64, u64(-1)), "f64": (F64, struct.pack("<d", 1e300)), "b": True,
             "a8": (ARRAY, u32(U8) + u64(3) + b"abc"), "ab": (ARRAY, u32(BOOL) + u64(2) + b"\1\0"),
             "af": (ARRAY, u32(F32) + u64(1) + b"\0\0\xc0\x7f")}
    yield "types", gguf(types)
    blocks = {2: 18, 3: 20, 6: 22, 7: 24, 8: 34}  # Q4_0, Q4_1, Q5_0, Q5_1, Q8_0: of 32 values
    wide = {10: 84, 11: 110, 12: 144, 13: 176, 14: 210}  # Q2_K … Q6_K: of 256
    quantised = [(f"t{kind}", [32], kind, b"\x3c" * size) for kind, size in blocks.items()]
    quantised += [(f"t{kind}", [256], kind, b"\x3c" * size) for kind, size in wide.items()]
    yield "quantised", gguf({"general.architecture": "llama"}, quantised)
    halves = [(name, dims, 1, b"\0\x3c" * (len(data) // 4)) for name, dims, _, data in LLAMA_TENSORS]
    yield "halves", gguf(llama_pairs("qwen2"), halves)
    factors = struct.pack("<2f", 1, 8)
    yield "rope", gguf(llama_pairs() | {"llama.rope.freq_base": 5e5}, [LLAMA_TENSORS[0], ("rope_freqs.weight", [2], 0, factors)])
    scaling = {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 2.0, "llama.rope.dimension_count": 4}
    yield "scaling", gguf(llama_pairs() | scaling, [LLAMA_TENSORS[0]])
    yield "no-heads", gguf(llama_pairs() | {"llama.attention.head_count": 0, "llama.embedding_length": 2**32 - 1}, [LLAMA_TENSORS[0]])
    yield "split", gguf(llama_pairs() | {"split.no": (U16, u16(0)), "split.count": (U16, u16(3))})
    yield "overlap", gguf({}, [("a", [8], 0, b"x" * 32)]).replace(b"a" + u32(1) + u64(8), b"a" + u32(1) + u64(2**61))
    yield "dimensions", gguf({}, [("a", [2**32, 2**32, 2**32, 2**32], 0, b"x" * 32), ("b", [0], 0, b""), ("c", [1] * 9, 0, b"")])
    yield "alignment", gguf({"general.alignment": 3}, [("a", [1], 0, b"x" * 4)])
    yield "counts", gguf({}, counts=(2**64 - 1, 2**64 - 1))
    yield "array-count", gguf({"a": (ARRAY, u32(U8) + u64(2**64 - 1))})
    yield "nested", gguf({"a": (ARRAY, u32(ARRAY) + u64(1) + u32(U8) + u64(1) + b"x")})
    yield "version", gguf({}, version=1)


# torch.save --------------------------------------------------------------------------------------------------------


def p_text(text):
    return b"X" + u32(len(text)) + text.encode()


def p_int(value):
    return b"\x8a\x08" + u64(value)


def p_ints(values):
    return b"(" + b"".join(p_int(v) for v in values) + b"t"


def p_global(module, name):
    return f"c{module}\n{name}\n".encode()


def p_storage(kind, key, count):
    return b"(" + p_text("storage") + p_global("torch", kind) + p_text(key) + p_text("cpu") + p_int(count) + b"tQ"


def p_tensor(storage, offset, shape, stride):
    arguments = storage + p_int(offset) + p_ints(shape) + p_ints(stride) + b"\x89" + p_global("collections", "OrderedDict") + b")R"
    return p_global("torch._utils", "_rebuild_tensor_v2") + b"(" + arguments + b"tR"


def p_dict(items):
    return b"}(" + b"".join(p_text(key) + value for key, value in items.items()) + b"u"


def pickled(value):
    return b"\x80\x02" + value + b"."


def zipped(parts, method=0):
    out, directory = b"", b""
    for name, data in parts.items():
        size = u32(len(data)) * 2
        head = u16(20) + u16(0) + u16(method) + b"\0" * 8 + size + u16(len(name)) + u16(0)
        directory += b"PK\1\2" + u16(20) + head + b"\0" * 10 + u32(len(out)) + name.encode()
        out += b"PK\3\4" + head + name.encode() + data
    end = u16(0) * 2 + u16(len(parts)) * 2 + u32(len(directory)) + u32(len(out)) + u16(0)
    return out + directory + b"PK\5\6" + end


def torch_zip(items, storages=None):
    parts = {"archive/data.pkl": pickled(p_dict(items) if isinstance(items, dict) else items)}
    parts |= {f"archive/data/{key}": data for key, data in (storages or {"0": b"x" * 16}).items()}
    return zipped(parts | {"archive/version": b"3\n"})


def torch_file():
    golden = TESTS / "checkpoint/golden/torch"
    yield "module-old", (golden / "module-old.bin").read_bytes()
    yield "module-zip", (golden / "module-zip.bin").read_bytes()
    yield "old-4", (golden / "old-4.bin").read_bytes()
    four = p_storage("FloatStorage", "0", 4)
    yield "one", torch_zip({"w": p_tensor(four, 0, [4], [1])})
    yield "transposed", torch_zip({"w": p_tensor(four, 0, [2, 2], [1, 2]), "v": p_tensor(four, 0, [2, 2], [1, 2])})
    yield "repeated", torch_zip({"w": p_tensor(four, 0, [1000000, 4], [0, 1])})
    yield "scalar-and-zero", torch_zip({"w": p_tensor(four, 3, [], []), "z": p_tensor(four, 9, [0, 3], [3, 1])})
    yield "past-the-end", torch_zip({"w": p_tensor(four, 1, [4], [1])})
    yield "negative", torch_zip({"w": p_tensor(four, -1, [-4], [-1])})
    yield "overflow", torch_zip({"w": p_tensor(four, 0, [2**62, 2**62], [2**62, 2**62])})
    yield "other-count", torch_zip({"w": p_tensor(p_storage("HalfStorage", "0", 2**62), 0, [1], [1])})
    yield "system", torch_zip(p_global("os", "system") + b"(" + p_text("echo") + b"tR")
    yield "memo", torch_zip(b"}q\0h\0h\1")
    yield "self", torch_zip(b"}q\0(" + p_text("a") + b"h\0u")
    yield "opcodes", torch_zip(b"".join(bytes([code]) for code in b"(lp0\n0]}N2K\1M\1\0J\1\0\0\0I1\nL1L\nF1.5\nG\0\0\0\0\0\0\0\0.") )
    yield "stack", torch_zip(b"(" * 300 + b"t" * 300)
    yield "compressed", zipped({"archive/data.pkl": b"x"}, method=8)
    yield "twice", zipped({"archive/data.pkl": pickled(b"}"), "archive/data/0": b""}).replace(b"data/0", b"data.pkl"[:6])


# tokenizers --------------------------------------------------------------------------------------------------------


def tokenizer_json():
    golden = json.loads((TESTS / "tokenizer/golden/pipelines.json").read_text())
    for pipeline in golden["pipelines"]:
        name = pipeline["name"]
        if name in ("smollm2", "llama3", "qwen2", "strip", "digit groups", "Removed True", "MergedWithNext False"):
            parts = {key: pipeline[key] for key in ("pre_tokenizer", "normalizer") if key in pipeline}
            yield name.replace(" ", "-").lower(), compact(parts)
    level = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True}
    added = [{"id": 260, "content": "<|endoftext|>", "special": True, "lstrip": True, "rstrip": True},
             {"id": 261, "content": "don", "single_word": True, "normalized": True}]
    around = {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}},
              {"Sequence": {"id": "A", "type_id": 0}}], "pair": [],
              "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [260], "tokens": ["<|endoftext|>"]}}}
    yield "added", compact({"added_tokens": added, "pre_tokenizer": level, "post_processor": around})
    normals = [{"type": kind} for kind in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase")]
    normals += [{"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "Prepend", "prepend": "x"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "__"}]
    yield "normalizers", compact({"normalizer": {"type": "Sequence", "normalizers": normals}, "pre_tokenizer": level})

    def split(pattern, behaviour="Isolated"):
        splits = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behaviour, "invert": False}
        level2 = level | {"use_regex": False}
        return compact({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [splits, level2]}})

    yield "backtracking", split("(a*)*b|(x+x+)+y|(\\s|\\s\\s)*$")
    yield "empty-match", split("|", "MergedWithPrevious")
    yield "lookaround", split("(?<=a)(?!b)\\p{L}{1,3}|(?i:[a-z&&[^aeiou]])\\K|\\h+\\z|\\Z")
    yield "recursion", split("(?R)?a|\\g<0>|(?(1)a|b)|\\1(a)")
    yield "deep-pattern", split("(" * 300 + ")" * 300)
    yield "big-repeat", split("(?:a{1000}){1000}|\\x{110000}|[\\x{10FFFF}-\\x{0}]")
    yield "no-bytes", compact({"model": {"type": "BPE", "vocab": {"a": 0, "b": 2**24}, "merges": ["a b"]}})
    ids = compact({"added_tokens": [{"id": 2**63, "content": "x", "special": True}, {"id": -1, "content": ""}]})
    yield "ids", ids


def merges():
    yield "small", b'{"he":256,"ll":257,"hell":258}\0#version: 0.2\nh e\nl l\nhe ll\n'
    yield "crlf", b'{"he":256}\0#version: 0.2\r\nh e\r\n\r\n'
    yield "no-version", b'{"he":256}\0h e'
    yield "config", b'{"<|endoftext|>":256}\0\0{"tokenizer_class":"GPT2Tokenizer","add_bos_token":true,"bos_token":"<|endoftext|>","add_prefix_space":true}'
    yield "added", b'{}\0\0{"added_tokens_decoder":{"256":{"content":"<|endoftext|>","special":true,"lstrip":true},"-1":{"content":"x"},"99999999999999999999":{"content":"y"}}}'
    yield "cycle", '{"aa":256,"aaaa":257}\0a a\naa aa\n'.encode()
    yield "unknown", b'{}\0h e\n'
    yield "three", b'{"he":256}\0h e l\n\nh  e\n \n'
    yield "ids", b'{"he":16777216,"a":0,"x":18446744073709551615}\0'
    yield "same-id", b'{"he":256,"hf":256}\0h e\n'
    yield "negative", b'{"he":-1,"hf":1.5}\0'
    yield "empty", b"\0\0"
    yield "other-class", b'{}\0\0{"tokenizer_class":"LlamaTokenizer","legacy":null}'


def chat_template():
    golden = TESTS / "tokenizer/golden/chat_templates"
    for name in ("qwen2", "llama3", "phi4", "gemma2", "llama2", "mistral-v0.3", "command-r", "kimi-k2", "qwen2.5",
                 "deepseek-r1-distill-qwen", "llama3.2"):
        yield name, (golden / f"{name}.jinja").read_bytes()
    yield "macros", b"{% macro f(a, b=2) %}{{ a }}{{ b }}{{ caller is defined }}{% endmacro %}{{ f(1) }}{{ f(b=3, a=[1, 'x']) }}"
    yield "recursion", b"{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}"
    yield "cycle", b"{% set a = namespace() %}{% set a.a = a %}{% set a.l = [a] %}{{ a.l == a.l }}{{ a }}"
    yield "edges", b"{{ (-9223372036854775807 - 1) // -1 }}{{ (-9223372036854775807 - 1) % -1 }}{{ 'abc'[::-9223372036854775807] }}{{ 10 ** 30 }}{{ 1e308 * 10 }}{{ 7 // 0 }}"
    yield "formats", b"{{ '%-9s|%05.1f|%x|%c|%%|%(a)s' % ('a', 1.25, 255, 'c') }}{{ strftime_now('%d %B %Y\0%c') }}{{ '%999999999d' % 1 }}"
    yield "filters", b"{{ [3,1,2] | sort | join(',') | upper | trim | length }}{{ messages | map(attribute='role') | unique | list | tojson(indent=2) }}{{ messages | selectattr('role', 'equalto', 'user') | list | first }}{{ 'a' | indent(10**15) }}"
    yield "nesting", b"{{ " + b"(" * 300 + b"1" + b")" * 300 + b" }}"


# kernels -----------------------------------------------------------------------------------------------------------


def kernels():
    shapes = {"logits": (3, 16, 40, 1, 1), "accumulate": (5, 33, 2), "attend": (4, 8, 70, 1), "reductions": (100, 3, 7),
              "select": (120, 40, 0), "group": (16, 4, 8, 1)}
    for kind, name in enumerate(shapes):
        yield name, bytes([kind]) + b"".join(u16(value) for value in shapes[name])
        yield f"{name}-numbers", bytes([kind]) + b"".join(u16(value) for value in shapes[name]) + bytes(range(256))
    # The kind; key-value heads, group, half; rotary; block; chunk; compression; window, sink, candidates, tokens.
    for number, (flags, counts) in enumerate([((0, 2, 0), (0, 4, 1, 70)), ((1, 3, 1), (1, 9, 2, 90)), ((1, 4, 1), (0, 0, 3, 99))]):
        rotary, block, whole = flags
        head = bytes([6]) + u16(1) + u16(1) + u16(3) + bytes([rotary, block]) + u16(1) + bytes([whole])
        yield f"attention-{number}", head + b"".join(u16(count) for count in counts) + bytes([number % 2, 1]) + u16(number) + bytes([1]) + u16(20)


CORPORA = {
    "chat_template": chat_template, "config_json": config_json, "crossover_json": crossover_json, "gguf": gguf_files,
    "kernels": kernels, "merges": merges, "safetensors_header": safetensors_header, "session": session,
    "shard_index": shard_index, "tokenizer_json": tokenizer_json, "torch_file": torch_file,
}

for target, make in CORPORA.items():
    folder = FUZZ / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if not old.name.startswith(KEPT):
            old.unlink()
    for input_name, content in make():
        (folder / input_name).write_bytes(content)
