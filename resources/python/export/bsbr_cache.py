# Part of BSBR Studio (GPL-3.0-or-later); comes with every checkpoint that it exports.
"""Keys, values and condensed states of sequences. Tokens are counted without padding: each row from 0 on."""

from collections import namedtuple

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from .bsbr_attention import Settings
from .bsbr_states import MeanQuery, condense

# keys, values [rows, kv_heads, states, dim]; biases, log_sizes, log_spread [rows, kv_heads, states]
States = namedtuple("States", "keys values biases log_sizes log_spread")
ALL = slice(None)


class Buffer:
    """[rows, kv_heads, n, ...], which grows along n."""

    def __init__(self):
        self.data = None

    def write(self, batch, rows, start, x):
        """Puts x at start, start + 1, … of the rows (a slice) of a batch."""
        end = start + x.shape[2]
        if self.data is None and start == 0 and rows == ALL:
            self.data = x
            return
        room = 0 if self.data is None else self.data.shape[2]
        if end > room:
            grown = x.new_zeros(batch, x.shape[1], max(end, room + room // 4 + 64), *x.shape[3:])
            if room:
                grown[:, :, :room] = self.data
            self.data = grown
        self.data[rows, :, start:end] = x

    def map(self, change):
        if self.data is not None:
            self.data = change(self.data)


class BsbrLayer(CacheLayerMixin):
    """What one layer knows of the sequences of a batch."""

    is_compileable = False
    is_croppable = False
    is_sliding = False

    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        self.sums = None  # of queries, MeanQuery
        self.begin = 0  # the first token whose key is in `tokens`
        self.sink = (Buffer(), Buffer())  # keys and values of the sink, where others are given back
        self.tokens = (Buffer(), Buffer())
        self.states = tuple(Buffer() for _ in States._fields)
        self.chunks = (Buffer(), Buffer())  # mean keys and values

    def append(self, batch, rows, first, queries, keys, values, frequencies):
        """Adds tokens from `first` on to rows (a slice) of the batch: queries [rows, kv_heads, group, T, dim], scaled,
        keys, values [rows, kv_heads, T, dim]; padding at the end is 0 and gets overwritten."""
        settings, chunk = self.settings, self.settings.chunk
        for buffer, x in zip(self.tokens, (keys, values)):
            buffer.write(batch, rows, first - self.begin, x)
        if settings.states_only and first < settings.sink:
            for buffer, x in zip(self.sink, (keys, values)):
                buffer.write(batch, rows, first, x[:, :, : settings.sink - first])
        if self.sums is None:
            shape = (batch, keys.shape[1], keys.shape[3])
            self.sums = torch.zeros(shape, dtype=torch.float64, device=keys.device)
        mean_query = MeanQuery(frequencies, chunk, settings.block)
        sums, anchors = mean_query.advance(self.sums[rows], queries, first)
        self.sums = sums if rows == ALL else self.sums.slice_scatter(sums, 0, rows.start, rows.stop)
        if anchors is None:
            return
        start, end = first // chunk, (first + keys.shape[2]) // chunk
        keys, values = (
            buffer.data[rows, :, start * chunk - self.begin : end * chunk - self.begin].float() for buffer in self.tokens
        )
        states = condense(keys, values, anchors, settings.block, settings.per_block, frequencies)
        for buffer, x in zip(self.states, states):
            buffer.write(batch, rows, start * chunk // settings.compression, x)
        for buffer, x in zip(self.chunks, (keys, values)):
            buffer.write(batch, rows, start, x.unflatten(2, (-1, chunk)).mean(3))

    def forget(self, tokens):
        """Gives back the keys that no query after `tokens` tokens, of the shortest row, reads."""
        begin = self.settings.recent(tokens) if self.settings.states_only else 0
        if begin > self.begin:
            for buffer in self.tokens:
                buffer.map(lambda x: x[:, :, begin - self.begin :].clone())
            self.begin = begin

    def map(self, change):
        """Applies `change`, which takes and gives tensors [rows, ...], to everything."""
        for buffer in (*self.sink, *self.tokens, *self.states, *self.chunks):
            buffer.map(change)
        if self.sums is not None:
            self.sums = change(self.sums)

    # What transformers asks of a layer: BsbrCache answers for all of them, and attention calls append.
    def lazy_initialization(self, *args, **kwargs):
        pass

    def update(self, key_states, value_states, *args, **kwargs):
        return key_states, value_states

    def get_mask_sizes(self, query_length):
        return query_length, 0

    def get_seq_length(self, *args):
        return 0

    def get_max_length(self):
        return -1

    get_max_cache_shape = get_max_length


class View:
    """Some rows and key-value heads (slices) of a layer, as bsbr_attention reads them."""

    def __init__(self, layer, rows=ALL, heads=ALL):
        self.layer, self.rows, self.heads = layer, rows, heads

    def _of(self, buffer, start, end):
        return buffer.data[self.rows, self.heads, start:end]

    def of(self, row, head):
        rows = slice(row, row + 1) if self.rows == ALL else self.rows
        return View(self.layer, rows, slice(head, head + 1))

    def near(self, sink, recent, end):
        """Keys and values of the tokens [0, sink) and [recent, end)."""
        begin = self.layer.begin
        head = self.layer.sink if begin else self.layer.tokens
        return tuple(
            torch.cat((self._of(first, 0, sink), self._of(rest, recent - begin, end - begin)), 2).float()
            for first, rest in zip(head, self.layer.tokens)
        )

    def blocks(self, index):
        """Keys and values [rows, kv_heads, width · block, dim] of the blocks index [rows, kv_heads, width]."""
        block = self.layer.settings.block
        row = torch.arange(index.shape[0], device=index.device)[:, None, None]
        head = torch.arange(index.shape[1], device=index.device)[:, None]

        def gathered(buffer):
            whole = buffer.data.shape[2] // block
            return self._of(buffer, 0, whole * block).unflatten(2, (whole, block))[row, head, index].flatten(2, 3).float()

        return tuple(map(gathered, self.layer.tokens))

    def states(self, start, end):
        return States(*(self._of(buffer, start, end) for buffer in self.layer.states))

    def chunk_keys(self, start, end):
        return self._of(self.layer.chunks[0], start, end)

    def chunk_values(self, start, end):
        return self._of(self.layer.chunks[1], start, end)


class BsbrCache(Cache):
    """The past_key_values of a converted model."""

    def __init__(self, config):
        settings = Settings(config.bsbr)
        super().__init__(layers=[BsbrLayer(settings) for _ in range(config.num_hidden_layers)])
        self.columns = 0  # tokens of the longest row, padding included
        self.counts = None  # of each row, without padding

    def get_seq_length(self, layer_idx=0):
        return self.columns

    def get_mask_sizes(self, query_length, layer_idx=0):
        return self.columns + getattr(query_length, "shape", [query_length])[0], 0

    def advance(self, columns, counts):
        self.columns += columns
        self.counts = counts
        for layer in self.layers:
            layer.forget(min(counts))

    def _change_rows(self, index):
        if self.counts is not None:
            self.counts = [self.counts[i] for i in index.tolist()]
            for layer in self.layers:
                layer.map(lambda x: x.index_select(0, index.to(x.device)))

    def reorder_cache(self, beam_idx):
        self._change_rows(beam_idx)

    def batch_select_indices(self, indices):
        self._change_rows(indices)

    def batch_repeat_interleave(self, repeats):
        if self.counts is not None:
            self._change_rows(torch.arange(len(self.counts)).repeat_interleave(repeats))

    def crop(self, *args):
        raise NotImplementedError(
            "The cache of a BSBR model cannot be cut back, since its states tell of all tokens so far. Assisted "
            "decoding and contrastive search need that: use another way of generating."
        )

    def reset(self):
        self.layers = [BsbrLayer(layer.settings) for layer in self.layers]
        self.columns, self.counts = 0, None
