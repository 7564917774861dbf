"""evaluate(design, scenario) -> Report: the whole machine as one pure function.

MFU is model FLOPs over what the chips could do at their dense peak (Chowdhery et al.
2022, arXiv:2204.02311).
"""

import dataclasses

import jax.numpy as jnp
from jax.typing import ArrayLike

from supernode_opt.hardware.chip_power import (
    core_voltage,
    cores_at,
    port_limit,
    power_limit,
)
from supernode_opt.hardware.silicon import die_yield
from supernode_opt.hardware.throttle import thermal_margin
from supernode_opt.system.collectives import MINIMUM_RATE
from supernode_opt.system.design import Design, aligned, data_parallel
from supernode_opt.system.economics import capital_cost, cost_parts
from supernode_opt.system.failures import (
    Progress,
    checkpoint_stall,
    failure_parts,
    progress,
    repair_wait,
    stop_rate,
)
from supernode_opt.system.footprint import fit_probability
from supernode_opt.system.job import Task, run_job
from supernode_opt.system.kernels import gemm_peak
from supernode_opt.system.package import (
    allowed_clock,
    busy_state,
    held,
    mean_state,
    mix_of,
    provisioned,
)
from supernode_opt.system.parts import FailureParts, total
from supernode_opt.system.pipeline import micro_batches
from supernode_opt.system.precision import settled
from supernode_opt.system.ranks import as_ranks
from supernode_opt.system.report import Report, completed
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.available import available
from supernode_opt.system.serving.serve import serve
from supernode_opt.system.supply import (
    heat_parts,
    power_parts,
    served_power,
    thinnest_power,
)
from supernode_opt.system.swing import power_swing, still
from supernode_opt.system.wiring import wire
from supernode_opt.workload.flops import step_flops


