# Part of BSBR Studio (GPL-3.0-or-later); comes with every checkpoint that it exports.
"""Converted GPT-2, Llama and Qwen2 for transformers: the original model, its attention evaluated by BSBR.

    AutoModelForCausalLM.from_pretrained(FOLDER, trust_remote_code=True)

With attn_implementation="sdpa" or "eager" the same classes attend densely, as the original does.
"""

import inspect
from contextvars import ContextVar

import torch
from transformers import AttentionInterface, GPT2LMHeadModel, LlamaForCausalLM, Qwen2ForCausalLM

# Every file is named here, so that transformers brings them all along.
from .bsbr_attention import Plan, Settings, attend
from .bsbr_cache import ALL, BsbrCache, BsbrLayer, View
from .bsbr_states import condense  # noqa: F401
from .configuration_bsbr import BsbrGPT2Config, BsbrLlamaConfig, BsbrQwen2Config, read_settings

NAME = "bsbr"
# What transformers calls past_key_values: "cache" from version 5.24 on.
CACHE = "cache" if "cache" in inspect.signature(LlamaForCausalLM.forward).parameters else "past_key_values"
# The running call's step, for attention layers that pass no keyword arguments on (GPT-2 in transformers 4). One for
# all copies of this file that are loaded, as the attention's name is.
_running = getattr(AttentionInterface._global_mapping.get(NAME), "running", None) or ContextVar("step", default=None)


