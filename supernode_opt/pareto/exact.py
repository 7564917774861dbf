"""Spaces with nothing continuous in them: every candidate is evaluated once.

Candidates come in blocks; what the front so far beats is forgotten, so that memory is
that of the front, not of the space.  The front is exact, and so is what it says of
what does not exist.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from supernode_opt.pareto.between import Designs, gathered, judged
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.search.enumerate import (
    Columns,
    count_candidates,
    take,
    whole_candidates,
)
from supernode_opt.search.exhaust import MOST
from supernode_opt.search.inner import complete, continuous, exact_merit

# Candidates at once.
_ROWS = 200_000


@dataclasses.dataclass(frozen=True)
class Tried:
    """The front of a space of which every candidate was evaluated.

    Attributes:
      front: designs that none beats; empty where none keeps every limit.
      tried, feasible: how many candidates there were.
      cloud: a sample of feasible ones.
      evaluated: how many it took, 0 for all of them.
    """

    front: Designs
    tried: int
    feasible: int
    cloud: Designs
    evaluated: int = 0


def enumerable(epsilon: Epsilon) -> bool:
    """Tell whether every candidate can be evaluated."""
    plans = epsilon.fitting
    if plans is None or continuous(epsilon.problem):
        return False
    return count_candidates(plans, epsilon.problem) <= MOST


def tried(
    epsilon: Epsilon, sample: int, tell: Callable[[int, int], None]
) -> Tried | None:
    """Evaluate every candidate; `None` where there is none that fits.

    Args:
      epsilon: the study.
      sample: feasible candidates to keep as a cloud.
      tell: called with how many are done, and of how many.
    """
    problem, plans = epsilon.problem, epsilon.fitting
    if plans is None or not len(plans["chips"]):
        return None
    every = count_candidates(plans, problem)
    front: Designs | None = None
    cloud: Designs | None = None
    done = feasible = 0
    for rows in blocks(epsilon, plans):
        size = len(rows["chips"])
        middle = np.full((size, len(exact_merit(problem).names)), 0.5)
        good = judged(epsilon, complete(problem, rows), middle)
        done, feasible = done + size, feasible + len(good.losses)
        best = good.front()
        front = best if front is None else gathered([front, best]).front()
        cloud = sampled(good if cloud is None else gathered([cloud, good]), sample)
        tell(done, every)
    if front is None or cloud is None:
        return None
    return Tried(front, done, feasible, cloud)


def blocks(epsilon: Epsilon, plans: Columns) -> Iterator[Columns]:
    """Yield the candidates that grow from `plans`, so many at a time."""
    start, count, size = 0, len(plans["chips"]), 256
    while start < count:
        rows = whole_candidates(
            epsilon.problem, take(plans, slice(start, start + size))
        )
        start += size
        growth = max(len(rows["chips"]) / size, 1.0)
        size = int(np.clip(_ROWS / growth, 1, _ROWS))
        if len(rows["chips"]):
            yield rows


def sampled(designs: Designs, most: int) -> Designs:
    """Return at most `most` designs, evenly chosen."""
    count = len(designs.losses)
    if count <= most:
        return designs
    return designs.take(np.unique(np.linspace(0, count - 1, most).astype(int)))
