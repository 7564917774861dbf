"""From plain values to the records that the physics reads."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from supernode_opt.problem.box import options
from supernode_opt.reading.node import did_you_mean, shown
from supernode_opt.system.design import (
    CHOICE_NAMES,
    NUMBER_NAMES,
    Design,
    assemble,
    one_hot,
)
from supernode_opt.system.package import settled_clock, standing_share
from supernode_opt.system.scenario import Scenario
from supernode_opt.units import quantity_of

# Compiled once: a Newton iteration outside would be compiled, and kept, at every call.
_SETTLED = jax.jit(settled_clock)
_STANDING = jax.jit(standing_share)


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
    missing = [n for n in NUMBER_NAMES + CHOICE_NAMES if n not in values]
    if missing:
        raise ValueError(f"a design must have {', '.join(missing)}")
    check_built(values)
    numbers = {name: jnp.asarray(float(values[name])) for name in NUMBER_NAMES}
    weights = {}
    for name in CHOICE_NAMES:
        try:
            weights[name] = one_hot(str(values[name]), options(name, scenario))
        except ValueError as error:
            raise ValueError(f"`{name}` {error}") from None
    return Design(**numbers, **weights)


def check_built(values: Mapping[str, Any]) -> None:
    """Refuse values that no built design has.

    Raises:
      ValueError: a name is unknown, a number out of bounds, or a count has a fraction.
      TypeError: something else stands where a number belongs.
    """
    for name, value in values.items():
        if "." in name or name == "data_parallel" or name in CHOICE_NAMES:
            continue
        if name not in NUMBER_NAMES:
            near = did_you_mean(name, NUMBER_NAMES + CHOICE_NAMES)
            raise ValueError(f"`{name}` is no design variable{near}")
        if isinstance(value, str | Mapping | list | tuple | None | bool):
            raise TypeError(f"`{name}` must be a number, but is {shown(value)}")
        number, known = float(value), quantity_of(Design, name)
        wrong = known.wrong(number)
        if wrong is None and known.whole and number != round(number):
            wrong = "a whole number"
        if wrong is not None:
            raise ValueError(f"`{name}` must be {wrong}, but is {number:.6g}")


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
    with jax.enable_x64(True):
        numbers = dict.fromkeys(NUMBER_NAMES, 1.0)
        numbers |= {name: float(values[name]) for name in names}
        loop = assemble(numbers, dict.fromkeys(CHOICE_NAMES, ()))
        return float(quantity(loop, scenario))
