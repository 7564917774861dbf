"""A saved answer, doubted: a random sample of what it left out is solved again."""

from dataclasses import dataclass

import numpy as np

from supernode_opt.batch.precise import precisely
from supernode_opt.problem.problem import Problem
from supernode_opt.search.enumerate import Columns, plans, take, whole_candidates
from supernode_opt.search.inner import better, continuous, solve
from supernode_opt.search.merit import objective_value
from supernode_opt.search.slsqp import polish
from supernode_opt.search.starts import promising

# Starts of every candidate besides the middle of its box, and points looked at.
_STARTS, _LOOK = 2, 128
# A descent that ends further from its limits than this is not polished.
_FAR = 0.3


@dataclass(frozen=True)
class Verified:
    """What solving a sample again found.

    Attributes:
      sampled: candidates that were solved again.
      feasible: how many of them keep every limit.
      best: the best objective among those, in its own unit; `None` if there is none.
      contradicted: whether that is better than the result and its gap allow.
    """

    sampled: int
    feasible: int
    best: float | None
    contradicted: bool


@precisely
def verify(
    problem: Problem, claimed: float | None, gap: float | None, count: int, seed: int
) -> Verified:
    """Solve `count` random legal candidates from several starts each.

    Args:
      problem: what was asked.
      claimed: objective of the result; `None` if it says that nothing is feasible.
      gap: what the result says could be better, as a share; `None` if unknown.
      count: candidates to solve.
      seed: of the sample.
    """
    rows = _sample(problem, count, seed)
    block = solve(problem, rows)
    if continuous(problem):
        starts = promising(problem, rows, _STARTS, _LOOK)
        for k in range(_STARTS):
            block = better(block, solve(problem, rows, points=starts[:, k]))
    near = np.flatnonzero(block.violation() <= _FAR)
    polished = [
        polish(problem, take(block.columns, [int(k)]), block.points[k]) for k in near
    ]
    costs = [found.cost for found in polished if found.feasible]
    if not costs:
        return Verified(len(block.cost), 0, None, False)
    goal = problem.objective
    best = objective_value(min(costs), goal)
    if claimed is None:
        contradicted = True
    elif gap is None:
        contradicted = False
    else:
        lead = best / claimed if goal.maximize else claimed / best
        contradicted = lead > (1.0 + gap) * (1.0 + 1e-9)
    return Verified(len(block.cost), len(costs), best, contradicted)


def _sample(problem: Problem, count: int, seed: int) -> Columns:
    """Draw legal candidates, plans first."""
    random = np.random.default_rng(seed)
    every = plans(problem, 20_000_000)
    size = len(every["chips"])
    chosen = random.choice(size, min(size, count), replace=False)
    whole = whole_candidates(problem, take(every, chosen))
    size = len(whole["chips"])
    return take(whole, random.choice(size, min(size, count), replace=False))
