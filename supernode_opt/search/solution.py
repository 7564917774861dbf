"""The answer as plain values, and the sentences that go with it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import nameless
from supernode_opt.batch.kept import Kept
from supernode_opt.batch.precise import precisely
from supernode_opt.problem.box import options
from supernode_opt.problem.build import build_design
from supernode_opt.problem.constraints import all_constraints, normalised
from supernode_opt.problem.problem import Constraint, Objective, Problem
from supernode_opt.search.enumerate import Columns
from supernode_opt.search.records import Alternative, Extreme, Price
from supernode_opt.system.design import EVERY_CHOICE, SERVING_NUMBERS, Design
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.report import Report
from supernode_opt.system.scenario import Scenario, apply

# A limit within a tenth of a per cent is called tight.
_TIGHT = 1e-3


@dataclass(frozen=True)
class ConstraintState:
    """How a design stands to one limit.

    Attributes:
      name: reported quantity.
      value: of the design, SI.
      limit: SI.
      at_most: true for a ceiling, false for a floor.
      margin: what is left of the limit, as a share of it; negative if violated [1].
      multiplier: change of the objective per unit of the limit.
      tight: whether the design leans on it.
    """

    name: str
    value: float
    limit: float
    at_most: bool
    margin: float
    multiplier: float
    tight: bool


def nearest(states: Sequence[ConstraintState]) -> list[ConstraintState]:
    """Return the limits that are broken, that bind or come near, tightest first.

    Of a limit of nothing at all nothing is ever left, so that it tells only where it
    is broken.
    """
    telling = (one for one in states if one.limit or one.margin < 0.0)
    return sorted(telling, key=lambda one: one.margin)


@dataclass(frozen=True)
class Solution:
    """What `optimize` found.

    Attributes:
      status: how far the answer is shown: "proved", "optimal if log-convex", "best
        found"; "infeasible", or "none found" where that is not shown.
      message: one sentence of advice.
      design: values by `Design` field, and data_parallel; choices by name.
      scenario: with freed constants at their values.
      objective: value of the objective.
      report: exact report of the design, plain floats.
      constraints: every limit, the study's first.
      prices: what limits, bounds and lanes cost, limits by their weight first.
      elasticities: d ln objective / d ln constant of the optimum, by dotted path [1].
      certificate: what was enumerated, excluded, solved and left open.
      alternatives: other kinds of design, best first.
      extremes: designs near the best with the least of a quantity.
      history: of the relaxed descent: step, best_objective, worst_violation,
        worst_constraint.
      relaxation: if infeasible, (constraint, per cent it must give way).
      evaluations: of the model, gradients included.
      wall_s: duration [s].
    """

    status: str
    message: str
    design: dict[str, float | str]
    scenario: Scenario
    objective: float
    report: Report
    constraints: list[ConstraintState]
    certificate: dict[str, Any]
    prices: tuple[Price, ...] = ()
    elasticities: dict[str, float] = field(default_factory=dict)
    alternatives: tuple[Alternative, ...] = ()
    extremes: tuple[Extreme, ...] = ()
    history: dict[str, NDArray] = field(default_factory=dict)
    relaxation: list[tuple[str, float]] | None = None
    evaluations: int = 0
    wall_s: float = 0.0


def values_of(problem: Problem, columns: Columns) -> dict[str, float | str]:
    """Return a one-row candidate as plain values, data_parallel included."""
    plain: dict[str, float | str] = {}
    for name, column in columns.items():
        if name in EVERY_CHOICE:
            plain[name] = options(name, problem.scenario)[int(column[0])]
        else:
            # Twelve digits: whole lanes stay whole through logarithm and exponential.
            plain[name] = float(f"{float(column[0]):.12g}")
    if problem.scenario.serving is not None:
        return plain
    ranks = [
        float(plain[f"{kind}_parallel"]) for kind in ("tensor", "pipeline", "context")
    ]
    count = float(plain["chips"]) * problem.scenario.chip.ranks_per_chip
    plain["data_parallel"] = count / math.prod(ranks)
    return plain


def _throttled(design: Design, scenario: Scenario) -> Report:
    return evaluate(design, scenario, throttled=True)


_evaluate = Kept(_throttled, "report", quick=True)


@precisely
def plain_report(values: dict[str, float | str], scenario: Scenario) -> Report:
    """Return the exact report of plain design values, as floats.

    A design that breaks its power or temperature limit runs as fast as those let it.
    """
    made = apply(scenario, values)
    return jax.tree.map(float, _evaluate(build_design(values, made), nameless(made)))


def constraint_states(
    problem: Problem, report: Report, multipliers: NDArray | None = None
) -> list[ConstraintState]:
    """Compare `report` with every limit of `problem`.

    Args:
      problem: gives the limits and the objective.
      report: plain floats.
      multipliers: of the normalised constraints, in their order; zero if not given.
    """
    every = all_constraints(problem)
    prices = np.zeros(len(every)) if multipliers is None else multipliers
    return [
        _state(problem, report, constraint, float(price))
        for constraint, price in zip(every, prices, strict=True)
    ]


def per_unit(
    best: float, objective: Objective, constraint: Constraint, price: float
) -> float:
    """Return d objective / d limit, in the units of both.

    Args:
      best: value of the objective.
      objective: what is wanted.
      constraint: the limit.
      price: multiplier of the normalised constraint [1].
    """
    worth = best * price / (constraint.limit or 1.0)
    # Loosening helps the objective; a floor is loosened by lowering it.
    helps = objective.maximize == constraint.at_most
    return float(worth if helps else -worth) + 0.0


def _state(
    problem: Problem, report: Report, constraint: Constraint, price: float
) -> ConstraintState:
    value, limit = float(getattr(report, constraint.name)), constraint.limit
    room = limit - value if constraint.at_most else value - limit
    g = float(normalised(value, limit, constraint.at_most))
    best = float(getattr(report, problem.objective.name))
    return ConstraintState(
        constraint.name,
        value,
        limit,
        constraint.at_most,
        room / (limit or 1.0),
        per_unit(best, problem.objective, constraint, price),
        abs(g) <= _TIGHT if limit else price > 0.0,
    )


# What makes a different machine or a different way to use it; the rest is tuning.
_KIND = (
    "chips",
    "tensor_parallel",
    "pipeline_parallel",
    "context_parallel",
    "expert_parallel",
    "scale_up_domain",
    "scale_up_link",
    "scale_out_link",
    "recompute",
    *SERVING_NUMBERS,
)


def kind_of(columns: Columns, row: int) -> tuple[float, ...]:
    """Return what two candidates must not share to differ in kind."""
    return tuple(float(columns[name][row]) for name in _KIND if name in columns)
