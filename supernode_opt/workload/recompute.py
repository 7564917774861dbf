"""What the backward pass computes again: named sets of modules, or a list of one's own.

A set says of every module in which share of the layers it is computed again, so that
what is stored and what is repeated are linear in the shares.  The names are those that
training frameworks use (Megatron-Core's `recompute_modules`, torchtitan's selective
checkpointing by operator).
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.record import flag, record
from supernode_opt.units import Share

RECOMPUTE = ("none", "selective", "mla_up", "full", "listed")


@record
class Recompute:
    """Modules that are computed again, each in a share of the layers [1].

    A smaller share lies inside a larger one, and what several modules contain is
    counted once.

    Attributes:
      norm: outputs of the normalisations.
      activation: products of the FFN's or the experts' gates.
      core_attention: scores, where they are stored, and their product with the values.
      mla_up: queries, keys and values from their compressed form.
      ffn: the whole dense FFN.
      experts: all experts, their dispatch and combine included.
      operators: all that is elementwise and every second matrix product (torchtitan's
        selective checkpointing "op").
      full: the whole layer; that of the first layers of every stage is such a share.
    """

    norm: Share = flag(default=0.0)
    activation: Share = flag(default=0.0)
    core_attention: Share = flag(default=0.0)
    mla_up: Share = flag(default=0.0)
    ffn: Share = flag(default=0.0)
    experts: Share = flag(default=0.0)
    operators: Share = flag(default=0.0)
    full: Share = flag(default=0.0)


class Again(NamedTuple):
    """Shares of the layers in which modules are computed again [*batch] [1].

    As `Recompute`; the activation is told apart by the FFN it belongs to, and counted
    once where that FFN is computed again as a whole.
    """

    norm: Array
    dense_activation: Array
    expert_activation: Array
    core_attention: Array
    mla_up: Array
    ffn: Array
    experts: Array
    operators: Array
    full: Array


def again(weights: Array, listed: Recompute, score_bytes: ArrayLike) -> Again:
    """Return what the sets of `weights` compute again.

    Args:
      weights: mixture over `RECOMPUTE` [5, *batch].
      listed: the modules of the set "listed".
      score_bytes: stored per attention score: where there are scores, "selective" drops
        them alone (Korthikanti et al. 2022, arXiv:2205.05198), else the outputs of
        norms and gates [B].
    """
    _, selective, up, full, own = weights
    scores = jnp.where(jnp.asarray(score_bytes) > 0.0, 1.0, 0.0)
    cheap = (1.0 - scores) * (selective + up)

    def beyond(share: ArrayLike, other: ArrayLike = 0.0) -> Array:
        return own * jnp.maximum(share - jnp.maximum(other, listed.full), 0.0)

    # What an operator-wise list computes again is all that is elementwise.
    norms = jnp.maximum(listed.norm, listed.operators)
    gates = jnp.maximum(listed.activation, listed.operators)
    return Again(
        norm=cheap + beyond(norms),
        dense_activation=cheap + beyond(gates, listed.ffn),
        expert_activation=cheap + beyond(gates, listed.experts),
        core_attention=scores * (selective + up) + beyond(listed.core_attention),
        mla_up=up + beyond(listed.mla_up),
        ffn=beyond(listed.ffn),
        experts=beyond(listed.experts),
        operators=beyond(listed.operators),
        full=full + own * listed.full,
    )


# What people call the modules: Megatron-Core's and torchtitan's names beside our own.
MODULES = {
    **{field.name: field.name for field in dataclasses.fields(Recompute)},
    "layernorm": "norm",
    "rmsnorm": "norm",
    "moe_act": "activation",
    "swiglu": "activation",
    "core_attn": "core_attention",
    "attention": "core_attention",
    "mla_up_proj": "mla_up",
    "mlp": "ffn",
    "moe": "experts",
    "op": "operators",
}


# Lists that have names.
NAMED: Mapping[str, Recompute] = {
    # Norms and the expansion of latents: DeepSeek-V3 (arXiv:2412.19437, 3.2.3).
    "mla_norm": Recompute(norm=1.0, mla_up=1.0),
    # Megatron-Core's `layernorm moe_act mla_up_proj`, as its guide to DeepSeek-V3 has
    # it; with flash attention as much as the set "mla_up".
    "fine_grained": Recompute(norm=1.0, activation=1.0, mla_up=1.0),
}


def listed(text: str, stage_layers: float | None = None) -> Recompute | None:
    """Read a list of modules such as "norm+mla_up" or "full:3+norm"; `None` if none.

    Names of `NAMED` stand for theirs.

    A number behind a module says in how many layers of each stage it is computed again,
    of `stage_layers` [1].

    Raises:
      ValueError: a number is no count, or has no stage to be a share of.
    """
    if text.strip().lower() in NAMED:
        return NAMED[text.strip().lower()]
    shares: dict[str, float] = {}
    for word in re.split(r"[+,]", text):
        name, colon, count = word.strip().lower().partition(":")
        if name not in MODULES:
            return None
        share = 1.0
        if colon:
            if not count.strip().isdigit():
                raise ValueError(f"must say a number of layers, but says {count!r}")
            if stage_layers is None:
                raise ValueError("counts layers of a stage of unknown depth")
            share = min(float(count) / stage_layers, 1.0)
        shares[MODULES[name]] = share
    return Recompute(**shares)
