"""Spaces with nothing continuous in them: every candidate is evaluated, none is argued.

What is left is exact: the best of all, or, if none is feasible, the one whose largest
violation is least.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.search.enumerate import (
    Columns,
    count_candidates,
    join,
    take,
    whole_candidates,
)
from supernode_opt.search.inner import FEASIBLE, complete, judged_rows
from supernode_opt.search.merit import forms, program

# Candidates that are simply tried, and how many of the best are kept.
MOST = 20_000_000
_KEPT = 256
_ROWS = 200_000
_MANY = 500_000


@dataclass
class Exhausted:
    """The best of what was tried.

    Attributes:
      columns: the best candidates, best first; infeasible ones by violation.
      cost: signed logarithm of the objective of each.
      violation: largest violation of each.
      tried, feasible: how many there were.
      alone: by how much each limit must give way if all others are kept.
    """

    columns: Columns = field(default_factory=dict)
    cost: NDArray = field(default_factory=lambda: np.zeros(0))
    violation: NDArray = field(default_factory=lambda: np.zeros(0))
    tried: int = 0
    feasible: int = 0
    alone: NDArray = field(default_factory=lambda: np.zeros(0))


def exhaust(
    problem: Problem, plans: Columns, tell: Callable[[float], None]
) -> Exhausted:
    """Evaluate every candidate that grows from `plans`.

    Args:
      problem: nothing continuous is free in it.
      plans: legal splits.
      tell: called with the share that is done.
    """
    found, count, start = Exhausted(), len(plans["chips"]), 0
    # A program of its own is worth compiling for many candidates only.
    names = program(problem)
    if count_candidates(plans, problem) > _MANY:
        names = tuple(sorted({problem.objective.name, *(n for n, _ in forms(problem))}))
    size = 256
    while start < count:
        some = whole_candidates(problem, take(plans, slice(start, start + size)))
        start += size
        # As many plans at a time as give candidates enough to be worth a call.
        growth = max(len(some["chips"]) / size, 1.0)
        size = int(np.clip(_ROWS / growth, 1, _ROWS))
        if len(some["chips"]):
            _take_in(problem, found, complete(problem, some), names)
        tell(min(start / count, 1.0))
    return found


def _take_in(
    problem: Problem, found: Exhausted, columns: Columns, names: tuple[str, ...]
) -> None:
    cost, g = judged_rows(problem, columns, names)
    cost = np.nan_to_num(cost, nan=np.inf)
    violation = np.nan_to_num(np.max(g, axis=0), nan=np.inf)
    good = violation <= FEASIBLE
    unknown = np.nan_to_num(g, nan=np.inf)
    if not found.tried:
        found.alone = np.full(len(g), np.inf)
    # With a feasible design in hand nothing has to give way.
    for k in range(0 if found.feasible or good.any() else len(g)):
        others = np.max(np.delete(unknown, k, axis=0), axis=0) <= FEASIBLE
        least = np.min(unknown[k][others], initial=np.inf)
        found.alone[k] = min(found.alone[k], least)
    found.tried += len(cost)
    found.feasible += int(good.sum())
    kept = _best(cost, violation)
    rows = take(columns, kept)
    found.columns = join([found.columns, rows]) if found.columns else rows
    found.cost = np.concatenate([found.cost, cost[kept]])
    found.violation = np.concatenate([found.violation, violation[kept]])
    kept = _best(found.cost, found.violation)
    found.columns = take(found.columns, kept)
    found.cost, found.violation = found.cost[kept], found.violation[kept]


def _best(cost: NDArray, violation: NDArray) -> NDArray:
    """Return the positions of the best: feasible ones by cost, others by violation."""
    good = violation <= FEASIBLE
    return np.lexsort((np.where(good, cost, violation), ~good))[:_KEPT]
