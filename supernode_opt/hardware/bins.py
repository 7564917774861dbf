"""Chips of one kind differ: how much slower the slowest of a machine is.

A synchronous job goes on at the clock of its slowest chip, while its power is that of
the mean one.  Clocks at equal power and leakages are taken as normal from chip to chip
and independent; where the leakage of a chip is `1 + d` times the mean, so much less is
left for its clock.  GPUs of one cluster differ by 8 % in performance (Sinha et al.,
"Not All GPUs Are Created Equal", SC 2022).

    clock of the slowest of n = mean (1 - s E_n),  s^2 = s_clock^2 + (k s_leakage)^2
    k = leakage / (e dynamic power)

with `e = d ln(dynamic power) / d ln(clock)` and the expected greatest of `n` normal
numbers (`smooth.greatest_normal`).
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.chip import Chip
from supernode_opt.smooth import greatest_normal

# However they differ, no chip stands still [1].
_LEAST = 0.05


def differ(chip: Chip) -> bool:
    """Tell, before anything runs, whether chips are said to differ."""
    return chip.clock_spread > 0.0 or chip.leakage_spread > 0.0


def spread(chip: Chip) -> Array:
    """Standard deviation of the clock at a power limit over its mean [1]."""
    dynamic = 1.0 - chip.static_share - chip.leakage_share
    leaning = chip.leakage_share / (chip.power_exponent * dynamic)
    return jnp.hypot(chip.clock_spread, leaning * chip.leakage_spread)


def slowest(chip: Chip, count: ArrayLike) -> Array:
    """Clock of the slowest of `count` chips over that of the mean one [1]."""
    return jnp.maximum(1.0 - spread(chip) * greatest_normal(count), _LEAST)
