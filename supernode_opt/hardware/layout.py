"""Racks in a row: how many there are, how far links run, and which are short.

A rack holds as many accelerators as fit, or, where it may be built thinner, as many as
its cooling can reject.  Links of a packet fabric run from every rack of the domain to
switches in every rack of it, all pairs of racks equally often.  A torus connects
neighbours; laid out folded, no link is longer than two racks.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.network import Switch
from supernode_opt.hardware.plant import Cooling, Rack
from supernode_opt.smooth import ceiling

# Least share of a domain that jobs fill [1].
FILLED = 0.75


def filled_domain(domain: float, chips: float, board: float) -> float:
    """Chips that a job uses of every domain where nothing is said [1].

    The most, of at least three quarters of a domain and in whole boards, that are the
    same in every domain: 64 of 72 for 256 chips.  A group of ranks that a domain cuts
    costs more than what stands idle.  A job of less than a domain has one of its own.

    Chips that fill whole domains do fill them, even where groups of 16 and more would
    tile a smaller share (72, not 64, of 4,608): they are the racks that were asked for,
    and of racks with idle chips there would be more, to be bought with those
    (`Rack.idle_chips`), which only a study can say.

    >>> filled_domain(72.0, 256.0, 4.0), filled_domain(72.0, 144.0, 4.0)
    (64.0, 72.0)
    >>> filled_domain(72.0, 648.0, 4.0), filled_domain(72.0, 4608.0, 4.0)
    (72.0, 72.0)
    """
    if chips <= domain:
        return chips
    least = FILLED * domain
    sizes = (size for size in range(int(domain), 0, -1) if size >= least)
    fitting = (size for size in sizes if size % board == 0 and chips % size == 0)
    return float(next(fitting, domain))


def thinnest(rack: Rack) -> Array:
    """Accelerators in the thinnest rack that is built [1]."""
    full = jnp.asarray(rack.chips_per_rack)
    fewest = jnp.asarray(rack.fewest_chips)
    return jnp.where(fewest > 0.0, jnp.minimum(fewest, full), full)


def populated(rack: Rack, cooling: Cooling, heat: ArrayLike) -> Array:
    """Accelerators that one rack holds when each stands for `heat` [W] [1]."""
    coolable = cooling.rack_power_limit / heat
    return jnp.minimum(jnp.maximum(coolable, thinnest(rack)), rack.chips_per_rack)


def racks(rack: Rack, chips: ArrayLike, held: ArrayLike, relaxed: ArrayLike) -> Array:
    """Racks for `chips` at `held` accelerators in one [1].

    Full racks count whole; thinned ones do not, so that the count rises steadily with
    the heat that thins them.
    """
    full = ceiling(chips / rack.chips_per_rack, relaxed)
    return jnp.maximum(jnp.maximum(full, chips / held), 1.0)


def row_span(rack: Rack, count: ArrayLike) -> Array:
    """Longest link in a row of `count` racks with switches at any place in it [m]."""
    return rack.cable_length + rack.pitch * (count - 1.0)


def folded_span(rack: Rack, count: ArrayLike) -> Array:
    """Longest link of a torus folded so that neighbours are two racks apart [m]."""
    return rack.cable_length + rack.pitch * jnp.minimum(count - 1.0, 2.0)


def hall_span(rack: Rack, count: ArrayLike) -> Array:
    """Longest link across a square hall of `count` racks, along its sides [m]."""
    side = jnp.sqrt(count * rack.floor_area) - jnp.sqrt(rack.floor_area)
    return rack.cable_length + 2.0 * side


def leaving_share(switch: Switch, held: ArrayLike, domain: ArrayLike) -> Array:
    """Share of the link ends of a torus that leave the rack [1].

    A rack is a cube of the torus with `held ** (1 / dimensions)` chips along its side;
    of its link ends every side's worth leaves: a quarter of those of 4 x 4 x 4 chips
    (TPU v4, arXiv:2304.01433).
    """
    side = jnp.maximum(held, 1.0) ** (1.0 / switch.dimensions)
    beyond = jnp.clip(jnp.asarray(domain) - held, 0.0, 1.0)
    return beyond / side


def short_share(rack: Rack, count: ArrayLike, reach: ArrayLike) -> Array:
    """Share of the links of a row of `count` racks that are no longer than `reach` [1].

    Of `n` racks, `1 - (n - m) (n - m - 1) / n^2` of all pairs are at most `m` apart;
    inside a rack lengths are spread evenly.
    """
    apart = jnp.maximum((reach - rack.cable_length) / rack.pitch, 0.0)
    left = jnp.maximum(count - apart, 1.0)
    inside = jnp.clip(reach / rack.cable_length, 0.0, 1.0)
    return inside * (1.0 - left * (left - 1.0) / count**2)
