"""What the machine costs over its life.

Capital is paid back at a constant rate over the life of what it bought, interest on the
rest included: an annuity in continuous time, `r / (1 - exp(-r L))` a second and `1 / L`
without interest (Luenberger, Investment Science, chapter 3).  The machine is kept all
its life; of the building's annuity it pays for as long.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.silicon import manufacturing_cost
from supernode_opt.system.design import Design
from supernode_opt.system.failures import spare_share
from supernode_opt.system.parts import CostParts
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.wiring import Fabric, Wiring

# Interest over a life below which its series is exact to the last digit but two.
_LITTLE = 1e-3
# What is paid while the machine is kept.
_RUNNING = ("financing", "maintenance", "energy")


def cost_parts(
    design: Design,
    scenario: Scenario,
    wiring: Wiring,
    power: ArrayLike,
    average_power: ArrayLike,
) -> CostParts:
    """Price capital at provisioned `power` [W] and energy at `average_power` [W].

    Spare boards, and those of chips that idle in their racks, are bought with their
    chips and memory, and stand by switched off.  Upkeep is paid on all capital, that of
    the whole building included.
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
    }
    bought = sum(capital.values())
    building = power * facility.capital_price
    life, interest = facility.lifetime, facility.cost_of_capital
    standing = jnp.asarray(facility.building_lifetime)
    standing = jnp.where(standing > 0.0, standing, life)
    drawn = average_power * facility.pue * facility.lifetime
    return CostParts(
        **{name: jnp.asarray(part) for name, part in capital.items()},
        facility=building * life / standing * repaid(interest * standing),
        financing=bought * (repaid(interest * life) - 1.0),
        maintenance=jnp.asarray(facility.maintenance_rate * life * (bought + building)),
        energy=jnp.asarray(drawn * facility.energy_price),
    )


def repaid(grown: ArrayLike) -> Array:
    """Return what an annuity pays back in all, over the capital [1].

    Args:
      grown: interest times the life of what was bought [1].

    >>> float(repaid(0.0)), round(float(repaid(0.4)), 4)
    (1.0, 1.2133)
    """
    grown = jnp.asarray(grown)
    some = grown > _LITTLE
    # x / (1 - exp(-x)) is 1 + x / 2 + x^2 / 12 where both ends of it vanish.
    safe = jnp.where(some, grown, 1.0)
    near = 1.0 + grown * (0.5 + grown / 12.0)
    return jnp.where(some, safe / -jnp.expm1(-safe), near)


def capital_cost(cost: CostParts) -> Array:
    """Return what is spent once: all but interest, energy and upkeep [USD]."""
    parts = vars(cost).items()
    return sum(
        (part for name, part in parts if name not in _RUNNING), start=jnp.zeros(())
    )


def _links(fabric: Fabric) -> Array:
    return fabric.rates.ends * fabric.price
