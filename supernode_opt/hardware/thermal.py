"""Junction temperature and leakage: one loop, solved in closed form.

    T = T_in + R (P0 + P_leak exp(beta (T - T_limit)))

With `w = beta R P_leak(T)`, the loop gain, this is `w = x exp(w)`, whose solution is
`-W0(-x)` (Lambert W).  Beyond a gain of one half the design is unsound; there the
solution is continued as a power of x with the same slope, so that values and gradients
stay finite and increasing where no fixed point exists.

`W0` is that of Corless et al., "On the Lambert W Function" (1996).
"""

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.chip import Chip
from supernode_opt.hardware.plant import Cooling
from supernode_opt.smooth import raised

GAIN_LIMIT = 0.5
_X_LIMIT = GAIN_LIMIT * 0.6065306597126334  # g exp(-g) at the limit
_BEYOND = round(1.0 / (1.0 - GAIN_LIMIT))  # the slope there; a whole power is quick
# exp(30) is far beyond any temperature of interest and far below overflow, even
# squared in single precision.
_EXPONENT_LIMIT = 30.0
# Over the reference flow.
_LEAST_FLOW = 1e-6


@jax.custom_jvp
def loop_gain(x: ArrayLike) -> Array:
    """Solve `w = x exp(w)` for the lower branch, continued beyond the gain limit [1].

    >>> round(float(loop_gain(0.1)), 6)
    0.111833
    """
    x = jnp.asarray(x)
    inside = jnp.minimum(x, _X_LIMIT)
    gain = inside * (1.0 + inside * (1.0 + 1.5 * inside))
    for _ in range(4):
        image = inside * jnp.exp(gain)
        gain = gain - (gain - image) / (1.0 - image)
    beyond = jnp.maximum(x, _X_LIMIT) / _X_LIMIT
    return gain * beyond**_BEYOND


@loop_gain.defjvp
def _loop_gain_jvp(
    primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (x,), (tangent,) = primals, tangents
    gain = loop_gain(x)
    # Inside dw/dx = exp(w) / (1 - w); beyond, the power law's own slope.
    inside = jnp.exp(jnp.minimum(gain, GAIN_LIMIT))
    inside = inside / (1.0 - jnp.minimum(gain, GAIN_LIMIT))
    slope = jnp.where(x <= _X_LIMIT, inside, gain * _BEYOND / x)
    return gain, slope * tangent


def thermal_resistance(chip: Chip, cooling: Cooling, flow: ArrayLike) -> Array:
    """Junction to coolant inlet [K/W]; falls with coolant `flow` per chip [m^3/s].

    A plate is no colder than the coolant that leaves it: as a heat exchanger with a
    wall of one temperature it has `1 / (e c q)` to the inlet, with an effectiveness `e`
    of at most one (Kays and London, Compact Heat Exchangers, chapter 2).  At the
    reference flow, where the whole is known, that is part of the convective share.
    """
    whole = cooling.area_resistance / chip.die_area
    least = _rise(cooling, cooling.reference_flow) / whole
    share = jnp.minimum(jnp.maximum(cooling.convective_share, least), 1.0)
    ratio = _flow(cooling, flow) / cooling.reference_flow
    convective = whole * share * raised(ratio, -cooling.flow_exponent)
    return whole * (1.0 - share) + jnp.maximum(convective, _rise(cooling, flow))


def junction(
    chip: Chip,
    resistance: ArrayLike,
    inlet: ArrayLike,
    power: ArrayLike,
    rise: ArrayLike = 1.0,
) -> tuple[Array, Array, Array]:
    """Solve the leakage loop.

    Args:
      resistance: junction to inlet [K/W].
      inlet: coolant inlet temperature [K].
      power: package power without leakage [W].
      rise: leakage at the voltage of the chip over that at the sustained one [1].

    Returns:
      Junction temperature [K], leakage power [W] and loop gain [1].
    """
    beta = chip.leakage_coefficient
    at_limit = chip.leakage_share * chip.tdp * rise
    warm = inlet + resistance * power
    exponent = jnp.minimum(beta * (warm - chip.junction_limit), _EXPONENT_LIMIT)
    gain = loop_gain(beta * resistance * at_limit * jnp.exp(exponent))
    return warm + gain / beta, gain / (beta * resistance), gain


def outlet_temperature(
    cooling: Cooling, inlet: ArrayLike, power: ArrayLike, flow: ArrayLike
) -> Array:
    """Coolant temperature behind one chip [K]: 14.4 K per kW and L/min for water."""
    return jnp.asarray(inlet + power * _rise(cooling, flow))


def _flow(cooling: Cooling, flow: ArrayLike) -> Array:
    """Coolant per chip, never quite nothing [m^3/s]."""
    return jnp.maximum(flow, _LEAST_FLOW * cooling.reference_flow)


def _rise(cooling: Cooling, flow: ArrayLike) -> Array:
    """How far coolant warms on its way, over the power it takes [K/W]."""
    return 1.0 / (cooling.heat_capacity * _flow(cooling, flow))
