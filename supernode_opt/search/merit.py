"""The two functions that are descended on: the exact model and the relaxed one.

Both map a batch of points to a cost and normalised constraints.  The cost is the
logarithm of the objective, negative when more is better, so that differences are
relative.  A merit is a hashable record of names: numbers (the scenario, limits, bounds)
arrive as traced data, so that a study of the same shape never compiles twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt.problem.build import apply, assemble
from supernode_opt.problem.constraints import (
    Form,
    all_constraints,
    normalised_values,
)
from supernode_opt.problem.problem import Objective, Problem
from supernode_opt.problem.variables import axes, from_unit, weights
from supernode_opt.search.exact import report_of
from supernode_opt.system.design import data_parallel
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.scenario import Scenario

# A quantity this small, in any SI unit, counts as zero under a logarithm.
LEAST = 1e-30

STRUCTURE = (
    "model parallel within chips",
    "domain within chips",
    "expert parallel within a stage",
    "micro-batch within the batch",
    "interleave within a stage",
)


def forms(problem: Problem) -> tuple[Form, ...]:
    """Return (name, at_most) of every constraint of `problem`."""
    return tuple((c.name, c.at_most) for c in all_constraints(problem))


def limits(problem: Problem) -> np.ndarray:
    """Return the limit of every constraint of `problem`, SI."""
    return np.asarray([c.limit for c in all_constraints(problem)], float)


def as_floats(scenario: Scenario) -> Scenario:
    """Return `scenario` with every number a float, so that one program serves all."""
    return jax.tree.map(float, scenario)


def cost_of(report: Any, objective: Objective) -> Array:
    """Return the cost of `report`: the signed logarithm of the objective."""
    log = jnp.log(jnp.maximum(getattr(report, objective.name), LEAST))
    return -log if objective.maximize else log


def objective_value(cost: float, objective: Objective) -> float:
    """Return the objective that belongs to `cost`, in its own unit."""
    return float(np.exp(-cost if objective.maximize else cost))


@dataclass(frozen=True)
class Exact:
    """The exact model over the continuous variables of given candidates.

    The data are a dict: `columns` of the candidates, `scenario`, `limits`, the box
    (`low`, `high`, `log`) and an `aim`: the weight of the cost (`cost`), of each
    constraint as an objective (`focus`) and of the largest of them (`worst`), and what
    is added to each constraint (`offset`; very negative to drop it).

    Attributes:
      names: variables in the order of the points, which lie in the unit box.
      objective: what is wanted.
      forms: (name, at_most) of the constraints.
    """

    names: tuple[str, ...]
    objective: Objective
    forms: tuple[Form, ...]

    def __call__(self, points: Array, data: Any) -> tuple[Array, Array]:
        """Return cost [batch] and constraints [batch, m]."""
        aim = data["aim"]

        def one(point: Array, row: dict[str, Array]) -> tuple[Array, Array]:
            moved = from_unit(point, data["low"], data["high"], data["log"])
            row = row | {name: moved[i] for i, name in enumerate(self.names)}
            report = report_of(row, data["scenario"])
            values = normalised_values(report, self.forms, data["limits"])
            smooth = jax.nn.logsumexp(aim["hardness"] * values) / aim["hardness"]
            cost = aim["cost"] * cost_of(report, self.objective)
            cost = cost + aim["focus"] @ values + aim["worst"] * smooth
            return cost, values + aim["offset"]

        return jax.vmap(one)(points, data["columns"])

    def aim(self, **changes: Any) -> dict[str, Any]:
        """Return the aim of an ordinary solve with `changes`."""
        count = len(self.forms)
        plain = {
            "cost": 1.0,
            "focus": np.zeros(count),
            "worst": 0.0,
            "hardness": 30.0,
            "offset": np.zeros(count),
        }
        return plain | changes


@dataclass(frozen=True)
class Relaxed:
    """The smoothed model over every free variable and choice at once.

    Points are unconstrained: one entry per number, then the logits of each choice.

    Attributes:
      names: free numbers and freed constants.
      choices: (name, positions of its options, number of all options).
      objective: what is wanted.
      forms: (name, at_most) of the constraints.
    """

    names: tuple[str, ...]
    choices: tuple[tuple[str, tuple[int, ...], int], ...]
    objective: Objective
    forms: tuple[Form, ...]

    def size(self) -> int:
        """Return the length of a point."""
        return len(self.names) + sum(len(options) for _, options, _ in self.choices)

    def decode(self, point: Array, data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return numbers and mixture weights of one point."""
        count = len(self.names)
        unit = jax.nn.sigmoid(point[:count])
        moved = from_unit(unit, data["low"], data["high"], data["log"])
        numbers = data["numbers"] | {n: moved[i] for i, n in enumerate(self.names)}
        mixtures = dict(data["weights"])
        start = count
        for name, options, total in self.choices:
            part = weights(point[start : start + len(options)], data["temperature"])
            mixtures[name] = jnp.zeros(total).at[jnp.asarray(options)].set(part)
            start += len(options)
        return numbers, mixtures

    def __call__(self, points: Array, data: Any) -> tuple[Array, Array]:
        """Return cost [batch] and constraints, then `STRUCTURE` [batch, m + 5]."""

        def one(point: Array) -> tuple[Array, Array]:
            numbers, mixtures = self.decode(point, data)
            scenario = apply(data["scenario"], numbers)
            design = assemble(numbers, mixtures)
            report = evaluate(design, scenario, data["sharpness"], relaxed=True)
            values = normalised_values(report, self.forms, data["limits"])
            structure = _structure(design, scenario)
            return cost_of(report, self.objective), jnp.concatenate([values, structure])

        return jax.vmap(one)(points)


def _structure(design: Any, scenario: Scenario) -> Array:
    """Return how far relaxed counts are from fitting into each other, as logarithms."""
    replicas = data_parallel(design)
    ratios = (
        1.0 / replicas,
        design.scale_up_domain / design.chips,
        design.expert_parallel * design.pipeline_parallel / design.chips,
        design.micro_batch * replicas / scenario.training.global_batch,
        design.interleave * design.pipeline_parallel / scenario.model.layers,
    )
    return jnp.log(jnp.stack(jnp.broadcast_arrays(*ratios)))


def box_data(problem: Problem, names: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the part of the data both merits share: scenario, limits and box."""
    by_name = {v.name: v for v in problem.variables}
    box = axes(tuple(by_name[name] for name in names))
    return box | {"scenario": as_floats(problem.scenario), "limits": limits(problem)}
