"""If nothing is feasible: which limit is to blame, and by how much it must give way."""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.constraints import all_constraints, per_cent
from supernode_opt.problem.problem import Objective, Problem
from supernode_opt.search.enumerate import Columns, join, take, whole_candidates
from supernode_opt.search.inner import FEASIBLE, at_points, exact_merit, solve
from supernode_opt.search.merit import DROPPED, aim_of, forms
from supernode_opt.search.outlook import look
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxed import RelaxedPoints
from supernode_opt.search.rounding import distinct, nearest
from supernode_opt.search.slsqp import Polished, polish
from supernode_opt.search.starts import promising
from supernode_opt.words import figures

# The second, hard maximum is within 0.3 % of the largest violation.
_HARD = 1000.0
_FINALISTS = 6
_CLOSEST = 256
# Candidates that are searched from several starts before anything is called
# infeasible, points looked at and started from, and how many are polished.
MOST = 2_048
_LOOK, _STARTS, _POLISHED = 256, 2, 96
# Candidates of each kind that are considered where nothing is feasible.
_POOL = 512
# Violations beyond this are not mended by polishing.
_FAR = 0.7


class Conflict(NamedTuple):
    """The least relaxation.

    Attributes:
      nearest: the design whose largest violation is least.
      relaxation: (constraint, per cent it must give way): each alone where that is
        enough, else all that must move together.
      message: the same as one sentence.
    """

    nearest: Polished
    relaxation: list[tuple[str, float]]
    message: str


def rescue(search: Search, contenders: Columns) -> bool:
    """Search candidates for a feasible design from several starts each.

    What is found becomes the best of `search`.

    Returns:
      Whether every candidate was searched.
    """
    problem, size = search.problem, len(exact_merit(search.problem).names)
    some = take(contenders, slice(0, MOST))
    aim = aim_of(problem, cost=0.0, worst=1.0)
    violation = np.full(len(some["chips"]), np.inf)
    points = np.full((len(violation), size), 0.5)
    if len(violation):
        starts = promising(problem, some, _STARTS, _LOOK)
        tried = [points, *(starts[:, k] for k in range(_STARTS))]
        for start in tried:
            ends = solve(problem, some, aim, start)
            nearer = ends.violation() < violation
            violation = np.where(nearer, ends.violation(), violation)
            points = np.where(nearer[:, None], ends.points, points)
    order = np.argsort(violation)
    for index in order[:_POLISHED]:
        if violation[index] > _FAR:
            break
        row = take(some, [int(index)])
        drop = np.full(len(forms(problem)), DROPPED)
        hard = aim_of(problem, cost=0.0, worst=1.0, hardness=_HARD, offset=drop)
        near = polish(problem, row, points[index], aim=hard)
        if search.consider(row, near.point).built.feasible:
            return True
    polished = int(np.sum(violation <= _FAR)) <= _POLISHED
    return polished and len(violation) == len(contenders["chips"])


def pool_of(
    problem: Problem,
    contenders: Columns,
    fitting: Columns,
    points: RelaxedPoints | None,
) -> Columns:
    """Choose candidates among which the least violation is sought.

    Some no bound excludes, some lie around the relaxed points, which violate little,
    the others anywhere.

    Args:
      problem: has no feasible design that is known.
      contenders: candidates that no bound excludes.
      fitting: legal splits.
      points: the relaxed descent, if there was one.
    """
    random = np.random.default_rng(0)

    def some(columns: Columns) -> Columns:
        count = len(columns["chips"])
        return take(columns, random.choice(count, min(count, _POOL), replace=False))

    spread = some(whole_candidates(problem, some(fitting)))
    if len(contenders["chips"]):
        spread = join([take(contenders, slice(0, _POOL)), spread])
    if points is None:
        return spread
    # With limits that exclude each other every bound is hopeless; speed is what helps.
    hurry = Objective("step_time", maximize=False)
    unlimited = dataclasses.replace(problem, objective=hurry, constraints=())
    close = nearest(problem, look(unlimited), fitting, points)
    return distinct(join([close, spread]))


def least_relaxation(
    problem: Problem, pool: Columns, alone: NDArray | None = None
) -> Conflict:
    """Find how little must be relaxed for one of the candidates in `pool` to exist.

    Args:
      problem: has no feasible design.
      pool: candidates to consider, at least one.
      alone: by how much each limit must give way if all others are kept, where every
        candidate was tried; infinite where that is not enough.
    """
    every = all_constraints(problem)
    count = len(every)
    drop = np.full(count, DROPPED)
    aim = aim_of(problem, cost=0.0, worst=1.0, offset=drop)
    found = solve(problem, pool, aim)
    order = np.argsort(np.nan_to_num(np.max(found.values - drop, axis=1), nan=np.inf))
    hard = aim | {"hardness": _HARD}
    tried = [
        polish(problem, take(found.columns, [k]), found.points[k], aim=hard)
        for k in order[:_FINALISTS]
    ]
    worst = [float(np.max(p.values - drop)) for p in tried]
    nearest = tried[int(np.argmin(worst))]
    nearest = nearest._replace(
        values=nearest.values - drop,
        feasible=bool(np.max(nearest.values - drop) <= FEASIBLE),
    )
    g = nearest.values
    binding = [k for k in range(count) if g[k] > max(0.8 * np.max(g), 0.0)]
    together = [(every[k].name, per_cent(float(g[k]), every[k])) for k in binding]
    moves: list[float | None]
    if alone is not None:
        moves = [float(g) if np.isfinite(g) else None for g in alone]
    else:
        close = take(found.columns, order[:_CLOSEST])
        candidates = {*binding, *range(len(problem.constraints))}
        moves = [
            _alone(problem, close, k) if k in candidates else None for k in range(count)
        ]
    single = [
        (limit.name, per_cent(move, limit))
        for limit, move in zip(every, moves, strict=True)
        if move is not None and move > 0.0
    ]
    return Conflict(nearest, single or together, _sentence(problem, single, together))


def _alone(problem: Problem, pool: Columns, index: int) -> float | None:
    """Return by how much one limit must move if all others are kept."""
    count = len(forms(problem))
    focus, offset = np.zeros(count), np.zeros(count)
    focus[index], offset[index] = 1.0, DROPPED
    aim = aim_of(problem, cost=0.0, focus=focus, offset=offset)
    found = solve(problem, pool, aim)
    able = np.flatnonzero(np.max(found.values, axis=1) <= 1e-2)
    best = able[np.argsort(found.cost[able])][:_FINALISTS]
    polished = [
        polish(problem, take(found.columns, [k]), found.points[k], aim=aim)
        for k in best
    ]
    return min((p.cost for p in polished if p.feasible), default=None)


def _sentence(
    problem: Problem, alone: list[tuple[str, float]], together: list[tuple[str, float]]
) -> str:
    limits = {c.name: c for c in all_constraints(problem)}

    def demand(name: str, move: float) -> str:
        if limits[name].limit == 0.0:
            return f"{name} exceeds its reach by {figures(move, 3)} %"
        verb = "rise" if limits[name].at_most else "fall"
        return f"the limit of {name} must {verb} by {figures(move, 3)} %"

    if not alone:
        joint = " and ".join(demand(*item) for item in together)
        return f"No design satisfies every limit; at least {joint}."
    single = ", or ".join(demand(*item) for item in alone)
    return f"No design satisfies every limit: {single}."


def is_feasible(problem: Problem, nearest: Polished) -> bool:
    """Tell whether the nearest design keeps every limit after all."""
    _, values = at_points(problem, nearest.columns, nearest.point[None])
    return bool(np.max(values) <= FEASIBLE)
