"""The relaxed descent: every variable and choice moved together from many starts.

Maxima start soft and sharpen, mixtures start warm and cool; the last rounds are cold.
The result proposes candidates.  It is never a bound: it is smoothed, it is local, and
nothing makes its counts whole.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.compiler import compiled
from supernode_opt.problem.box import options
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import COUNTS
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
from supernode_opt.system.design import CHOICE_NAMES, one_hot

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
      evaluations: gradients computed.
    """

    numbers: dict[str, NDArray]
    weights: dict[str, NDArray]
    cost: NDArray
    violation: NDArray
    history: dict[str, NDArray]
    evaluations: int


def relaxed_merit(problem: Problem) -> Relaxed:
    """Return the merit function of `problem` with everything free that is free."""
    choices = []
    for choice in problem.choices:
        every = options(choice.name, problem.scenario)
        positions = tuple(every.index(option) for option in choice.options)
        choices.append((choice.name, positions, len(every)))
    names = tuple(v.name for v in problem.variables)
    return Relaxed(names, tuple(choices), program(problem))


def moves(problem: Problem) -> bool:
    """Tell whether anything is free that candidates differ in."""
    return bool(problem.choices) or any(v.name in COUNTS for v in problem.variables)


def _data(problem: Problem, names: tuple[str, ...]) -> dict[str, Any]:
    fixed = problem.fixed
    frozen = {n: float(v) for n, v in fixed.items() if n not in CHOICE_NAMES}
    chosen = {
        n: one_hot(str(v), options(n, problem.scenario))
        for n, v in fixed.items()
        if n in CHOICE_NAMES
    }
    return {**box_data(problem, names), "numbers": frozen, "weights": chosen}


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
    random = np.random.default_rng(seed)
    starts = random.normal(0.0, 1.5, (settings.starts, merit.size()))
    starts[:, len(merit.names) :] *= 0.3
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
            )
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


def _order(state: State) -> tuple[NDArray, NDArray]:
    """Sort rows: nearly feasible ones by cost, then the others by violation."""
    # Not on the device: its every small operation would be compiled.
    violation = np.nan_to_num(np.max(np.asarray(state.values), axis=1), nan=np.inf)
    cost = np.nan_to_num(np.asarray(state.objective), nan=np.inf)
    feasible = violation <= NEARLY
    return np.lexsort((np.where(feasible, cost, violation), ~feasible)), violation


def _best(state: State, labels: tuple[str, ...]) -> tuple[float, float, str]:
    order, violation = _order(state)
    best = order[0]
    worst = int(np.nanargmax(np.nan_to_num(np.asarray(state.values)[best], nan=np.inf)))
    return float(state.objective[best]), max(float(violation[best]), 0.0), labels[worst]


def _sorted(
    state: State,
    merit: Relaxed,
    data: Mapping[str, Any],
    rows: list[tuple[int, float, float, str]],
    settings: Settings,
) -> RelaxedPoints:
    order, violation = _order(state)
    decode = compiled(jax.vmap(lambda point: merit.decode(point, data)))
    numbers, weights = decode(np.asarray(state.points)[order])
    keys = ("step", "best_objective", "worst_violation", "worst_constraint")
    columns = zip(*rows, strict=True) if rows else ((), (), (), ())
    return RelaxedPoints(
        {name: np.asarray(value) for name, value in numbers.items()},
        {name: np.asarray(value) for name, value in weights.items()},
        np.asarray(state.objective)[order],
        violation[order],
        {k: np.asarray(c) for k, c in zip(keys, columns, strict=True)},
        settings.starts * settings.outer * settings.inner,
    )
