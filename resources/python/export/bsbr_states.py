# Part of BSBR Studio (GPL-3.0-or-later); comes with every checkpoint that it exports.
"""Condensed states: what stands for a block of keys and values that a query does not read exactly."""

import torch

# An anchored estimate lies at most this far above the plain one.
MOST_LIFT = 20.0
# Stands for the spread of a single key, 0, where its logarithm is needed.
LEAST_SPREAD = 1e-30
# Tokens: a key is expected to be read from distances up to this.
READ_DISTANCE = 4096


def turn(x, cosine, sine):
    """Pairs (i, i + dim / 2) of the last dimension times cosine + i·sine [..., dim / 2]."""
    first, second = x.chunk(2, -1)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), -1)


def mean_turns(frequencies):
    """Means of e^{iωD} over the distances D of the pairs of a text of READ_DISTANCE tokens: real, imaginary."""
    angle = frequencies.double() * READ_DISTANCE
    small = angle.abs() < 1e-3
    safe = torch.where(small, torch.ones_like(angle), angle)
    real = torch.where(small, 1 - angle**2 / 12, 2 * (1 - safe.cos()) / safe**2)
    imaginary = torch.where(small, angle / 3, 2 * (safe - safe.sin()) / safe**2)
    return real, imaginary


class MeanQuery:
    """The running mean query of each key-value head: what its keys expect of the queries to come.

    `sums` [rows, kv_heads, dim] in float64, of rotary queries as if all stood at position 0. `frequencies` [dim / 2]
    of rotary queries, or None.
    """

    def __init__(self, frequencies, chunk, block):
        self.frequencies, self.chunk, self.block = frequencies, chunk, block

    def advance(self, sums, queries, first):
        """Counts queries [rows, kv_heads, group, T, dim], scaled (padding is 0), of tokens from `first` on.

        Returns the new sums, and the anchors [rows, kv_heads, blocks, dim] of the chunks that end among these tokens.
        """
        rows, kv_heads, group, tokens, dim = queries.shape
        chunk = self.chunk
        added = queries.double().sum(2)
        if self.frequencies is not None:
            place = torch.arange(first, first + tokens, device=queries.device, dtype=torch.float64)
            angle = -place[:, None] * self.frequencies.double()
            added = turn(added, angle.cos(), angle.sin())
        before, after = first % chunk, -(first + tokens) % chunk
        by_chunk = torch.nn.functional.pad(added, (0, 0, before, after)).unflatten(2, (-1, chunk)).sum(3)
        running = sums.unsqueeze(2) + by_chunk.cumsum(2)
        start, end = first // chunk, (first + tokens) // chunk
        if end == start:
            return running[:, :, -1], None
        ends = torch.arange(start + 1, end + 1, device=queries.device, dtype=torch.float64) * chunk
        means = running[:, :, : end - start] / (ends * group)[:, None]
        anchors = means.repeat_interleave(chunk // self.block, 2)
        if self.frequencies is not None:
            anchors = turn(anchors, *mean_turns(self.frequencies))
            begins = torch.arange(start * chunk, end * chunk, self.block, device=queries.device)
            angle = (begins.double() + (self.block - 1) / 2)[:, None] * self.frequencies.double()
            anchors = turn(anchors, angle.cos(), angle.sin())
        return running[:, :, -1], anchors.float()


@torch.no_grad()
def group_keys(keys, groups, frequencies):
    """Groups the keys of blocks [blocks, b, dim] by complete linkage, until `groups` of them are left in each block.

    Returns [blocks, b]: the group of each key, numbered by their first keys. Rotary keys are compared as if they stood
    at one position. Distances are rounded to 12 bits, so that those that are equal but for rounding are equal; of
    equals the earliest pair is joined.
    """
    blocks, b, _ = keys.shape
    place = torch.arange(b, device=keys.device)
    if groups == 1:
        return torch.zeros_like(place).expand(blocks, b)
    if groups == b:
        return place.expand(blocks, b)
    if frequencies is not None:
        angle = place[:, None] * frequencies.float()
        keys = turn(keys, angle.cos(), -angle.sin())
    distance = torch.cdist(keys, keys, compute_mode="donot_use_mm_for_euclid_dist").square()
    largest = torch.maximum(distance.amax((1, 2)), keys.square().sum(2).amax(1) / 16)
    _, exponent = torch.frexp(torch.where(largest.isfinite() & (largest > 0), largest, torch.ones_like(largest)))
    step = torch.ldexp(torch.ones_like(largest), exponent - 12)[:, None, None]
    distance = (distance / step).round() * step

    never = torch.ones(b, b, dtype=torch.bool, device=keys.device).tril()  # a pair counts once
    gone = torch.zeros(blocks, b, dtype=torch.bool, device=keys.device)
    head = place.repeat(blocks, 1)  # the first key of each key's group
    for _ in range(b - groups):
        open_pairs = distance.masked_fill(never | gone[:, None] | gone[:, :, None], torch.inf)
        nearest = open_pairs.flatten(1).argmin(1, keepdim=True)
        first, second = nearest // b, nearest % b
        head = torch.where(head == second, first, head)
        gone = gone.scatter(1, second, True)
        rows = torch.cat((first, second), 1)[:, :, None].expand(-1, -1, b)
        farther = distance.gather(1, rows).amax(1)
        distance = distance.scatter(1, rows[:, :1], farther[:, None])
        distance = distance.scatter(2, first[:, :, None].expand(-1, b, 1), farther[:, :, None])
    number = (head == place).cumsum(1) - 1
    return number.gather(1, head)


def condense(keys, values, anchors, block, per_block, frequencies):
    """States of whole blocks: keys, values [..., blocks · block, dim] in float32, anchors [..., blocks, dim].

    Returns keys, values [..., states, dim] and biases, log_sizes, log_spread [..., states]. A state has log mass
    bias + q·key; the bias makes it, and its value, exact for the anchor as query. log_size is the bias of the plain
    estimate, spread the variance of a key's elements within the group.
    """
    lead, dim = keys.shape[:-2], keys.shape[-1]
    keys = keys.reshape(-1, block, dim)
    values = values.reshape(-1, block, dim)
    label = group_keys(keys, per_block, frequencies)
    member = label[:, None] == torch.arange(per_block, device=keys.device)[:, None]  # [blocks, states, block]
    size = member.sum(2).to(keys.dtype)
    share = member / size[:, :, None]
    mean = share @ keys
    logits = (keys @ anchors.reshape(-1, dim, 1)).transpose(1, 2)
    own = logits.masked_fill(~member, -torch.inf)
    log_size = size.log()
    bias = torch.minimum(own.logsumexp(2) - (share * logits).sum(2), log_size + MOST_LIFT)
    away = (keys - mean.gather(1, label[:, :, None].expand(-1, -1, dim))).square().mean(2)
    spread = (share @ away[:, :, None]).squeeze(2)

    def of_states(x):
        return x.reshape(*lead, -1, *x.shape[2:])

    return (
        of_states(mean),
        of_states(own.softmax(2) @ values),
        of_states(bias),
        of_states(log_size),
        of_states(spread.clamp_min(LEAST_SPREAD).log()),
    )
