"""The products of what mixes tokens in a layer, of every kind that is served.

Beside grouped-query and latent attention, which are trained as well, there are factored
attention (Step-3, arXiv:2507.19427; DeepSeek-V4), linear attention (gated delta rule,
arXiv:2412.06464) and the indexer of sparse layers (DeepSeek-V3.2, arXiv:2512.02556).
"""

from typing import Any

import jax.numpy as jnp

from supernode_opt.workload.model import Model
from supernode_opt.workload.operators import key_value_channels
from supernode_opt.workload.products import Product, products

_COLUMNS, _INNER = (True, False), (False, True)


def mixers(model: Model, tensor: Any) -> dict[str, list[Product]]:
    """Return the products of attention, of an indexer and of linear attention.

    Each is of a layer that has it; `tensor` ranks share the heads.
    """
    return {
        "attention": _attention(model, tensor),
        "index": [_index(model)],
        "linear": _linear(model),
    }


def mixer_shares(model: Model) -> dict[str, Any]:
    """Return the shares of the layers that have attention, an indexer, or neither."""
    indexed = jnp.where(jnp.asarray(model.index_heads) > 0.0, model.windowed_share, 0.0)
    return {
        "attention": 1.0 - model.linear_share,
        "index": indexed,
        "linear": model.linear_share,
    }


def _attention(model: Model, tensor: Any) -> list[Product]:
    if model.attention == "factored":
        return _factored(model, tensor)
    members = products(model, 1.0)["attention"]
    if model.attention == "mla":
        return members
    gate = model.attention_gate * model.heads * model.head_dim
    # Heads of keys and values are copied where tensor ranks are more; `tensor` undoes
    # the division by it.
    wide = members[0].columns + gate + key_value_channels(model, tensor) * tensor
    return [members[0]._replace(columns=wide), *members[1:]]


def _factored(model: Model, tensor: Any) -> list[Product]:
    hidden, query = model.hidden, model.heads * model.head_dim
    value = jnp.where(
        jnp.asarray(model.value_dim) > 0.0, model.value_dim, model.head_dim
    )
    output = model.heads * value
    compressed = jnp.asarray(model.query_rank) > 0.0
    grouped = jnp.asarray(model.output_rank) > 0.0
    keys = jnp.maximum(model.kv_heads, tensor) * (model.head_dim + model.value_dim)
    inner = jnp.where(compressed, model.query_rank, hidden)
    middle = model.output_groups * model.output_rank
    return [
        Product("query down", "all", model.query_rank, hidden),
        Product("query up", "all", query, inner, _COLUMNS),
        Product("key value", "all", keys, hidden, _COLUMNS),
        # Every group of heads has its own part of the inner channels.
        Product("output down", "all", model.output_rank, output, _INNER),
        Product(
            "attention out", "all", hidden, jnp.where(grouped, middle, output), _INNER
        ),
    ]


def _index(model: Model) -> Product:
    """Queries of all heads of the indexer, and with them its key and weights."""
    source = jnp.where(
        jnp.asarray(model.query_rank) > 0.0, model.query_rank, model.hidden
    )
    own = model.hidden * (model.index_dim + model.index_heads) / source
    return Product("index", "all", model.index_heads * model.index_dim + own, source)


def _linear(model: Model) -> list[Product]:
    """Queries, keys, values, gates and the convolution over them; then the output."""
    values = model.linear_heads * model.linear_dim
    mixed = 2.0 * model.linear_key_heads * model.linear_dim + values
    wide = mixed + values + 2.0 * model.linear_heads
    wide = wide + mixed * model.linear_kernel / model.hidden
    return [
        Product("linear in", "all", wide, model.hidden, _COLUMNS),
        Product("linear out", "all", model.hidden, values, _INNER),
    ]
