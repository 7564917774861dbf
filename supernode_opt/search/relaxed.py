"""The relaxed descent: every variable and choice moved together from many starts.

Maxima start soft and sharpen, mixtures start warm and cool; the last rounds are cold.
The result proposes candidates.  It is never a bound: it is smoothed, it is local, and
nothing makes its counts whole.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.tally import counted
from supernode_opt.problem.box import options
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import COUNTS
from supernode_opt.search.enumerate import positions
from supernode_opt.search.lagrangian import State, begin, descend
from supernode_opt.search.merit import (
    STRUCTURE,
    Relaxed,
    box_data,
    forms,
    objective_value,
    program,
)
from supernode_opt.search.settings import Progress, Settings
from supernode_opt.system.design import CHOICE_NAMES, NUMBER_NAMES

# A relaxed point this close to its limits is as good as feasible: rounding moves more.
NEARLY = 3e-3


class RelaxedPoints(NamedTuple):
    """Relaxed points, best first.

    Attributes:
      numbers: every `Design` number and freed constant [starts], SI.
      weights: mixture weights of every choice [starts, options].
      cost: signed logarithm of the objective [starts].
      violation: largest normalised violation [starts].
      history: step, best_objective, worst_violation, worst_constraint per round.
    """

    numbers: dict[str, NDArray]
    weights: dict[str, NDArray]
    cost: NDArray
    violation: NDArray
    history: dict[str, NDArray]


def relaxed_merit(problem: Problem) -> Relaxed:
    """Return the merit function of `problem`, over everything that could be free."""
    constants = (v.name for v in problem.variables if "." in v.name)
    choices = ((n, len(options(n, problem.scenario))) for n in CHOICE_NAMES)
    return Relaxed((*NUMBER_NAMES, *constants), tuple(choices), program(problem))


def moves(problem: Problem) -> bool:
    """Tell whether anything is free that candidates differ in."""
    return bool(problem.choices) or any(v.name in COUNTS for v in problem.variables)


def _data(problem: Problem, names: tuple[str, ...]) -> dict[str, Any]:
    allowed = {}
    for name in CHOICE_NAMES:
        every = options(name, problem.scenario)
        allowed[name] = np.isin(np.arange(len(every)), positions(problem, name))
    return {**box_data(problem, names), "allowed": allowed}


def _starts(problem: Problem, merit: Relaxed, count: int, seed: int) -> NDArray:
    """Draw where to start; what is frozen stays in the middle [start, n]."""
    places, numbers = merit.places(), len(problem.variables)
    free = [places[v.name] for v in problem.variables]
    for choice in problem.choices:
        free += [places[choice.name] + k for k in positions(problem, choice.name)]
    drawn = np.random.default_rng(seed).normal(0.0, 1.5, (count, len(free)))
    drawn[:, numbers:] *= 0.3
    points = np.zeros((count, merit.size()))
    points[:, free] = drawn
    return points


class Interrupted(KeyboardInterrupt):
    """A descent that was interrupted, and the points where it stood."""

    def __init__(self, points: Callable[[], RelaxedPoints]) -> None:
        """Keep what gives the points; it takes a moment."""
        super().__init__()
        self.points = points


def descend_relaxed(
    problem: Problem,
    settings: Settings,
    seed: int,
    report: Callable[[Progress], None],
) -> RelaxedPoints:
    """Descend from `settings.starts` random points and return where they end.

    Args:
      problem: what is asked.
      settings: starts, rounds, steps and annealing.
      seed: of the random starts.
      report: called once a round.

    Raises:
      Interrupted: by whoever waits for it, after a round at least.
    """
    merit = relaxed_merit(problem)
    data = _data(problem, merit.names)
    starts = _starts(problem, merit, settings.starts, seed)
    slots = len(data["wanted"]["used"])
    state = begin(starts, slots + len(STRUCTURE))
    limited = [name for name, _ in forms(problem)]
    labels = (*limited, *[""] * (slots - len(limited)), *STRUCTURE)
    rows: list[tuple[int, float, float, str]] = []
    try:
        for index in range(settings.outer):
            done = index / max(settings.outer - 1, 1)
            data |= {
                "sharpness": _between(settings.sharpness, done),
                "temperature": _between(settings.temperature, done),
            }
            state = descend(
                state,
                data,
                function=merit,
                steps=settings.inner,
                boxed=False,
                rate=settings.rates[0],
                last_rate=settings.rates[1],
                penalty=_between((2.0, 100.0), done),
                descent=settings.descent,
                options=settings.options,
                quick=True,
            )
            counted(settings.starts * settings.inner)
            row = _best(state, labels)
            best = objective_value(row[0], problem.objective)
            rows.append(((index + 1) * settings.inner, best, *row[1:]))
            share = (index + 1) / settings.outer
            report(Progress("relaxed descent", share, best, *row[1:]))
    except KeyboardInterrupt:
        if not rows:
            raise
        ends = functools.partial(_sorted, state, merit, data, rows, settings)
        raise Interrupted(ends) from None
    return _sorted(state, merit, data, rows, settings)


def _between(ends: tuple[float, float], done: float) -> float:
    """Return the point between two ends, evenly in the logarithm."""
    return float(ends[0] * (ends[1] / ends[0]) ** done)


def _order(state: State) -> tuple[NDArray, NDArray, NDArray]:
    """Sort rows: nearly feasible ones by cost, then the others by violation.

    Returns:
      The order, and cost and largest violation of every row.
    """
    # Not on the device: its every small operation would be compiled.
    violation = np.nan_to_num(np.max(np.asarray(state.values), axis=1), nan=np.inf)
    cost = np.nan_to_num(np.asarray(state.objective), nan=np.inf)
    feasible = violation <= NEARLY
    order = np.lexsort((np.where(feasible, cost, violation), ~feasible))
    return order, cost, violation


def _best(state: State, labels: tuple[str, ...]) -> tuple[float, float, str]:
    order, cost, violation = _order(state)
    best = order[0]
    worst = int(np.nanargmax(np.nan_to_num(np.asarray(state.values)[best], nan=np.inf)))
    return float(cost[best]), max(float(violation[best]), 0.0), labels[worst]


def _sorted(
    state: State,
    merit: Relaxed,
    data: Mapping[str, Any],
    rows: list[tuple[int, float, float, str]],
    settings: Settings,
) -> RelaxedPoints:
    order, cost, violation = _order(state)
    numbers, mixtures = merit.decode(np.asarray(state.points)[order], data)
    keys = ("step", "best_objective", "worst_violation", "worst_constraint")
    columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    return RelaxedPoints(
        numbers,
        mixtures,
        cost[order],
        violation[order],
        {k: np.asarray(c) for k, c in zip(keys, columns, strict=True)},
    )
