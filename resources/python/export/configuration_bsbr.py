# Part of BSBR Studio (GPL-3.0-or-later); comes with every checkpoint that it exports.
"""Configurations of converted checkpoints: those of the original family, with the entry `bsbr`.

They keep the family's `model_type`, so a program that does not run this file opens the checkpoint as the original.
"""

from transformers import GPT2Config, LlamaConfig, Qwen2Config

VERSION = 2


def read_settings(bsbr):
    """Checks the `bsbr` entry of config.json and returns it; its "plan", if any, holds tables [layers][heads]."""
    if bsbr is None:
        raise ValueError('config.json has no "bsbr": this is no converted checkpoint')
    if bsbr.get("version") != VERSION:
        raise ValueError(
            f'config.json: "bsbr" has version {bsbr.get("version")}, these files read version {VERSION}. '
            "Convert the original checkpoint again."
        )
    return bsbr


def _rope_for_4x(kwargs):
    """rope_parameters of transformers 5 in the spelling that transformers 4 reads, where that is what runs."""
    rope = kwargs.get("rope_parameters")
    if rope and "rope_theta" not in kwargs and not hasattr(LlamaConfig, "rope_parameters"):
        rope = dict(rope)
        if rope.get("rope_theta") is not None:
            kwargs["rope_theta"] = rope.pop("rope_theta")
        if rope.get("rope_type", "default") != "default":
            kwargs["rope_scaling"] = rope
    return kwargs


class BsbrGPT2Config(GPT2Config):
    def __init__(self, bsbr=None, **kwargs):
        super().__init__(**kwargs)
        self.bsbr = bsbr


class BsbrLlamaConfig(LlamaConfig):
    def __init__(self, bsbr=None, **kwargs):
        super().__init__(**_rope_for_4x(kwargs))
        self.bsbr = bsbr


class BsbrQwen2Config(Qwen2Config):
    def __init__(self, bsbr=None, **kwargs):
        super().__init__(**_rope_for_4x(kwargs))
        self.bsbr = bsbr
