"""Parameter counts of a model, derived from its shape.

Gated FFNs have three matrices (Shazeer 2020, arXiv:2002.05202); latent attention has
DeepSeek-V2's (arXiv:2405.04434).
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.workload.model import Model


def attention_parameters(model: Model) -> Array:
    """Projections of one attention block [1]."""
    hidden, heads = model.hidden, model.heads
    if model.attention == "gqa":
        channels = (2.0 * heads + 2.0 * model.kv_heads) * model.head_dim
        return jnp.asarray(hidden * channels)
    if model.attention == "factored":
        return _factored_parameters(model)
    wide = model.head_dim + model.rope_dim
    through = model.query_rank * (hidden + heads * wide)
    query = jnp.where(
        jnp.asarray(model.query_rank) > 0.0, through, hidden * heads * wide
    )
    keys = hidden * (model.key_value_rank + model.rope_dim)
    keys = keys + model.key_value_rank * heads * (model.head_dim + model.value_dim)
    return jnp.asarray(query + keys + heads * model.value_dim * hidden)


def _factored_parameters(model: Model) -> Array:
    """Attention of Step-3 (arXiv:2507.19427); of DeepSeek-V4, its key the value [1]."""
    hidden, query_width = model.hidden, model.heads * model.head_dim
    value = jnp.where(
        jnp.asarray(model.value_dim) > 0.0, model.value_dim, model.head_dim
    )
    output_width = model.heads * value
    query = jnp.where(
        jnp.asarray(model.query_rank) > 0.0,
        model.query_rank * (hidden + query_width),
        hidden * query_width,
    )
    keys = hidden * model.kv_heads * (model.head_dim + model.value_dim)
    output = jnp.where(
        jnp.asarray(model.output_rank) > 0.0,
        model.output_rank * (output_width + model.output_groups * hidden),
        output_width * hidden,
    )
    return jnp.asarray(query + keys + output)


def linear_parameters(model: Model) -> Array:
    """One block of linear attention (gated delta rule, arXiv:2412.06464) [1].

    Queries and keys, values and the gate of the output, two numbers per head that say
    how much is forgotten and written, a convolution over queries, keys and values, and
    the projection of the output.
    """
    values = model.linear_heads * model.linear_dim
    mixed = 2.0 * model.linear_key_heads * model.linear_dim + values
    inputs = model.hidden * (mixed + values + 2.0 * model.linear_heads)
    return jnp.asarray(inputs + mixed * model.linear_kernel + values * model.hidden)


def index_parameters(model: Model) -> Array:
    """The indexer of one sparse layer (DeepSeek-V3.2, arXiv:2512.02556) [1].

    Queries of all its heads, from the compressed ones where there are such, one key,
    and a weight per head.
    """
    source = jnp.where(
        jnp.asarray(model.query_rank) > 0.0, model.query_rank, model.hidden
    )
    queries = source * model.index_heads * model.index_dim
    return queries + model.hidden * (model.index_dim + model.index_heads)


def mixer_parameters(model: Model) -> Array:
    """What mixes tokens in one layer, on average over the layers [1].

    Attention with its gate and indexer, or linear attention in its place.
    """
    gate = model.attention_gate * model.hidden * model.heads * model.head_dim
    share = model.linear_share
    full = (1.0 - share) * (attention_parameters(model) + gate)
    picks = model.windowed_share * index_parameters(model)
    return full + picks + share * linear_parameters(model)


def dense_ffn_parameters(model: Model) -> Array:
    """One dense feed-forward block [1]."""
    return jnp.asarray((2.0 + model.gated) * model.hidden * model.ffn)


def expert_parameters(model: Model) -> Array:
    """One expert [1]."""
    return jnp.asarray((2.0 + model.gated) * model.hidden * model.expert_ffn)


def router_parameters(model: Model) -> Array:
    """The router of one mixture-of-experts layer [1]."""
    return jnp.asarray(model.hidden * model.experts)


def embedding_parameters(model: Model) -> Array:
    """The embedding table; the LM head has as many, unless it is tied to it [1]."""
    return jnp.asarray(model.vocabulary * model.hidden)


def norm_parameters(model: Model) -> Array:
    """Two norms of one layer, too few to matter for memory or time [1]."""
    latent = (
        model.query_rank + model.key_value_rank if model.attention == "mla" else 0.0
    )
    return jnp.asarray(2.0 * model.hidden + latent)


def adapter_parameters(model: Model, rank: ArrayLike) -> tuple[Array, Array, Array]:
    """Low-rank adapters of `rank` on every projection (LoRA, arXiv:2106.09685) [1].

    Of the attention and the dense FFN of one layer and of one expert; `rank` times
    inputs and outputs of each matrix, of which queries, keys and values are one unless
    they are compressed, and both halves of a gated FFN's first product.
    """
    hidden, heads = model.hidden, model.heads
    if model.attention == "gqa":
        channels = 2.0 * hidden + (2.0 * heads + 2.0 * model.kv_heads) * model.head_dim
    else:
        wide = model.head_dim + model.rope_dim
        latent = model.query_rank + model.key_value_rank
        channels = 3.0 * hidden + 2.0 * latent + model.rope_dim
        channels = channels + heads * (wide + model.head_dim + 2.0 * model.value_dim)
    halves = 1.0 + model.gated

    def ffn(width: ArrayLike) -> Array:
        return jnp.asarray(rank * (2.0 * hidden + (halves + 1.0) * width))

    return jnp.asarray(rank * channels), ffn(model.ffn), ffn(model.expert_ffn)


def _expert_layer(model: Model, experts: float | Array) -> Array:
    used = experts + model.shared_experts
    common = mixer_parameters(model) + norm_parameters(model)
    return common + router_parameters(model) + used * expert_parameters(model)


def _count(model: Model, experts: float | Array) -> Array:
    dense = mixer_parameters(model) + norm_parameters(model)
    dense = dense + dense_ffn_parameters(model)
    expert_layers = model.layers - model.dense_layers
    tables = (2.0 - model.tied) * embedding_parameters(model)
    layers = model.dense_layers * dense + expert_layers * _expert_layer(model, experts)
    return layers + tables + model.hidden


def parameters(model: Model) -> Array:
    """All parameters with embedding and head, without multi-token prediction [1]."""
    return _count(model, model.experts)


def active_parameters(model: Model) -> Array:
    """Parameters that take part in one token, embedding and head included [1]."""
    return _count(model, model.top_k)


def mtp_parameters(model: Model) -> Array:
    """Multi-token prediction layers; they share embedding and head [1]."""
    projection = 2.0 * model.hidden * model.hidden
    return model.mtp_layers * (_expert_layer(model, model.experts) + projection)
