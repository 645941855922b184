"""Conversion of a model by name, folder or in memory."""

import tempfile
from pathlib import Path

from transformers import AutoModelForCausalLM

from .program import run_program


def _convert(source, folder, chunk_size, compression_factor, options):
    arguments = ["--chunk-size", chunk_size, "--compression-factor", compression_factor]
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            arguments.append(flag)
        elif value is not None and value is not False:
            arguments += [flag, value]
    run_program("convert", source, folder, "--force", *arguments)
    return AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True).eval()


def convert_to_bsbr(model_name_or_path="gpt2", chunk_size=128, compression_factor=4, output_path=None, **options):
    """The converted model, which is called as transformers' models are.

    model_name_or_path: whatever `bsbr convert` takes. output_path: the folder that is to keep the converted
    checkpoint; without it none is kept. options: those of `bsbr convert`, such as quality=0.003, retrieve=512 or
    states_only=True. Raises BsbrError with the program's message.
    """
    if output_path is not None:
        return _convert(model_name_or_path, Path(output_path), chunk_size, compression_factor, options)
    with tempfile.TemporaryDirectory() as room:
        return _convert(model_name_or_path, Path(room) / "bsbr_model", chunk_size, compression_factor, options)


class TransformerToBSBRConverter:
    """Converts models that are in memory: GPT-2, Llama and Qwen2."""

    def __init__(self, chunk_size=128, compression_factor=4, **options):
        self.chunk_size = chunk_size
        self.compression_factor = compression_factor
        self.options = options

    def convert(self, model, tokenizer=None):
        """A converted copy of a transformers model. Conversion plans from a text, for which it needs the tokenizer; by
        default that of the checkpoint that the model came from. With retrieve=N or states_only=True it needs none."""
        with tempfile.TemporaryDirectory() as room:
            source = Path(room) / "original"
            model.save_pretrained(source)
            planned = "retrieve" not in self.options and not self.options.get("states_only")
            if tokenizer is None and planned:
                tokenizer = self._tokenizer_of(model)
            if tokenizer is not None:
                tokenizer.save_pretrained(source)
            converted = _convert(
                source, Path(room) / "bsbr_model", self.chunk_size, self.compression_factor, self.options
            )
        return converted.to(model.device)

    def convert_gpt2_model_to_bsbr(self, gpt2_model, tokenizer=None):
        return self.convert(gpt2_model, tokenizer)

    @staticmethod
    def _tokenizer_of(model):
        from transformers import AutoTokenizer

        name = model.config._name_or_path
        if not name:
            raise ValueError(
                "Conversion plans from a text and needs the model's tokenizer: give it as the second argument, or "
                "convert without a plan by retrieve=512."
            )
        return AutoTokenizer.from_pretrained(name)
