"""Tiers of switches and mixtures of link technologies.

A folded Clos (Clos 1953) of switches with `r` chips below each multiplies what it
reaches by `r` in every further tier: `1 + ceil(log(chips / first) / log r)` tiers
connect them.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.network import LinkTechnology, Switch
from supernode_opt.smooth import ceiling, stack

# A mesh or torus that cannot be enlarged has a radix of one, whose logarithm is zero.
_LEAST_RADIX = 1.01


def switch_tiers(switch: Switch, chips: ArrayLike, relaxed: ArrayLike) -> Array:
    """Switch tiers that connect `chips` in a folded Clos; 0 for a single chip [1]."""
    further = jnp.log(jnp.maximum(chips / switch.first_tier_chips, 1.0))
    each = jnp.log(jnp.maximum(switch.radix, _LEAST_RADIX))
    tiers = 1.0 + ceiling(further / each, relaxed)
    return tiers * jnp.clip(jnp.asarray(chips) - 1.0, 0.0, 1.0)


def cabled_tiers(switch: Switch, tiers: ArrayLike) -> Array:
    """Tiers whose links leave the board [1]; the first may be a board's own."""
    return jnp.maximum(tiers - switch.on_board, 0.0)


def crowding(switch: Switch, members: ArrayLike, exchange: bool) -> Array:
    """Bytes that a port carries in a domain over those that it receives [1].

    In a full mesh of `m` chips a group of `n` has `n - 1` of the `m - 1` links of each
    of them.  In a torus of `k` chips a side an all-to-all goes `k / 4` steps in each of
    `d` dimensions, and every step takes a link: a chip sends at `4 / (d k)` of its
    ports' rate, as its bisection says (Dally and Towles 2004, sections 3.2 and 5.2).
    Rings run between neighbours.

    Args:
      switch: says what the fabric is.
      members: of a group in one domain [1].
      exchange: whether all of them send to all.
    """
    members = jnp.maximum(members, 1.0)
    if switch.topology == "mesh":
        links = (switch.first_tier_chips - 1.0) / jnp.maximum(members - 1.0, 1.0)
        return jnp.maximum(links, 1.0)
    if switch.topology == "packet" or not exchange:
        return jnp.ones_like(members)
    side = members ** (1.0 / switch.dimensions)
    return jnp.maximum(0.25 * switch.dimensions * side, 1.0)


def per_technology(links: tuple[LinkTechnology, ...], field: str) -> Array:
    """Stack one field of the candidate technologies [technology]."""
    return stack(*(getattr(link, field) for link in links))


def mixed(weights: Array, values: Array) -> Array:
    """Average `values` [technology] with mixture `weights` [technology, *batch]."""
    return jnp.tensordot(values, weights, axes=1)


def column(values: Array, batch: ArrayLike) -> Array:
    """Give `values` [technology] trailing axes to broadcast against `batch`."""
    return values.reshape(values.shape + (1,) * jnp.ndim(batch))


def present(count: ArrayLike) -> Array:
    """Return 1 for more than one chip and 0 for one, which needs no fabric [1]."""
    return jnp.clip(jnp.asarray(count) - 1.0, 0.0, 1.0)
