"""Do the derivatives agree with finite differences?  A check that users can run."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt.batch.compiler import compiled
from supernode_opt.batch.precise import precisely
from supernode_opt.problem.box import options
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import CHOICE_NAMES, axes, from_unit
from supernode_opt.system.design import assemble, one_hot
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.scenario import apply

# Smooth enough for differences over the step below, sharp enough to be the model.
SHARPNESS = 20.0
STEP = 1e-5
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
    box = axes(variables)
    frozen = {k: v for k, v in problem.fixed.items() if k not in CHOICE_NAMES}
    mixtures = _mixtures(problem)

    def objective(unit: Array) -> Array:
        moved = from_unit(unit, box["low"], box["high"], box["log"])
        numbers = {v.name: moved[i] for i, v in enumerate(variables)}
        design = assemble({**frozen, **numbers}, mixtures)
        scenario = apply(problem.scenario, numbers)
        report = evaluate(design, scenario, SHARPNESS, True)
        return jnp.log(getattr(report, problem.objective.name))

    middle = jnp.full(len(variables), 0.5)
    automatic = np.asarray(compiled(jax.grad(objective))(middle))
    ends = jnp.eye(len(variables)) * STEP
    many = compiled(jax.vmap(objective))
    difference = np.asarray(many(middle + ends) - many(middle - ends)) / (2.0 * STEP)
    return [
        Slope(variable.name, float(automatic[i]), float(difference[i]))
        for i, variable in enumerate(variables)
    ]


def _mixtures(problem: Problem) -> dict[str, Array]:
    """Return the weights of every choice: one-hot if frozen, even if free."""
    free = {choice.name: choice.options for choice in problem.choices}
    made = {}
    for name in CHOICE_NAMES:
        known = options(name, problem.scenario)
        picked = free.get(name) or (str(problem.fixed[name]),)
        weights = [one_hot(option, known) for option in picked]
        made[name] = sum(weights, start=jnp.zeros(len(known))) / len(picked)
    return made
