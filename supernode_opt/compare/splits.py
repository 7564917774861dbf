"""The best legal split of a frozen machine: every one of them, exactly."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import Case, case, nameless
from supernode_opt.batch.exact import quantities
from supernode_opt.compare import program
from supernode_opt.problem.box import options
from supernode_opt.problem.problem import Problem
from supernode_opt.search.enumerate import (
    Columns,
    illegal_reason,
    plans,
    tilable,
    whole_candidates,
)
from supernode_opt.search.inner import complete
from supernode_opt.system.design import CHOICE_NAMES, CHOICES, NUMBER_NAMES, Design
from supernode_opt.system.divided import split_choices, split_numbers
from supernode_opt.workload.split import SIZES, SWITCHES

MOST = 5_000_000


class Best(NamedTuple):
    """The best split of a machine, or why there is none.

    Attributes:
      values: the whole design, SI numbers and names; the one nearest to fitting where
        none fits; empty where none is legal.
      splits: how many legal ones were evaluated.
      reason: why there is none, "" if there is one.
    """

    values: dict[str, float | str]
    splits: int
    reason: str = ""


def best_split(problem: Problem) -> Best:
    """Evaluate every legal split of a problem in which nothing else is free.

    Of a machine that trains only the time of a step and its memory depend on the split
    in a way that ranks splits: provisioned power and capital are the machine's own.
    One that serves is best where what the problem seeks is, within its limits.

    Raises:
      TooManySplits: there are more than five million.
    """
    if problem.scenario.serving is not None:
        return _best_pools(problem)
    rows, found = _timed(problem)
    count = len(found)
    if not count:
        why = illegal_reason(problem) or "no split of these chips is legal"
        return Best({}, 0, why)
    step, memory = found[:, 0], found[:, 1]
    most = program.limits(problem.scenario)["memory_fraction"]
    fits = memory <= most * (1.0 + 1e-9)
    if not fits.any():
        nearest = int(np.nanargmin(memory))
        over = 100.0 * (memory[nearest] / most - 1.0)
        why = f"the tightest split needs {over:.3g} % more memory per chip"
        return Best(_values(problem, rows, nearest), count, why)
    fastest = int(np.nanargmin(np.where(fits, step, np.inf)))
    return Best(_values(problem, rows, fastest), count)


def same_times(one: Problem, other: Problem) -> bool:
    """Tell whether no split's time or memory differs between two machines.

    Then what differs between them does not rank splits.
    """
    if one.scenario.serving is not None:
        first, second = (_served(problem)[1] for problem in (one, other))
        return all(np.array_equal(first[name], second[name]) for name in first)
    return bool(np.array_equal(_timed(one)[1], _timed(other)[1]))


def _best_pools(problem: Problem) -> Best:
    """Evaluate every legal layout of both pools; of equals the least loaded wins."""
    rows, found = _served(problem)
    count = len(rows["chips"])
    if not count:
        why = illegal_reason(problem) or "no layout of these chips is legal"
        return Best({}, 0, why)
    most = program.limits(problem.scenario)
    over = np.max([found[name] / most[name] for name in _RANKED], axis=0)
    over = np.nan_to_num(over, nan=np.inf)
    fits = over <= 1.0 + 1e-9
    if not fits.any():
        nearest = int(np.argmin(over))
        worst = max(_RANKED, key=lambda name: found[name][nearest] / most[name])
        far = 100.0 * (found[worst][nearest] / most[worst] - 1.0)
        why = f"the nearest layout breaks its limit on {_MEANT[worst]} by {far:.3g} %"
        return Best(_named(problem, rows, nearest), count, why)
    sought = problem.objective
    worth = found[sought.name] * (1.0 if sought.maximize else -1.0)
    worth = np.where(fits, worth, -np.inf)
    # Where requests arrive so often and no more, many layouts keep up.
    equal = worth >= worth.max() - 1e-9 * abs(worth.max())
    best = np.argmin(np.where(equal, found["load_fraction"], np.inf))
    return Best(_named(problem, rows, int(best)), count)


# What a layout of pools may break, and what people call it.
_MEANT = {
    "memory_fraction": "memory",
    "ttft_fraction": "time to the first token",
    "tpot_fraction": "time per output token",
    "load_fraction": "load",
}
_RANKED = tuple(_MEANT)


def _served(problem: Problem) -> tuple[Columns, Columns]:
    """Return every legal layout, and what ranks them [layout]."""
    rows = whole_candidates(problem, tilable(problem, plans(problem, MOST)))
    rows = complete(problem, rows)
    names = tuple(dict.fromkeys((problem.objective.name, *_RANKED)))
    if not len(rows["chips"]):
        return rows, dict.fromkeys(names, np.zeros(0))
    return rows, quantities(rows, nameless(problem.scenario), names)


def _named(problem: Problem, rows: Columns, index: int) -> dict[str, float | str]:
    """Return one of the layouts as a design."""
    values: dict[str, float | str] = dict(problem.fixed)
    for name in split_numbers(problem.scenario):
        values[name] = float(rows[name][index])
    for name in split_choices(problem.scenario):
        values[name] = options(name, problem.scenario)[int(rows[name][index])]
    return values


def _timed(problem: Problem) -> tuple[dict, NDArray]:
    """Return every legal split, and its step time and share of memory [split, 2]."""
    rows = tilable(problem, plans(problem, MOST))
    if not len(rows["chips"]):
        return rows, np.zeros((0, 2))
    first = case(_values(problem, rows, 0), problem.scenario)
    return rows, program.times(_designs(first, rows), first.scenario)


def _values(problem: Problem, rows: dict, index: int) -> dict[str, float | str]:
    values: dict[str, float | str] = dict(problem.fixed)
    values |= {name: float(rows[name][index]) for name in SIZES}
    values |= {name: CHOICES[name][int(rows[name][index])] for name in SWITCHES}
    return values


def _designs(first: Case, rows: dict) -> Design:
    """Return the designs of all rows; what is not the split's is as in `first`."""
    count = len(rows["chips"])
    made = {}
    for name in (*NUMBER_NAMES, *CHOICE_NAMES):
        held = getattr(first.design, name)
        made[name] = np.broadcast_to(held, (count, *np.shape(held)))
    made |= {name: np.asarray(rows[name], float) for name in SIZES}
    for name in SWITCHES:
        made[name] = np.eye(len(CHOICES[name]))[rows[name]]
    return Design(**made)
