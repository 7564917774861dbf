"""evaluate(design, scenario) -> Report: the whole machine as one pure function."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.system.collectives import network
from supernode_opt.system.design import Design, aligned, data_parallel
from supernode_opt.system.economics import cost_parts, failure_rate, goodput
from supernode_opt.system.footprint import memory_parts
from supernode_opt.system.kernels import gemm_peak, layer_times
from supernode_opt.system.layer import communication, layer_passes
from supernode_opt.system.pipeline import (
    Stages,
    micro_batches,
    place_layers,
    step_time,
)
from supernode_opt.system.report import MemoryParts, Report, StepTime, total
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.supply import chip_state, power_parts, rack_power
from supernode_opt.system.wiring import wire
from supernode_opt.workload.flops import step_flops
from supernode_opt.workload.operators import Split
from supernode_opt.workload.shards import Shards, shards


class Job(NamedTuple):
    """The training job on the machine: time and memory."""

    step: StepTime
    memory: MemoryParts
    bubble_fraction: Array


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
    )
    replicas = jnp.maximum(data_parallel(design) * context, 1.0)
    routed = replicas * design.tensor_parallel / design.expert_parallel
    routed = jnp.maximum(routed, 1.0)
    limit = jnp.asarray(scenario.training.shard_ranks)
    replicas = jnp.where(limit > 0, jnp.minimum(replicas, limit), replicas)
    stages = place_layers(model, design.pipeline_parallel, design.interleave, relaxed)
    held = shards(
        model,
        stages.dense,
        stages.expert,
        design.pipeline_parallel,
        design.tensor_parallel,
        design.expert_parallel,
        replicas,
        routed,
        design.optimizer_sharding,
    )
    return split, stages, held, (replicas, routed)


def run_job(
    design: Design, scenario: Scenario, sharpness: ArrayLike, relaxed: ArrayLike
) -> Job:
    """Time and fit one optimizer step of the job on the design."""
    split, stages, held, replicas = rank_share(design, scenario, relaxed)
    times, head = layer_times(
        scenario, split, design.recompute, design.clock, sharpness
    )
    net = network(design, scenario, relaxed)
    comm = communication(design, scenario, split, held, replicas[0], net, sharpness)
    exposed = layer_passes(design, scenario, times, comm, sharpness)
    step, bubble = step_time(
        design,
        scenario,
        stages,
        times,
        exposed,
        head,
        comm,
        held,
        replicas[0],
        sharpness,
    )
    memory = memory_parts(design, scenario, split, stages, held, *replicas, sharpness)
    return Job(step, memory, bubble)


def evaluate(
    design: Design,
    scenario: Scenario,
    sharpness: ArrayLike = jnp.inf,
    relaxed: ArrayLike = False,
) -> Report:
    """Predict what `design` does with `scenario`.

    Works on scalars and on batches (every field of one batch shape), under `jit`,
    `grad` and `vmap`.

    Args:
      design: what is chosen.
      scenario: what is given.
      sharpness: exponent of the p-norms that stand for maxima; infinity, the default,
        is the exact model.
      relaxed: let counts (layers per stage, switch tiers, racks) be fractions, as the
        descent needs; the exact model rounds them up.

    Returns:
      Every quantity of the design, in base SI units.
    """
    design = aligned(design)
    job = run_job(design, scenario, sharpness, relaxed)
    step = total(job.step)
    chip, training = scenario.chip, scenario.training
    tokens = training.global_batch * training.sequence_length / step
    flops = step_flops(scenario.model, training)
    peak = design.chips * gemm_peak(scenario)

    wiring = wire(design, scenario, relaxed)
    busy = chip_state(design, scenario, 1.0, sharpness)
    provisioned = power_parts(design, scenario, wiring, busy.power)
    power = total(provisioned)
    working = job.step.gemm + job.step.attention + job.step.head
    working = working + job.step.recompute
    mean = chip_state(design, scenario, working / step, sharpness)
    average = total(power_parts(design, scenario, wiring, mean.power))
    rack = rack_power(design, scenario, provisioned)

    cost = cost_parts(design, scenario, wiring, power, average)
    lifetime_cost = total(cost)
    failures = failure_rate(design, scenario, wiring)
    good = goodput(scenario, failures)
    memory = total(job.memory)
    inlet = design.inlet_temperature
    return Report(
        step_time=step,
        tokens_per_s=tokens,
        mfu=flops / (step * peak),
        bubble_fraction=job.bubble_fraction,
        model_flops=flops,
        peak_flops=peak,
        data_parallel=data_parallel(design),
        micro_batches=micro_batches(design, scenario),
        memory=memory,
        memory_fraction=memory / chip.hbm_capacity,
        power=power,
        average_power=average,
        facility_power=power * scenario.facility.pue,
        rack_power=rack,
        rack_power_fraction=rack / scenario.cooling.rack_power_limit,
        chip_power=busy.power,
        chip_power_fraction=busy.power / chip.tdp,
        junction_temperature=busy.temperature,
        junction_fraction=(busy.temperature - inlet) / (chip.junction_limit - inlet),
        loop_gain=busy.gain,
        coolant_outlet_temperature=busy.outlet,
        scale_up_modules=wiring.scale_up_modules,
        scale_out_modules=wiring.scale_out_modules,
        optical_modules=wiring.optical_modules,
        switch_tiers=wiring.tiers,
        scale_up_span=wiring.scale_up_span,
        scale_out_span=wiring.scale_out_span,
        scale_up_reach=wiring.scale_up_reach,
        scale_out_reach=wiring.scale_out_reach,
        cost=lifetime_cost,
        capital_cost=lifetime_cost - cost.energy,
        tokens_per_joule=tokens / power,
        tokens_per_dollar=tokens * good * scenario.facility.lifetime / lifetime_cost,
        mtbf=1.0 / failures,
        goodput=good,
        goodput_tokens_per_s=tokens * good,
        step=job.step,
        memory_parts=job.memory,
        power_parts=provisioned,
        cost_parts=cost,
    )
