"""From plain values to the records that the physics reads."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from supernode_opt.problem.box import options
from supernode_opt.reading.node import did_you_mean, shown
from supernode_opt.system.design import (
    EVERY_CHOICE,
    EVERY_NUMBER,
    Design,
    assemble,
    design_choices,
    design_numbers,
    holder_of,
    one_hot,
)
from supernode_opt.system.scenario import Scenario
from supernode_opt.units import quantity_of


def build_design(values: Mapping[str, float | str], scenario: Scenario) -> Design:
    """Return the design with numbers and choices as `values` name them.

    Args:
      values: every field of `Design`: SI numbers, choices by name; freed constants by
        dotted path and `data_parallel`, which follows, are ignored.
      scenario: gives the order of the link technologies.

    Raises:
      ValueError: a field is missing or unknown, a number is out of bounds, a count
        has a fraction, or a choice is unknown.
      TypeError: something stands where a scenario or a number belongs.
    """
    if not isinstance(scenario, Scenario):
        raise TypeError(f"`scenario` must be a Scenario, but is {shown(scenario)}")
    serves = scenario.serving is not None
    names, choices = design_numbers(serves), design_choices(serves)
    missing = [n for n in (*names, *choices) if n not in values]
    if missing:
        raise ValueError(f"a design must have {', '.join(missing)}")
    check_built(values)
    numbers = {name: jnp.asarray(float(values[name])) for name in names}
    weights = {}
    for name in choices:
        try:
            weights[name] = one_hot(str(values[name]), options(name, scenario))
        except ValueError as error:
            raise ValueError(f"`{name}` {error}") from None
    return assemble(numbers, weights)


def check_built(values: Mapping[str, Any]) -> None:
    """Refuse values that no built design has.

    Raises:
      ValueError: a name is unknown, a number out of bounds, or a count has a fraction.
      TypeError: something else stands where a number belongs.
    """
    for name, value in values.items():
        if "." in name or name == "data_parallel" or name in EVERY_CHOICE:
            continue
        if name not in EVERY_NUMBER:
            near = did_you_mean(name, (*EVERY_NUMBER, *EVERY_CHOICE))
            raise ValueError(f"`{name}` is no design variable{near}")
        if isinstance(value, str | Mapping | list | tuple | None | bool):
            raise TypeError(f"`{name}` must be a number, but is {shown(value)}")
        number, known = float(value), quantity_of(holder_of(name), name)
        wrong = known.wrong(number)
        if wrong is None and known.whole and number != round(number):
            wrong = "a whole number"
        if wrong is not None:
            raise ValueError(f"`{name}` must be {wrong}, but is {number:.6g}")
