"""Bytes on the fullest chip: states, activations in flight, logits, buffers.

States are ZeRO's (arXiv:1910.02054), activations in flight those of 1F1B and its
interleaved form (Narayanan et al. 2021, arXiv:2104.04473).
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import is_exact, maximum, stack
from supernode_opt.system.design import Design
from supernode_opt.system.parts import MemoryParts
from supernode_opt.system.pipeline import Stages, micro_batches
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.activations import in_flight, layer_activations
from supernode_opt.workload.operators import Split
from supernode_opt.workload.parameters import mtp_parameters, parameters
from supernode_opt.workload.shards import Shards

WEIGHT_BYTES = 2.0
# Master weights and two moments in single precision (Adam).
OPTIMIZER_BYTES = 12.0
# Logits in two bytes and, for the loss, in four.
LOGIT_BYTES = 6.0


def state_bytes(scenario: Scenario) -> Array:
    """One copy of what training goes on from: weights and optimizer states [B]."""
    each = WEIGHT_BYTES + OPTIMIZER_BYTES
    return each * (parameters(scenario.model) + mtp_parameters(scenario.model))


def memory_parts(
    design: Design,
    scenario: Scenario,
    split: Split,
    stages: Stages,
    shards: Shards,
    replicas: ArrayLike,
    routed_replicas: ArrayLike,
    sharpness: ArrayLike,
) -> MemoryParts:
    """Account for the memory of the fuller of the first and the last stage.

    ZeRO shards optimizer states (1), gradients (2) and parameters (3) over the ranks
    that share them; with ZeRO-3 two layers' parameters are gathered at a time.
    The larger of the two stages is chosen as a whole, by a weight that is 0 or 1 in
    the exact model.
    """
    model, software = scenario.model, scenario.software
    zero = design.optimizer_sharding
    states = (zero[0] + zero[1] + zero[2], zero[0] + zero[1], zero[0])
    factors = [
        (kept + (1.0 - kept) / replicas, kept + (1.0 - kept) / routed_replicas)
        for kept in states
    ]
    dense = stack(shards.first, shards.last)
    routed = stack(shards.first_routed, shards.last_routed)
    weights, gradients, optimizer = (
        size * (dense * plain + routed * spread)
        for size, (plain, spread) in zip(
            (WEIGHT_BYTES, scenario.training.gradient_bytes, OPTIMIZER_BYTES),
            factors,
            strict=True,
        )
    )
    dense_bytes, expert_bytes = layer_activations(
        model, scenario.training, split, software.score_bytes
    )
    per_dense = _chosen(design.recompute, dense_bytes)
    per_expert = _chosen(design.recompute, expert_bytes)
    count = micro_batches(design, scenario)
    flying = stack(*in_flight(design.pipeline_parallel, design.interleave, count))
    # MTP layers sit on the last stage.
    dense_layers = stack(stages.dense[0], stages.dense[2])
    expert_layers = stack(stages.expert[0], stages.expert[2] + model.mtp_layers)
    held = flying * (dense_layers * per_dense + expert_layers * per_expert)
    # Full recompute rebuilds one layer's activations at a time.
    rebuilt = design.recompute[2] * maximum(dense_bytes[0], expert_bytes[0], sharpness)
    activations = held + rebuilt
    logits = LOGIT_BYTES * split.tokens * model.vocabulary / design.tensor_parallel
    logits = stack(0.0 * logits, logits)
    layer = maximum(
        shards.dense_layer, shards.expert_layer + shards.routed_layer, sharpness
    )
    gathered = 2.0 * WEIGHT_BYTES * zero[3] * layer
    sums = weights + gradients + optimizer + activations + logits
    last = _larger(sums[0], sums[1], sharpness)

    def fuller(pair: Array) -> Array:
        return pair[0] * (1.0 - last) + pair[1] * last

    return MemoryParts(
        weights=fuller(weights),
        gradients=fuller(gradients),
        optimizer=fuller(optimizer),
        activations=fuller(activations),
        logits=fuller(logits),
        gathered=gathered,
        buffers=software.buffer_memory,
        framework=software.framework_memory,
    )


def _chosen(weights: Array, values: Array) -> Array:
    """Average `values` [3, *batch] with mixture `weights`, which may lack the batch."""
    return weights[0] * values[0] + weights[1] * values[1] + weights[2] * values[2]


def _larger(first: Array, last: Array, sharpness: ArrayLike) -> Array:
    """Weight of `last` in the choice of the larger value [1]."""
    if is_exact(sharpness):
        return jnp.where(last > first, 1.0, 0.0)
    finite = jnp.isfinite(sharpness)
    rate = jnp.where(finite, sharpness, 1.0)
    soft = jax.nn.sigmoid(rate * jnp.log(last / first))
    return jnp.where(finite, soft, jnp.where(last > first, 1.0, 0.0))
