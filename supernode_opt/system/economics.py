"""What the machine costs over its life."""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.silicon import manufacturing_cost
from supernode_opt.system.design import Design
from supernode_opt.system.failures import spare_share
from supernode_opt.system.parts import CostParts
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.wiring import Fabric, Wiring


def cost_parts(
    design: Design,
    scenario: Scenario,
    wiring: Wiring,
    power: ArrayLike,
    average_power: ArrayLike,
) -> CostParts:
    """Price capital at provisioned `power` [W] and energy at `average_power` [W].

    Spare boards, and those of chips that idle in their racks, are bought with their
    chips and memory, and stand by switched off.  Upkeep is paid on all capital, the
    building's share included.
    """
    chip, host, facility = scenario.chip, scenario.host, scenario.facility
    chips = design.chips * (chip.price + manufacturing_cost(chip))
    memory = design.chips * chip.memory_price * chip.hbm_capacity
    hosts = design.chips / host.chips_per_board * host.price
    hosts = hosts + design.chips * design.scale_out_bandwidth * host.nic_price
    switches = wiring.up.rates.ports * scenario.scale_up_switch.price
    switches = switches + wiring.out.rates.ports * scenario.scale_out_switch.price
    capital = {
        "chips": chips,
        "memory": memory,
        "hosts": hosts,
        "links": _links(wiring.up) + _links(wiring.out),
        "switches": switches,
        "racks": wiring.racks * scenario.rack.price,
        "cooling": power * scenario.cooling.price,
        "spares": spare_share(scenario) * (chips + memory + hosts),
        "facility": power * facility.capital_price,
    }
    invested = sum(capital.values())
    drawn = average_power * facility.pue * facility.lifetime
    return CostParts(
        **{name: jnp.asarray(part) for name, part in capital.items()},
        maintenance=jnp.asarray(
            facility.maintenance_rate * facility.lifetime * invested
        ),
        energy=jnp.asarray(drawn * facility.energy_price),
    )


def capital_cost(cost: CostParts) -> Array:
    """Return what is spent once: all but energy and upkeep [USD]."""
    parts = vars(cost).items()
    return sum(
        (part for name, part in parts if name not in ("maintenance", "energy")),
        start=jnp.zeros(()),
    )


def _links(fabric: Fabric) -> Array:
    return fabric.rates.ends * fabric.price
