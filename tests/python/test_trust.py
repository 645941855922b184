"""What a checkpoint says is what is done: exports of tests/cases, and of changed copies of them, opened in transformers.

Everything far is retrieved, so that a conversion gives the tokens of the original, which the plain classes are.
"""

import json
import os
import shutil
import tempfile
import unittest
from pathlib import Path

ROOM = tempfile.TemporaryDirectory()
os.environ.update(HF_HUB_OFFLINE="1", HF_HOME=ROOM.name, HF_MODULES_CACHE=ROOM.name + "/modules")
os.environ.update(TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false", HF_HUB_DISABLE_PROGRESS_BARS="1")

import torch  # noqa: E402
import transformers  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

import engine  # noqa: E402

REFUSED = {"gptq", "gguf-spm-export", "lora-adapter", "problems-one-line"}
ALL_EXACT = "--retrieve 192 --chunk-size 16 --block-size 4".split()
PROMPT = "  It's the best of times, 1,000 caf\u00e9s:"
TEXTS = [
    "Hello there, it was the best of times. It's we're I'LL 'tis \u2019m"
    "  leading   spaces \n\n  and\r\n\tlines \n ",
    "a <new> b<new>c [PAD] <mask> <|endoftext|> <|im_start|>x<|im_end|> </s> <s> \u2581"
    "1234567890 3.14159 x12y \u00b2\u00bd\u2167 \u0663\u0664; na\u00efve cafe\u0301 \u65e5\u672c\u8a9e \U0001f600\U0001f1eb\U0001f1f7 \u00a0\u2003x\u3000",
]
MESSAGE = "  What is the tide?  \n"


def opened_name(case):
    """What the program is given: the folder, or its GGUF file, of several the first."""
    files = sorted(case.glob("*.gguf"))
    return files[0] if files else case


def change_json(path, **changes):
    config = json.loads(path.read_text()) if path.exists() else {}
    for key, value in changes.items():
        config.pop(key, None) if value is None else config.update({key: value})
    path.write_text(json.dumps(config))


def change_tensors(folder, change):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    path.unlink()
    save_file(change(tensors), path, {"format": "pt"})


def put_beginning(folder):
    """A post-processor that puts <|endoftext|> first, as Llama 3's does."""
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    token = next(one for one in tokenizer["added_tokens"] if one["content"] == "<|endoftext|>")
    first = {"SpecialToken": {"id": token["content"], "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    tokenizer["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [first, text],
        "pair": [first, text],
        "special_tokens": {token["content"]: {"id": token["content"], "ids": [token["id"]], "tokens": [token["content"]]}},
    }
    path.write_text(json.dumps(tokenizer))


def of_config(**changes):
    return lambda folder: change_json(folder / "config.json", **changes)


def stop_in_config_alone(folder):
    (folder / "generation_config.json").unlink()
    of_config(eos_token_id=[399, 114])(folder)


# Changed copies: of which case, and how.
CHANGED = {
    "stop in config.json alone": ("generation-config-stop", stop_in_config_alone),
    "stop as a number": (
        "generation-config-stop",
        lambda folder: change_json(folder / "generation_config.json", eos_token_id=88),
    ),
    "stop missing in generation_config.json": (
        "generation-config-stop",
        lambda folder: [
            change_json(folder / "generation_config.json", eos_token_id=None),
            of_config(eos_token_id=88)(folder),
        ],
    ),
    "beginning token": ("generation-config-stop", put_beginning),
    "float64": ("tied-head-differs", lambda folder: change_tensors(folder, lambda all: {k: v.double() for k, v in all.items()})),
    "module. before names": (
        "value-head",
        lambda folder: change_tensors(folder, lambda all: {"module." + k: v for k, v in all.items()}),
    ),
    "head twice": (
        "value-head",
        lambda folder: change_tensors(
            folder, lambda all: all | {"lm_head.weight": next(v for k, v in all.items() if k.endswith("wte.weight")).clone()}
        ),
    ),
    "tokenizer.json alone": ("value-head", lambda folder: (folder / "tokenizer_config.json").unlink()),
}


def without_end(tokens, model):
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    return tokens[:-1] if tokens and tokens[-1] in ends else tokens


class Trust(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_grad_enabled(False)
        torch.set_num_threads(1)
        cls.room = Path(ROOM.name) / "room"
        cls.room.mkdir()

    def ids(self, checkpoint, text):
        path = self.room / "text"
        path.write_bytes(text.encode())
        return json.loads(engine.run("tokenize", checkpoint, "--text", path, "--json"))["ids"]

    def generated(self, checkpoint, prompt, *options):
        out = engine.run("generate", checkpoint, f"--prompt={prompt}", "--tokens", 12, "--json", *options)
        return json.loads(out)["tokens"]

    def check_generation(self, out, tokenizer, models):
        chat = tokenizer.chat_template is not None
        inputs = [(tokenizer(PROMPT, return_tensors="pt"), PROMPT, [])]
        if chat:
            message = [{"role": "user", "content": MESSAGE}]
            options = dict(add_generation_prompt=True, return_tensors="pt", return_dict=True)
            inputs.append((tokenizer.apply_chat_template(message, **options), MESSAGE, ["--chat"]))
        for batch, prompt, options in inputs:
            expected = self.generated(out, prompt, *options)
            for model in models:
                made = model.generate(**batch, do_sample=False, max_new_tokens=12)[0, batch["input_ids"].shape[1] :]
                self.assertEqual(without_end(made.tolist(), model), expected, (type(model).__name__, prompt))

    def check(self, checkpoint):
        out = Path(tempfile.mkdtemp(dir=self.room)) / "out"
        report = json.loads(engine.run("convert", checkpoint, out, *ALL_EXACT, "--json"))
        self.assertTrue(report["tokenizer"]["same_ids"])
        tokenizer = AutoTokenizer.from_pretrained(out)
        original = AutoTokenizer.from_pretrained(checkpoint) if checkpoint.is_dir() else tokenizer
        for text in TEXTS:
            ids = tokenizer(text).input_ids
            self.assertEqual(ids, original(text).input_ids, text)
            self.assertEqual(ids, self.ids(checkpoint, text), text)
        models = [AutoModelForCausalLM.from_pretrained(out, trust_remote_code=own) for own in (False, True)]
        self.assertTrue(type(models[1]).__name__.startswith("Bsbr"))
        self.check_generation(out, tokenizer, [model.float().eval() for model in models])

    def test_cases(self):
        for case in sorted(path.parent for path in engine.CASES.glob("*/expected.txt")):
            has_model = any(case.glob("*.safetensors")) or any(case.glob("*.gguf"))
            if case.name not in REFUSED and has_model:
                with self.subTest(case=case.name):
                    self.check(opened_name(case))

    def test_changed(self):
        for name, (case, change) in CHANGED.items():
            with self.subTest(name):
                folder = self.room / name.replace(" ", "_")
                shutil.copytree(engine.CASES / case, folder)
                change(folder)
                self.check(folder)

    def test_heads(self):
        """Whichever tensor is the head: the logits of the program, of the plain class and of the export's own."""
        for name in ("tied-head-differs", "value-head", "index-names-tied-head"):
            out = self.room / f"heads-{name}"
            engine.run("convert", engine.CASES / name, out, *ALL_EXACT)
            ids = torch.tensor([[5, 17, 200, 31, 77, 256, 9, 300, 41, 42, 120, 333]])
            expected = engine.logits(engine.CASES / name, ids, torch.ones_like(ids), self.room)
            for own in (False, True):
                with self.subTest(name, own=own):
                    model = AutoModelForCausalLM.from_pretrained(out, trust_remote_code=own).float().eval()
                    self.assertLess((model(ids).logits - expected).abs().max().item(), 1e-4)


if __name__ == "__main__":
    print("transformers", transformers.__version__, "torch", torch.__version__)
    unittest.main()
