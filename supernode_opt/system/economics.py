"""What the machine costs over its life, and how much of that life it computes."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.fabric import mixed, per_technology
from supernode_opt.system.design import Design
from supernode_opt.system.report import CostParts
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.wiring import Wiring


def cost_parts(
    design: Design,
    scenario: Scenario,
    wiring: Wiring,
    power: ArrayLike,
    average_power: ArrayLike,
) -> CostParts:
    """Price capital at provisioned `power` [W] and energy at `average_power` [W]."""
    chip, host, facility = scenario.chip, scenario.host, scenario.facility
    price = per_technology(scenario.links, "price")
    interfaces = design.chips * design.scale_out_bandwidth * host.nic_price
    links = wiring.scale_up_ends * mixed(design.scale_up_link, price)
    links = links + wiring.scale_out_ends * mixed(design.scale_out_link, price)
    switches = wiring.scale_up_ports * scenario.scale_up_switch.price
    switches = switches + wiring.scale_out_ports * scenario.scale_out_switch.price
    drawn = average_power * facility.pue * facility.lifetime
    return CostParts(
        chips=design.chips * (chip.price + chip.memory_price * chip.hbm_capacity),
        hosts=design.chips / host.chips_per_board * host.price + interfaces,
        links=links,
        switches=switches,
        facility=power * facility.capital_price,
        energy=drawn * facility.energy_price,
    )


def failure_rate(design: Design, scenario: Scenario, wiring: Wiring) -> Array:
    """Rate of events that stop the whole job [1/s]."""
    reliability, host = scenario.reliability, scenario.host
    boards = design.chips / host.chips_per_board
    packages = scenario.chip.failure_rate + reliability.other_failure_rate
    inner, outer = wiring.switches
    switches = inner * scenario.scale_up_switch.failure_rate
    switches = switches + outer * scenario.scale_out_switch.failure_rate
    links = (1.0 - reliability.link_masking) * wiring.failures
    return design.chips * packages + boards * host.failure_rate + links + switches


def goodput(scenario: Scenario, failures: ArrayLike) -> Array:
    """Share of time that makes progress at the best checkpoint interval [1].

    The interval is Young's and Daly's `sqrt(2 d M)`; each stop loses half an interval
    and the restart.  Llama 3's rates at 16,384 chips give 0.90 (arXiv:2407.21783).
    The loss per stop enters as an exponential, which agrees with the usual linear form
    while losses are small and stays positive when they are not.
    """
    reliability = scenario.reliability
    stall = reliability.checkpoint_stall
    interval = jnp.sqrt(2.0 * stall / failures)
    lost = failures * (0.5 * interval + reliability.restart_time)
    return jnp.exp(-lost) / (1.0 + stall / interval)
