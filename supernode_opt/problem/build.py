"""From plain values to the records that the physics reads."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from supernode_opt.problem.box import options
from supernode_opt.problem.variables import CHOICE_NAMES, NUMBER_NAMES
from supernode_opt.record import replace
from supernode_opt.system.design import Design, one_hot
from supernode_opt.system.package import settled_clock, standing_share
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


def assemble(numbers: Mapping[str, Any], weights: Mapping[str, Any]) -> Design:
    """Return a `Design` from arrays or tracers; nothing is checked."""
    return Design(
        **{name: numbers[name] for name in NUMBER_NAMES},
        **{name: weights[name] for name in CHOICE_NAMES},
    )


def default_clock(values: Mapping[str, Any], scenario: Scenario) -> float:
    """Return the clock of a machine that is told none [1]: as sold, or as it can.

    As sold a package keeps its limits; with a lower one, hotter coolant or other
    plates it runs as fast as they let it.

    Args:
      values: scale-up bandwidth [B/s], coolant flow [m^3/s] and inlet temperature [K];
        the loop of one package asks for nothing else of a design.
      scenario: what is given.
    """
    return _of_one_package(settled_clock, values, scenario)


def standing(values: Mapping[str, Any], scenario: Scenario) -> float:
    """Return what a package draws before it computes, over what it may draw [1].

    Args:
      values, scenario: see `default_clock`.
    """
    return _of_one_package(standing_share, values, scenario)


def _of_one_package(
    quantity: Callable[[Design, Scenario], jax.Array],
    values: Mapping[str, Any],
    scenario: Scenario,
) -> float:
    names = ("scale_up_bandwidth", "coolant_flow", "inlet_temperature")
    # Twice the precision, or the limit would be missed by a rounding.
    with jax.enable_x64(True):
        numbers = dict.fromkeys(NUMBER_NAMES, 1.0)
        numbers |= {name: float(values[name]) for name in names}
        loop = assemble(numbers, dict.fromkeys(CHOICE_NAMES, ()))
        return float(quantity(loop, scenario))


def apply(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """Return `scenario` with every dotted constant of `values` put in its place."""
    for name, value in values.items():
        if "." in name:
            scenario = replace(scenario, name, value)
    return scenario
