"""For which value of a constant does a condition hold?  A scan, and a bracketed root.

The logarithm of one side over the other is a function of the logarithm of the constant.
A scan of the bracket finds where it changes its sign, the change nearest to the value
today is kept, and Brent's method (`scipy.optimize.root_scalar`) closes in on it.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.precise import precisely
from supernode_opt.compare import program
from supernode_opt.compare.columns import buildable, columns, together
from supernode_opt.compare.entries import Cell
from supernode_opt.compare.inversion.config import Inversion
from supernode_opt.compare.places import STEPPED, Place, changed
from supernode_opt.compare.sides import Machines, Values
from supernode_opt.compare.splits import best_split
from supernode_opt.reading.node import StudyError

SCAN = 129
TOLERANCE = 1e-10
_MOST_STEPS = 60
# Logarithms of both sides that differ by less are equal.
_MET = 1e-6
_MOST_PLANS = 8


class Solution(NamedTuple):
    """What was found.

    Attributes:
      found: whether any value in the bracket brings the condition.
      value: of the constant, the nearest to it if none does; base SI unit.
      quantities: of each side there.
      elasticities: per cent of each side per per cent of the constant there [1].
      plans: the split of each side.
      settled: whether those splits are still the best at `value`.
      broken: limits that a side breaks there, in words.
      grid: values of the constant.
      curves: quantity of each side along the grid [side, grid].
      steps: evaluations of the derivative.
      between: sizes that can be built between which the condition turns, if the
        constant comes in sizes; `value` is the larger one.
      met: whether it is met exactly, not passed in a step.
    """

    found: bool
    value: float
    quantities: tuple[float, ...]
    elasticities: tuple[float, ...]
    plans: tuple[Values, ...]
    settled: bool
    broken: tuple[str, ...]
    grid: NDArray
    curves: NDArray
    steps: int
    between: tuple[float, float] | None = None
    met: bool = True


def nearest_turn(scan: NDArray, grid: NDArray, asked: Inversion) -> int | None:
    """Return the interval of the grid, nearest to the value today, that has a root."""
    whole = np.isfinite(scan)
    turns = (np.sign(scan[:-1]) * np.sign(scan[1:]) <= 0.0) & whole[:-1] & whole[1:]
    turns &= scan[:-1] != scan[1:]
    if not turns.any():
        return None
    now = next(place.value for place in asked.places if place.paths)
    middle = 0.5 * (np.log(grid[:-1]) + np.log(grid[1:]))
    away = np.abs(middle - (math.log(now) if now > 0.0 else middle[0]))
    return int(np.argmin(np.where(turns, away, np.inf)))


def broken_limits(asked: Inversion, limits: NDArray) -> tuple[str, ...]:
    """Name the limits that the machines break; `limits` is [side, limit]."""
    return tuple(
        f"{side.system}: {one}"
        for side, values in zip(asked.sides, limits, strict=True)
        for one in program.broken(side.problem, values)
    )


@precisely
def solve(asked: Inversion, progress: Callable[[str, float], None]) -> Solution:
    """Find the value; with `replan`, until the best splits no longer change with it.

    Raises:
      StudyError: a machine has no legal split that fits.
    """
    if asked.constant == STEPPED:
        return _step(asked, progress)
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
        log_value, steps = root(machines.gap, *np.log(grid[place : place + 2]))
        if asked.sides[0].problem.scenario.serving is not None:
            log_value = _kept_side(machines, log_value)
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
        met=bool(abs(machines.apart(logs)[0]) < _MET),
    )


def _kept_side(machines: Machines, log_value: float) -> float:
    """Return the side of a crossing on which the first machine is at least as good.

    A batch that is solved for is whole: what depends on it may pass the condition in a
    step, on one side of which it is not met.
    """
    sign = -1.0 if program.less_is_better(machines.asked.quantity) else 1.0
    near = log_value + np.asarray([0.0, -1.0, 1.0]) * 4.0 * TOLERANCE
    apart = sign * machines.apart(machines.at(near)[0])
    good = apart >= 0.0
    return float(near[np.argmin(np.where(good, np.abs(apart), np.inf))])


def root(gap: Callable, low: float, high: float) -> tuple[float, int]:
    """Close in on the root of `gap` from `low` to `high`; return it and the steps."""
    from scipy.optimize import root_scalar

    found = root_scalar(
        lambda log: float(gap(log)[0]),
        method="brentq",
        bracket=(float(low), float(high)),
        xtol=TOLERANCE,
        maxiter=_MOST_STEPS,
    )
    return float(found.root), int(found.iterations)


def _step(asked: Inversion, progress: Callable[[str, float], None]) -> Solution:
    """Find the sizes, nearest to that of today, between which the condition turns.

    Scale-up domains are whole boards that tile the chips; every one is built and split
    anew, with the exact model, and nothing is interpolated between them.  A size at
    which a machine breaks a limit takes no part.
    """
    sizes = _sizes(asked)
    members, index = [], []
    for order, (side, place) in enumerate(zip(asked.sides, asked.places, strict=True)):
        # A machine that is not to change is built once.
        wanted = sizes if place.paths else [float(side.problem.fixed[STEPPED])]

        def tell(share: float, order: int = order, side=side) -> None:
            part = (order + share) / len(asked.sides)
            progress(f"building {side.system}", 0.8 * part)

        found = columns(side, place, wanted, tell)
        index.append([len(members) + i % len(found) for i in range(len(sizes))])
        members += found
    progress("evaluating", 0.8)
    nowhere = [Place((), 1.0)] * len(members)
    machines = together(asked, members, nowhere)
    logs, _, limits = machines.at(np.zeros(1))
    over = [
        program.excess(one.cell.problem.scenario, limits[i, 0]).max()
        for i, one in enumerate(members)
    ]
    kept = np.where(np.asarray(over) <= 0.0, logs[:, 0], np.nan)[np.asarray(index)]
    scan = machines.apart(kept)
    grid = np.asarray(sizes)
    place = nearest_turn(scan, grid, asked)
    if place is not None:
        here = place + 1
    else:
        valid = np.where(np.isfinite(scan), np.abs(scan), np.inf)
        here = int(np.argmin(valid))
    chosen = [rows[here] for rows in index]
    return Solution(
        found=place is not None,
        value=float(grid[here]),
        quantities=tuple(np.exp(logs[chosen, 0]).tolist()),
        elasticities=(float("nan"),) * len(asked.sides),
        plans=tuple(members[i].plan for i in chosen),
        settled=True,
        broken=broken_limits(asked, limits[chosen, 0]),
        grid=grid,
        curves=np.exp(kept),
        steps=0,
        between=None if place is None else (float(grid[place]), float(grid[here])),
    )


def _sizes(asked: Inversion) -> list[float]:
    """Return the sizes that every machine that changes can have."""
    lists = [
        buildable(side, asked.low, asked.high)
        for side, place in zip(asked.sides, asked.places, strict=True)
        if place.paths
    ]
    common = [size for size in lists[0] if all(size in one for one in lists)]
    if not common:
        raise StudyError(
            f"no scale-up domain from {asked.low:g} to {asked.high:g} is of whole"
            " boards and tiles the chips"
        )
    return common