class Step:
    """The tokens of one call of a model: which columns of the batch they are, and where they stand in their rows."""

    def __init__(self, shape, mask, cache, model):
        rows, columns = shape
        self.model, self.cache, self.columns = model, cache, columns
        past = cache.counts if cache is not None and cache.counts is not None else [0] * rows
        if len(past) != rows:
            raise ValueError(f"past_key_values are of {len(past)} rows and the input has {rows}")
        real = None
        if mask is not None:
            if mask.ndim != 2 or mask.shape[0] != rows or mask.shape[1] < columns:
                raise ValueError(
                    f"attention_mask has the shape {list(mask.shape)}; [rows, columns] of past and new tokens is "
                    "expected, 0 for padding"
                )
            real = mask[:, -columns:].bool()
            if real.all():
                real = None
        added = [columns] * rows if real is None else real.sum(1).tolist()
        self.counts = [a + b for a, b in zip(past, added)]
        # Of each row: the columns with tokens, then those with padding.
        self.order = None if real is None else (~real).to(torch.int8).argsort(dim=1, stable=True)
        # (rows, first token, new tokens): all rows together where they are equally long, else one by one.
        if len(set(past)) == 1:
            self.groups = [(ALL, past[0], added)]
        else:
            self.groups = [(slice(i, i + 1), past[i], added[i : i + 1]) for i in range(rows)]

    def positions(self, mask, device):
        """position_ids [rows, columns]: padding is not counted."""
        if mask is not None:
            return (mask.long().cumsum(1) - 1).clamp_min(0)[:, -self.columns :]
        place = torch.arange(self.columns, device=device)
        return torch.tensor(self.counts, device=device)[:, None] - self.columns + place

    def attend(self, layer, queries, keys, values):
        """queries [rows, heads, columns, dim], scaled; keys, values [rows, kv_heads, columns, dim]."""
        model = self.model
        rows, heads, columns, dim = queries.shape
        kv_heads = keys.shape[1]
        store = self.cache.layers[layer] if self.cache is not None else BsbrLayer(model.bsbr)
        plan = Plan(model.bsbr, layer, heads, kv_heads)
        out = []
        for group, first, added in self.groups:
            tokens = max(added)
            new = [x[group] for x in (queries, keys, values)]
            if self.order is not None:
                index = self.order[group, None, :tokens, None]
                count = torch.tensor(added, device=keys.device)[:, None, None, None]
                real = torch.arange(tokens, device=keys.device)[:, None] < count
                new = [x.gather(2, index.expand(-1, x.shape[1], -1, dim)) * real for x in new]
            q = new[0].float().unflatten(1, (kv_heads, heads // kv_heads))
            if tokens:
                store.append(rows, group, first, q, *new[1:], model.rope_frequencies())
                of_group = attend(q, View(store, group), model.bsbr, plan, first).flatten(1, 2)
            else:
                of_group = new[0].float()
            if self.order is not None:
                of_group = torch.zeros_like(queries[group], dtype=torch.float32).scatter(
                    2, index.expand(-1, heads, -1, dim), of_group * real
                )
            out.append(of_group)
        return torch.cat(out)


def bsbr_attention(module, query, key, value, attention_mask=None, scaling=None, bsbr_step=None, **kwargs):
    """The attention of a layer, as transformers calls it. Returns [rows, columns, heads, dim]."""
    bsbr_step = bsbr_step or _running.get()
    if bsbr_step is None:
        raise ValueError('attn_implementation="bsbr" is for the Bsbr classes of modeling_bsbr.py alone')
    if scaling is None:  # GPT-2 in transformers 4
        scaling = query.shape[-1] ** -0.5 if module.scale_attn_weights else 1.0
        if module.scale_attn_by_inverse_layer_idx:
            scaling /= module.layer_idx + 1
    out = bsbr_step.attend(module.layer_idx, query * scaling, key, value)
    return out.transpose(1, 2).to(query.dtype), None


bsbr_attention.running = _running
AttentionInterface.register(NAME, bsbr_attention)


class BsbrModel:
    """What the converted families share, before the original class in the order of inheritance."""

    def __init__(self, config, *args, **kwargs):
        settings = Settings(read_settings(config.bsbr))
        super().__init__(config, *args, **kwargs)
        self.bsbr = settings

    def get_correct_attn_implementation(self, requested_attention, *args, **kwargs):
        return super().get_correct_attn_implementation(requested_attention or NAME, *args, **kwargs)

    def rope_frequencies(self):
        """[dim / 2] in float32: by how many radians a position turns a pair of elements. None without rotary positions."""
        rotary = getattr(self.base_model, "rotary_emb", None)
        return None if rotary is None else rotary.inv_freq.float()

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        labels=None,
        use_cache=None,
        logits_to_keep=0,
        cache=None,
        **kwargs,
    ):
        cache = past_key_values if cache is None else cache
        inputs = dict(
            input_ids=input_ids,
            attention_mask=attention_mask,
            position_ids=position_ids,
            inputs_embeds=inputs_embeds,
            labels=labels,
            logits_to_keep=logits_to_keep,
            **kwargs,
        )
        if self.config._attn_implementation != NAME:
            return super().forward(**inputs, use_cache=use_cache, **{CACHE: cache})
        tokens = inputs_embeds if input_ids is None else input_ids
        if use_cache is None:
            use_cache = self.config.use_cache and not self.training
        if cache is None and use_cache or cache is not None and not isinstance(cache, BsbrCache):
            if cache is not None and cache.get_seq_length() > 0:
                raise ValueError("past_key_values were made by another model; a BSBR model takes only its own")
            cache = BsbrCache(self.config)
        step = Step(tokens.shape[:2], attention_mask, cache, self)
        if position_ids is None:
            inputs["position_ids"] = step.positions(attention_mask, tokens.device)
        token = _running.set(step)
        try:
            outputs = super().forward(**inputs, use_cache=use_cache, bsbr_step=step, **{CACHE: cache})
        finally:
            _running.reset(token)
        if cache is not None:
            cache.advance(step.columns, step.counts)
        return outputs

    def _prepare_cache_for_generation(self, generation_config, model_kwargs, *args, **kwargs):
        if self.config._attn_implementation != NAME:
            return super()._prepare_cache_for_generation(generation_config, model_kwargs, *args, **kwargs)
        if generation_config.cache_implementation is not None:
            raise ValueError("cache_implementation: a BSBR model has a cache of its own; leave it out")
        if generation_config.use_cache and model_kwargs.get(CACHE) is None:
            model_kwargs[CACHE] = BsbrCache(self.config)
        return None


class BsbrGPT2LMHeadModel(BsbrModel, GPT2LMHeadModel):
    config_class = BsbrGPT2Config


class BsbrLlamaForCausalLM(BsbrModel, LlamaForCausalLM):
    config_class = BsbrLlamaConfig


class BsbrQwen2ForCausalLM(BsbrModel, Qwen2ForCausalLM):
    config_class = BsbrQwen2Config
