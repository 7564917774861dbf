"""Candidates told apart by more draws than they were found by."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.constraints import chances, nominal
from supernode_opt.problem.problem import Problem
from supernode_opt.robust.chance import asked_of
from supernode_opt.robust.judged import Judged, judge, ranked_by
from supernode_opt.robust.sample import APART, sample
from supernode_opt.search.enumerate import Columns
from supernode_opt.search.inner import judged_rows
from supernode_opt.search.merit import program

# Draws that tell the best candidates apart.
TOLD_APART = 4096


class Found(NamedTuple):
    """Candidates that were told apart, the best first, and how far that was shown."""

    judged: Judged
    status: str
    message: str
    facts: dict[str, Any]


def told_apart(problem: Problem, columns: Columns, seed: int) -> Judged:
    """Return candidates by more draws, the best first; those that keep limits lead."""
    larger = sample(problem, seed + APART, TOLD_APART)
    made = judge(problem, columns, larger)
    short = np.max(asked_of(chances(problem)) - made.chance, axis=1, initial=0.0)
    ranks = ranked_by(problem, made, nominal_cost(problem, columns))
    order = np.lexsort((ranks, np.maximum(short, 0.0)))
    return made.rows(order)


def nominal_cost(problem: Problem, columns: Columns) -> NDArray:
    """Return the cost at the catalog's constants, of what is sought [candidate]."""
    plain = nominal(problem)
    return judged_rows(plain, columns, program(plain))[0]
