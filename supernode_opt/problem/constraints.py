"""What a design must respect: the study's limits and those that always hold.

A constraint becomes a normalised value `g <= 0`.  `g` is the logarithm of value over
limit (of limit over value for a floor), so that a product of powers stays linear, a
value of 0.1 means about ten per cent too much, and a multiplier is an elasticity.
Quantities whose limit is zero enter as they are.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.problem.problem import Constraint, Problem
from supernode_opt.smooth import namespace
from supernode_opt.system.report import FACTS, limited
from supernode_opt.system.scenario import Scenario

# A quantity this small, in any SI unit, counts as zero under a logarithm.
_TINY = 1e-30

Form = tuple[str, bool]


def always(scenario: Scenario) -> tuple[Constraint, ...]:
    """Return the limits that every design must respect in `scenario`."""
    return tuple(
        # pyrefly: ignore[not-callable]
        Constraint(name, float(FACTS[name].ceiling(scenario)), at_most=True)
        for name in limited(scenario)
    )


def all_constraints(problem: Problem) -> tuple[Constraint, ...]:
    """Return the study's constraints followed by those that always hold."""
    return (*problem.constraints, *always(problem.scenario))


def chances(problem: Problem) -> tuple[Constraint, ...]:
    """Return the limits that must be kept with a probability, the study's first.

    The device has all of its memory: headroom stands for what draws say, and is asked
    for at the catalog's constants alone.
    """
    asked = tuple(c for c in problem.constraints if c.probability is not None)
    if problem.chance is None:
        return asked
    physical = (
        dataclasses.replace(
            limit,
            limit=1.0 if limit.name == "memory_fraction" else limit.limit,
            probability=problem.chance,
        )
        for limit in always(problem.scenario)
    )
    return (*asked, *physical)


def is_robust(problem: Problem) -> bool:
    """Tell whether `problem` asks about draws of what is not known well."""
    return problem.objective.quantile is not None or bool(chances(problem))


def nominal(problem: Problem) -> Problem:
    """Return `problem` asked at the catalog's constants alone."""
    return dataclasses.replace(
        problem,
        objective=dataclasses.replace(problem.objective, quantile=None),
        constraints=tuple(
            dataclasses.replace(limit, probability=None)
            for limit in problem.constraints
        ),
        chance=None,
    )


def normalised(value: ArrayLike, limit: ArrayLike, at_most: ArrayLike) -> Array:
    """Return `g <= 0`, elementwise; see the module's description."""
    xp = namespace(value, limit, at_most)
    value, limit = xp.asarray(value), xp.asarray(limit)
    positive = limit > 0.0
    ratio = xp.where(positive, value / xp.where(positive, limit, 1.0), 1.0)
    log = xp.log(xp.maximum(ratio, _TINY))
    sign = xp.where(at_most, 1.0, -1.0)
    return sign * xp.where(positive, log, value)


def normalised_values(report: Any, forms: Sequence[Form], limits: ArrayLike) -> Array:
    """Stack `g` of every (name, at_most) in `forms` along a new leading axis.

    `report` is a `Report` or anything with its fields; `limits` has one entry per form.
    """
    values = [
        normalised(getattr(report, name), jnp.asarray(limits)[index], at_most)
        for index, (name, at_most) in enumerate(forms)
    ]
    return jnp.stack(jnp.broadcast_arrays(*values))


def per_cent(g: float, constraint: Constraint) -> float:
    """Return by how many per cent of itself a limit must move to admit `g`.

    A ceiling must rise to `exp(g)` times itself, a floor fall to `exp(-g)`.  A zero
    limit is stated over one.
    """
    if constraint.limit == 0.0:
        return 100.0 * g
    return 100.0 * (math.expm1(g) if constraint.at_most else -math.expm1(-g))
