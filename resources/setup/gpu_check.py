"""Of gpu-check. gpu_check.py checkpoints DEMO FOLDER: checkpoints with random weights and the demo's tokenizer.
gpu_check.py flash LENGTH,...: times of torch's fused attention, one JSON object a line.
gpu_check.py profile CSV: what ncu wrote, summed up for each kernel.
"""

import csv
import json
import re
import shutil
import statistics
import sys
from pathlib import Path

# One layer with the attention of a model of 7 to 8 billion parameters, its heads alone and in groups; SmolLM2-135M.
LAYER = {"hidden_size": 4096, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 32,
         "num_key_value_heads": 32, "vocab_size": 4096, "max_position_embeddings": 131072, "rope_theta": 500000.0}
SHAPES = {
    "layer": LAYER,
    "layer-grouped": LAYER | {"num_key_value_heads": 8},
    "smollm2": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9,
                "num_key_value_heads": 3, "vocab_size": 49152, "max_position_embeddings": 8192,
                "rope_theta": 100000.0},
}


def shapes_of_tensors(config):
    width, inner = config["hidden_size"], config["intermediate_size"]
    grouped = width // config["num_attention_heads"] * config["num_key_value_heads"]
    yield "model.embed_tokens.weight", (config["vocab_size"], width)
    yield "model.norm.weight", (width,)
    for layer in range(config["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        for name, rows, columns in (("self_attn.q_proj", width, width), ("self_attn.k_proj", grouped, width),
                                    ("self_attn.v_proj", grouped, width), ("self_attn.o_proj", width, width),
                                    ("mlp.gate_proj", inner, width), ("mlp.up_proj", inner, width),
                                    ("mlp.down_proj", width, inner)):
            yield f"{prefix}{name}.weight", (rows, columns)
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"{prefix}{name}.weight", (width,)


def write_checkpoint(shape, demo, folder):
    import numpy

    config = shape | {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
                      "rms_norm_eps": 1e-5, "tie_word_embeddings": True, "torch_dtype": "float16",
                      "bos_token_id": 0, "eos_token_id": 0}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "GPT2Tokenizer"}')
    for name in ("vocab.json", "merges.txt"):
        shutil.copy(demo / name, folder / name)
    random = numpy.random.default_rng(1)
    header, parts, at = {}, [], 0
    for name, sizes in shapes_of_tensors(config):
        if len(sizes) == 1:
            values = numpy.ones(sizes, numpy.float32)
        else:
            values = random.standard_normal(sizes, numpy.float32) / numpy.float32(sizes[1]) ** 0.5
        parts.append(values.astype(numpy.float16).tobytes())
        header[name] = {"dtype": "F16", "shape": sizes, "data_offsets": [at, at + len(parts[-1])]}
        at += len(parts[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(folder / "model.safetensors", "wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        out.writelines(parts)


def median_ms(torch, work, device):
    def timed():
        if device == "cpu":
            from time import perf_counter
            start = perf_counter()
            work()
            return 1e3 * (perf_counter() - start)
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        return begin.elapsed_time(end)

    timed()
    return statistics.median(timed() for _ in range(5))


def time_flash(lengths):
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    device = "cuda" if torch.cuda.is_available() else "cpu"
    backends = ({"flash": SDPBackend.FLASH_ATTENTION, "cudnn": SDPBackend.CUDNN_ATTENTION} if device == "cuda" else
                {"flash": SDPBackend.FLASH_ATTENTION})
    for heads, kv_heads, dim in ((32, 32, 128), (32, 8, 128), (9, 3, 64)):
        for length in lengths:
            def random(count, rows=length):
                return torch.randn(1, count, rows, dim, device=device, dtype=torch.bfloat16)

            query, key, value, last = random(heads), random(kv_heads), random(kv_heads), random(heads, 1)
            line = {"heads": heads, "kv_heads": kv_heads, "dim": dim, "tokens": length}
            for name, backend in backends.items():
                for part, rows in (("prefill", query), ("decode", last)):
                    def attend(rows=rows, causal=part == "prefill"):
                        return torch.nn.functional.scaled_dot_product_attention(
                            rows, key, value, is_causal=causal, enable_gqa=heads != kv_heads)

                    try:
                        with torch.inference_mode(), sdpa_kernel(backend):
                            line[f"{name}_{part}_ms"] = round(median_ms(torch, attend, device), 4)
                    except RuntimeError as error:
                        line[f"{name}_{part}_ms"] = str(error).splitlines()[0][:80]
            print(json.dumps(line), flush=True)


def number(text):
    return float((text or "0").replace(",", ""))


def sum_up(path):
    """Of every kernel: calls, milliseconds, and its throughputs in percent, weighed by time."""
    with open(path, newline="") as text:
        lines = [line for line in text if not line.startswith("==")]
    units, *rows = csv.DictReader(lines)
    durations = "gpu__time_duration.sum"
    to_ms = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}[units[durations].replace("nsecond", "ns")]
    percents = [name for name in units if ".avg.pct" in name]
    kernels = {}
    for row in rows:
        name = re.sub(r"^.*(unnamed>|\(anonymous namespace\))::|[<(].*$", "", row["Kernel Name"])
        kernel = kernels.setdefault(name, {"calls": 0, "ms": 0.0} | dict.fromkeys(percents, 0.0))
        ms = number(row[durations]) * to_ms
        kernel["calls"] += 1
        kernel["ms"] += ms
        for percent in percents:
            kernel[percent] += ms * number(row[percent])
    for name, kernel in sorted(kernels.items(), key=lambda item: -item[1]["ms"]):
        shares = ", ".join(f"{percent.split('.')[0]} {kernel[percent] / kernel['ms']:.0f} %" for percent in percents)
        print(f"{kernel['ms']:10.3f} ms in {kernel['calls']:4} calls  {name}: {shares}")


if __name__ == "__main__":
    if sys.argv[1] == "checkpoints":
        for each, of in SHAPES.items():
            write_checkpoint(of, Path(sys.argv[2]), Path(sys.argv[3]) / each)
    elif sys.argv[1] == "profile":
        sum_up(sys.argv[2])
    else:
        time_flash([int(length) for length in sys.argv[2].split(",")])
