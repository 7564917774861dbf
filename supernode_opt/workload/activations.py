"""Activation bytes that a layer keeps for its backward pass.

Generalises the accounting of Korthikanti et al. 2022 (arXiv:2205.05198, equations 1-4
and Table 2: `s b h (34 + 5 a s / h)` for a GPT layer) to gated FFNs, grouped-query and
latent attention, and experts, all in 2-byte activations.
"""

from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.operators import (
    Split,
    key_value_channels,
    query_width,
    value_width,
)


def _ffn_bytes(model: Model, width: ArrayLike) -> Array:
    """Stored inside an FFN of `width`, per token: its inner inputs and products [B]."""
    return jnp.asarray((4.0 + 2.0 * model.gated) * width)


def _product_bytes(width: ArrayLike) -> Array:
    """The part of `_ffn_bytes` that elementwise recompute restores [B]."""
    return jnp.asarray(2.0 * width)


def layer_activations(
    model: Model, training: Training, split: Split, score_bytes: ArrayLike
) -> tuple[Array, Array]:
    """Bytes one (dense, expert) layer keeps per micro-batch in each recompute mode.

    Args:
      score_bytes: stored per attention score: 5 for unfused attention with dropout,
        0 for flash attention [B].

    Returns:
      Two arrays [3, *batch]: bytes with recompute none, selective, full.  Selective
      drops the scores where they are stored, else the outputs of norms and gates.
    """
    hidden, tensor, tokens = model.hidden, split.tensor, split.tokens
    spread = 1.0 + split.sequence * (tensor - 1.0)
    mask = 2.0 * hidden * model.dropout
    latent = (
        model.query_rank + model.key_value_rank if model.attention == "mla" else 0.0
    )
    common = tokens * (8.0 * hidden + mask + 2.0 * latent) / spread
    norms = tokens * 4.0 * hidden / spread
    heads = model.heads / tensor
    core = 2.0 * tokens * heads * (query_width(model) + value_width(model))
    core = core + 2.0 * tokens * key_value_channels(model, tensor)
    scores = score_bytes * tokens * training.sequence_length * heads
    ffn = tokens * _ffn_bytes(model, model.ffn) / tensor
    # Routed copies are kept before and after the experts.
    width = (model.top_k + model.shared_experts) * model.expert_ffn
    routed = _ffn_bytes(model, width) + 4.0 * model.top_k * hidden
    experts = split.tokens_after_tensor * routed
    unfused = jnp.where(jnp.asarray(score_bytes) > 0.0, 1.0, 0.0)

    def modes(inner: Any, product: Any) -> Array:
        everything = common + core + scores + inner
        restored = unfused * scores + (1.0 - unfused) * (norms + product)
        kept = 2.0 * tokens * hidden / spread
        return jnp.stack(jnp.broadcast_arrays(everything, everything - restored, kept))

    dense = modes(ffn, tokens * _product_bytes(model.ffn) / tensor)
    expert = modes(experts, split.tokens_after_tensor * _product_bytes(width))
    return dense, expert


def in_flight(
    pipeline: ArrayLike, interleave: ArrayLike, micro_batches: ArrayLike
) -> tuple[Array, Array]:
    """Micro-batches whose activations the (first, last) stage holds at its peak [1].

    1F1B holds `p` on the first stage and one on the last; interleaving in `v` chunks
    holds `p + (p - 1) / v` on the first (Korthikanti et al. 2022, section 4.2.3).
    """
    interleaved = jnp.clip(jnp.asarray(interleave) - 1.0, 0.0, 1.0)
    first = pipeline + interleaved * (pipeline - 1.0) / interleave
    last = ((interleave - 1.0) * pipeline + 1.0) / interleave
    cap = jnp.maximum(micro_batches, 1.0)
    return jnp.minimum(first, cap), jnp.minimum(last, cap)
