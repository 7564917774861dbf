"""The products of a layer, by what of each varies with the split of a job."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.typing import ArrayLike

from supernode_opt.workload.model import Model

# One kernel for all experts of a rank.
GROUPED = ("expert up", "expert down")


def query_width(model: Model) -> Any:
    """Channels of one head's query and key [1]."""
    return model.head_dim + (model.rope_dim if model.attention == "mla" else 0.0)


def value_width(model: Model) -> Any:
    """Channels of one head's value [1]."""
    return model.value_dim if model.attention == "mla" else model.head_dim


class Product(NamedTuple):
    """One product, by what of it varies with the split.

    Attributes:
      name: of the operator.
      tokens: whose it works on, of `TOKENS`.
      columns, inner: widths before tensor parallelism [1].
      split: whether tensor ranks share its columns, and its inner channels.
      gathered, scattered: whether tensor ranks have its input, or its output, spread.
      kept: whether it stays in BF16.
    """

    name: str
    tokens: str
    columns: ArrayLike
    inner: ArrayLike
    split: tuple[bool, bool] = (False, False)
    gathered: bool = False
    scattered: bool = False
    kept: bool = False


# All of a rank, its own part of the sequence, that where it is always spread, and what
# one expert is sent.
TOKENS = ("all", "own", "spread", "sent")
_COLUMNS, _INNER = (True, False), (False, True)


def _attention_products(model: Model) -> list[Product]:
    hidden, width = model.hidden, model.heads * value_width(model)
    out = Product("attention out", "all", hidden, width, _INNER, scattered=True)
    if model.attention == "gqa":
        # Keys and values are added by whoever knows over how many ranks.
        query = model.heads * model.head_dim
        name = "query key value"
        return [Product(name, "all", query, hidden, _COLUMNS, gathered=True), out]
    rank = model.key_value_rank
    no_rope = model.heads * (model.head_dim + value_width(model))
    query = model.heads * query_width(model)
    compressed = jnp.asarray(model.query_rank) > 0.0
    inner = jnp.where(compressed, model.query_rank, hidden)
    # The compressions run on the rank's own part of the sequence, unsplit in width.
    return [
        Product("query down", "own", model.query_rank, hidden),
        Product("query up", "all", query, inner, _COLUMNS, gathered=True),
        Product("key value down", "own", rank + model.rope_dim, hidden),
        Product("key value up", "all", no_rope, rank, _COLUMNS, gathered=True),
        out,
    ]


def products(model: Model, several: ArrayLike) -> dict[str, list[Product]]:
    """Return all products by part; `several` ranks share every expert's matrices."""
    hidden, halves = model.hidden, 1.0 + model.gated
    shared = model.shared_experts * model.expert_ffn
    width = model.expert_ffn / several
    experts = jnp.maximum(model.experts, 1.0)
    return {
        "attention": _attention_products(model),
        "dense": [
            Product(
                "ffn up", "all", halves * model.ffn, hidden, _COLUMNS, gathered=True
            ),
            Product("ffn down", "all", hidden, model.ffn, _INNER, scattered=True),
        ],
        "expert": [
            Product("router", "spread", experts, hidden, kept=True),
            Product("shared up", "spread", halves * shared, hidden),
            Product("shared down", "spread", hidden, shared),
            Product("expert up", "sent", halves * width, hidden),
            Product("expert down", "sent", hidden, width),
        ],
        "head": [
            Product("lm head", "all", model.vocabulary, hidden, _COLUMNS, kept=True)
        ],
        "ahead": [Product("join ahead", "spread", hidden, 2.0 * hidden)],
    }
