"""Links, ports and modules of both fabrics, counted from bandwidth, tiers and lanes."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.fabric import (
    cabled_tiers,
    mixed,
    per_technology,
    reach_excess,
    scale_out_span,
    scale_up_span,
    switch_tiers,
)
from supernode_opt.system.design import Design, connected_domain
from supernode_opt.system.scenario import Scenario


class Wiring(NamedTuple):
    """Both fabrics in numbers.

    Attributes:
      tiers: switch tiers of the scale-up fabric [1].
      scale_up_ends, scale_out_ends: one-direction rate summed over link ends [B/s].
      scale_up_ports, scale_out_ports: one-direction switch port rate [B/s].
      scale_up_modules, scale_out_modules: link modules, both ends [1].
      optical_modules: those of them that are optical [1].
      failures: link modules' hard failures [1/s].
      switches: switch chips of the (scale-up, scale-out) fabric [1].
      scale_up_span, scale_out_span: longest link [m].
      scale_up_reach, scale_out_reach: span beyond the technology's reach [1].
    """

    tiers: Array
    scale_up_ends: Array
    scale_out_ends: Array
    scale_up_ports: Array
    scale_out_ports: Array
    scale_up_modules: Array
    scale_out_modules: Array
    optical_modules: Array
    failures: Array
    switches: tuple[Array, Array]
    scale_up_span: Array
    scale_out_span: Array
    scale_up_reach: Array
    scale_out_reach: Array


def wire(design: Design, scenario: Scenario, relaxed: ArrayLike) -> Wiring:
    """Count what both fabrics are made of.

    Every cabled tier has a link of the chip's full rate with two ends; a folded Clos
    of t tiers has 2 t - 1 times that rate in switch ports.  Oversubscription thins the
    network above its first tier.
    """
    inner, outer = scenario.scale_up_switch, scenario.scale_out_switch
    domain, chips = connected_domain(design), design.chips
    tiers = switch_tiers(inner, domain, relaxed)
    cabled = cabled_tiers(inner, tiers)
    outer_tiers = switch_tiers(outer, chips, relaxed)
    up_rate = chips * design.scale_up_bandwidth
    out_rate = chips * design.scale_out_bandwidth
    upper = jnp.maximum(outer_tiers - 1.0, 0.0) / design.oversubscription
    present = jnp.clip(jnp.asarray(chips) - 1.0, 0.0, 1.0)
    up_ends = 2.0 * up_rate * cabled
    out_ends = 2.0 * out_rate * (present + upper)
    up_ports = up_rate * jnp.maximum(2.0 * tiers - 1.0, 0.0)
    out_ports = out_rate * (present + 2.0 * upper)
    up_modules = up_ends / inner.module_bandwidth
    out_modules = out_ends / outer.module_bandwidth
    optical = per_technology(scenario.links, "optical")
    failing = per_technology(scenario.links, "failure_rate")
    up_span = scale_up_span(scenario.rack, domain, relaxed)
    out_span = scale_out_span(scenario.rack, chips, relaxed)
    leaves_board = jnp.clip(cabled, 0.0, 1.0)
    return Wiring(
        tiers=tiers,
        scale_up_ends=up_ends,
        scale_out_ends=out_ends,
        scale_up_ports=up_ports,
        scale_out_ports=out_ports,
        scale_up_modules=up_modules,
        scale_out_modules=out_modules,
        optical_modules=up_modules * mixed(design.scale_up_link, optical)
        + out_modules * mixed(design.scale_out_link, optical),
        failures=up_modules * mixed(design.scale_up_link, failing)
        + out_modules * mixed(design.scale_out_link, failing),
        switches=(up_ports / inner.chip_bandwidth, out_ports / outer.chip_bandwidth),
        scale_up_span=up_span,
        scale_out_span=out_span,
        scale_up_reach=leaves_board
        * reach_excess(design.scale_up_link, scenario.links, up_span),
        scale_out_reach=present
        * reach_excess(design.scale_out_link, scenario.links, out_span),
    )
