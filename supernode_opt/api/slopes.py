"""Derivatives of reported quantities by all that is chosen and all that is given."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt.batch.case import nameless
from supernode_opt.batch.kept import Kept
from supernode_opt.catalog.origins import spelled
from supernode_opt.problem.build import build_design
from supernode_opt.record import get, leaves
from supernode_opt.system.design import (
    TRAINING_ALONE,
    Design,
    design_numbers,
    place_of,
)
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.report import Report
from supernode_opt.system.scenario import Scenario, apply
from supernode_opt.units import quantity_of


class Slope(NamedTuple):
    """The derivative of a sum of quantities by one number.

    Attributes:
      name: design field, or constant by its dotted path: `links.lpo.energy`.
      kind: "design" or "constant".
      value: of the number, SI.
      unit: of the number, "" for a pure one.
      slope: derivative, in SI of both.
      relaxed: whether the number counts things, so that the derivative is that of the
        model in which counts may be fractions.
    """

    name: str
    kind: str
    value: float
    unit: str
    slope: float
    relaxed: bool


@functools.cache
def _program(names: tuple[str, ...], throttled: bool) -> Callable[..., Any]:
    """Return what differentiates a weighted sum of the quantities `names`."""

    def total(
        design: Design, scenario: Scenario, weights: Array, relaxed: Array
    ) -> Array:
        report = evaluate(design, scenario, jnp.inf, relaxed, throttled)
        values = jnp.stack([jnp.asarray(getattr(report, name)) for name in names])
        return jnp.sum(weights * values)

    name = f"slopes of {' '.join(names)}, throttled {throttled}"
    return Kept(jax.grad(total, argnums=(0, 1)), name, quick=True)


def slopes(
    values: Mapping[str, float | str],
    scenario: Scenario,
    weights: Mapping[str, float],
    throttled: bool = True,
) -> list[Slope]:
    """Differentiate a weighted sum of reported quantities at one design.

    The exact model is differentiated by what may take any value; counts (ranks, chips,
    layers) have steps there, and are relaxed to fractions for theirs.  So is all of a
    machine that serves, whose batch is whole where it is solved for.  Alternatives,
    such as a link, have no derivative.

    Args:
      values: the design: SI numbers, choices by name.
      scenario: what is given.
      weights: of each quantity in the sum.
      throttled: whether the design runs no faster than power and cooling sustain, as
        a report of it has it; an optimum keeps these limits by its constraints.
    """
    scenario = apply(scenario, values)
    design = build_design(values, scenario)
    program = _program(tuple(weights), throttled)
    weight = np.asarray(list(weights.values()), float)
    exact, relaxed = (
        program(design, nameless(scenario), weight, np.asarray(flag))
        for flag in (False, True)
    )
    serves, found = scenario.serving is not None, []
    for kind, tree, place, path, name in _numbers(design, scenario):
        holder, _, field = path.rpartition(".")
        owner = get(tree, holder) if holder else tree
        known = quantity_of(type(owner), field)
        fraction = known.whole or serves
        slope = (relaxed if fraction else exact)[place]
        found.append(
            Slope(
                name,
                kind,
                float(get(tree, path)),
                known.unit,
                float(get(slope, path)),
                fraction,
            )
        )
    return found


def _numbers(
    design: Design, scenario: Scenario
) -> Iterator[tuple[str, Any, int, str, str]]:
    """Yield (kind, record, place among arguments, path, name) of every number."""
    serves = scenario.serving is not None
    for name in design_numbers(serves):
        if not (serves and name in TRAINING_ALONE):
            yield "design", design, 0, place_of(name), name
    for path, _ in leaves(scenario):
        yield "constant", scenario, 1, path, spelled(path, scenario)


def unit_of(quantity: str) -> str:
    """Return the SI unit of a reported quantity, "" for a pure number."""
    return quantity_of(Report, quantity).unit
