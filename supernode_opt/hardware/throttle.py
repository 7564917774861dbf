"""The clock that power limit and cooling sustain, in closed form.

A package that draws `Q` in all leaks what a junction at `T_in + R Q` leaks; the rest,

    Q - P_leak exp(beta (T_in + R Q - T_limit)),

is for all that does not leak.  It grows with `Q` up to a loop gain of one, beyond which
the leakage of another watt takes more than that watt.  The greatest `Q` that power
limit, junction limit and loop gain each allow leaves most; what of it does not follow
the clock taken away, it is dynamic power, whose clock is the sustained one.  Leakage
that follows the voltage is solved for with it; how far it may run away is told by the
sustained voltage.  More of a limit allows more, and a better path at the same `Q` leaks
less: the clock never falls with a higher cap, more flow or colder coolant.  Where
almost nothing is left, the remainder falls exponentially instead of through zero: a
chip without cooling stops, its time per step stays a number, and the logarithm of that
time stays convex.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.chip import Chip
from supernode_opt.hardware.chip_power import clock_within, least_rise, power_limit

# Share of a limit below which what it leaves falls exponentially.
_LITTLE = 0.05
_EXPONENT_LIMIT = 30.0
_LEAST_MARGIN = 1e-3


def left_over(used: ArrayLike) -> Array:
    """What a limit leaves of one when `used` of it is gone [1]; never quite nothing.

    >>> float(left_over(0.25)), round(float(left_over(1.0)), 4)
    (0.75, 0.0184)
    """
    left = 1.0 - jnp.asarray(used)
    tail = jnp.clip(left / _LITTLE - 1.0, -_EXPONENT_LIMIT, 0.0)
    return jnp.where(left > _LITTLE, left, _LITTLE * jnp.exp(tail))


def thermal_margin(chip: Chip, inlet: ArrayLike) -> Array:
    """How far the junction may rise above the coolant [K]; never quite nothing.

    Coolant hotter than the junction may be leaves no margin, not a negative one, of
    which any rise would be a share below one.
    """
    return jnp.maximum(chip.junction_limit - inlet, _LEAST_MARGIN)


def sustained_power(
    chip: Chip, resistance: ArrayLike, inlet: ArrayLike
) -> tuple[Array, Array]:
    """Return what a package may draw within its limits, and what of it leaks [W].

    That is the leakage at the sustained voltage.

    Args:
      chip: gives power limit, temperature limit and leakage.
      resistance: junction to inlet [K/W].
      inlet: coolant inlet temperature [K].
    """
    at_limit, beta = chip.leakage_share * chip.tdp, chip.leakage_coefficient
    # Up to a loop gain of one the leakage at the junction limit may grow no further.
    gain = jnp.maximum(beta * resistance * at_limit, 1.0)
    warmer = thermal_margin(chip, inlet) - jnp.log(gain) / beta
    warmer = jnp.maximum(warmer, _LEAST_MARGIN)
    drawn = jnp.minimum(power_limit(chip), warmer / resistance)
    beyond = jnp.minimum(inlet + resistance * drawn - chip.junction_limit, 0.0)
    return drawn, at_limit * jnp.exp(beta * beyond)


def sustained_clock(
    chip: Chip, resistance: ArrayLike, inlet: ArrayLike, still: ArrayLike
) -> Array:
    """Return the greatest clock at which large GEMMs keep both limits, over boost [1].

    Args:
      chip, resistance, inlet: see `sustained_power`.
      still: package power that follows neither clock nor temperature [W].
    """
    drawn, leaking = sustained_power(chip, resistance, inlet)
    used = still + leaking * least_rise(chip)
    return clock_within(chip, drawn * left_over(used / drawn), leaking)
