"""Activation bytes that a layer keeps for its backward pass.

Generalises the accounting of Korthikanti et al. 2022 (arXiv:2205.05198, equations 1-4
and Table 2: `s b h (34 + 5 a s / h)` for a GPT layer) to gated FFNs, grouped-query and
latent attention, and experts.  What a quantised product takes is kept as it takes it,
all else in two bytes.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import rows, stack, summed
from supernode_opt.workload.model import Model, Training, attended_length, by_precision
from supernode_opt.workload.operators import (
    OPERAND_BYTES,
    Split,
    key_value_channels,
    query_width,
    value_width,
)
from supernode_opt.workload.recompute import Again


class Stored(NamedTuple):
    """Bytes of one micro-batch and layer on one rank, all [*batch] [B].

    Attributes:
      dense, expert: what a layer keeps for its backward pass.
      whole_dense, whole_expert: what it would keep if nothing were computed again.
    """

    dense: Array
    expert: Array
    whole_dense: Array
    whole_expert: Array


def layer_activations(
    model: Model,
    training: Training,
    split: Split,
    score_bytes: ArrayLike,
    repeated: Again,
) -> Stored:
    """Bytes one layer keeps per micro-batch.

    Args:
      model, training, split: what runs on the rank.
      score_bytes: stored per attention score: 5 for unfused attention with dropout,
        0 for flash attention [B].
      repeated: what is computed again instead of being kept.
    """
    hidden, tensor, tokens = model.hidden, split.tensor, split.tokens
    spread = 1.0 + split.sequence * (tensor - 1.0)
    latent = (
        model.query_rank + model.key_value_rank if model.attention == "mla" else 0.0
    )
    fed = by_precision(training, OPERAND_BYTES)
    halves = 1.0 + model.gated
    # Inputs of the layer and of its second half, masks, and latents.
    halved = 1.0 - 0.5 * model.parallel_block
    residual = 4.0 * hidden * halved + 2.0 * hidden * model.dropout
    residual = tokens * residual / spread
    latents = tokens * 2.0 * latent / spread
    norms = tokens * 2.0 * halved * fed * hidden / spread
    heads = model.heads / tensor
    queries = 2.0 * tokens * heads * query_width(model)
    keys = 2.0 * tokens * key_value_channels(model, tensor)
    mixed = 2.0 * tokens * heads * value_width(model)
    scores = score_bytes * tokens * attended_length(training) * heads
    common = residual + latents + norms + queries + keys + mixed + scores
    saved = repeated.norm * norms + repeated.core_attention * scores
    operators = repeated.operators
    if model.attention == "mla":
        saved = saved + repeated.mla_up * (queries + keys)
        operators = jnp.maximum(operators - repeated.mla_up, 0.0)
    saved = saved + operators * 0.5 * keys

    # Inputs of the gate or activation function, and what goes into the second product.
    ffn = tokens * model.ffn / tensor
    inner, product = 2.0 * halves * ffn, fed * ffn
    own = split.tokens_after_tensor
    width = own * (model.top_k + model.shared_experts) * model.expert_ffn
    expert_inner, expert_product = 2.0 * halves * width, fed * width
    # Routed copies are kept before the experts; behind them they are weighed already.
    copies = own * fed * model.top_k * hidden
    if split.expert_tensor is not None:
        # The copies of all ranks that share an expert are gathered.
        copies = copies * split.expert_tensor
    dense = common + inner + product
    experts = common + expert_inner + expert_product + copies
    # Of what is cheap to compute again, one of two gates is the output of a product.
    gate = jnp.maximum(repeated.operators - repeated.ffn, 0.0) * model.gated / halves
    dense_saved = saved + repeated.dense_activation * product
    dense_saved = dense_saved + repeated.ffn * (inner + product) + gate * inner
    # Grouped products and what they take are not among what such a list keeps.
    grouped = jnp.maximum(repeated.operators - repeated.experts, 0.0)
    expert_saved = saved + repeated.expert_activation * expert_product
    expert_saved = expert_saved + grouped * (expert_inner + copies)
    whole = expert_inner + expert_product + copies
    expert_saved = expert_saved + repeated.experts * whole
    entered = 2.0 * tokens * hidden / spread

    # Computed once, and not for every stage that multiplies them.
    none = 0.0 * dense
    everything = stack(dense, experts, dense, experts)
    less = stack(dense_saved, expert_saved, none, none)
    full = repeated.full * stack(dense - entered, experts - entered, none, none)
    return Stored(*rows(summed(stack(everything, -less, -full))))


def gathered_inputs(model: Model, split: Split) -> Array:
    """Bytes per layer of inputs kept as gathered, beyond the rank's part [*batch] [B].

    Those of two products, whose outputs are split over tensor ranks where sequences
    are before them: kept for the weights' gradients instead of gathered again
    (nanotron's `tp_recompute_allgather` off).
    """
    inputs = 2.0 - model.parallel_block
    others = split.sequence * (1.0 - 1.0 / split.tensor)
    return jnp.asarray(inputs * split.tokens * 2.0 * model.hidden * others)


def in_flight(
    pipeline: ArrayLike,
    interleave: ArrayLike,
    micro_batches: ArrayLike,
    before: Sequence[ArrayLike] = (),
) -> tuple[Array, ...]:
    """Micro-batches whose activations the (first, second, last) stage holds [1].

    And those that have so many stages `before` them.

    1F1B holds `p` on the first stage, one less on each further one and one on the last;
    interleaving in `v` chunks holds `p + (p - 1) / v` on the first (Korthikanti et al.
    2022, section 4.2.3), two chunks less on each further one (Narayanan et al. 2021,
    arXiv:2104.04473).
    """
    interleaved = jnp.clip(jnp.asarray(interleave) - 1.0, 0.0, 1.0)
    several = jnp.clip(jnp.asarray(pipeline) - 1.0, 0.0, 1.0)
    first = pipeline + interleaved * (pipeline - 1.0) / interleave
    last = ((interleave - 1.0) * pipeline + 1.0) / interleave
    fewer = (
        several * (1.0 + interleaved) / jnp.where(interleaved > 0.0, interleave, 1.0)
    )
    second = first - fewer
    cap = jnp.maximum(micro_batches, 1.0)
    later = (jnp.maximum(first - stages * fewer, last) for stages in before)
    held = (first, jnp.maximum(second, last), last, *later)
    return tuple(jnp.minimum(each, cap) for each in held)
