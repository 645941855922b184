"""Exports in transformers, and the package in resources/python, against the program bsbr."""

import json
import os
import tempfile
import unittest
from pathlib import Path

ROOM = tempfile.TemporaryDirectory()
os.environ.update(HF_HUB_OFFLINE="1", HF_HOME=ROOM.name, HF_MODULES_CACHE=ROOM.name + "/modules")
os.environ.update(TRANSFORMERS_VERBOSITY="error", TOKENIZERS_PARALLELISM="false")

import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

import engine  # noqa: E402
from bsbr import BsbrError, TransformerToBSBRConverter, convert_to_bsbr  # noqa: E402

DEMO = Path(os.environ["BSBR_DEMO"])
# How far a logit may be from the engine's, per 1 of the largest.
TOLERANCE = 1e-4


def load(folder, **options):
    return AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True, **options).float().eval()


class Case(unittest.TestCase):
    def setUp(self):
        room = tempfile.TemporaryDirectory()
        self.addCleanup(room.cleanup)
        self.room = Path(room.name)
        torch.set_grad_enabled(False)
        torch.set_num_threads(1)


class Logits(Case):
    """Of every golden checkpoint; a conversion each in turn for GPT-2's and Llama's, all for two of them."""

    def check(self, name, conversion):
        folder = engine.convert(name, conversion, self.room / f"{name} {conversion}".replace(" ", "_"))
        model = load(folder)
        self.assertTrue(type(model).__name__.startswith("Bsbr"))
        batches = engine.batches(name)
        expected = engine.all_logits(folder, batches, self.room)
        for kind, (ids, mask) in batches.items():
            with self.subTest(name=name, conversion=conversion, batch=kind):
                actual = model(input_ids=ids, attention_mask=mask).logits * mask[:, :, None]
                self.assertLess((actual - expected[kind]).abs().max().item(), TOLERANCE)
        return model, expected["padded left"]

    def test_goldens(self):
        whole = {"gpt2-plain", "qwen2"}
        for i, name in enumerate(engine.golden_names()):
            kinds = list(engine.CONVERSIONS)
            for conversion in kinds if name in whole else [kinds[i % len(kinds)]]:
                self.check(name, conversion)

    def test_token_by_token_after_a_padded_prompt(self):
        for conversion in engine.CONVERSIONS:
            model, expected = self.check("llama-gqa", conversion)
            ids, mask = engine.batches("llama-gqa")["padded left"]
            parts, cache, begin = [], None, 0
            for end in (21, *range(22, ids.shape[1] + 1)):
                out = model(ids[:, begin:end], attention_mask=mask[:, :end], past_key_values=cache, use_cache=True)
                cache, begin = out.past_key_values, end
                parts.append(out.logits)
            difference = torch.cat(parts, 1) * mask[:, :, None] - expected
            self.assertLess(difference.abs().max().item(), TOLERANCE)

    def test_original_class(self):
        folder = engine.convert("llama-gqa", "planned", self.room / "out")
        ids, mask = engine.batches("llama-gqa")["single"]
        expected = engine.logits(engine.GOLDEN / "llama-gqa", ids, mask, self.room)
        for model in (
            AutoModelForCausalLM.from_pretrained(folder),
            transformers.LlamaForCausalLM.from_pretrained(folder),
            load(folder, attn_implementation="eager"),
        ):
            difference = model.float().eval()(ids).logits - expected
            self.assertLess(difference.abs().max().item(), TOLERANCE)
        self.assertEqual(type(AutoModelForCausalLM.from_pretrained(folder)).__name__, "LlamaForCausalLM")

    def test_saved_again(self):
        folder = engine.convert("qwen2", "planned", self.room / "out")
        ids, _ = engine.batches("qwen2")["single"]
        model = load(folder)
        model.save_pretrained(self.room / "again")
        again = load(self.room / "again")
        self.assertEqual(type(again).__name__, "BsbrQwen2ForCausalLM")
        self.assertTrue(torch.equal(model(ids).logits, again(ids).logits))


class Generation(Case):
    def engine_tokens(self, folder, prompt, count):
        out = engine.run("generate", folder, "--prompt", prompt, "--tokens", count, "--json", "--dense-until", 0)
        return json.loads(out)["tokens"]

    def test_greedy(self):
        folder = self.room / "demo"
        engine.run("convert", DEMO, folder, "--retrieve", 64)
        model, tokenizer = load(folder), AutoTokenizer.from_pretrained(folder)
        tokenizer.pad_token, tokenizer.padding_side = tokenizer.eos_token, "left"
        text = (DEMO / "sample.txt").read_text()
        prompts = [text[:1800], text[300:1500], text[:40]]
        batch = tokenizer(prompts, return_tensors="pt", padding=True)
        made = model.generate(**batch, max_new_tokens=20, do_sample=False)[:, batch.input_ids.shape[1] :].tolist()
        for prompt, tokens in zip(prompts, made):
            self.assertEqual(tokens, self.engine_tokens(folder, prompt, 20))
        # Beams reorder the cache's rows.
        beams = dict(max_new_tokens=8, do_sample=False, num_beams=2)
        self.assertTrue(torch.equal(model.generate(**batch, **beams), model.generate(**batch, **beams, use_cache=False)))


class Package(Case):
    def test_by_path(self):
        model = convert_to_bsbr(str(engine.GOLDEN / "gpt2-plain"), 16, 4, output_path=self.room / "out", retrieve=16)
        ids, mask = engine.batches("gpt2-plain")["single"]
        expected = engine.logits(self.room / "out", ids, mask, self.room)
        self.assertLess((model(ids).logits - expected).abs().max().item(), TOLERANCE)
        self.assertEqual(model.config.bsbr["chunk_size"], 16)

    def test_in_memory(self):
        original = transformers.GPT2LMHeadModel.from_pretrained(engine.GOLDEN / "gpt2-plain").eval()
        converter = TransformerToBSBRConverter(chunk_size=16, compression_factor=4, retrieve=96)
        model = converter.convert_gpt2_model_to_bsbr(original)
        self.assertEqual(type(model).__name__, "BsbrGPT2LMHeadModel")
        ids, _ = engine.batches("gpt2-plain")["single"]
        # As much as there is gets retrieved, so the two are equal.
        self.assertLess((model(ids).logits - original(ids).logits).abs().max().item(), TOLERANCE)

    def test_in_memory_keeps_what_generates(self):
        case = engine.CASES / "generation-config-stop"
        original = AutoModelForCausalLM.from_pretrained(case).eval()
        original.generation_config.eos_token_id = [399, 88]
        tokenizer = AutoTokenizer.from_pretrained(case)
        converter = TransformerToBSBRConverter(chunk_size=16, compression_factor=4, retrieve=16, block_size=4)
        model = converter.convert(original, tokenizer)
        self.assertEqual(model.generation_config.eos_token_id, [399, 88])
        ids = tokenizer("It was the best of times, it was", return_tensors="pt").input_ids
        made = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=9)
        self.assertEqual(made[0, ids.shape[1] :].tolist(), [379, 280, 88])

    def test_errors(self):
        with self.assertRaisesRegex(BsbrError, "chunk_size is 0"):
            convert_to_bsbr(str(DEMO), chunk_size=0)
        with self.assertRaisesRegex(BsbrError, "no-such-folder"):
            convert_to_bsbr(str(self.room / "no-such-folder"))


if __name__ == "__main__":
    print("transformers", transformers.__version__, "torch", torch.__version__)
    unittest.main()
