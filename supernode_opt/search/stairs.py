"""Prices where nothing is continuous: the limits at which another design is best.

A study of counts and choices alone has no slopes: as a limit gives way nothing changes
until a better design fits, and as it is tightened nothing until the best one does not.
Every candidate is evaluated, so that both limits are exact.
"""

import math

import numpy as np
from numpy.typing import NDArray

from supernode_opt.names import spelled
from supernode_opt.problem.constraints import all_constraints
from supernode_opt.problem.problem import Constraint, Problem
from supernode_opt.search.alternatives import differs
from supernode_opt.search.enumerate import (
    Columns,
    count_candidates,
    join,
    take,
    whole_candidates,
)
from supernode_opt.search.inner import FEASIBLE, complete, judged_rows
from supernode_opt.search.merit import objective_value, program
from supernode_opt.search.prices import NOTHING, worth
from supernode_opt.search.records import Price
from supernode_opt.search.slsqp import Polished
from supernode_opt.search.solution import values_of
from supernode_opt.system.report import FACTS, Report
from supernode_opt.units import quantity_of
from supernode_opt.words import spoken

# Candidates that are evaluated for it at most, and plans at a time.
_MOST, _PLANS = 200_000, 4096
# How far a limit is moved, as a logarithm.
_FAR = math.log(2.0)


def stairs(problem: Problem, plans: Columns, best: Polished) -> tuple[Price, ...]:
    """Return the price of every limit that other designs wait behind.

    None of a study with more candidates than are worth evaluating once more.

    Args:
      problem: nothing continuous is free in it.
      plans: every legal split, those that keep no limit among them.
      best: the best design.
    """
    if count_candidates(plans, problem) > _MOST:
        return ()
    starts = range(0, len(plans["chips"]), _PLANS)
    parts = [
        whole_candidates(problem, take(plans, slice(start, start + _PLANS)))
        for start in starts
    ]
    columns = complete(problem, join(parts))
    cost, g = judged_rows(problem, columns, program(problem))
    cost, g = np.nan_to_num(cost, nan=np.inf), np.nan_to_num(g, nan=np.inf)
    found, own = [], [one.name for one in problem.constraints]
    for index, constraint in enumerate(all_constraints(problem)):
        # A study's own limit stands in for the physical one of the same quantity.
        known = index >= len(own) and constraint.name in own
        if not constraint.limit > 0.0 or known:
            continue
        others = np.max(np.delete(g, index, axis=0), axis=0, initial=-np.inf)
        keeps = np.flatnonzero(others <= FEASIBLE)
        price = _price(
            problem,
            constraint,
            take(columns, keeps),
            cost[keeps],
            g[index][keeps],
            best,
        )
        if price is not None:
            found.append((-abs(np.nan_to_num(price.step_change)), price))
    return tuple(price for _, price in sorted(found, key=lambda one: one[0]))


def _price(
    problem: Problem,
    constraint: Constraint,
    columns: Columns,
    cost: NDArray,
    g: NDArray,
    best: Polished,
) -> Price | None:
    """Return the price of one limit; the candidates keep all others."""
    goal, ours = problem.objective, values_of(problem, best.columns)
    value = objective_value(best.cost, goal)
    own = float(best.values[_place(problem, constraint)])
    ends: list[tuple[float, float, str]] = []
    # The first that fits of those that are better, and the best of those below.
    better = np.flatnonzero((cost < best.cost) & (g > FEASIBLE) & (g <= _FAR))
    below = np.flatnonzero((g < own) & np.isfinite(cost))
    first = better[np.lexsort((cost[better], g[better]))[:1]]
    # Not the best one itself, nor its equals.
    below = below[(g[below] < own - FEASIBLE)]
    next_best = below[np.lexsort((g[below], cost[below]))[:1]]
    for rows, moved in ((first, None), (next_best, own)):
        if not len(rows) or (moved is not None and moved < -_FAR):
            nothing = moved is not None and moved >= -_FAR
            at = _moved(constraint, own) if nothing else math.nan
            ends.append((at, math.nan, NOTHING if nothing else ""))
            continue
        row = int(rows[0])
        at = _moved(constraint, float(g[row]) if moved is None else moved)
        other = values_of(problem, take(columns, [row]))
        change = objective_value(float(cost[row]), goal) - value
        ends.append((at, change, differs(problem, other, ours)))
    if all(words in ("", NOTHING) for _, _, words in ends):
        return None
    unit = quantity_of(Report, constraint.name).unit
    said = _sentence(problem, constraint, ends, unit)
    return Price(
        constraint.name,
        "limit",
        constraint.limit,
        unit,
        0.0,
        0.0,
        *ends[0],
        *ends[1],
        sentence=said,
    )


def _place(problem: Problem, constraint: Constraint) -> int:
    return all_constraints(problem).index(constraint)


def _moved(constraint: Constraint, log: float) -> float:
    """Return the limit loosened by a logarithm."""
    return constraint.limit * math.exp(log if constraint.at_most else -log)


def _sentence(
    problem: Problem,
    constraint: Constraint,
    ends: list[tuple[float, float, str]],
    unit: str,
) -> str:
    goal, share = problem.objective.name, FACTS[constraint.name].share
    words = ("from", "below") if constraint.at_most else ("down to", "above")
    said = []
    for (at, change, other), side in zip(ends, words, strict=True):
        if other == NOTHING:
            said.append(f"{side} {spoken(at, unit, share)} there is no design")
        elif other:
            told = worth(change, goal)
            said.append(f"{side} {spoken(at, unit, share)} {other} ({told}) is best")
    name, limit = spelled(constraint.name), spoken(constraint.limit, unit, share)
    return f"{name} of {limit}: {'; '.join(said)}"
