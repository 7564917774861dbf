"""For which value of a constant does a condition hold?  Newton's method, safeguarded.

The logarithm of one side over the other is a function of the logarithm of the constant.
A scan of the bracket finds where it changes its sign, the change nearest to the value
today is kept, and Newton steps with the derivative of the exact model close in on it;
a step that leaves the interval is replaced by its middle.
"""

import math
from collections.abc import Callable

import numpy as np

from supernode_opt.compare.change import changed
from supernode_opt.compare.entries import Cell
from supernode_opt.compare.inversion.config import Inversion
from supernode_opt.compare.inversion.solution import (
    Solution,
    broken_limits,
    nearest_turn,
)
from supernode_opt.compare.inversion.stepping import step
from supernode_opt.compare.places import STEPPED, Place
from supernode_opt.compare.sides import Machines, Values
from supernode_opt.compare.splits import best_split
from supernode_opt.reading.node import StudyError

SCAN = 129
TOLERANCE = 1e-10
_MOST_STEPS = 60
_MOST_PLANS = 8


def solve(asked: Inversion, progress: Callable[[str, float], None]) -> Solution:
    """Find the value; with `replan`, until the best splits no longer change with it.

    Raises:
      StudyError: a machine has no legal split that fits.
    """
    if asked.constant == STEPPED:
        return step(asked, progress)
    progress("finding splits", 0.0)
    plans = tuple(_split(side, place, place.value) for side, place in _sides(asked))
    seen: list[tuple[Values, ...]] = []
    while True:
        progress(f"solving, plan {len(seen) + 1}", 0.2 + 0.1 * len(seen))
        solution = _solve(asked, plans)
        seen.append(plans)
        if not asked.replan:
            return solution
        anew = tuple(
            _split(side, place, solution.value, plan)
            for (side, place), plan in zip(_sides(asked), plans, strict=True)
        )
        if anew == plans:
            return solution
        if anew in seen or len(seen) >= _MOST_PLANS:
            # The condition is crossed where one plan takes the place of another.
            return solution._replace(settled=False)
        plans = anew


def _sides(asked: Inversion) -> list[tuple[Cell, Place]]:
    return list(zip(asked.sides, asked.places, strict=True))


def _split(
    side: Cell, place: Place, value: float, otherwise: Values | None = None
) -> Values:
    """Return the best design of a machine in which the constant has `value`."""
    problem = side.problem
    if not place.paths and otherwise is not None:
        return otherwise
    if place.paths:
        problem = changed(side, place, value)
    best = best_split(problem)
    if best.reason:
        if otherwise is None:
            raise StudyError(f"{side.system}: there is no design: {best.reason}")
        return otherwise
    # The machine is the file's; the constant is put into it where it is evaluated.
    return {**best.values, **problem.fixed, **side.problem.fixed}


def _solve(asked: Inversion, plans: tuple[Values, ...]) -> Solution:
    machines = Machines(asked, plans)
    grid = np.geomspace(asked.low, asked.high, SCAN)
    curves = machines.at(np.log(grid))[0]
    scan = machines.apart(curves)
    place, steps = nearest_turn(scan, grid, asked), 0
    if place is None:
        valid = np.where(np.isfinite(scan), np.abs(scan), np.inf)
        log_value = float(np.log(grid[int(np.argmin(valid))]))
    else:
        log_value, steps = newton(machines.gap, *np.log(grid[place : place + 2]))
    logs, slopes, limits = machines.at(np.asarray([log_value]))
    return Solution(
        found=place is not None,
        value=math.exp(log_value),
        quantities=tuple(np.exp(logs[:, 0]).tolist()),
        elasticities=tuple(slopes[:, 0].tolist()),
        plans=plans,
        settled=True,
        broken=broken_limits(asked, limits[:, 0]),
        grid=grid,
        curves=np.exp(curves),
        steps=steps,
    )


def newton(gap: Callable, low: float, high: float) -> tuple[float, int]:
    """Close in on the root of `gap` from `low` to `high`; return it and the steps."""
    at_low, here, steps = gap(low)[0], 0.5 * (low + high), 0
    while steps < _MOST_STEPS and high - low > TOLERANCE:
        steps += 1
        value, slope = gap(here)
        if value == 0.0:
            break
        if (value > 0.0) == (at_low > 0.0):
            low = here
        else:
            high = here
        there = here - value / slope if slope else math.nan
        inside = low < there < high
        done = inside and abs(there - here) < TOLERANCE
        here = there if inside else 0.5 * (low + high)
        if done:
            break
    return float(here), steps
