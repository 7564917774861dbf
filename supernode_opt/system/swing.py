"""How far power falls at the end of every step, when all chips exchange gradients.

A synchronous job computes everywhere and then waits for the network everywhere: power
swings at the frequency of steps, by tens of megawatts for ten thousands of chips (Llama
3, arXiv:2407.21783, section 3.3.4), and grids limit its height, its slope and its part
at their own frequencies (Choukse et al., "Power Stabilization for AI Training
Datacenters", arXiv:2508.14318).  What is exposed inside a micro-batch is too short to
be seen outside the supplies and counts to the computing that it interrupts; bubbles
are at different times in different stages and do so too.

With a share `w` of a step of length `T` at the lower level, `D` below the other, the
wave has the first harmonic `(2 / pi) D sin(pi w)`, whose steepest slope is
`(4 / T) D sin(pi w)`.  Supplies that store energy `E` fill the lower level and clip the
upper one: what is stored within a step moves the two by `E / (w T)` and
`E / ((1 - w) T)`, so that `D` falls by `E / (w (1 - w) T)` until it is gone.
"""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from supernode_opt.hardware.chip_power import Cores
from supernode_opt.system.design import Design
from supernode_opt.system.package import Mix
from supernode_opt.system.parts import StepTime, total
from supernode_opt.system.scenario import Scenario

# Once a step and in all chips at once: the end of the reduction and of the step.
_ENDING = ("data_parallel", "overhead", "straggler")
# A step that never waits, or only waits, has one level [1].
_SHORTEST = 1e-9


class Swing(NamedTuple):
    """The wave of a machine's power, at its supplies' input.

    Attributes:
      height: from the lower to the upper level [W].
      ramp: steepest slope of its first harmonic [W/s].
    """

    height: Array
    ramp: Array


def power_swing(
    design: Design, scenario: Scenario, step: StepTime, mix: Mix, cores: Cores
) -> Swing:
    """Return the swing of the whole machine at the clock of `design`.

    `mix` is that of the step, `cores` are at the clock it takes.

    Temperatures, and with them leakage, fans and pumps, do not follow within a step.
    """
    rack = scenario.rack
    length = total(step)
    ending = sum(getattr(step, name) for name in _ENDING)
    before = (f.name for f in dataclasses.fields(step) if f.name not in _ENDING)
    computing = sum(getattr(step, name) for name in before)
    waits, computes = (
        jnp.clip(part / length, _SHORTEST, 1.0 - _SHORTEST)
        for part in (ending, computing)
    )
    # Of dynamic power: what waits between kernels is at the lower level as well.
    fall = cores.dynamic * jnp.maximum(mix.above, 0.0)
    fall = fall * length / computing
    stored = rack.storage_energy / (waits * computes * length)
    # A step without an end to wait for has no lower level.
    some = jnp.clip(ending / (_SHORTEST * length), 0.0, 1.0)
    each = some * jnp.maximum(fall - stored, 0.0)
    height = design.chips * each / rack.supply_efficiency
    return Swing(
        height, 4.0 * height * jnp.sin(jnp.pi * jnp.minimum(waits, computes)) / length
    )


def still(like: Array) -> Swing:
    """Return the swing of a machine whose chips do not wait for each other at once."""
    none = jnp.zeros_like(like)
    return Swing(none, none)
