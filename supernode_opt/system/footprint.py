"""Bytes on the fullest chip: states, activations in flight, logits, buffers.

States are ZeRO's (arXiv:1910.02054), activations in flight those of 1F1B and its
interleaved form (Narayanan et al. 2021, arXiv:2104.04473).
"""

import dataclasses
import math

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import erfc
from jax.typing import ArrayLike

from supernode_opt.smooth import is_exact, maximum, rows, stack, summed
from supernode_opt.system.design import Design
from supernode_opt.system.moments import Moment, fullest_moment, fullest_weights
from supernode_opt.system.parts import MemoryParts, StepTime, total
from supernode_opt.system.pipeline import Stages, micro_batches
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.activations import (
    gathered_inputs,
    in_flight,
    layer_activations,
)
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
_PARTS = tuple(field.name for field in dataclasses.fields(MemoryParts))
# Above this probability a job is said to fit, below its complement not to [1].
LIKELY = 0.9
# How suddenly an allocator runs short: in nanotron's sweep runs that fit by odds of 0.6
# are as fast as others, those of 0.45 and less take twice to seven times as long.
SUDDEN = 4


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
    """Account for the memory of a rank of every one of `stages` [stage, *batch].

    No other stage holds more: of those with the same layers the first has most
    micro-batches in flight.  ZeRO shards optimizer states (1), gradients (2) and
    parameters (3) over the ranks that share them; with ZeRO-3 some layers' parameters
    are gathered at a time.
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
    copies = software.activation_copies
    activations = copies * (held + working)
    if training.gathered == "kept":
        beyond = (1.0 - repeated.full) * kept * gathered_inputs(model, split)
        beyond = flying * (stages.dense + experts) * beyond
        held, activations = held + beyond / copies, activations + beyond
    logits = training.logit_bytes / training.loss_chunks * split.tokens
    logits = logits * (1.0 + model.mtp_layers)
    logits = logits * model.vocabulary / design.tensor_parallel
    logits = on_last(logits, every)
    if training.gradients == "made":
        # Buckets of replicas that reduce whole gradients outlive a step; accumulated
        # gradients outlive a micro-batch.
        reduced = zero[0] * jnp.clip(replicas - 1.0, 0.0, 1.0)
        standing = jnp.maximum(reduced, jnp.clip(count - 1.0, 0.0, 1.0))
        sizes = (copies * held, copies * working, logits, gradients, standing)
        moment = fullest_moment(*sizes, sharpness)
    else:
        moment = Moment(activations, logits, gradients)
    layer = maximum(
        shards.dense_layer, shards.expert_layer + shards.routed_layer, sharpness
    )
    gathered = software.gathered_layers * GATHERED_BYTES * zero[3] * layer
    parts = {
        "weights": weights + cast,
        "gradients": moment.gradients,
        "optimizer": optimizer,
        "activations": moment.activations,
        "logits": moment.logits,
        "gathered": stack(*every * [gathered]),
    }
    allocated = sum(parts.values(), start=jnp.zeros(()))
    outside = jnp.ones_like(allocated)
    return MemoryParts(
        **parts,
        fragmentation=software.fragmentation * allocated,
        buffers=software.buffer_memory * outside,
        framework=software.framework_memory * outside,
    )


def of_three(parts: MemoryParts) -> MemoryParts:
    """Return (first, second, last) stage; a fuller later one stands for the second."""
    sums = total(parts)
    middle = jnp.concatenate([sums[1:2], sums[3:]])
    places = jnp.argmax(middle, axis=0)[None]

    def chosen(part: Array) -> Array:
        between = jnp.concatenate([part[1:2], part[3:]])
        second = jnp.take_along_axis(between, places, axis=0)
        return jnp.concatenate([part[:1], second, part[2:3]])

    return jax.tree.map(chosen, parts)


def fullest(parts: MemoryParts, sharpness: ArrayLike) -> MemoryParts:
    """Return the parts of the fullest stage [*batch], given those of all of them.

    It is chosen as a whole, by weights that are 0 or 1 in the exact model.
    """
    table = stack(*(getattr(parts, name) for name in _PARTS))
    sums = summed(table)
    if is_exact(sharpness):
        chosen, most = table[:, 0], sums[0]
        for stage in range(1, len(sums)):
            chosen = jnp.where(sums[stage] > most, table[:, stage], chosen)
            most = jnp.maximum(most, sums[stage])
    else:
        chosen = jnp.sum(table * fullest_weights(sums, sharpness), axis=1)
    return MemoryParts(**dict(zip(_PARTS, rows(chosen), strict=True)))


def fit_probability(scenario: Scenario, memory: ArrayLike) -> Array:
    """Chance that the device has room for a peak whose median is `memory` [B] [1].

    The logarithm of the measured over the predicted peak is normal, with the standard
    deviation `software.memory_spread`.
    """
    room = jnp.log(scenario.chip.hbm_capacity / memory)
    # The normal distribution by its one tail, which is exact in both.
    return 0.5 * erfc(-room / (math.sqrt(2.0) * scenario.software.memory_spread))


def memory_verdict(probability: float) -> str:
    """Say in words what a probability of fitting means.

    >>> memory_verdict(0.95), memory_verdict(0.5), memory_verdict(0.05)
    ('fits', 'on the edge', 'does not fit')
    """
    if probability > LIKELY:
        return "fits"
    return "does not fit" if probability < 1.0 - LIKELY else "on the edge"


def with_allocator(step: StepTime, memory: MemoryParts, scenario: Scenario) -> StepTime:
    """Add what the allocator takes near the edge of memory, by its odds of fitting.

    Where nothing is left it frees its pages and asks the device for them anew, in every
    micro-batch, while nothing runs: launching counts it.
    """
    short = 1.0 - fit_probability(scenario, total(memory))
    lost = scenario.software.thrash * short**SUDDEN * total(step)
    return dataclasses.replace(step, launch=step.launch + lost)
