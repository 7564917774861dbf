"""The attention core of prefill and decode: what it computes and what it reads.

In decode latent attention works in the compressed space: a score takes `key_value_rank
+ rope_dim` products and a value `key_value_rank`, so that a context token is read once
for all heads (DeepSeek-V2, arXiv:2405.04434, section 2.1.2).  What a sequence keeps is
in `workload.cache`.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import maximum
from supernode_opt.system.kernels import KERNEL_OVERLAP
from supernode_opt.system.layer_times import USUAL_SOFTMAX
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.pool import Pool
from supernode_opt.workload.cache import (
    INDEX_BYTES,
    entries_kept,
    entries_read,
    index_channels,
    state_channels,
)
from supernode_opt.workload.mixers import mixer_shares
from supernode_opt.workload.model import Model
from supernode_opt.workload.operators import key_value_channels
from supernode_opt.workload.products import query_width, value_width
from supernode_opt.workload.serving import Formats, Serving

# Shorter than this no prompt is, and so few tokens of it are computed at least [1].
SHORTEST = 1.0
# Numbers of the state of linear attention are kept in single precision [B].
STATE_BYTES = 4.0
# Tokens that chunked linear attention works on at once (arXiv:2412.06464).
LINEAR_CHUNK = 64.0


class Core(NamedTuple):
    """Attention core of one layer of a rank, averaged over the layers.

    It is that of one request in decode, or of one token in prefill; it grows with their
    number.

    Attributes:
      time: [s].
      flops: [flop].
      moved: read and written [B].
    """

    time: Array
    flops: Array
    moved: Array

    def times(self, count: ArrayLike) -> "Core":
        """Return that of so many."""
        return Core(self.time * count, self.flops * count, self.moved * count)


def context_of(serving: Serving) -> Array:
    """Tokens in the cache of a request in decode, on average over its life [1].

    The prompt, and half of an answer: where lengths differ, half of the one that a
    token of an answer finds itself in, `(1 + cv^2)` times the mean (the inspection
    paradox; Cox, Renewal Theory, 1962, section 5.1).
    """
    grown = 0.5 * serving.output_length * (1.0 + serving.output_variation**2)
    return jnp.asarray(serving.input_length + grown)


def entry_channels(model: Model, tensor: ArrayLike) -> Array:
    """Values that one rank caches of an entry of a layer [1].

    The compressed form of latent attention is on every tensor rank.
    """
    if model.attention == "mla":
        return jnp.asarray(model.key_value_rank + model.rope_dim + 0.0 * tensor)
    if model.attention == "factored":
        heads = jnp.maximum(model.kv_heads / tensor, 1.0)
        return jnp.asarray(heads * (model.head_dim + model.value_dim))
    return key_value_channels(model, tensor)


def cache_bytes(
    model: Model, tensor: ArrayLike, formats: Formats, context: ArrayLike
) -> Array:
    """Cache of a request of so many tokens on one rank, a mean over the layers [B]."""
    each = entry_channels(model, tensor) * formats.cache_bytes
    kept = entries_kept(model, context) * each
    index = index_channels(model, context) * INDEX_BYTES
    return kept + index + state_channels(model) * STATE_BYTES / tensor


def decode_core(
    scenario: Scenario,
    pool: Pool,
    formats: Formats,
    queries: ArrayLike,
    context: ArrayLike,
    clock: ArrayLike,
) -> Core:
    """One token, and drafts beside it, of one request against its cache.

    Args:
      scenario: model, chip and stack.
      pool: how the model is split.
      formats: precisions.
      queries: tokens that are computed at once [1].
      context: tokens cached [1].
      clock: of the chip [1].
    """
    model, chip, software = scenario.model, scenario.chip, scenario.software
    tensor, entries = pool.tensor, entries_read(model, context)
    index = index_channels(model, context)
    state = state_channels(model) / tensor
    moved = entries * entry_channels(model, tensor) * formats.cache_bytes
    moved = moved + index * INDEX_BYTES + 2.0 * state * STATE_BYTES
    if model.attention == "mla":
        wide = 2.0 * model.key_value_rank + model.rope_dim
    else:
        wide = query_width(model) + value_width(model)
    # A cache of one byte a value is multiplied at a higher rate.
    byte = jnp.clip(2.0 - jnp.asarray(formats.cache_bytes), 0.0, 1.0)
    efficiency = software.decode_attention_efficiency
    efficiency = efficiency * (1.0 + (software.fp8_attention - 1.0) * byte)
    flops = entries * wide * model.heads / tensor + index * model.index_heads
    # A state is multiplied by a key, changed, and multiplied by a query.
    flops = 2.0 * queries * (flops + 3.0 * state)
    streaming = chip.hbm_bandwidth * chip.hbm_efficiency * software.cache_efficiency
    computing = flops / (chip.peak_bf16 * efficiency * clock)
    return Core(maximum(moved / streaming, computing, KERNEL_OVERLAP), flops, moved)


def prefill_core(
    scenario: Scenario,
    pool: Pool,
    formats: Formats,
    length: ArrayLike,
    cached: ArrayLike,
    clock: ArrayLike,
    sharpness: ArrayLike,
) -> Core:
    """One token of a prompt against what stands before it, averaged over the prompt.

    Args:
      scenario: model, chip and stack.
      pool: how the model is split.
      formats: precisions.
      length: of a prompt [1].
      cached: of its tokens, those found in a cache [1].
      clock: of the chip [1].
      sharpness: of the maximum of computing and reading.
    """
    model, chip, software = scenario.model, scenario.chip, scenario.software
    length, tensor = jnp.maximum(length, SHORTEST), pool.tensor
    cached = jnp.asarray(cached)
    new = jnp.maximum(length - cached, SHORTEST)
    channels = model.heads * (query_width(model) + value_width(model)) / tensor
    looked, picked = _looked(model, length, cached, new)
    flops = 2.0 * looked * channels + 2.0 * picked * model.index_heads * model.index_dim
    # Products within a chunk, and those with the state as in decode.
    state = (
        model.linear_heads * model.linear_dim / tensor * mixer_shares(model)["linear"]
    )
    linear = 10.0 * LINEAR_CHUNK + 6.0 * model.linear_dim
    flops = flops + state * linear
    width = 0.5 * (query_width(model) + value_width(model))
    slow = (1.0 + chip.softmax_channels / width) / (1.0 + USUAL_SOFTMAX)
    slow = slow * (1.0 + software.attention_tokens / length)
    rate = chip.peak_bf16 * software.attention_efficiency * clock
    moved = 2.0 * (channels + _attended_channels(model, tensor))
    earlier = cache_bytes(model, tensor, formats, cached)
    moved = moved + earlier / new
    streaming = chip.hbm_bandwidth * chip.hbm_efficiency
    time = maximum(slow * flops / rate, moved / streaming, sharpness)
    return Core(time, flops, moved)


def _attended_channels(model: Model, tensor: ArrayLike) -> Any:
    """Channels of keys and values that the kernel of prefill reads of a token [1]."""
    if model.attention == "factored":
        return entry_channels(model, tensor)
    return key_value_channels(model, tensor)


def _looked(
    model: Model, length: Array, cached: Array, new: Array
) -> tuple[Array, Array]:
    """Entries that a token attends to, and those that an indexer ranks for it [1].

    Half of its own part of the prompt and all before it; of a window what lies in it.
    """
    whole = cached + 0.5 * new

    def within(reach: ArrayLike) -> Array:
        ramp = jnp.clip(reach - cached, 0.0, new)
        most = jnp.minimum(reach, length)
        return (ramp * (cached + 0.5 * ramp) + (new - ramp) * most) / new

    entries, chunk = model.picked_entries, jnp.asarray(model.chunk)
    chunked = jnp.minimum(0.5 * chunk, whole)
    near = jnp.where(chunk > 0.0, chunked, within(model.window / entries) * entries)
    share, linear = model.windowed_share, model.linear_share
    looked = near * share + whole * (1.0 - share - linear) * model.other_entries
    looked = looked + (1.0 - linear) * within(model.local)
    indexed = mixer_shares(model)["index"] * whole * entries
    return looked, indexed
