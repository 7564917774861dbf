"""Package power: what follows the clock, what memory and ports add, what never rests.

Large GEMMs at the sustained clock and the junction limit draw exactly the TDP.  Of it
`leakage_share` leaks, less at a lower voltage, and `static_share` follows neither clock
nor temperature: memory at rest, the port and an idle remainder.  Everything else, what
GEMMs stream from memory included, is dynamic power.  Other kernels drive less of the
chip and more, or less, of its memory.

Dynamic power goes with clock and voltage squared (Chandrakasan, Sheng and Brodersen
1992); `voltage` has the voltage of a clock.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.chip import Chip
from supernode_opt.hardware.voltage import (
    clock_of_voltage,
    threshold,
    voltage_of_budget,
    voltage_of_clock,
    voltage_of_power,
)
from supernode_opt.smooth import maximum, raised

# Below this share of the sustained clock the voltage has long been at its floor.
_SLOWEST = 1e-3
_LEAST_POWER = 1e-9


class Curve(NamedTuple):
    """The voltage curve of a chip, over its values at the sustained clock.

    Attributes:
      threshold: voltage at which nothing switches [1].
      alpha: saturation exponent [1].
      floor: lowest supply voltage [1].
    """

    threshold: Array
    alpha: ArrayLike
    floor: Array


def curve(chip: Chip) -> Curve:
    """Derive the voltage curve from the measured slope of power with clock."""
    alpha = chip.saturation_exponent
    lowest = threshold(chip.power_exponent, alpha)
    ratio = chip.voltage_floor_clock / chip.sustained_clock
    return Curve(lowest, alpha, voltage_of_clock(ratio, lowest, alpha))


class Cores(NamedTuple):
    """What follows from the clock of a package's cores.

    Whoever needs several of these has them solved for once.

    Attributes:
      voltage: over that at the sustained clock [1].
      dynamic: power of large GEMMs that follows the clock, switched capacitance times
        voltage squared and clock; at the sustained clock the sum of dynamic, static
        and (at the junction limit) leakage power is the TDP [W].
      leakage_rise: leakage over that at the sustained voltage; barriers lowered by the
        drain and the gate's own leakage let it grow with the third to fourth power of
        the voltage (Krishnamurthy et al., "High-performance and low-power challenges
        for sub-70 nm microprocessor circuits", 2002) [1].
    """

    voltage: Array
    dynamic: Array
    leakage_rise: Array


def cores_at(chip: Chip, clock: ArrayLike, sharpness: ArrayLike) -> Cores:
    """Solve for the cores at `clock`, a fraction of the boost clock."""
    voltage = _voltage(chip, curve(chip), clock, sharpness)
    dynamic = _most_dynamic(chip) * clock / chip.sustained_clock * voltage**2
    return Cores(voltage, dynamic, raised(voltage, chip.leakage_exponent))


def core_voltage(chip: Chip, cores: Cores) -> Array:
    """Supply voltage of the `cores` [V]."""
    return chip.threshold_voltage / curve(chip).threshold * cores.voltage


def least_rise(chip: Chip) -> Array:
    """Return `Cores.leakage_rise` at the lowest voltage, where a chip rests [1]."""
    return curve(chip).floor ** chip.leakage_exponent


def clock_within(chip: Chip, power: ArrayLike, leaking: ArrayLike) -> Array:
    """Clock at which large GEMMs draw `power` [W] more than a resting chip leaks [1].

    Args:
      chip: gives voltage curve and leakage's share in it.
      power: for dynamic power and for what leaks more than at the lowest voltage [W].
      leaking: leakage at the sustained voltage [W].
    """
    bend, most = curve(chip), _most_dynamic(chip)
    resting = bend.floor**2 * clock_of_voltage(bend.floor, bend.threshold, bend.alpha)
    # Below the voltage floor power is linear in the clock.
    slow = jnp.minimum(power / most, resting)
    spare = jnp.maximum(power / most, resting)
    at_floor = leaking / most * least_rise(chip)
    volts = voltage_of_budget(
        spare + at_floor,
        leaking / most,
        bend.threshold,
        bend.alpha,
        jnp.asarray(chip.leakage_exponent),
    )
    fast = clock_of_voltage(volts, bend.threshold, bend.alpha)
    ratio = jnp.where(power / most > resting, fast, slow / bend.floor**2)
    return chip.sustained_clock * ratio


def clock_at(chip: Chip, power: ArrayLike) -> Array:
    """Return the clock at which large GEMMs draw `power` [W] dynamically [1]."""
    bend = curve(chip)
    share = power / _most_dynamic(chip)
    # Below the voltage floor power is linear in the clock.
    least = bend.floor**2 * clock_of_voltage(bend.floor, bend.threshold, bend.alpha)
    voltage = voltage_of_power(jnp.maximum(share, least), bend.threshold, bend.alpha)
    return chip.sustained_clock * share / voltage**2


def _most_dynamic(chip: Chip) -> ArrayLike:
    """Dynamic power of large GEMMs at the sustained clock [W]."""
    return chip.tdp * (1.0 - chip.static_share - chip.leakage_share)


def _voltage(chip: Chip, bend: Curve, clock: ArrayLike, sharpness: ArrayLike) -> Array:
    ratio = jnp.maximum(clock / chip.sustained_clock, _SLOWEST)
    wanted = voltage_of_clock(ratio, bend.threshold, bend.alpha)
    return maximum(wanted, bend.floor, sharpness)


def power_limit(chip: Chip) -> Array:
    """What the package may draw: its TDP, or less where the operator caps it [W].

    A cap of nothing stops the chip, but shares of the cap must stay numbers.
    """
    return jnp.maximum(chip.tdp * chip.power_cap, _LEAST_POWER)


def port_power(chip: Chip, scale_up_bandwidth: ArrayLike) -> Array:
    """SerDes of the port and the share of its traffic that changes dies [W]."""
    crossing = chip.die_energy * (1.0 - 1.0 / chip.dies)
    return scale_up_bandwidth * (chip.port_energy + crossing)


def idle_power(chip: Chip) -> Array:
    """What neither rests nor follows clock, temperature, memory or port [W]."""
    still = chip.tdp * (chip.static_share - chip.memory_share)
    return still - port_power(chip, chip.scale_up_bandwidth)


def memory_power(chip: Chip, streaming: ArrayLike) -> Array:
    """Memory power when it streams for a share `streaming` of the time [W].

    What GEMMs stream is part of dynamic power; between streams it refreshes.
    """
    resting = chip.memory_share * chip.tdp
    stream = chip.memory_energy * chip.hbm_bandwidth * chip.hbm_efficiency
    return resting + streaming * jnp.maximum(stream - resting, 0.0)


def port_limit(chip: Chip, scale_up_bandwidth: ArrayLike) -> Array:
    """Rate at which the port is of use when its traffic changes dies evenly [B/s].

    Of what arrives, all but one die's share goes on to another die.
    """
    limited = (jnp.asarray(chip.die_bandwidth) > 0.0) & (jnp.asarray(chip.dies) > 1.0)
    crossing = jnp.where(limited, 1.0 - 1.0 / chip.dies, 1.0)
    most = jnp.where(limited, chip.die_bandwidth / crossing, jnp.inf)
    return jnp.minimum(scale_up_bandwidth, most)
