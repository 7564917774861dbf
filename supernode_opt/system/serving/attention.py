"""The attention core of prefill and decode, and the bytes of the key-value cache.

In decode latent attention works in the compressed space: a score takes `key_value_rank
+ rope_dim` products and a value `key_value_rank`, so that a context token is read once
for all heads (DeepSeek-V2, arXiv:2405.04434, section 2.1.2).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import maximum
from supernode_opt.system.layer_times import USUAL_SOFTMAX
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.pool import Pool
from supernode_opt.workload.model import Model
from supernode_opt.workload.operators import key_value_channels
from supernode_opt.workload.products import query_width, value_width
from supernode_opt.workload.serving import Formats

# Shorter than this no prompt is [1].
_SHORTEST = 1.0


class Core(NamedTuple):
    """Attention core of one layer of a rank, averaged over the layers.

    Attributes:
      time: [s].
      flops: [flop].
      moved: read and written [B].
    """

    time: Array
    flops: Array
    moved: Array


def cache_channels(model: Model, tensor: ArrayLike) -> Array:
    """Values that one rank caches of a token in a layer [1].

    The compressed form of latent attention is on every tensor rank.
    """
    if model.attention == "mla":
        return jnp.asarray(model.key_value_rank + model.rope_dim + 0.0 * tensor)
    return key_value_channels(model, tensor)


def seen(model: Model, context: ArrayLike) -> Array:
    """Tokens that one token's attention reads, averaged over the layers [1]."""
    context = jnp.asarray(context)
    window = jnp.maximum(model.window, model.chunk)
    near = jnp.minimum(context, window)
    return context * (1.0 - model.windowed_share) + near * model.windowed_share


def decode_core(
    scenario: Scenario,
    pool: Pool,
    formats: Formats,
    requests: ArrayLike,
    queries: ArrayLike,
    context: ArrayLike,
    clock: ArrayLike,
) -> Core:
    """One token, and drafts beside it, of every request against its cache.

    Args:
      scenario: model, chip and stack.
      pool: how the model is split.
      formats: precisions.
      requests: of a group of tensor ranks [1].
      queries: tokens of each that are computed at once [1].
      context: tokens cached of each [1].
      clock: of the chip [1].
    """
    model, chip, software = scenario.model, scenario.chip, scenario.software
    read = requests * seen(model, context)
    moved = read * cache_channels(model, pool.tensor) * formats.cache_bytes
    if model.attention == "mla":
        wide = 2.0 * model.key_value_rank + model.rope_dim
    else:
        wide = query_width(model) + value_width(model)
    # A cache of one byte a value is multiplied at a higher rate.
    byte = jnp.clip(2.0 - jnp.asarray(formats.cache_bytes), 0.0, 1.0)
    efficiency = software.decode_attention_efficiency
    efficiency = efficiency * (1.0 + (software.fp8_attention - 1.0) * byte)
    flops = 2.0 * read * queries * wide * model.heads / pool.tensor
    streaming = chip.hbm_bandwidth * chip.hbm_efficiency * software.cache_efficiency
    computing = flops / (chip.peak_bf16 * efficiency * clock)
    return Core(maximum(moved / streaming, computing, 4.0), flops, moved)


def prefill_core(
    scenario: Scenario,
    pool: Pool,
    formats: Formats,
    tokens: ArrayLike,
    length: ArrayLike,
    cached: ArrayLike,
    clock: ArrayLike,
) -> Core:
    """Tokens of prompts against what stands before them.

    Args:
      scenario: model, chip and stack.
      pool: how the model is split.
      formats: precisions.
      tokens: computed by a group of tensor ranks [1].
      length: of a prompt [1].
      cached: of its tokens, those found in a cache [1].
      clock: of the chip [1].
    """
    model, chip, software = scenario.model, scenario.chip, scenario.software
    length = jnp.maximum(length, _SHORTEST)
    cached = jnp.asarray(cached)
    new = jnp.maximum(length - cached, 1e-3)
    channels = model.heads * (query_width(model) + value_width(model)) / pool.tensor
    window = jnp.maximum(model.window, model.chunk)
    # Half of its own part and all before it; of a window what lies in it.
    whole = cached + 0.5 * new
    reach = jnp.minimum(window, length)
    ramp = jnp.clip(window - cached, 0.0, new)
    near = (ramp * (cached + 0.5 * ramp) + (new - ramp) * reach) / new
    chunk = jnp.asarray(model.chunk)
    near = jnp.where(chunk > 0.0, jnp.minimum(0.5 * chunk, whole), near)
    looked = whole * (1.0 - model.windowed_share) + near * model.windowed_share
    flops = 2.0 * tokens * looked * channels
    width = 0.5 * (query_width(model) + value_width(model))
    slow = (1.0 + chip.softmax_channels / width) / (1.0 + USUAL_SOFTMAX)
    slow = slow * (1.0 + software.attention_tokens / length)
    rate = chip.peak_bf16 * software.attention_efficiency * clock
    keys = key_value_channels(model, pool.tensor)
    moved = 2.0 * tokens * (channels + keys)
    earlier = cached / new * cache_channels(model, pool.tensor) * formats.cache_bytes
    moved = moved + tokens * earlier
    streaming = chip.hbm_bandwidth * chip.hbm_efficiency
    time = jnp.maximum(slow * flops / rate, moved / streaming)
    return Core(time, flops, moved)


def cache_bytes_per_token(model: Model, formats: Formats) -> Array:
    """Bytes cached of a token in all layers, one copy, windows as long as it [B].

    DeepSeek-V3 in BF16: (512 + 64) values of two bytes in 61 layers.
    """
    return model.layers * cache_channels(model, 1.0) * formats.cache_bytes
