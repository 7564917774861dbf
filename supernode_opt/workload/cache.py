"""What a sequence that is being served keeps in memory, and what one more token reads.

A layer with full attention keeps an entry per token of context: keys and values of its
key-value heads, or the one latent vector that stands for them (DeepSeek-V2,
arXiv:2405.04434).  A sliding window keeps no more entries than it is long; a sparse
layer keeps all of them, and the keys of its indexer, but reads those that this picks
(DeepSeek-V3.2, arXiv:2512.02556).  DeepSeek-V4 joins several tokens into one entry and
keeps the last ones besides.  Linear attention keeps a state of one size.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.workload.model import Model

# Bytes of one channel of an indexer's key: FP8, and a scale of four bytes per 128.
INDEX_BYTES = 1.0 + 4.0 / 128.0


def entry_channels(model: Model) -> Array:
    """Channels of one cached entry of one layer, of all its heads [1]."""
    if model.attention == "mla":
        return jnp.asarray(model.key_value_rank + model.rope_dim)
    if model.attention == "factored":
        return jnp.asarray(model.kv_heads * (model.head_dim + model.value_dim))
    return jnp.asarray(2.0 * model.kv_heads * model.head_dim)


def _limited(model: Model, context: ArrayLike) -> Array:
    """Entries that a limited layer looks at, of `context` tokens [1]."""
    reach = jnp.where(jnp.asarray(model.chunk) > 0.0, model.chunk, model.window)
    return jnp.minimum(context * model.picked_entries, reach)


def _others(model: Model, context: ArrayLike) -> Array:
    """Entries of the layers whose attention is not limited, of all layers [1]."""
    share = 1.0 - model.windowed_share - model.linear_share
    return share * context * model.other_entries


def _local(model: Model, context: ArrayLike) -> Array:
    """Last tokens that layers with a cache keep besides, of all layers [1]."""
    return (1.0 - model.linear_share) * jnp.minimum(context, model.local)


def entries_kept(model: Model, context: ArrayLike) -> Array:
    """Entries kept for a sequence of `context` tokens, a mean over all layers [1].

    Layers with linear attention have none.
    """
    picked = jnp.where(
        jnp.asarray(model.index_heads) > 0.0,
        context * model.picked_entries,
        _limited(model, context),
    )
    kept = model.windowed_share * picked + _others(model, context)
    return kept + _local(model, context)


def entries_read(model: Model, context: ArrayLike) -> Array:
    """Entries that one more token reads, a mean over all layers [1]."""
    seen = model.windowed_share * _limited(model, context) + _others(model, context)
    return seen + _local(model, context)


def index_channels(model: Model, context: ArrayLike) -> Array:
    """Channels of the indexer's keys, kept and read, a mean over all layers [1]."""
    indexed = jnp.where(jnp.asarray(model.index_heads) > 0.0, model.index_dim, 0.0)
    return model.windowed_share * indexed * context * model.picked_entries


def state_channels(model: Model) -> Array:
    """Numbers of the state of linear attention, a mean over all layers [1].

    A matrix per value head, and what its convolution looks back to.
    """
    dim = model.linear_dim
    mixed = (2.0 * model.linear_key_heads + model.linear_heads) * dim
    tail = jnp.maximum(model.linear_kernel - 1.0, 0.0)
    return model.linear_share * (model.linear_heads * dim * dim + mixed * tail)


def cache_bytes(
    model: Model,
    context: ArrayLike,
    channel_bytes: ArrayLike = 2.0,
    state_bytes: ArrayLike = 2.0,
) -> Array:
    """Bytes that a sequence of `context` tokens keeps in all layers of the model [B].

    Layers that predict ahead are left out: they are an option of whoever serves.

    Args:
      model: the transformer.
      context: tokens of the sequence so far [1].
      channel_bytes: of one cached channel: 2 in BF16, 1 in FP8 or INT8 [B].
      state_bytes: of one number of the state of linear attention [B].
    """
    cached = entries_kept(model, context) * entry_channels(model) * channel_bytes
    index = index_channels(model, context) * INDEX_BYTES
    return model.layers * (cached + index + state_channels(model) * state_bytes)


def token_bytes(model: Model, channel_bytes: ArrayLike = 2.0) -> Array:
    """Bytes that a token adds to the cache as long as no window is full [B].

    >>> from supernode_opt import catalog
    >>> float(token_bytes(catalog.load("model", "deepseek_v3_671b")))
    70272.0
    """
    entries = entries_kept(model, 1.0) - _local(model, 1.0)
    cached = entries * entry_channels(model) * channel_bytes
    return model.layers * (cached + index_channels(model, 1.0) * INDEX_BYTES)


def read_bytes(
    model: Model,
    context: ArrayLike,
    channel_bytes: ArrayLike = 2.0,
    state_bytes: ArrayLike = 2.0,
) -> Array:
    """Bytes that one more token reads of what its sequence keeps, in all layers [B].

    A state is read and written.
    """
    cached = entries_read(model, context) * entry_channels(model) * channel_bytes
    index = index_channels(model, context) * INDEX_BYTES
    state = 2.0 * state_channels(model) * state_bytes
    return model.layers * (cached + index + state)
