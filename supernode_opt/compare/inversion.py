"""For which value of a constant does a condition hold?  Newton's method, safeguarded.

The logarithm of one side over the other is a function of the logarithm of the constant.
A scan of the bracket finds where it changes its sign, the change nearest to the value
today is kept, and Newton steps with the derivative of the exact model close in on it;
a step that leaves the interval is replaced by its middle.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.catalog.systems import FOLLOWS
from supernode_opt.compare import program
from supernode_opt.compare.condition import Inversion, Place
from supernode_opt.compare.entries import Cell
from supernode_opt.compare.sides import BLOCK, Machines, Values
from supernode_opt.compare.splits import best_split
from supernode_opt.problem.constraints import normalised
from supernode_opt.record import replace
from supernode_opt.study.evaluation import ROUNDING
from supernode_opt.study.node import StudyError

SCAN = 129
TOLERANCE = 1e-10
_MOST_STEPS = 60
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


def solve(asked: Inversion, progress: Callable[[str, float], None]) -> Solution:
    """Find the value; with `replan`, until the best splits no longer change with it.

    Raises:
      StudyError: a machine has no legal split that fits.
    """
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
        problem = _changed(side, place, value)
    best = best_split(problem)
    if best.reason:
        if otherwise is None:
            raise StudyError(f"{side.system}: there is no design: {best.reason}")
        return otherwise
    # The machine is the file's; the constant is put into it where it is evaluated.
    return {**best.values, **problem.fixed, **side.problem.fixed}


def _changed(side: Cell, place: Place, value: float) -> Any:
    problem, fixed = side.problem, dict(side.problem.fixed)
    follow = program.following(fixed, problem.scenario)
    if place.paths[0] in fixed:
        fixed[place.paths[0]] = value
        return dataclasses.replace(problem, fixed=fixed)
    scenario = problem.scenario
    used = program.used_links(scenario, fixed)
    for path in place.paths:
        words = path.split(".")
        if words[0] == "links":
            names = [link.name for link in scenario.links]
            words[1] = str(names.index(used.links[int(words[1])].name))
        scenario = replace(scenario, ".".join(words), value)
    for field, (part, source) in FOLLOWS.items():
        if f"{part}.{source}" in place.paths and float(follow[field]):
            fixed[field] = value
    return dataclasses.replace(problem, scenario=scenario, fixed=fixed)


def _solve(asked: Inversion, plans: tuple[Values, ...]) -> Solution:
    machines = Machines(asked, plans)
    grid = np.geomspace(asked.low, asked.high, SCAN)
    parts = [
        machines.at(np.log(grid[start : start + BLOCK]))[0]
        for start in range(0, SCAN, BLOCK)
    ]
    curves = np.concatenate(parts, axis=1)
    scan = machines.apart(curves)
    place, steps = _crossing(scan, grid, asked), 0
    if place is None:
        valid = np.where(np.isfinite(scan), np.abs(scan), np.inf)
        log_value = float(np.log(grid[int(np.argmin(valid))]))
    else:
        log_value, steps = _newton(machines.gap, *np.log(grid[place : place + 2]))
    logs, slopes, limits = machines.at(np.asarray([log_value]))
    return Solution(
        found=place is not None,
        value=math.exp(log_value),
        quantities=tuple(np.exp(logs[:, 0]).tolist()),
        elasticities=tuple(slopes[:, 0].tolist()),
        plans=plans,
        settled=True,
        broken=_broken(asked, limits[:, 0]),
        grid=grid,
        curves=np.exp(curves),
        steps=steps,
    )


def _crossing(scan: NDArray, grid: NDArray, asked: Inversion) -> int | None:
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


def _newton(gap: Callable, low: float, high: float) -> tuple[float, int]:
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


def _broken(asked: Inversion, limits: NDArray) -> tuple[str, ...]:
    """Name the limits that the machines break; `limits` is [side, limit]."""
    found = []
    for side, values in zip(asked.sides, limits, strict=True):
        most = program.limits(side.problem.scenario)
        for name, value in zip(program.LIMITS, values, strict=True):
            if not float(normalised(value, most[name], True)) <= ROUNDING:
                found.append(
                    f"{side.system}: {name} is {value:.4g}, above {most[name]:g}"
                )
    return tuple(found)
