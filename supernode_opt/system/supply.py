"""System power, bottom up: what is provisioned and what a step draws.

Fans and pumps obey the affinity laws: power goes with the cube of flow.
"""

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.layout import thinnest
from supernode_opt.system.component_power import component_power
from supernode_opt.system.design import Design
from supernode_opt.system.parts import Heat, PowerParts, total
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.wiring import Wiring


def power_parts(
    design: Design,
    scenario: Scenario,
    wiring: Wiring,
    chip_power: ArrayLike,
    full: ArrayLike | None = None,
) -> PowerParts:
    """Add up the machine around chips that draw `chip_power` each.

    Fans or pumps move heat with the cube of flow.  Supplies lose a fixed part, a part
    in proportion and a part with the square of their load, all known at full load.

    Args:
      full: load and fans together when every chip is at peak activity, for which the
        supplies are built; `None` if that is what is asked about [W].
    """
    cooling, rack = scenario.cooling, scenario.rack
    energies = wiring.up.energy, wiring.out.energy
    parts = component_power(
        design, scenario, (wiring.up.rates, wiring.out.rates), energies, chip_power
    )
    drawn = sum(parts[1:], start=parts[0])
    movers = (design.coolant_flow / cooling.reference_flow) ** 3
    moved = cooling.mover_share * drawn * movers
    served = drawn + moved
    built = served if full is None else full
    share = served / built
    still, square = rack.supply_fixed_share, rack.supply_square_share
    bent = still + (1.0 - still - square) * share + square * share**2
    losses = (1.0 / rack.supply_efficiency - 1.0) * built * bent
    return PowerParts(**parts._asdict(), cooling=moved, conversion=losses)


def served_power(parts: PowerParts) -> Array:
    """Return what the supplies deliver: everything but their own losses [W]."""
    return total(parts) - parts.conversion


def heat_parts(scenario: Scenario, power: ArrayLike) -> Heat:
    """Divide the heat of `power` [W] between liquid and the air of the hall."""
    liquid = scenario.cooling.liquid_share
    return Heat(
        liquid=jnp.asarray(power * liquid), air=jnp.asarray(power * (1.0 - liquid))
    )


def thinnest_power(design: Design, scenario: Scenario, power: ArrayLike) -> Array:
    """Return the power of the thinnest rack that is built [W].

    The network's share is included; `power` is that of the machine [W].
    """
    thinned = jnp.minimum(thinnest(scenario.rack), design.chips)
    return power / design.chips * thinned
