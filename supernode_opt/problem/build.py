"""From plain values to the records that the physics reads."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from supernode_opt.problem.box import options
from supernode_opt.system.design import (
    CHOICE_NAMES,
    NUMBER_NAMES,
    Design,
    assemble,
    one_hot,
)
from supernode_opt.system.package import settled_clock
from supernode_opt.system.scenario import Scenario


def build_design(values: Mapping[str, float | str], scenario: Scenario) -> Design:
    """Return the design with numbers and choices as `values` name them.

    Args:
      values: every field of `Design`: SI numbers, choices by name; other keys are
        ignored.
      scenario: gives the order of the link technologies.

    Raises:
      ValueError: a field is missing or a choice is unknown.
    """
    missing = [n for n in NUMBER_NAMES + CHOICE_NAMES if n not in values]
    if missing:
        raise ValueError(f"a design must have {', '.join(missing)}")
    numbers = {name: jnp.asarray(float(values[name])) for name in NUMBER_NAMES}
    weights = {}
    for name in CHOICE_NAMES:
        try:
            weights[name] = one_hot(str(values[name]), options(name, scenario))
        except ValueError as error:
            raise ValueError(f"`{name}` {error}") from None
    return Design(**numbers, **weights)


def default_clock(values: Mapping[str, Any], scenario: Scenario) -> float:
    """Return the clock of a machine that is told none [1]: as sold, or as it can.

    As sold a package keeps its limits; with a lower one, hotter coolant or other
    plates it runs as fast as they let it.

    Args:
      values: scale-up bandwidth [B/s], coolant flow [m^3/s] and inlet temperature [K];
        the loop of one package asks for nothing else of a design.
      scenario: what is given.
    """
    names = ("scale_up_bandwidth", "coolant_flow", "inlet_temperature")
    # Twice the precision, or the limit would be missed by a rounding.
    with jax.enable_x64(True):
        numbers = dict.fromkeys(NUMBER_NAMES, 1.0)
        numbers |= {name: float(values[name]) for name in names}
        loop = assemble(numbers, dict.fromkeys(CHOICE_NAMES, ()))
        return float(settled_clock(loop, scenario))
