"""For which value of a constant does a condition hold?  Newton's method, safeguarded.

The logarithm of one side over the other is a function of the logarithm of the constant.
A scan of the bracket finds where it changes its sign, the change nearest to the value
today is kept, and Newton steps with the derivative of the exact model close in on it;
a step that leaves the interval is replaced by its middle.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from supernode_opt.catalog.systems import FOLLOWS
from supernode_opt.compare import program
from supernode_opt.compare.condition import Inversion, Place
from supernode_opt.compare.program import Case
from supernode_opt.compare.question import Cell
from supernode_opt.compare.splits import best_split
from supernode_opt.problem.constraints import normalised
from supernode_opt.record import get, replace
from supernode_opt.study.evaluation import ROUNDING
from supernode_opt.study.node import StudyError
from supernode_opt.system.evaluate import evaluate

SCAN = 129
_BLOCK = 43
TOLERANCE = 1e-10
_MOST_STEPS = 60
_MOST_PLANS = 8

Values = Mapping[str, float | str]


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


def put(one: Case, values: Mapping[str, Any]) -> Case:
    """Return a case in which every path has its value; a design field is then set."""
    for path, value in values.items():
        if "." in path:
            one = one._replace(scenario=replace(one.scenario, path, value))
        else:
            one = one._replace(design=replace(one.design, path, value))
    return one


@functools.partial(jax.jit, static_argnames=("paths", "quantity"))
def _along(
    one: Case, held: Any, logs: Any, paths: tuple[str, ...], quantity: str
) -> tuple[Any, Any, Any]:
    """Evaluate a machine along values of the constant.

    Args:
      one: the machine.
      held: whether it holds the constant at each of `paths` [path].
      logs: logarithms of the constant [value].
      paths: where any of the machines holds it.
      quantity: field of `Report`.

    Returns:
      Logarithm of the quantity, its derivative by the logarithm of the constant
      [value], and what limits are set on [value, limit].
    """

    def log_quantity(log: Any) -> tuple[Any, Any]:
        tree = {"scenario": one.scenario, "design": one.design}
        values = {}
        for index, path in enumerate(paths):
            now = get(tree["scenario" if "." in path else "design"], path)
            values[path] = jnp.where(held[index], jnp.exp(log), now)
        changed = put(one, values)
        report = evaluate(program.followed(changed), changed.scenario)
        limits = jnp.stack([jnp.asarray(getattr(report, n)) for n in program.LIMITS])
        return jnp.log(getattr(report, quantity)), limits

    slopes = jax.vmap(jax.value_and_grad(log_quantity, has_aux=True))
    (value, limits), slope = slopes(logs)
    return value, slope, limits


class Machines:
    """The sides of an inversion with their splits, to be evaluated at any value."""

    def __init__(self, asked: Inversion, plans: tuple[Values, ...]) -> None:
        """Build the cases of `asked` with the splits `plans`."""
        self.asked = asked
        self.paths = tuple(dict.fromkeys(p for one in asked.places for p in one.paths))
        self.cases = []
        for side, plan, place in zip(asked.sides, plans, asked.places, strict=True):
            one = program.case(plan, side.problem.scenario)
            follow = program.following(plan, side.problem.scenario)
            # What is set no longer follows the part it is sold with.
            set_ = [path for path in place.paths if path in follow]
            follow |= {path: np.zeros(()) for path in set_}
            self.cases.append(one._replace(follow=follow))

    def at(self, logs: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Return logs of the quantity, slopes and limits [side, value, ...].

        Args:
          logs: logarithms of the constant, at most `_BLOCK` [value].
        """
        padded = jnp.asarray(np.pad(logs, (0, _BLOCK - len(logs)), mode="edge"))
        found = []
        for one, place in zip(self.cases, self.asked.places, strict=True):
            held = jnp.asarray([path in place.paths for path in self.paths])
            found.append(_along(one, held, padded, self.paths, self.asked.quantity))
        value, slope, limits = (
            np.stack([np.asarray(x) for x in column])[:, : len(logs)]
            for column in zip(*found, strict=True)
        )
        return value, slope, limits

    def apart(self, logs: NDArray) -> NDArray:
        """Return the first of `logs` [side, value] less what it must equal [value]."""
        target = self.asked.target
        return logs[0] - (logs[1] if target is None else math.log(target))

    def gap(self, log_value: float) -> tuple[float, float]:
        """Return how far apart the sides are in logs, and its derivative."""
        logs, slopes, _ = self.at(np.asarray([log_value]))
        other = slopes[1, 0] if self.asked.target is None else 0.0
        return float(self.apart(logs)[0]), float(slopes[0, 0] - other)


def _solve(asked: Inversion, plans: tuple[Values, ...]) -> Solution:
    machines = Machines(asked, plans)
    grid = np.geomspace(asked.low, asked.high, SCAN)
    parts = [
        machines.at(np.log(grid[start : start + _BLOCK]))[0]
        for start in range(0, SCAN, _BLOCK)
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
