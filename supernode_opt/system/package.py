"""One package in its loop of clock, power and heat, at the mix of a step's work."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.chip_power import (
    Cores,
    cores_at,
    idle_power,
    least_rise,
    memory_power,
    port_power,
)
from supernode_opt.hardware.thermal import (
    junction,
    outlet_temperature,
    thermal_resistance,
)
from supernode_opt.hardware.throttle import sustained_clock, sustained_power
from supernode_opt.smooth import maximum
from supernode_opt.system.design import Design
from supernode_opt.system.parts import ChipParts, StepTime, total
from supernode_opt.system.scenario import Scenario

# Parts of a step in which a chip waits for its host, for others or for the network.
_WAITING = (
    "launch",
    "tensor_parallel",
    "context_parallel",
    "expert_parallel",
    "parameter_gather",
    "pipeline_transfer",
    "stage_imbalance",
    "bubble",
    "data_parallel",
    "overhead",
    "straggler",
)


class Mix(NamedTuple):
    """What a package does, as shares of time [1].

    Attributes:
      dynamic: dynamic power over that of large GEMMs.
      streaming: in memory-bound kernels.
      above: what of `dynamic` would not be there if all that works waited.
    """

    dynamic: ArrayLike
    streaming: ArrayLike
    above: ArrayLike = 0.0


class ChipState(NamedTuple):
    """One package at some mix of work.

    Attributes:
      power: of the package [W].
      parts: of that power.
      temperature: junction [K].
      outlet: coolant behind the package [K].
      gain: leakage loop gain [1].
      cores: what follows from its clock.
    """

    power: Array
    parts: ChipParts
    temperature: Array
    outlet: Array
    gain: Array
    cores: Cores


def mix_of(step: StepTime, scenario: Scenario) -> Mix:
    """Divide a step's time among kinds of work.

    Recomputation repeats arithmetic, attention and memory-bound kernels alike.
    """
    chip = scenario.chip
    gemm, attention = step.gemm + step.head, step.attention
    forward = gemm + attention + step.elementwise
    again = 1.0 + step.recompute / forward
    waiting = sum(getattr(step, name) for name in _WAITING)
    whole = total(step)
    streaming = step.elementwise * again + step.optimizer
    dynamic = again * (gemm + chip.attention_activity * attention)
    dynamic = dynamic + chip.memory_activity * streaming
    # Not as the difference of two large numbers, where almost all is waiting.
    worked = forward + step.recompute + step.optimizer
    above = dynamic - chip.waiting_activity * worked
    dynamic = dynamic + chip.waiting_activity * waiting
    return Mix(dynamic / whole, streaming / whole, above / whole)


def resistance(design: Design, scenario: Scenario) -> Array:
    """Junction to coolant inlet of one package [K/W]."""
    return thermal_resistance(scenario.chip, scenario.cooling, design.coolant_flow)


def busy_state(design: Design, scenario: Scenario, sharpness: ArrayLike) -> ChipState:
    """Package at its peak: in large GEMMs or, where that is more, streaming memory."""
    chip = scenario.chip
    cores = cores_at(chip, design.clock, sharpness)
    dynamic = cores.dynamic
    computing = memory_power(chip, 0.0) + dynamic
    streaming = memory_power(chip, 1.0) + chip.memory_activity * dynamic
    # What streaming takes beyond GEMMs, if anything, is counted as the memory's.
    peak = maximum(computing, streaming, sharpness)
    return _closed(design, scenario, cores, dynamic, peak - dynamic)


def provisioned(state: ChipState, scenario: Scenario) -> Array:
    """What a package in the busy `state` is provisioned for [W].

    Power, cooling and racks are bought for a chip as its data sheet has it, with
    silicon at the junction limit, not for what a cool one draws: at the sustained clock
    that is the TDP.  A package that is hotter than that is provisioned what it draws.
    It would be a little less where a limiter acts on hot silicon alone; but the least
    of two powers is not log-convex, and proofs rest on that.
    """
    chip = scenario.chip
    leakage = chip.leakage_share * chip.tdp * state.cores.leakage_rise
    return jnp.maximum(state.power, state.power - state.parts.leakage + leakage)


def mean_state(design: Design, scenario: Scenario, mix: Mix, cores: Cores) -> ChipState:
    """Package at the mean of a step, its `cores` at the clock of `design`."""
    memory = memory_power(scenario.chip, mix.streaming)
    return _closed(design, scenario, cores, mix.dynamic * cores.dynamic, memory)


def held(state: ChipState, limit: ArrayLike) -> ChipState:
    """Let leakage take no more than the power `limit` [W] leaves, as a limiter does.

    Without coolant the leakage loop has no fixed point, and its continuation no bound.
    """
    # Not the total less leakage: beside a runaway nothing would be left of the rest.
    other = total(dataclasses.replace(state.parts, leakage=jnp.zeros_like(state.power)))
    leakage = jnp.minimum(state.parts.leakage, jnp.maximum(limit - other, 0.0))
    parts = dataclasses.replace(state.parts, leakage=leakage)
    return state._replace(power=total(parts), parts=parts)


def allowed_clock(design: Design, scenario: Scenario) -> Array:
    """Clock that power limit and cooling sustain in large GEMMs [1]."""
    chip = scenario.chip
    path = resistance(design, scenario)
    still = _still(design, scenario)
    sustained = sustained_clock(chip, path, design.inlet_temperature, still)
    return jnp.minimum(sustained, chip.maximum_clock)


def standing_share(design: Design, scenario: Scenario) -> Array:
    """What a package draws before it computes, over what its limits let it draw [1].

    From one on it cannot run at any clock.
    """
    path = resistance(design, scenario)
    drawn, leaking = sustained_power(scenario.chip, path, design.inlet_temperature)
    leaking = leaking * least_rise(scenario.chip)
    return (_still(design, scenario) + leaking) / drawn


def settled_clock(design: Design, scenario: Scenario) -> Array:
    """Clock of a machine that is told none: as sold, or what its limits sustain [1]."""
    return jnp.minimum(scenario.chip.sustained_clock, allowed_clock(design, scenario))


def _still(design: Design, scenario: Scenario) -> Array:
    """Package power in large GEMMs that follows neither clock nor temperature [W]."""
    chip = scenario.chip
    still = idle_power(chip) + port_power(chip, design.scale_up_bandwidth)
    return still + memory_power(chip, 0.0)


def _closed(
    design: Design,
    scenario: Scenario,
    cores: Cores,
    dynamic: ArrayLike,
    memory: ArrayLike,
) -> ChipState:
    """Close the leakage loop."""
    chip, cooling = scenario.chip, scenario.cooling
    inlet, flow = design.inlet_temperature, design.coolant_flow
    idle, port = idle_power(chip), port_power(chip, design.scale_up_bandwidth)
    cold = idle + port + memory + dynamic
    temperature, leakage, gain = junction(
        chip, resistance(design, scenario), inlet, cold, cores.leakage_rise
    )
    like = jnp.zeros_like(cold)
    parts = ChipParts(
        idle=idle + like,
        dynamic=dynamic + like,
        leakage=leakage,
        memory=memory + like,
        port=port + like,
    )
    power = total(parts)
    outlet = outlet_temperature(cooling, inlet, power, flow)
    return ChipState(power, parts, temperature, outlet, gain, cores)
