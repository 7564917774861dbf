"""optimize(problem) -> Solution: descend, build, prove, explain."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.problem.problem import Objective, Problem
from supernode_opt.problem.variables import COUNTS
from supernode_opt.search.bounder import SLACK, Bounder, make_bounder, plan_violations
from supernode_opt.search.branch_and_bound import Search, prove
from supernode_opt.search.enumerate import (
    Columns,
    count_candidates,
    illegal_reason,
    join,
    plans,
    take,
    tilable,
    variable,
    with_domains,
    with_links,
)
from supernode_opt.search.explain import (
    alternatives,
    assumptions,
    describe,
    evaluations,
    memory_solution,
    verdict,
)
from supernode_opt.search.infeasible import least_relaxation
from supernode_opt.search.inner import MENDABLE
from supernode_opt.search.merit import objective_value
from supernode_opt.search.polish import Finalist
from supernode_opt.search.relaxed import RelaxedPoints, descend_relaxed
from supernode_opt.search.rounding import distinct, nearest, neighbourhoods
from supernode_opt.search.settings import Progress, Settings
from supernode_opt.search.solution import Solution
from supernode_opt.workload.split import TooManySplits

# The relaxed descent agrees with the proof when its building is this close.
AGREEMENT = 1e-3
_POOL = 512


class Space(NamedTuple):
    """The legal splits that are looked at.

    Attributes:
      every: all of them.
      fitting: those that fit in memory.
      violation: of memory and other limits on splits alone.
      complete: whether these are all legal splits.
      points: the relaxed descent, where it came first.
    """

    every: Columns
    fitting: Columns
    violation: np.ndarray
    complete: bool
    points: RelaxedPoints | None


def optimize(
    problem: Problem,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
) -> Solution:
    """Find the best legal design, with a certificate of what was excluded and why.

    Args:
      problem: scenario, free variables, objective and limits.
      settings: effort.
      seed: of the relaxed descent's starts.
      progress: called now and then with how things stand.

    Returns:
      The best design, or the least relaxation that would allow one.

    Raises:
      ValueError: no legal split exists at all, whatever the limits.
    """
    began = time.monotonic()
    search = Search(problem, settings or Settings(), progress or (lambda _: None))
    bounder = make_bounder(problem)
    space = _space(search, bounder, seed)
    facts: dict[str, Any] = {
        "complete": space.complete,
        "splits": len(space.every["chips"]),
        "candidates": count_candidates(space.every, problem),
    }
    fitting = count_candidates(space.fitting, problem)
    facts["excluded_by_memory"] = facts["candidates"] - fitting
    points, rounded = space.points, None
    if not len(space.fitting["chips"]):
        solution = memory_solution(problem, space.every, space.violation, facts)
    else:
        points, rounded = _descend_and_build(search, bounder, seed, space)
        open_bound = prove(search, bounder, space.fitting)
        facts |= _relaxed_facts(problem, points, rounded)
        facts |= search.counts | _agreement(search, rounded, open_bound)
        facts["rests_on"] = assumptions(problem)
        solution = _conclude(search, space, points, facts)
    return dataclasses.replace(
        solution,
        history=points.history if points else {},
        evaluations=evaluations(search, points, facts["candidates"]),
        wall_s=time.monotonic() - began,
    )


def _space(search: Search, bounder: Bounder, seed: int) -> Space:
    """Enumerate the splits, near relaxed points only if there are too many."""
    problem, limit = search.problem, search.settings.maximum_candidates
    points, complete = None, True
    try:
        every = plans(problem, limit)
    except TooManySplits:
        complete = False
        points = descend_relaxed(problem, search.settings, seed, search.report)
        near = [plans(p, limit) for p in neighbourhoods(problem, points)]
        every = distinct(join(near))
    every = tilable(problem, every)
    if not len(every["chips"]):
        reason = illegal_reason(problem) or "no split of these chips is legal"
        raise ValueError(f"there is no design to consider: {reason}")
    violation = plan_violations(bounder, every)
    fitting = take(every, ~(violation > SLACK))
    return Space(every, fitting, violation, complete, points)


def _descend_and_build(
    search: Search, bounder: Bounder, seed: int, space: Space
) -> tuple[RelaxedPoints | None, Finalist | None]:
    """Run the relaxed descent and build the legal candidates nearest to its points."""
    problem, settings = search.problem, search.settings
    free = any(variable(problem, name) for name in COUNTS) or problem.choices
    if not free or not settings.outer:
        return None, None
    points = space.points or descend_relaxed(problem, settings, seed, search.report)
    search.solve(nearest(problem, bounder, space.fitting, points))
    search.tell("building", 1.0)
    return points, search.best


def _relaxed_facts(
    problem: Problem, points: RelaxedPoints | None, rounded: Finalist | None
) -> dict[str, Any]:
    """State what the relaxed descent promised and what could be built of it."""
    promised = float(points.cost[0]) if points else None
    return {
        "relaxed_objective": None
        if promised is None
        else objective_value(promised, problem.objective),
        "relaxed_violation": float(points.violation[0]) if points else None,
        "rounded_objective": objective_value(rounded.built.cost, problem.objective)
        if rounded
        else None,
    }


def _agreement(
    search: Search, rounded: Finalist | None, open_bound: float
) -> dict[str, Any]:
    """State whether both ways met, and what gap the bounds alone leave."""
    best, gap = search.best, search.settings.tolerance
    if best is None:
        return {"enumerated_objective": None, "agree": rounded is None, "gap": None}
    # Everything excluded or solved is at most `tolerance` better.
    gap = max(best.built.cost - open_bound, gap) if np.isfinite(open_bound) else gap
    counts = (int(np.sum(s.violation() <= MENDABLE)) for s in search.solved)
    close = rounded is None or rounded.built.cost <= best.built.cost + AGREEMENT
    return {
        "enumerated_objective": objective_value(
            best.built.cost, search.problem.objective
        ),
        "agree": close,
        "gap": float(gap),
        "whole_lanes_cost": float(best.built.cost - best.ideal.cost),
        "feasible": sum(counts),
    }


def _conclude(
    search: Search, space: Space, points: RelaxedPoints | None, facts: dict[str, Any]
) -> Solution:
    """Describe the best design, or the conflict if there is none."""
    problem = search.problem
    if search.best is None:
        pool = _pool(problem, space.fitting, points)
        conflict = least_relaxation(problem, pool)
        return describe(
            problem,
            conflict.nearest,
            facts,
            status="infeasible",
            message=conflict.message,
            relaxation=conflict.relaxation,
        )
    return describe(
        problem,
        search.best.built,
        facts,
        status="optimal",
        message=verdict(facts),
        alternatives=alternatives(search),
    )


def _pool(problem: Problem, fitting: Columns, points: RelaxedPoints | None) -> Columns:
    """Choose candidates among which the least violation is sought.

    Some lie around the relaxed points, which violate little, the others anywhere.
    """
    random = np.random.default_rng(0)

    def some(columns: Columns) -> Columns:
        count = len(columns["chips"])
        return take(columns, random.choice(count, min(count, _POOL), replace=False))

    spread = some(with_links(with_domains(some(fitting), problem), problem))
    if points is None:
        return spread
    # With limits that exclude each other every bound is hopeless; speed is what helps.
    hurry = Objective("step_time", maximize=False)
    unlimited = dataclasses.replace(problem, objective=hurry, constraints=())
    close = nearest(problem, make_bounder(unlimited), fitting, points)
    return distinct(join([close, spread]))
