"""What all bounds of one problem share: its box, its limits by kind, its corners."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.constraints import Form
from supernode_opt.problem.problem import Objective, Problem
from supernode_opt.problem.variables import HARDWARE
from supernode_opt.search.enumerate import Columns, ends
from supernode_opt.search.exact import quantities
from supernode_opt.search.merit import as_floats, forms, limits
from supernode_opt.search.monotone import (
    LOAD_FIELDS,
    MORE_IS_BETTER,
    PLAN_FIELDS,
    is_bounded,
    violations,
)
from supernode_opt.system.scenario import Scenario

# Rounding in the last digits must not exclude anything.
SLACK = 1e-9
LINK_FIELDS = ("scale_up_link", "scale_out_link")


@dataclass(frozen=True)
class Limits:
    """Constraints of one kind: their forms and limits, in the same order."""

    forms: tuple[Form, ...]
    values: NDArray


@dataclass(frozen=True)
class Bounder:
    """Everything that the bounds of one problem share.

    Attributes:
      objective: what is wanted.
      scenario: for plans, loads and times.
      low, high: ends of every hardware variable, SI.
      corners: every corner of the box of freed constants.
      plan, load, other: constraints on the plan, on the load, on times and mixtures.
    """

    objective: Objective
    scenario: Scenario
    low: Mapping[str, float]
    high: Mapping[str, float]
    corners: tuple[dict[str, float], ...]
    plan: Limits
    load: Limits
    other: Limits


def make_bounder(problem: Problem) -> Bounder:
    """Sort the constraints of `problem` by kind and collect its box."""
    kinds: dict[str, list[tuple[Form, float]]] = {"plan": [], "load": [], "other": []}
    for form, limit in zip(forms(problem), limits(problem), strict=True):
        name, at_most = form
        if name in PLAN_FIELDS:
            kinds["plan"].append((form, limit))
        elif is_bounded(name, not at_most):
            kinds["load" if name in LOAD_FIELDS else "other"].append((form, limit))
    made = {
        kind: Limits(tuple(f for f, _ in rows), np.asarray([v for _, v in rows]))
        for kind, rows in kinds.items()
    }
    box = {name: ends(problem, name) for name in HARDWARE}
    freed = [v for v in problem.variables if "." in v.name]
    corners = itertools.product(*((v.low, v.high) for v in freed))
    return Bounder(
        problem.objective,
        as_floats(problem.scenario),
        {name: low for name, (low, _) in box.items()},
        {name: high for name, (_, high) in box.items()},
        tuple({v.name: x for v, x in zip(freed, c, strict=True)} for c in corners),
        **made,
    )


def best_corner(
    bounder: Bounder, columns: Columns, scenario: Scenario, names: tuple[str, ...]
) -> dict[str, NDArray]:
    """Evaluate `names`, each at its best corner of the freed constants."""
    best: dict[str, NDArray] = {}
    count = len(columns["chips"])
    for corner in bounder.corners:
        rows = columns | {n: np.full(count, value) for n, value in corner.items()}
        for name, values in quantities(rows, scenario, names).items():
            # fmin and fmax keep the number where the other is not one.
            better = np.fmax if name in MORE_IS_BETTER else np.fmin
            best[name] = better(best[name], values) if name in best else values
    return best


def plan_violations(bounder: Bounder, plans: Columns) -> NDArray:
    """Return the largest violation of memory and other limits on plans alone."""
    count = len(plans["chips"])
    rows = plans | {n: np.full(count, v) for n, v in bounder.low.items()}
    rows |= {"scale_up_domain": plans["chips"]}
    rows |= {name: np.zeros(count, np.int32) for name in LINK_FIELDS}
    names = tuple(dict.fromkeys(name for name, _ in bounder.plan.forms))
    values = best_corner(bounder, rows, bounder.scenario, names)
    return violations(values, bounder.plan.forms, bounder.plan.values)
