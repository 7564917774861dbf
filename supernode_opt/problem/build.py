"""From plain values to the records that the physics reads."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from supernode_opt.problem.box import options
from supernode_opt.problem.variables import CHOICE_NAMES, NUMBER_NAMES
from supernode_opt.record import replace
from supernode_opt.system.design import Design, one_hot
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


def apply(scenario: Scenario, values: Mapping[str, Any]) -> Scenario:
    """Return `scenario` with every dotted constant of `values` put in its place."""
    for name, value in values.items():
        if "." in name:
            scenario = replace(scenario, name, value)
    return scenario
