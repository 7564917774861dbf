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
