"""The last steps of one candidate: polish it, then build its ports of whole lanes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.search.enumerate import Columns
from supernode_opt.search.lanes import whole_lanes
from supernode_opt.search.settings import Settings
from supernode_opt.search.slsqp import Polished, polish


class Finalist(NamedTuple):
    """A candidate at its continuous optimum and as it would be built.

    Attributes:
      ideal: bandwidths as they please.
      built: bandwidths in whole lanes; the same as `ideal` where none is free.
    """

    ideal: Polished
    built: Polished


def finish(
    problem: Problem,
    settings: Settings,
    columns: Columns,
    point: NDArray,
    worth: float = np.inf,
) -> Finalist:
    """Polish one candidate and, if its cost is below `worth`, round its lanes.

    Args:
      problem: what is asked.
      settings: whether lanes are whole.
      columns: the candidate, one row.
      point: where to start, in the unit box [n].
      worth: cost that it must beat.
    """
    ideal = polish(problem, columns, point)
    if not settings.whole_lanes or not ideal.feasible or ideal.cost >= worth:
        return Finalist(ideal, ideal)
    return Finalist(ideal, whole_lanes(problem, ideal))


class Rival(NamedTuple):
    """Another design than the best, built.

    Attributes:
      built: at its optimum.
      words: in which choices it differs from the best.
    """

    built: Polished
    words: str
