"""If nothing is feasible: which limit is to blame, and by how much it must give way."""

from typing import NamedTuple

import numpy as np

from supernode_opt.problem.constraints import all_constraints, per_cent
from supernode_opt.problem.problem import Problem
from supernode_opt.search.enumerate import Columns, take
from supernode_opt.search.inner import Polished, exact_merit, polish, solve

# The second, hard maximum is within 0.3 % of the largest violation.
_HARD = 1000.0
_DROPPED = -1e3
_FINALISTS = 6
_POOL = 256


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


def least_relaxation(problem: Problem, pool: Columns) -> Conflict:
    """Find how little must be relaxed for one of the candidates in `pool` to exist.

    Args:
      problem: has no feasible design.
      pool: candidates to consider, at least one.
    """
    merit = exact_merit(problem)
    every = all_constraints(problem)
    count = len(every)
    drop = np.full(count, _DROPPED)
    aim = merit.aim(cost=0.0, worst=1.0, offset=drop)
    found = solve(problem, pool, aim)
    order = np.argsort(np.nan_to_num(np.max(found.values - drop, axis=1), nan=np.inf))
    hard = aim | {"hardness": _HARD}
    tried = [
        polish(problem, take(found.columns, [k]), found.points[k], aim=hard)
        for k in order[:_FINALISTS]
    ]
    worst = [float(np.max(p.values - drop)) for p in tried]
    nearest = tried[int(np.argmin(worst))]
    g = nearest.values - drop
    binding = [k for k in range(count) if g[k] > max(0.8 * np.max(g), 0.0)]
    together = [(every[k].name, per_cent(float(g[k]), every[k])) for k in binding]
    close = take(found.columns, order[:_POOL])
    candidates = sorted({*binding, *range(len(problem.constraints))})
    alone = [(every[k].name, _alone(problem, close, k)) for k in candidates]
    alone = [(name, move) for name, move in alone if move is not None and move > 0.0]
    return Conflict(nearest, alone or together, _sentence(problem, alone, together))


def _alone(problem: Problem, pool: Columns, index: int) -> float | None:
    """Return by how many per cent one limit must move if all others are kept."""
    merit = exact_merit(problem)
    every = all_constraints(problem)
    focus, offset = np.zeros(len(every)), np.zeros(len(every))
    focus[index], offset[index] = 1.0, _DROPPED
    aim = merit.aim(cost=0.0, focus=focus, offset=offset)
    found = solve(problem, pool, aim)
    able = np.flatnonzero(np.max(found.values, axis=1) <= 1e-2)
    best = able[np.argsort(found.cost[able])][:_FINALISTS]
    polished = [
        polish(problem, take(found.columns, [k]), found.points[k], aim=aim)
        for k in best
    ]
    moves = [p.cost for p in polished if p.feasible]
    return per_cent(min(moves), every[index]) if moves else None


def _sentence(
    problem: Problem, alone: list[tuple[str, float]], together: list[tuple[str, float]]
) -> str:
    limits = {c.name: c for c in all_constraints(problem)}

    def demand(name: str, move: float) -> str:
        if limits[name].limit == 0.0:
            return f"{name} exceeds its reach by {move:.1f} %"
        verb = "rise" if limits[name].at_most else "fall"
        return f"the limit of {name} must {verb} by {move:.1f} %"

    joint = " and ".join(demand(*item) for item in together)
    if not alone:
        return f"No design satisfies every limit; at least {joint}."
    single = ", or ".join(demand(*item) for item in alone)
    return f"No design satisfies every limit: {single}."


def memory_conflict(violation: float, problem: Problem) -> tuple[list, str]:
    """Blame limits that no plan at all can satisfy, whatever the hardware.

    Args:
      violation: least over all plans of their largest violation.
      problem: gives the limit.
    """
    limit = next(c for c in all_constraints(problem) if c.name == "memory_fraction")
    move = per_cent(violation, limit)
    return (
        [("memory_fraction", move)],
        f"No split fits: the tightest needs {move:.1f} % more memory per chip."
        " Allow more chips, recompute or sharding.",
    )