def evaluate(
    design: Design,
    scenario: Scenario,
    sharpness: ArrayLike = jnp.inf,
    relaxed: ArrayLike = False,
    throttled: bool = False,
) -> Report:
    """Predict what `design` does with `scenario`.

    Works on scalars and on batches (every field of one batch shape), under `jit`,
    `vmap` and `grad`.

    Args:
      design: the machine and the split.
      scenario: what is given.
      sharpness: of all maxima; infinity, the default, is the exact model.
      relaxed: let counts (layers per stage, switch tiers, racks) be fractions, as the
        descent needs; the exact model rounds them up.
      throttled: run no faster than power limit and cooling sustain, as a real chip
        does.  Without it the design runs at the clock it asks for, and where that
        breaks a limit `chip_power_fraction` or `junction_fraction` says so.

    Returns:
      Every quantity of the design, in base SI units.
    """
    design = aligned(design)
    serves = scenario.serving is not None
    scenario = scenario if serves else settled(scenario)
    chip = scenario.chip
    sustained = allowed_clock(design, scenario)
    clock, slow = design.clock, jnp.logical_not(relaxed)
    if throttled:
        clock = jnp.where(slow, jnp.minimum(clock, sustained), clock)
    port = port_limit(chip, design.scale_up_bandwidth)
    running = dataclasses.replace(design, clock=clock, scale_up_bandwidth=port)
    work = serve if serves else train
    job = work(running, scenario, sharpness, relaxed)
    step = total(job.step)

    busy = busy_state(design, scenario, sharpness)
    each = provisioned(busy, scenario)
    wiring = wire(design, scenario, relaxed, each)
    up, out = wiring.up, wiring.out
    supplied = power_parts(design, scenario, wiring, each)
    power = total(supplied)
    running = dataclasses.replace(design, clock=clock)
    mix = job.mix
    cores = cores_at(chip, clock, sharpness) if throttled else busy.cores
    mean = mean_state(running, scenario, mix, cores)
    if throttled:
        mean = held(mean, jnp.where(slow, power_limit(chip), jnp.inf))
    drawn = power_parts(design, scenario, wiring, mean.power, served_power(supplied))
    average = total(drawn)
    thinnest = thinnest_power(design, scenario, power)
    swing = (
        still(power) if serves else power_swing(running, scenario, job.step, mix, cores)
    )

    cost = cost_parts(design, scenario, wiring, power, average)
    reliability = scenario.reliability
    failures = failure_parts(design, scenario, wiring, reliability.link_masking)
    unmasked = failure_parts(design, scenario, wiring, 0.0)
    waiting = repair_wait(design, scenario, failures)
    good, without = (
        _progress(design, scenario, job, rates, waiting)
        for rates in (failures, unmasked)
    )
    memory = total(job.memory)
    reserved = memory - job.memory.buffers - job.memory.framework
    inlet = design.inlet_temperature
    carried = design.chips * design.scale_up_bandwidth
    moving = supplied.scale_up_links + supplied.scale_up_switches
    values = dict(
        step_time=step,
        **job.values,
        memory=memory,
        memory_allocated=reserved - job.memory.fragmentation,
        memory_reserved=reserved,
        fit_probability=fit_probability(scenario, memory),
        power=power,
        average_power=average,
        power_swing=swing.height,
        power_ramp=swing.ramp,
        rack_power_fraction=thinnest / scenario.cooling.rack_power_limit,
        chip_power=busy.power,
        chip_power_fraction=busy.power / power_limit(chip),
        junction_temperature=busy.temperature,
        junction_fraction=(busy.temperature - inlet) / thermal_margin(chip, inlet),
        loop_gain=busy.gain,
        coolant_outlet_temperature=busy.outlet,
        clock=clock,
        sustained_clock=sustained,
        core_voltage=core_voltage(chip, busy.cores),
        average_chip_power=mean.power,
        optics_temperature=jnp.maximum(up.temperature, out.temperature),
        scale_up_modules=up.rates.modules,
        scale_out_modules=out.rates.modules,
        optical_modules=up.optical + out.optical,
        switch_tiers=up.rates.tiers,
        scale_up_span=up.span,
        scale_out_span=out.span,
        scale_up_reach=up.reach,
        scale_out_reach=out.reach,
        scale_up_lanes=design.scale_up_bandwidth / scenario.scale_up_switch.lane_rate,
        scale_up_leaf_chips=up.rates.leaf_chips,
        scale_up_spine_chips=up.rates.spine_chips,
        scale_out_switch_chips=out.rates.leaf_chips + out.rates.spine_chips,
        scale_up_short_fraction=up.short,
        scale_up_latency=wiring.latency,
        scale_up_energy=moving / jnp.maximum(carried, MINIMUM_RATE),
        racks=wiring.racks,
        chips_per_rack=wiring.held,
        capital_cost=capital_cost(cost),
        die_yield=die_yield(chip),
        mtbf=1.0 / stop_rate(failures),
        goodput=good.goodput,
        checkpoint_interval=good.interval,
        goodput_unmasked=without.goodput,
        step=job.step,
        memory_parts=job.memory,
        power_parts=supplied,
        chip_parts=busy.parts,
        average_chip_parts=mean.parts,
        heat=heat_parts(scenario, power),
        cost_parts=cost,
        failure_parts=failures,
    )
    return Report(**completed(values, design, scenario))


def train(
    design: Design, scenario: Scenario, sharpness: ArrayLike, relaxed: ArrayLike
) -> Task:
    """Return one optimizer step of the job as a task."""
    job = run_job(design, scenario, sharpness, relaxed)
    values = dict(
        bubble_fraction=job.bubble_fraction,
        model_flops=step_flops(scenario.model, scenario.training),
        peak_flops=design.chips * gemm_peak(scenario),
        data_parallel=data_parallel(as_ranks(design, scenario)[0]),
        micro_batches=micro_batches(*as_ranks(design, scenario)),
    )
    return Task(job.step, job.memory, mix_of(job.step, scenario), values)


def _progress(
    design: Design,
    scenario: Scenario,
    job: Task,
    failures: FailureParts,
    waiting: ArrayLike,
) -> Progress:
    """Return what failures leave of a task."""
    if scenario.serving is None:
        stall = checkpoint_stall(design, scenario)
        return progress(scenario, failures, waiting, stall)
    return available(scenario, job, failures, waiting)
