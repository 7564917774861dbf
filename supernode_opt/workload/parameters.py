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
    wide = model.head_dim + model.rope_dim
    through = model.query_rank * (hidden + heads * wide)
    query = jnp.where(
        jnp.asarray(model.query_rank) > 0.0, through, hidden * heads * wide
    )
    keys = hidden * (model.key_value_rank + model.rope_dim)
    keys = keys + model.key_value_rank * heads * (model.head_dim + model.value_dim)
    return jnp.asarray(query + keys + heads * model.value_dim * hidden)


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
    common = attention_parameters(model) + norm_parameters(model)
    return common + router_parameters(model) + used * expert_parameters(model)


def _count(model: Model, experts: float | Array) -> Array:
    dense = attention_parameters(model) + norm_parameters(model)
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
