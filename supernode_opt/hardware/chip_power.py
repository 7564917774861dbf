"""Package power against clock and port width.

Above the voltage floor the dynamic share rises as a power of the clock (alpha-power
law: 2.85 at 0.8 V; power-capped training runs: 2.1-3.4); below it, linearly.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.chip import Chip
from supernode_opt.smooth import maximum


def dynamic_power(chip: Chip, clock: ArrayLike, sharpness: ArrayLike) -> Array:
    """Clock-dependent power of a package busy with large GEMMs [W].

    `clock` is a fraction of the boost clock; at `chip.sustained_clock` the sum of
    dynamic, static and (at the junction limit) leakage power is the TDP.
    """
    ratio = clock / chip.sustained_clock
    floor = chip.voltage_floor_clock / chip.sustained_clock
    rising = ratio**chip.power_exponent
    linear = ratio * floor ** (chip.power_exponent - 1.0)
    return chip.tdp * (1.0 - chip.static_share) * maximum(rising, linear, sharpness)


def static_power(chip: Chip, scale_up_bandwidth: ArrayLike) -> Array:
    """Power that depends neither on clock nor temperature [W].

    A port wider than the data sheet's costs its SerDes energy on top of the TDP.
    """
    fixed = chip.tdp * (chip.static_share - chip.leakage_share)
    added = scale_up_bandwidth - chip.scale_up_bandwidth
    return jnp.asarray(fixed + chip.port_energy * added)
