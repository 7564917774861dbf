"""Do the derivatives agree with finite differences?  A check that users can run."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt.batch.case import nameless
from supernode_opt.batch.kept import Kept
from supernode_opt.batch.precise import precisely
from supernode_opt.problem.box import options
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import EVERY_CHOICE, axes, from_unit
from supernode_opt.system.design import assemble, design_choices, one_hot
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.scenario import apply

# Smooth enough for differences over the step below, sharp enough to be the model.
SHARPNESS = 20.0
STEP = 1e-5
# How far from the middle of the box variables of serving stand apart, at both ends.
APART = 0.02
TOLERANCE = 1e-4


@dataclasses.dataclass(frozen=True)
class Slope:
    """The derivative of the logarithm of the objective along one variable.

    Attributes:
      name: of the variable.
      automatic: per whole width of the box, by differentiation [1].
      difference: the same by central differences [1].
    """

    name: str
    automatic: float
    difference: float

    @property
    def agrees(self) -> bool:
        """Whether the two are the same but for the error of differences."""
        larger = max(abs(self.automatic), abs(self.difference), 1e-3)
        # Not-a-number compares false, as it should.
        return abs(self.automatic - self.difference) <= TOLERANCE * larger


@precisely
def check(problem: Problem) -> list[Slope]:
    """Differentiate the objective at the middle of the box in two ways.

    Counts are relaxed, maxima smoothed and free choices evenly mixed, as in a descent.
    """
    variables = problem.variables
    if not variables:
        return []
    names = tuple(variable.name for variable in variables)
    frozen = {
        name: np.asarray(float(value))
        for name, value in problem.fixed.items()
        if name not in EVERY_CHOICE
    }
    given = (axes(variables), frozen, _mixtures(problem), nameless(problem.scenario))
    middle = _middle(len(names), problem.scenario.serving is not None)
    ends = np.eye(len(names)) * STEP
    program = _both_ways(names, problem.objective.name)
    automatic, above, below = map(
        np.asarray, program(middle, middle + ends, middle - ends, given)
    )
    difference = (above - below) / (2.0 * STEP)
    return [
        Slope(variable.name, float(automatic[i]), float(difference[i]))
        for i, variable in enumerate(variables)
    ]


def _middle(count: int, serves: bool) -> np.ndarray:
    """Return the middle of the unit box, or a point by it where a machine serves.

    Expert ranks and groups of requests have the same box: at its middle one of them is
    just as many as the other, where experts begin to be shared.  Slopes differ to the
    two sides of that, and no difference across it is either of them.
    """
    aside = APART * np.linspace(-1.0, 1.0, count) if serves and count > 1 else 0.0
    return np.full(count, 0.5) + aside


@functools.cache
def _both_ways(names: tuple[str, ...], sought: str) -> Kept:
    """Return the program for free variables `names` and the objective `sought`.

    It takes a point [variable], points above and below it [variable, variable], all in
    the unit box, and what is given, and returns slopes at the point and the objective's
    logarithm at the others [variable].
    """

    def objective(unit: Array, given: Any) -> Array:
        box, frozen, mixtures, scenario = given
        moved = from_unit(unit, box["low"], box["high"], box["log"])
        numbers = {name: moved[i] for i, name in enumerate(names)}
        design = assemble({**frozen, **numbers}, mixtures)
        report = evaluate(design, apply(scenario, numbers), SHARPNESS, True)
        return jnp.log(getattr(report, sought))

    def both(middle: Array, above: Array, below: Array, given: Any) -> Any:
        many = jax.vmap(objective, in_axes=(0, None))
        slopes = jax.grad(objective)(middle, given)
        return slopes, many(above, given), many(below, given)

    return Kept(both, f"gradient of {sought} by {names}", quick=True)


def _mixtures(problem: Problem) -> dict[str, Array]:
    """Return the weights of every choice: one-hot if frozen, even if free."""
    free = {choice.name: choice.options for choice in problem.choices}
    made = {}
    for name in design_choices(problem.scenario.serving is not None):
        known = options(name, problem.scenario)
        picked = free.get(name) or (str(problem.fixed[name]),)
        weights = [one_hot(option, known) for option in picked]
        made[name] = sum(weights, start=jnp.zeros(len(known))) / len(picked)
    return made
