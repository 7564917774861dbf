"""Several starts: where in the box a candidate looks promising, and whether it matters.

Where the logarithms of cost and limits are convex in the logarithms of the variables,
every start leads to the same optimum.  Chords drawn in a study's own box tell whether
that can hold; where it does not, candidates are started from the best of many points.
"""

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import from_unit, to_unit
from supernode_opt.search.enumerate import Columns, take
from supernode_opt.search.inner import FEASIBLE, at_points, continuous, exact_merit
from supernode_opt.search.merit import box_data

CHORDS = 2048
_CANDIDATES = 64
# A limit that no point comes this close to does not shape the feasible set.
_NEAR = -0.05
_ROUNDING = 1e-9


def spread(count: int, size: int, seed: int = 0) -> NDArray:
    """Return `count` points that fill the unit box of `size` dimensions evenly."""
    if not size:
        return np.zeros((count, 0))
    # Half of what a search imports, and where chords hold nothing is spread.
    from scipy.stats import qmc

    power = int(np.ceil(np.log2(max(count, 2))))
    return qmc.Sobol(size, seed=seed).random_base2(power)[:count]


def promising(problem: Problem, columns: Columns, keep: int, look: int) -> NDArray:
    """Return the best points of every candidate [candidate, keep, n], in the unit box.

    Feasible points by cost come first, then others by violation.

    Args:
      problem: what is asked.
      columns: candidates.
      keep: points to return of each.
      look: points to look at of each.
    """
    count, size = len(columns["chips"]), len(exact_merit(problem).names)
    points = spread(look, size)
    found = np.zeros((count, keep, size))
    step = max(65_536 // look, 1)
    for start in range(0, count, step):
        some = take(columns, slice(start, start + step))
        length = len(some["chips"])
        wide = {name: np.repeat(column, look) for name, column in some.items()}
        cost, values = at_points(problem, wide, np.tile(points, (length, 1)))
        violation = np.nan_to_num(np.max(values, axis=1), nan=np.inf)
        good = violation <= FEASIBLE
        # Any feasible point is better than any other.
        score = np.where(good, np.arctan(cost) - 4.0, np.arctan(violation))
        best = np.argsort(score.reshape(length, look), axis=1)[:, :keep]
        found[start : start + length] = points[best]
    return found


def chords_hold(problem: Problem, columns: Columns, seed: int) -> bool:
    """Tell whether cost and limits lie below their chords in this study's own box.

    Chords are straight in the logarithms of the variables.  Limits that nothing comes
    near are left out: they shape nothing.

    Args:
      problem: what is asked.
      columns: candidates, of which some are drawn.
      seed: of the draw.
    """
    merit = exact_merit(problem)
    size, count = len(merit.names), len(columns["chips"])
    if not continuous(problem) or not count:
        return True
    if problem.scenario.serving is not None:
        # A batch of whole requests makes steps of what would be smooth.
        return False
    random = np.random.default_rng(seed)
    few = random.choice(count, min(count, _CANDIDATES), replace=False)
    rows = take(columns, random.choice(few, CHORDS))
    box = box_data(problem, merit.names)
    ends = tuple(box[key] for key in ("low", "high", "log"))
    one, other = random.random((2, CHORDS, size))
    places = [np.asarray(from_unit(point, *ends)) for point in (one, other)]
    middle = np.asarray(to_unit(np.sqrt(places[0] * places[1]), *ends))
    table = {name: np.tile(column, 3) for name, column in rows.items()}
    cost, values = at_points(problem, table, np.concatenate([one, other, middle]))
    every = np.concatenate([cost[:, None], values], axis=1)
    shapes = np.concatenate([[True], np.max(values, axis=0) > _NEAR])
    first, second, between = every[:, shapes].reshape(3, CHORDS, -1)
    excess = between - 0.5 * (first + second)
    return bool(np.all(excess <= _ROUNDING * (1.0 + np.abs(between))))
