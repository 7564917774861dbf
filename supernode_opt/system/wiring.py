"""Racks, links and modules of both fabrics, from rates, heat and distance."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware import layout
from supernode_opt.hardware.fabric import column, mixed, per_technology, present
from supernode_opt.hardware.network import LinkTechnology, Switch
from supernode_opt.hardware.reach import (
    ambient_temperature,
    case_temperature,
    reach_excess,
    trace_excess,
    wear,
)
from supernode_opt.smooth import added
from supernode_opt.system.component_power import component_power
from supernode_opt.system.design import Design, connected_domain
from supernode_opt.system.rates import Rates, scale_out_rates, scale_up_rates
from supernode_opt.system.scenario import Scenario

# Light in fibre and signals in copper: group index near 1.47 [s/m].
PROPAGATION = 4.9e-9


class Fabric(NamedTuple):
    """One fabric where it stands.

    Attributes:
      rates: what it carries.
      span: longest link [m].
      reach: span, or loss, beyond what the technology bridges [1].
      short: share of the link ends that run over the technology's copper [1].
      energy: of a link end, the mean of short and long ones [J/B].
      price: of a link end and one-direction rate [USD/(B/s)].
      optical: optical modules [1].
      failures: of all its link modules [1/s].
      temperature: case of its modules [K].
    """

    rates: Rates
    span: Array
    reach: Array
    short: Array
    energy: Array
    price: Array
    optical: Array
    failures: Array
    temperature: Array


class Wiring(NamedTuple):
    """Both fabrics and the racks they stand in.

    Attributes:
      up, out: the scale-up and the scale-out fabric.
      racks: of the whole machine [1].
      held: accelerators in one rack [1].
      latency: longest path in a domain, hardware alone [s].
    """

    up: Fabric
    out: Fabric
    racks: Array
    held: Array
    latency: Array


def wire(
    design: Design, scenario: Scenario, relaxed: ArrayLike, chip_power: ArrayLike
) -> Wiring:
    """Lay the machine out and count what both fabrics are made of.

    Where full racks of chips that draw `chip_power` [W] cannot be cooled, racks are
    thinned, which makes links longer.  Their heat is taken with every link of the
    technology that was asked for and with fans as at their reference flow.
    """
    rack, links = scenario.rack, scenario.links
    inner, outer = scenario.scale_up_switch, scenario.scale_out_switch
    domain, chips = connected_domain(design), design.chips
    up = scale_up_rates(design, scenario, relaxed)
    out = scale_out_rates(design, scenario, relaxed)
    long = per_technology(links, "energy")
    asked = mixed(design.scale_up_link, long), mixed(design.scale_out_link, long)
    each = sum(component_power(design, scenario, (up, out), asked, chip_power)) / chips
    each = each * (1.0 + scenario.cooling.mover_share) / rack.supply_efficiency
    held = layout.populated(rack, scenario.cooling, each)
    row = layout.racks(rack, domain, held, relaxed)
    every = layout.racks(rack, chips, held, relaxed)
    hall = layout.hall_span(rack, every)
    span, shares = _domain_layout(scenario, domain, row, every)
    ambient = ambient_temperature(links, scenario.cooling, design.inlet_temperature)
    cabled = jnp.clip(up.cabled, 0.0, 1.0)
    loss = inner.insertion_loss * present(domain)
    up_reach = cabled * reach_excess(design.scale_up_link, links, inner, span, loss)
    traces = present(domain) * trace_excess(scenario.host, inner)
    up_reach = up_reach + inner.on_board * traces
    out_reach = reach_excess(design.scale_out_link, links, outer, hall)
    none = jnp.zeros_like(shares)
    return Wiring(
        up=_fabric(
            design.scale_up_link, links, inner, up, span, up_reach, shares, ambient
        ),
        out=_fabric(
            design.scale_out_link,
            links,
            outer,
            out,
            hall,
            present(chips) * out_reach,
            none,
            ambient,
        ),
        racks=every,
        held=jnp.minimum(held, chips),
        latency=_path(design, scenario, up, domain, span),
    )


def _domain_layout(
    scenario: Scenario, domain: Array, row: Array, every: Array
) -> tuple[Array, Array]:
    """Longest link of a domain [m] and the share of short ones [technology, *batch]."""
    rack, switch = scenario.rack, scenario.scale_up_switch
    reach = column(per_technology(scenario.links, "short_reach"), domain)
    if switch.topology == "packet":
        return layout.row_span(rack, row), layout.short_share(rack, row, reach)
    leaving = layout.leaving_share(switch, rack.chips_per_rack, domain)
    inside = jnp.clip(reach / rack.cable_length, 0.0, 1.0) * (1.0 - leaving)
    neighbours = layout.folded_span(rack, row)
    if switch.topology == "circuit":
        # Every link that leaves a rack passes the circuit switches of the hall.
        within = jnp.clip(jnp.asarray(leaving) / jnp.maximum(leaving, 1e-12), 0.0, 1.0)
        far = layout.hall_span(rack, row)
        return rack.cable_length + within * (far - rack.cable_length), inside
    bridged = jnp.where(reach >= neighbours, 1.0, 0.0)
    return neighbours, inside + leaving * bridged


def _fabric(
    weights: Array,
    links: tuple[LinkTechnology, ...],
    switch: Switch,
    rates: Rates,
    span: Array,
    reach: Array,
    shares: Array,
    ambient: Array,
) -> Fabric:
    """Average the technologies' properties over their short and long links."""

    def field(name: str) -> Array:
        return column(per_technology(links, name), span)

    def blended(name: str, factor: ArrayLike = 1.0) -> Array:
        long = field(name) * factor
        return added(weights * (long + shares * (field(f"short_{name}") - long)))

    # Without cables there are no modules to be warm.
    cases = case_temperature(links, switch, ambient)
    cases = ambient + (cases - ambient) * jnp.clip(rates.cabled, 0.0, 1.0)
    failing = blended("failure_rate", wear(links, cases))
    light = added(weights * (1.0 - shares) * field("optical"))
    return Fabric(
        rates=rates,
        span=span,
        reach=reach,
        short=added(weights * shares),
        energy=blended("energy"),
        price=blended("price") * switch.coding,
        optical=rates.modules * light,
        failures=rates.modules * failing,
        temperature=added(weights * cases),
    )


def _path(
    design: Design, scenario: Scenario, rates: Rates, domain: Array, span: Array
) -> Array:
    """Latency of the longest path in a domain, end points and software aside [s].

    Up to the top tier and down again: 2 t - 1 switches and, per cabled tier, two links
    of two ends each.  In a torus half a side per dimension, a link per step.
    """
    switch = scenario.scale_up_switch
    ends = mixed(design.scale_up_link, per_technology(scenario.links, "latency"))
    link = 2.0 * ends + PROPAGATION * span
    if switch.topology == "packet":
        hops = jnp.maximum(2.0 * rates.tiers - 1.0, 0.0)
        return hops * switch.latency + 2.0 * rates.cabled * link
    side = domain ** (1.0 / switch.dimensions)
    steps = 0.5 * switch.dimensions * side * present(domain)
    return steps * (switch.latency + jnp.clip(rates.cabled, 0.0, 1.0) * link)
