# Part of BSBR Studio (GPL-3.0-or-later); comes with every checkpoint that it exports.
"""Block-sparse attention with block retrieval.

One softmax over three zones: the sink, the window and the query's own chunk are read exactly; so are far blocks that
the query retrieves; condensed states stand for the rest. Memory grows as queries of a chunk × (tokens + states).
"""

import math

import torch

NEVER = -torch.inf
# So few are handled at once, all heads and rows together.
FEW_QUERIES = 256


class Settings:
    """The `bsbr` entry of config.json; all in tokens unless said."""

    def __init__(self, bsbr):
        self.chunk = bsbr["chunk_size"]
        self.block = bsbr["block_size"]
        self.compression = bsbr["compression_factor"]
        self.retrieve = bsbr["retrieve"]
        self.window = bsbr["window"]  # chunks
        self.candidates = bsbr["candidate_chunks"]  # chunks
        self.states_only = bsbr.get("states_only", False)
        self.plan = bsbr.get("plan")
        self.per_block = self.block // self.compression  # states
        self.sink = -(-bsbr["sink"] // self.block) * self.block  # in whole blocks

    def recent(self, position):
        """The first token that is near to a query at `position` and no sink."""
        return max(0, position // self.chunk - self.window) * self.chunk


class Plan:
    """What each head of a layer reads of its far past, [kv_heads, heads of each]."""

    def __init__(self, settings, layer, heads, kv_heads):
        def table(name, default):
            row = settings.plan[name][layer] if settings.plan else [default] * heads
            group = heads // kv_heads
            return [row[i : i + group] for i in range(0, heads, group)]

        self.retrieve = table("retrieve", settings.retrieve)
        self.threshold = table("threshold", 0.0)
        self.states = table("states", True)

    def of(self, kv_head):
        """The part of one key-value head."""
        part = object.__new__(Plan)
        part.retrieve = self.retrieve[kv_head : kv_head + 1]
        part.threshold = self.threshold[kv_head : kv_head + 1]
        part.states = self.states[kv_head : kv_head + 1]
        return part


def attend(queries, store, settings, plan, first):
    """queries [rows, kv_heads, group, T, dim] in float32, scaled, of tokens `first`, first + 1, … of every row.

    `store` holds the keys, values and states of all tokens up to them. Returns the same shape.
    """
    rows, kv_heads, group, tokens, _ = queries.shape
    out = []
    end = 0
    while end < tokens:
        begin, position = end, first + end
        end = min(begin + settings.chunk - position % settings.chunk, tokens)
        tile = queries[:, :, :, begin:end]
        if settings.recent(position) <= settings.sink or rows * kv_heads * group * (end - begin) <= FEW_QUERIES:
            out.append(_attend_tile(tile, store, settings, plan, position))
            continue
        # One head of keys at a time: what its queries retrieve is gathered, and heads differ in that.
        streams = [
            _attend_tile(tile[r : r + 1, k : k + 1], store.of(r, k), settings, plan.of(k), position)
            for r in range(rows)
            for k in range(kv_heads)
        ]
        out.append(torch.cat(streams, 1).unflatten(1, (rows, kv_heads)).squeeze(0))
    return torch.cat(out, 3)


def _attend_tile(queries, store, settings, plan, position):
    """queries [rows, kv_heads, group, t, dim] that lie in one chunk, the first at `position`."""
    t = queries.shape[3]
    recent = settings.recent(position)
    sink = min(settings.sink, recent)
    keys, values = store.near(sink, recent, position + t)
    near = _products(queries, keys)
    later = torch.ones(t, t, dtype=torch.bool, device=near.device).triu(1)
    near = near.masked_fill(torch.nn.functional.pad(later, (near.shape[-1] - t, 0)), NEVER)
    logits, read = [near], [values]
    if recent > sink:
        chosen, states, state_values = _choose(queries, near, store, settings, plan, sink, recent)
        if states is not None:
            logits.append(states)
            read.append(state_values)
        exact, exact_values = _retrieve(queries, chosen, store, settings, sink)
        if exact is not None:
            logits.append(exact)
            read.append(exact_values)
    weights = torch.cat(logits, -1).softmax(-1)
    parts = weights.split([x.shape[-1] for x in logits], -1)
    return sum(_weighted(part, x) for part, x in zip(parts, read))


def _products(queries, keys):
    """[rows, kv_heads, group, t, dim] · [rows, kv_heads, n, dim]: [rows, kv_heads, group, t, n]."""
    return (queries.flatten(2, 3) @ keys.transpose(2, 3)).unflatten(2, queries.shape[2:4])


def _weighted(weights, values):
    return (weights.flatten(2, 3) @ values).unflatten(2, weights.shape[2:4])


def _choose(queries, near, store, settings, plan, sink, recent):
    """What each query retrieves of the tokens [sink, recent), and what stands for the others.

    Returns chosen [rows, kv_heads, group, t, blocks], and the logits [..., states] and values of the states, those of
    blocks and then those of whole chunks, or None if no head reads any.
    """
    far = recent - sink
    blocks = far // settings.block
    device = near.device

    def heads(table):
        """[1, kv_heads, group, 1, 1] of a function of retrieve, threshold and states."""
        cells = zip(plan.retrieve, plan.threshold, plan.states)
        return torch.tensor([[table(*cell) for cell in zip(*row)] for row in cells], device=device)[None, ..., None, None]

    whole = [[h <= 0 and far <= r for r, h in zip(*row)] for row in zip(plan.retrieve, plan.threshold)]
    all_whole = heads(lambda retrieve, threshold, states: threshold <= 0 and far <= retrieve)
    if all(map(all, whole)):
        return all_whole.expand(*near.shape[:4], blocks), None, None
    by_states = heads(lambda retrieve, threshold, states: states)
    part = store.states(sink // settings.compression, recent // settings.compression)
    products = _products(queries, part.keys)
    log_sizes = part.log_sizes[:, :, None, None]
    states = products + torch.where(by_states, part.biases[:, :, None, None], log_sizes)
    doubt = products + torch.where(by_states, log_sizes + part.log_spread[:, :, None, None], log_sizes)
    values = part.values
    coarse, fine = _candidates(queries, store, settings, plan, heads, sink, recent)
    if coarse is not None:
        states, doubt = states.masked_fill(~fine, NEVER), doubt.masked_fill(~fine, NEVER)
        states = torch.cat((states, coarse), -1)
        values = torch.cat((values, store.chunk_values(sink // settings.chunk, recent // settings.chunk)), 2)

    most = heads(lambda retrieve, threshold, states: min(retrieve // settings.block, blocks))
    chosen = all_whole.expand(*near.shape[:4], blocks)
    if most.any():
        total = torch.logaddexp(near.logsumexp(-1), states.logsumexp(-1))
        scores = doubt.unflatten(-1, (blocks, settings.per_block)).logsumexp(-1) - total[..., None]
        strength = queries.square().sum(-1, keepdim=True).log()
        scores = scores + torch.where(by_states, strength, torch.zeros_like(strength))
        chosen = chosen | _best(scores, heads, most)
    stands = by_states & ~all_whole
    if not stands.any():
        return chosen, None, None
    retrieved = chosen.repeat_interleave(settings.per_block, -1)
    retrieved = torch.nn.functional.pad(retrieved, (0, states.shape[-1] - retrieved.shape[-1]))
    return chosen, states.masked_fill(retrieved | ~stands, NEVER), values


def _best(scores, heads, most):
    """Blocks whose scores [..., blocks] exceed their head's threshold, at most `most` of them: the best."""
    least = heads(lambda retrieve, threshold, states: math.log(threshold) if threshold > 0 else NEVER)
    chosen = (scores > least) & (most > 0)
    if (chosen.sum(-1, keepdim=True) <= most).all():
        return chosen
    order = scores.topk(int(most.max()), -1).indices
    in_reach = torch.arange(order.shape[-1], device=scores.device) < most
    return chosen & torch.zeros_like(chosen).scatter(-1, order, in_reach.expand_as(order))


def _candidates(queries, store, settings, plan, heads, sink, recent):
    """Where there are more far chunks than candidates: the logits [..., chunks] of those that are read as one state
    each, -inf for candidates, and which states of blocks belong to candidates. Else (None, None)."""
    first, end = sink // settings.chunk, recent // settings.chunk
    count = heads(lambda retrieve, threshold, states: max(settings.candidates, retrieve // settings.chunk + 2))
    if (count >= end - first).all():
        return None, None
    logits = _products(queries, store.chunk_keys(first, end)) + math.log(settings.chunk)
    order = logits
    if sink % settings.chunk:  # a chunk that the sink cuts has no state of its own
        order = torch.nn.functional.pad(logits[..., 1:], (1, 0), value=torch.inf)
    best = order.topk(min(int(count.max()), end - first), -1).indices
    in_reach = (torch.arange(best.shape[-1], device=best.device) < count).expand_as(best)
    chosen = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, best, in_reach)
    fine = chosen.repeat_interleave(settings.chunk // settings.compression, -1)
    return logits.masked_fill(chosen, NEVER), fine[..., (sink % settings.chunk) // settings.compression :]


def _retrieve(queries, chosen, store, settings, sink):
    """Logits [..., n] and values of the keys of those blocks that any query of a stream retrieved, -inf for the
    queries that did not. (None, None) if there are none."""
    rows, kv_heads = chosen.shape[:2]
    wanted = chosen.flatten(2, 3).any(2)
    counts = wanted.sum(-1)
    width = int(counts.max())
    if width == 0:
        return None, None
    index = wanted.to(torch.int8).argsort(dim=-1, descending=True, stable=True)[..., :width]  # [rows, kv_heads, width]
    keys, values = store.blocks(index + sink // settings.block)
    read = chosen.gather(-1, index[:, :, None, None].expand(*chosen.shape[:4], width))
    logits = _products(queries, keys)
    return logits.masked_fill(~read.repeat_interleave(settings.block, -1), NEVER), values
