"""The best legal split of a frozen machine: every one of them, exactly."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import Case, case
from supernode_opt.compare import program
from supernode_opt.problem.problem import Problem
from supernode_opt.search.enumerate import illegal_reason, plans, tilable
from supernode_opt.system.design import CHOICES, Design
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

    Only the time of a step and its memory depend on the split in a way that ranks
    splits: provisioned power and capital are the machine's own.

    Raises:
      TooManySplits: there are more than five million.
    """
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
    return bool(np.array_equal(_timed(one)[1], _timed(other)[1]))


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
    for name in Design.__dataclass_fields__:
        held = getattr(first.design, name)
        made[name] = np.broadcast_to(held, (count, *np.shape(held)))
    made |= {name: np.asarray(rows[name], float) for name in SIZES}
    for name in SWITCHES:
        made[name] = np.eye(len(CHOICES[name]))[rows[name]]
    return Design(**made)
