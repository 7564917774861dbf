"""What both fabrics carry: rates summed over link ends and over switch ports.

These depend on bandwidths and tiers alone, not on where anything stands.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.fabric import cabled_tiers, present, switch_tiers
from supernode_opt.hardware.layout import leaving_share
from supernode_opt.smooth import ceiling
from supernode_opt.system.design import Design, connected_domain
from supernode_opt.system.scenario import Scenario


class Rates(NamedTuple):
    """One fabric in numbers that no distance enters.

    Attributes:
      tiers: switch tiers [1].
      cabled: of those, tiers whose links leave the board [1].
      ends: one-direction rate summed over link ends [B/s].
      ports: one-direction rate summed over ports of switches [B/s].
      modules: link modules, both ends [1].
      leaf_chips, spine_chips: switch chips of the first tier and of all others [1].
    """

    tiers: Array
    cabled: Array
    ends: Array
    ports: Array
    modules: Array
    leaf_chips: Array
    spine_chips: Array


def scale_up_rates(design: Design, scenario: Scenario, relaxed: ArrayLike) -> Rates:
    """Count the fabric of the scale-up domains.

    Every cabled tier has a link of the chip's full rate with two ends; a folded Clos
    of t tiers has 2 t - 1 times that rate in switch ports.  Without packet switches
    every link connects two chips, and circuit switches see what leaves a rack.
    """
    switch, domain = scenario.scale_up_switch, connected_domain(design)
    tiers = switch_tiers(switch, domain, relaxed)
    cabled = cabled_tiers(switch, tiers)
    rate = design.chips * design.scale_up_bandwidth
    none = jnp.zeros_like(rate * tiers)
    if switch.topology == "packet":
        ends = 2.0 * rate * cabled
        hosts = design.chips / scenario.host.chips_per_board
        hosts = hosts * scenario.host.scale_up_bandwidth * jnp.clip(tiers, 0.0, 1.0)
        ports = rate * jnp.maximum(2.0 * tiers - 1.0, 0.0) + hosts
        leaves, spines = _switch_chips(design, scenario, tiers, ports, relaxed)
    else:
        ends = rate * jnp.clip(cabled, 0.0, 1.0)
        full = scenario.rack.chips_per_rack
        circuit = switch.topology == "circuit"
        ports = ends * leaving_share(switch, full, domain) if circuit else none
        leaves, spines = ports / switch.chip_bandwidth, none
    modules = ends / switch.module_bandwidth
    return Rates(tiers, cabled, ends, ports, modules, leaves, spines)


def scale_out_rates(design: Design, scenario: Scenario, relaxed: ArrayLike) -> Rates:
    """Count the network between domains, a fat tree thinned above its first tier.

    Its boxes are shared with other machines, so a fraction of one counts as such.
    """
    switch, chips = scenario.scale_out_switch, design.chips
    tiers = switch_tiers(switch, chips, relaxed)
    rate = chips * design.scale_out_bandwidth
    some = present(chips)
    upper = jnp.maximum(tiers - 1.0, 0.0) / design.oversubscription
    ends = 2.0 * rate * (some + upper)
    ports = rate * (some + 2.0 * upper)
    leaves = rate * (some + upper / jnp.maximum(tiers - 1.0, 1.0))
    return Rates(
        tiers,
        some + jnp.maximum(tiers - 1.0, 0.0),
        ends,
        ports,
        ends / switch.module_bandwidth,
        leaves / switch.chip_bandwidth,
        (ports - leaves) / switch.chip_bandwidth,
    )


def _switch_chips(
    design: Design, scenario: Scenario, tiers: Array, ports: Array, relaxed: ArrayLike
) -> tuple[Array, Array]:
    """Count switch chips of the first and of all further tiers of all domains [1].

    Every plane of every board (or domain, where the first tier is off the board) has
    whole chips of its own.  A fabric without planes counts by its port rate.
    """
    switch, host = scenario.scale_up_switch, scenario.host
    domain, width = connected_domain(design), design.scale_up_bandwidth
    divided = jnp.asarray(switch.plane_bandwidth) > 0.0
    plane = jnp.where(divided, switch.plane_bandwidth, 1.0)
    planes = width / plane
    group = jnp.where(switch.on_board > 0.0, host.chips_per_board, domain)
    group = jnp.minimum(group, domain)
    upwards = jnp.clip(tiers - 1.0, 0.0, 1.0)
    carried = group * plane * (1.0 + upwards)
    shared = host.scale_up_bandwidth * group / host.chips_per_board
    # At the data sheet's width: how host traffic is spread is wired, not chosen.
    carried = carried + shared * plane / scenario.chip.scale_up_bandwidth
    leaf = ceiling(carried / switch.chip_bandwidth, relaxed) * design.chips / group
    above = jnp.maximum(2.0 * tiers - 3.0, 0.0) * domain * plane
    spine = ceiling(above / switch.chip_bandwidth, relaxed) + 0.0
    spine = spine * design.chips / domain
    some = jnp.clip(tiers, 0.0, 1.0)
    plain = ports / switch.chip_bandwidth
    upper = plain * jnp.maximum(2.0 * tiers - 3.0, 0.0)
    upper = upper / jnp.maximum(2.0 * tiers - 1.0, 1.0)
    return (
        jnp.where(divided, planes * leaf * some, plain - upper),
        jnp.where(divided, planes * spine, upper),
    )
