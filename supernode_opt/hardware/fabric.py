"""Tiers, cable runs and reach: what a domain of a given size takes to wire."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.network import LinkTechnology, Switch
from supernode_opt.hardware.plant import Rack
from supernode_opt.smooth import ceiling, stack


def switch_tiers(switch: Switch, chips: ArrayLike, relaxed: ArrayLike) -> Array:
    """Switch tiers that connect `chips` in a folded Clos; 0 for a single chip [1]."""
    further = jnp.log(jnp.maximum(chips / switch.first_tier_chips, 1.0))
    tiers = 1.0 + ceiling(further / jnp.log(switch.radix), relaxed)
    return tiers * jnp.clip(jnp.asarray(chips) - 1.0, 0.0, 1.0)


def cabled_tiers(switch: Switch, tiers: ArrayLike) -> Array:
    """Tiers whose links leave the board [1]; the first may be a board's own."""
    return jnp.maximum(tiers - (1.0 if switch.on_board else 0.0), 0.0)


def scale_up_span(rack: Rack, domain: ArrayLike, relaxed: ArrayLike) -> Array:
    """Longest link of a scale-up domain laid out in one row of racks [m]."""
    racks = ceiling(domain / rack.chips_per_rack, relaxed)
    return rack.cable_length + rack.pitch * jnp.maximum(racks - 1.0, 0.0)


def scale_out_span(rack: Rack, chips: ArrayLike, relaxed: ArrayLike) -> Array:
    """Longest link of the network, Manhattan distance across a square hall [m]."""
    racks = jnp.maximum(ceiling(chips / rack.chips_per_rack, relaxed), 1.0)
    side = jnp.sqrt(racks * rack.floor_area) - jnp.sqrt(rack.floor_area)
    return rack.cable_length + 2.0 * side


def per_technology(links: tuple[LinkTechnology, ...], field: str) -> Array:
    """Stack one field of the candidate technologies [technology]."""
    return stack(*(getattr(link, field) for link in links))


def mixed(weights: Array, values: Array) -> Array:
    """Average `values` [technology] with mixture `weights` [technology, *batch]."""
    return jnp.tensordot(values, weights, axes=1)


def reach_excess(
    weights: Array, links: tuple[LinkTechnology, ...], span: ArrayLike
) -> Array:
    """How far the span exceeds the reach of each used technology, weighted [1].

    Every technology with weight must reach on its own; an average reach would let a
    few optical fibres carry copper anywhere.
    """
    reach = per_technology(links, "reach")
    reach = reach.reshape(reach.shape + (1,) * jnp.ndim(span))
    return jnp.sum(weights * jnp.maximum(span / reach - 1.0, 0.0), axis=0)
