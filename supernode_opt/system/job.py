"""The training job on the machine: what a rank has of it, how long a step takes."""

import dataclasses
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.bins import differ, slowest
from supernode_opt.system.collectives import network
from supernode_opt.system.communication import communication
from supernode_opt.system.design import Design, data_parallel, expert_ranks
from supernode_opt.system.eager import host_wait, reach
from supernode_opt.system.footprint import (
    fullest,
    of_three,
    stage_memory,
    with_allocator,
)
from supernode_opt.system.layer import layer_passes
from supernode_opt.system.layer_times import layer_times
from supernode_opt.system.package import Mix
from supernode_opt.system.parts import MemoryParts, StepTime
from supernode_opt.system.pipeline import (
    Passes,
    Stages,
    place_layers,
    step_time,
    with_later,
)
from supernode_opt.system.ranks import as_ranks, per_package, per_rank
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.operators import Split
from supernode_opt.workload.recompute import again
from supernode_opt.workload.shards import Shards, Spread, shards


class Job(NamedTuple):
    """The training job on the machine: time and memory."""

    step: StepTime
    memory: MemoryParts
    bubble_fraction: Array


class Task(NamedTuple):
    """What a machine does again and again: a step of training, or of decode.

    Attributes:
      step: its time, a record of parts.
      memory: of the fullest chip, a record of parts.
      mix: what a chip does meanwhile.
      values: quantities to report that only such a task has.
    """

    step: Any
    memory: Any
    mix: Mix
    values: dict[str, Any]


def rank_share(
    design: Design, scenario: Scenario, relaxed: ArrayLike
) -> tuple[Split, Stages, Shards, tuple[Array, Array]]:
    """Divide model and batch: sizes, layers and parameters of one rank.

    The last item is over how many ranks one copy of the states of (other, routed)
    parameters is spread where they are sharded.
    """
    model, context = scenario.model, design.context_parallel
    tokens = design.micro_batch * scenario.training.sequence_length / context
    split = Split(
        tensor=design.tensor_parallel,
        context=context,
        expert=design.expert_parallel,
        sequence=design.sequence_parallel[1],
        tokens=tokens,
        expert_tensor=scenario.training.expert_tensor_parallel,
    )
    replicas = jnp.maximum(data_parallel(design) * context, 1.0)
    training = scenario.training
    expert = expert_ranks(design, training)
    routed = replicas * design.tensor_parallel / expert
    routed = jnp.maximum(routed, 1.0)
    limit = jnp.asarray(training.shard_ranks)
    replicas = jnp.where(limit > 0, jnp.minimum(replicas, limit), replicas)
    stages = place_layers(
        model,
        design.pipeline_parallel,
        design.interleave,
        relaxed,
        (training.first_stage_layers, training.last_stage_layers),
        training.alone,
    )
    own = training.mtp_stage == "own"
    stages = with_later(model, stages, design.pipeline_parallel, relaxed, own)
    held = shards(
        model,
        stages.dense,
        stages.expert,
        Spread(
            design.pipeline_parallel,
            design.tensor_parallel,
            expert,
            replicas,
            routed,
        ),
        design.optimizer_sharding,
        training.lora_rank,
        own,
    )
    return split, stages, held, (replicas, routed)


def run_job(
    design: Design, scenario: Scenario, sharpness: ArrayLike, relaxed: ArrayLike
) -> Job:
    """Time and fit one optimizer step of the job on the design.

    Where chips differ the clock is the mean one's, and the slowest has the last word.
    """
    if differ(scenario.chip):
        pace = slowest(scenario.chip, design.chips)
        design = dataclasses.replace(design, clock=design.clock * pace)
    net = per_rank(network(design, scenario, relaxed), scenario)
    machine, (design, scenario) = scenario, as_ranks(design, scenario)
    split, stages, held, replicas = rank_share(design, scenario, relaxed)
    repeated = again(
        design.recompute, scenario.recompute, scenario.software.score_bytes
    )
    times, head = layer_times(scenario, split, repeated, design.clock, sharpness)
    comm = communication(
        design, scenario, split, held, replicas[0], net, sharpness, relaxed
    )
    exposed = layer_passes(design, scenario, repeated, times, comm, sharpness)
    left = None
    if scenario.software.eager:
        left = reach(design, scenario, replicas[0], relaxed)
        busy = times.compute + jnp.sum(exposed, axis=0)
        wait = host_wait(design, scenario, busy, repeated.full, left.staged, sharpness)
        times = times._replace(launch=times.launch + wait)
    step, bubble = step_time(
        design,
        scenario,
        stages,
        Passes(times, exposed, head),
        comm,
        held,
        sharding_ranks=replicas[0],
        left=left,
        sharpness=sharpness,
    )
    memory = stage_memory(
        design, scenario, split, repeated, stages, held, *replicas, sharpness
    )
    memory = per_package(fullest(memory, sharpness), machine)
    if scenario.software.eager:
        step = with_allocator(step, memory, machine)
    return Job(step, memory, bubble)


def rank_memory(design: Design, scenario: Scenario) -> MemoryParts:
    """Memory of a rank of the (first, second, last) stage, exact [3, *batch]."""
    design, scenario = as_ranks(design, scenario)
    split, stages, held, replicas = rank_share(design, scenario, False)
    repeated = again(
        design.recompute, scenario.recompute, scenario.software.score_bytes
    )
    memory = stage_memory(
        design, scenario, split, repeated, stages, held, *replicas, jnp.inf
    )
    return of_three(memory)
