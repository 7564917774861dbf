"""Bytes on the fullest chip: states, activations in flight, logits, buffers.

States are ZeRO's (arXiv:1910.02054), activations in flight those of 1F1B and its
interleaved form (Narayanan et al. 2021, arXiv:2104.04473).
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtr
from jax.typing import ArrayLike

from supernode_opt.smooth import is_exact, maximum, stack
from supernode_opt.system.design import Design
from supernode_opt.system.parts import MemoryParts, total
from supernode_opt.system.pipeline import Stages, micro_batches
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.activations import in_flight, layer_activations
from supernode_opt.workload.model import by_precision, frozen
from supernode_opt.workload.operators import OPERAND_BYTES, Split
from supernode_opt.workload.parameters import mtp_parameters, parameters
from supernode_opt.workload.recompute import Again
from supernode_opt.workload.shards import Shards, on_last, predicting

# Of parameters that are gathered for use, whatever they are stored in.
GATHERED_BYTES = 2.0
# Gradients of the layer that is worked on, over its activations: they come and go as
# those do, so that half of them are there beside half of those.
WORKING_SHARE = 0.5
# Above this probability a job is said to fit, below its complement not to [1].
LIKELY = 0.9


def state_bytes(scenario: Scenario) -> Array:
    """One copy of what training goes on from: weights and optimizer states [B]."""
    each = scenario.training.weight_bytes + scenario.training.optimizer_bytes
    return each * (parameters(scenario.model) + mtp_parameters(scenario.model))


def stage_memory(
    design: Design,
    scenario: Scenario,
    split: Split,
    repeated: Again,
    stages: Stages,
    shards: Shards,
    replicas: ArrayLike,
    routed_replicas: ArrayLike,
    sharpness: ArrayLike,
) -> MemoryParts:
    """Account for the memory of a rank of the (first, second, last) stage [3, *batch].

    A stage between the ends that holds more than the second stands in its place: of
    those with the same layers the first has most micro-batches in flight.  ZeRO shards
    optimizer states (1), gradients (2) and parameters (3) over the ranks that share
    them; with ZeRO-3 some layers' parameters are gathered at a time.
    """
    model, software, training = scenario.model, scenario.software, scenario.training
    zero = design.optimizer_sharding
    states = (zero[0] + zero[1] + zero[2], zero[0] + zero[1], zero[0])
    factors = [
        (kept + (1.0 - kept) / replicas, kept + (1.0 - kept) / routed_replicas)
        for kept in states
    ]
    # Weights that were cast stay for the other micro-batches.
    low = by_precision(training, {**OPERAND_BYTES, "bf16": 0.0}) * software.weight_casts
    # Adapters stand beside the weights that they adapt.
    beside = frozen(training)
    weights, gradients, optimizer = (
        size * (dense * plain + routed * spread)
        for size, dense, routed, (plain, spread) in zip(
            (
                training.weight_bytes,
                training.gradient_bytes,
                training.optimizer_bytes * (1.0 - training.optimizer_offload),
            ),
            (
                shards.stages + beside * shards.trained,
                shards.trained,
                shards.trained,
            ),
            (
                shards.routed + beside * shards.trained_routed,
                shards.trained_routed,
                shards.trained_routed,
            ),
            factors,
            strict=True,
        )
    )
    several = jnp.clip(jnp.asarray(design.pipeline_parallel) - 1.0, 0.0, 1.0)
    doubled = several * (software.pipeline_copies - 1.0)
    weights, gradients = (1.0 + doubled) * weights, (1.0 + doubled) * gradients
    stored = layer_activations(model, training, split, software.score_bytes, repeated)
    count = micro_batches(design, scenario)
    flying = stack(
        *in_flight(design.pipeline_parallel, design.interleave, count, stages.before)
    )
    every = len(stages.dense)
    level = jnp.minimum(design.pipeline_parallel + 1.0, jnp.maximum(count, 1.0))
    flying = jnp.where(doubled > 0.0, level, flying)
    # MTP layers sit on the last stage.
    own = training.mtp_stage == "own"
    extra = model.mtp_layers + 0.0 * count
    extra = predicting(extra, every, design.pipeline_parallel, own)
    experts = stages.expert + extra
    # Embedding and head are not cast.
    cast = stages.dense * shards.dense_layer
    cast = cast + experts * (shards.expert_layer + shards.routed_layer)
    cast = low * cast * (1.0 - zero[3])
    kept = 1.0 - training.activation_offload
    held = flying * kept * (stages.dense * stored.dense + experts * stored.expert)
    # What is computed again or fetched is there one layer at a time, as are gradients.
    working = maximum(
        (1.0 + WORKING_SHARE) * stored.whole_dense - kept * stored.dense,
        (1.0 + WORKING_SHARE) * stored.whole_expert - kept * stored.expert,
        sharpness,
    )
    activations = software.activation_copies * (held + working)
    logits = training.logit_bytes / training.loss_chunks * split.tokens
    logits = logits * (1.0 + model.mtp_layers)
    logits = logits * model.vocabulary / design.tensor_parallel
    logits = on_last(logits, every)
    layer = maximum(
        shards.dense_layer, shards.expert_layer + shards.routed_layer, sharpness
    )
    gathered = software.gathered_layers * GATHERED_BYTES * zero[3] * layer
    parts = {
        "weights": weights + cast,
        "gradients": gradients,
        "optimizer": optimizer,
        "activations": activations,
        "logits": logits,
        "gathered": stack(*every * [gathered]),
    }
    allocated = sum(parts.values(), start=jnp.zeros(()))
    outside = jnp.ones_like(allocated)
    held = MemoryParts(
        **parts,
        fragmentation=software.fragmentation * allocated,
        buffers=software.buffer_memory * outside,
        framework=software.framework_memory * outside,
    )
    return held if every == 3 else _fuller_second(held, allocated)


def _fuller_second(parts: MemoryParts, sums: Array) -> MemoryParts:
    """Return three of the stages, a later one for the second where it holds more."""
    for later in range(3, len(sums)):
        more = sums[later] > sums[1]
        sums = sums.at[1].max(sums[later])
        parts = jax.tree.map(
            lambda part, k=later, yes=more: part.at[1].set(
                jnp.where(yes, part[k], part[1])
            ),
            parts,
        )
    return jax.tree.map(lambda part: part[:3], parts)


def fullest(parts: MemoryParts, sharpness: ArrayLike) -> MemoryParts:
    """Return the parts of the fullest stage [*batch], given those of all [3, *batch].

    It is chosen as a whole, by weights that are 0 or 1 in the exact model.
    """
    # Else the compiler computes all parts anew for each of them.
    parts = jax.lax.optimization_barrier(parts)
    sums = total(parts)
    if is_exact(sharpness):
        first = (sums[0] >= sums[1]) & (sums[0] >= sums[2])
        second = sums[1] >= sums[2]

        def chosen(part: Array) -> Array:
            return jnp.where(first, part[0], jnp.where(second, part[1], part[2]))

        return jax.tree.map(chosen, parts)
    weights = _fullest(sums, sharpness)
    return jax.tree.map(lambda part: jnp.sum(part * weights, axis=0), parts)


def fit_probability(scenario: Scenario, memory: ArrayLike) -> Array:
    """Chance that the device has room for a peak whose median is `memory` [B] [1].

    The logarithm of the measured over the predicted peak is normal, with the standard
    deviation `software.memory_spread`.
    """
    room = jnp.log(scenario.chip.hbm_capacity / memory)
    return ndtr(room / scenario.software.memory_spread)


def memory_verdict(probability: float) -> str:
    """Say in words what a probability of fitting means.

    >>> memory_verdict(0.95), memory_verdict(0.5), memory_verdict(0.05)
    ('fits', 'on the edge', 'does not fit')
    """
    if probability > LIKELY:
        return "fits"
    return "does not fit" if probability < 1.0 - LIKELY else "on the edge"


def _fullest(sums: Array, sharpness: ArrayLike) -> Array:
    """Weights of the stages in the choice of the fullest one [stage, *batch] [1]."""
    places = jax.nn.one_hot(jnp.argmax(sums, axis=0), len(sums), axis=0, dtype=float)
    finite = jnp.isfinite(sharpness)
    rate = jnp.where(finite, sharpness, 1.0)
    soft = jax.nn.softmax(rate * jnp.log(jnp.maximum(sums, 1.0)), axis=0)
    return jnp.where(finite, soft, places)
