"""The clock that power limit and cooling sustain, in closed form.

At the limits the leakage is known: it is that of the junction temperature to which the
power limit leads, or of the temperature limit itself.  What the limit leaves after
leakage and all that does not follow the clock is dynamic power, whose clock is the
sustained one.  Where almost nothing is left, the remainder falls exponentially instead
of through zero: a chip without cooling stops, its time per step stays a number, and
the logarithm of that time stays convex.

Dynamic power is what leakage and still power leave of `min(P, (T_limit - T_in) / R)`,
of the power limit or of the heat that can be removed; `voltage` has its clock.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.chip import Chip
from supernode_opt.hardware.chip_power import clock_at, power_limit

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


def sustained_clock(
    chip: Chip, resistance: ArrayLike, inlet: ArrayLike, still: ArrayLike
) -> Array:
    """Return the greatest clock at which large GEMMs keep both limits, over boost [1].

    Args:
      chip: gives power limit, temperature limit and leakage.
      resistance: junction to inlet [K/W].
      inlet: coolant inlet temperature [K].
      still: package power that follows neither clock nor temperature [W].
    """
    at_limit = chip.leakage_share * chip.tdp
    limit = power_limit(chip)
    warm = inlet + resistance * limit - chip.junction_limit
    exponent = jnp.minimum(chip.leakage_coefficient * warm, _EXPONENT_LIMIT)
    leaking = at_limit * jnp.exp(exponent)
    capped = limit * left_over((still + leaking) / limit)
    removed = thermal_margin(chip, inlet) / resistance
    cooled = removed * left_over((still + at_limit) / removed)
    return clock_at(chip, jnp.minimum(capped, cooled))
