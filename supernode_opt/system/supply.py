"""System power, bottom up: what is provisioned and what a step draws."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.chip_power import dynamic_power, static_power
from supernode_opt.hardware.fabric import mixed, per_technology
from supernode_opt.hardware.thermal import (
    junction,
    outlet_temperature,
    thermal_resistance,
)
from supernode_opt.system.design import Design
from supernode_opt.system.report import PowerParts, total
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.wiring import Wiring


class ChipState(NamedTuple):
    """One package at some activity.

    Attributes:
      power: dynamic, static and leakage [W].
      temperature: junction [K].
      outlet: coolant behind the package [K].
      gain: leakage loop gain [1].
    """

    power: Array
    temperature: Array
    outlet: Array
    gain: Array


def chip_state(
    design: Design, scenario: Scenario, activity: ArrayLike, sharpness: ArrayLike
) -> ChipState:
    """Close the clock-power-heat loop of a package busy `activity` of the time."""
    chip, cooling = scenario.chip, scenario.cooling
    cold = static_power(chip, design.scale_up_bandwidth)
    cold = cold + activity * dynamic_power(chip, design.clock, sharpness)
    resistance = thermal_resistance(chip, cooling, design.coolant_flow)
    temperature, leakage, gain = junction(
        chip, resistance, design.inlet_temperature, cold
    )
    power = cold + leakage
    outlet = outlet_temperature(
        cooling, design.inlet_temperature, power, design.coolant_flow
    )
    return ChipState(power, temperature, outlet, gain)


def power_parts(
    design: Design, scenario: Scenario, wiring: Wiring, chip_power: ArrayLike
) -> PowerParts:
    """Add up the machine around chips that draw `chip_power` each.

    A chip's TDP already contains its HBM, on-package losses and SerDes; links add only
    their modules, switches their own SerDes.  Fans or pumps move heat with the cube of
    flow.
    """
    host, cooling = scenario.host, scenario.cooling
    energy = per_technology(scenario.links, "energy")
    chips = design.chips * chip_power
    hosts = design.chips / host.chips_per_board * host.power
    interfaces = host.nic_energy * design.chips * design.scale_out_bandwidth
    up_links = wiring.scale_up_ends * mixed(design.scale_up_link, energy)
    out_links = wiring.scale_out_ends * mixed(design.scale_out_link, energy)
    up_switches = scenario.scale_up_switch.energy * wiring.scale_up_ports
    out_switches = scenario.scale_out_switch.energy * wiring.scale_out_ports
    load = chips + hosts + interfaces + up_links + out_links
    load = load + up_switches + out_switches
    movers = (design.coolant_flow / cooling.reference_flow) ** 3.0
    moved = cooling.mover_share * load * movers
    losses = (1.0 / scenario.rack.supply_efficiency - 1.0) * (load + moved)
    return PowerParts(
        chips=chips,
        hosts=hosts,
        network_interfaces=interfaces,
        scale_up_links=up_links,
        scale_out_links=out_links,
        scale_up_switches=up_switches,
        scale_out_switches=out_switches,
        cooling=moved,
        conversion=losses,
    )


def rack_power(design: Design, scenario: Scenario, parts: PowerParts) -> Array:
    """Power of a full rack, the network's share included [W]."""
    share = jnp.minimum(scenario.rack.chips_per_rack / design.chips, 1.0)
    return total(parts) * share
