"""The numbers of a machine, moved on the draws themselves by SciPy's SLSQP.

Quantiles of what is sought and of what is limited are smooth in the numbers when they
are weighted means of ordered draws; their slopes are differences, for which all points
are evaluated together by the program that judges.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from supernode_opt.problem.constraints import chances, nominal
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import to_unit
from supernode_opt.robust.chance import MEMORY, excess
from supernode_opt.robust.judged import sign_of
from supernode_opt.robust.program import asked, drawn_values
from supernode_opt.robust.quantiles import smooth_quantile
from supernode_opt.robust.sample import Sample
from supernode_opt.search.enumerate import Columns, take
from supernode_opt.search.inner import at_points, continuous, exact_merit, fill
from supernode_opt.search.lanes import lane_rates
from supernode_opt.search.merit import LEAST, box_data

# Step of the differences in the unit box: draws are smooth on it, rounding is small.
_STEP = 1e-4
_ITERATIONS = 15
# A port this near to a whole number of lanes is built of them.
_WHOLE = 1e-6
# Kept at the catalog's constants as in a built design, and with draws on their side.
_MARGIN = 1e-8


class Moved(NamedTuple):
    """A candidate with its numbers moved.

    Attributes:
      columns: the candidate, one row.
      evaluations: points that were looked at, each under every draw.
    """

    columns: Columns
    evaluations: int


def moved(problem: Problem, row: Columns, sample: Sample, margins: NDArray) -> Moved:
    """Move the numbers of a candidate to its best quantile; whole lanes are held.

    Args:
      problem: the robust study.
      row: a complete candidate.
      sample: the draws.
      margins: by how much more probable than asked each limit must be kept [1].
    """
    plain = nominal(problem)
    names = exact_merit(plain).names
    box = box_data(plain, names)
    start = np.asarray(
        [
            float(
                to_unit(float(row[n][0]), *(box[k][i] for k in ("low", "high", "log")))
            )
            for i, n in enumerate(names)
        ]
    )
    start = np.clip(start, 0.0, 1.0)
    free = np.flatnonzero([n in continuous(plain) for n in names] & ~_held(plain, row))
    if not len(free):
        return Moved(row, 0)
    seen: dict[bytes, tuple[NDArray, NDArray]] = {}
    count = 0

    def look(x: NDArray) -> tuple[NDArray, NDArray]:
        """Return loss and constraints at a point, and their slopes [.., 1 + free]."""
        nonlocal count
        key = x.tobytes()
        if key not in seen:
            points = np.repeat(start[None], 1 + len(free), axis=0)
            points[:, free] = x
            steps = np.where(x > 0.5, -_STEP, _STEP)
            points[1 + np.arange(len(free)), free] += steps
            made = _wanted(problem, plain, row, points, sample, margins)
            seen[key] = made[0], (made[1:] - made[0]).T / steps
            count += len(points)
        return seen[key]

    # What no number moves has no slope, which the method cannot bear.
    movable = np.any(look(start[free])[1][1:] != 0.0, axis=1)
    found = minimize(
        lambda x: look(x)[0][0],
        start[free],
        jac=lambda x: look(x)[1][0],
        bounds=[(0.0, 1.0)] * len(free),
        constraints={
            "type": "ineq",
            "fun": lambda x: -look(x)[0][1:][movable] - _MARGIN,
            "jac": lambda x: -look(x)[1][1:][movable],
        },
        method="SLSQP",
        options={"ftol": 1e-6, "maxiter": _ITERATIONS},
    )
    best = start.copy()
    if np.all(np.isfinite(found.x)):
        look(np.clip(found.x, 0.0, 1.0))
    good = [x for x, (values, _) in seen.items() if np.max(values[1:]) <= 0.0]
    if good:
        best[free] = np.frombuffer(min(good, key=lambda x: float(seen[x][0][0])))
    return Moved(fill(plain, row, best[None]), count)


def _wanted(
    problem: Problem,
    plain: Problem,
    row: Columns,
    points: NDArray,
    sample: Sample,
    margins: NDArray,
) -> NDArray:
    """Return loss and everything that must be at most zero [point, 1 + constraint]."""
    rows = take(row, np.zeros(len(points), int))
    cost, g = at_points(plain, rows, points)
    values = drawn_values(problem, fill(plain, rows, points), sample, asked(problem))
    goal = problem.objective
    level = goal.reached
    if level is not None:
        logs = np.log(np.maximum(values[goal.name], LEAST))
        cost = smooth_quantile(sign_of(goal) * logs, level)
    drawn = []
    for limit, margin in zip(chances(problem), margins, strict=True):
        over = excess(limit, values)
        if limit.name in MEMORY:
            over = over + sample.spread * sample.memory
        share = min((limit.probability or 0.5) + margin, 1.0 - 1.0 / sample.count)
        drawn.append(smooth_quantile(over, share))
    return np.column_stack([cost, g, *drawn])


def _held(plain: Problem, row: Columns) -> NDArray:
    """Tell which numbers are ports of whole lanes, which are held [number]."""
    names, rates = exact_merit(plain).names, lane_rates(plain)
    held = np.zeros(len(names), bool)
    for place, name in enumerate(names):
        if name in rates:
            lanes = float(row[name][0]) / rates[name]
            held[place] = abs(lanes - round(lanes)) <= _WHOLE * lanes
    return held
