"""What the machine's parts draw at their own terminals, before fans and supplies."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.network import Switch
from supernode_opt.system.design import Design
from supernode_opt.system.rates import Rates
from supernode_opt.system.scenario import Scenario


class ComponentPower(NamedTuple):
    """Power of the parts [W]."""

    chips: Array
    hosts: Array
    network_interfaces: Array
    scale_up_links: Array
    scale_out_links: Array
    scale_up_switches: Array
    scale_out_switches: Array


def component_power(
    design: Design,
    scenario: Scenario,
    rates: tuple[Rates, Rates],
    energies: tuple[ArrayLike, ArrayLike],
    chip_power: ArrayLike,
) -> ComponentPower:
    """Add up chips that draw `chip_power` [W] each and all that serves them.

    A chip's TDP already contains its HBM, on-package losses and SerDes; links add only
    their modules, switches their own SerDes.  SerDes and lasers do not idle, so fabrics
    draw the same at any traffic.

    Args:
      rates: of the (scale-up, scale-out) fabric.
      energies: of their links, per byte and end [J/B].
      chip_power: of one package [W].
    """
    host, (inner, outer) = scenario.host, rates
    up, out = scenario.scale_up_switch, scenario.scale_out_switch
    return ComponentPower(
        chips=jnp.asarray(design.chips * chip_power),
        hosts=jnp.asarray(design.chips / host.chips_per_board * host.power),
        network_interfaces=jnp.asarray(
            host.nic_energy * design.chips * design.scale_out_bandwidth
        ),
        scale_up_links=inner.ends * up.coding * energies[0],
        scale_out_links=outer.ends * out.coding * energies[1],
        scale_up_switches=_switching(up, inner.ports),
        scale_out_switches=_switching(out, outer.ports),
    )


def _switching(switch: Switch, ports: Array) -> Array:
    """Power of a fabric's switches: by the bit, and by the port for circuits [W]."""
    return ports * (switch.energy + switch.port_power / switch.module_bandwidth)
