"""What one package of a machine does by itself: its clock, and its draw at rest."""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from supernode_opt.batch.kept import Kept
from supernode_opt.batch.precise import precise
from supernode_opt.system.design import CHOICE_NAMES, NUMBER_NAMES, Design, assemble
from supernode_opt.system.package import settled_clock, standing_share
from supernode_opt.system.scenario import Scenario

# Compiled once: a Newton iteration outside would be compiled, and kept, at every call.
_SETTLED = Kept(settled_clock, "settled clock", quick=True)
_STANDING = Kept(standing_share, "standing share", quick=True)


def default_clock(values: Mapping[str, Any], scenario: Scenario) -> float:
    """Return the clock of a machine that is told none [1]: as sold, or as it can.

    As sold a package keeps its limits; with a lower one, hotter coolant or other
    plates it runs as fast as they let it.

    Args:
      values: scale-up bandwidth [B/s], coolant flow [m^3/s] and inlet temperature [K];
        the loop of one package asks for nothing else of a design.
      scenario: what is given.
    """
    return _of_one_package(_SETTLED, values, scenario)


def standing(values: Mapping[str, Any], scenario: Scenario) -> float:
    """Return what a package draws before it computes, over what it may draw [1].

    Args:
      values, scenario: see `default_clock`.
    """
    return _of_one_package(_STANDING, values, scenario)


def _of_one_package(
    quantity: Callable[[Design, Scenario], jax.Array],
    values: Mapping[str, Any],
    scenario: Scenario,
) -> float:
    names = ("scale_up_bandwidth", "coolant_flow", "inlet_temperature")
    # Twice the precision, or the limit would be missed by a rounding.
    with precise():
        numbers = dict.fromkeys(NUMBER_NAMES, 1.0)
        numbers |= {name: float(values[name]) for name in names}
        loop = assemble(numbers, dict.fromkeys(CHOICE_NAMES, ()))
        return float(quantity(loop, scenario))
