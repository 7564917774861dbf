"""The map of a crossover: where both machines are equal, and how surely."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.precise import precisely
from supernode_opt.compare.crossover.chances import crossings, margins
from supernode_opt.compare.crossover.config import Crossover
from supernode_opt.compare.crossover.steps import (
    Members,
    Step,
    along,
    evaluated,
    find_members,
    sign_of,
    today,
)
from supernode_opt.compare.inversion.report import own
from supernode_opt.compare.inversion.solve import SCAN, nearest_turn
from supernode_opt.compare.sides import Values
from supernode_opt.reading.node import StudyError

# Values of the constant at which constants are drawn, and the catalog's.
_DRAWN = 17
# How closely, relative, equality is located, and parts of each narrower look.
_EQUAL, _FINER = 1e-10, 65


class Surface(NamedTuple):
    """What the map shows.

    Attributes:
      grid: values of the constant that runs up.
      first, second: the steps of both machines.
      best: the step of the second machine that is best [up].
      margin: logarithm of by how much the first is better than the best second
        [first, up].
      crossing: where they are equal, NaN where nowhere; 5 and 95 % [first, 3].
      drawn_at: values at which constants were drawn.
      share: of draws in which the first is better [first, drawn].
      ratio: of the first to the second, 5 and 95 % [first, drawn, 2].
      plans: the design of every member.
      exact: whether the constant enters no split's time.
    """

    grid: NDArray
    first: tuple[Step, ...]
    second: tuple[Step, ...]
    best: NDArray
    margin: NDArray
    crossing: NDArray
    drawn_at: NDArray
    share: NDArray
    ratio: NDArray
    plans: tuple[Values, ...]
    exact: bool


@precisely
def solve(asked: Crossover, progress: Callable[[str, float], None]) -> Surface:
    """Evaluate both machines all over the map.

    Raises:
      StudyError: a machine has no legal split, or the second can be built nowhere.
    """
    members = find_members(asked, lambda what, share: progress(what, 0.6 * share))
    progress("evaluating", 0.6)
    grid = _grid(asked)
    first, second = evaluated(asked, members, grid)
    sign = sign_of(asked)
    rivals = np.stack([np.where(s.kept, sign * s.logs, -np.inf) for s in second])
    nowhere = ~np.isfinite(rivals).any(axis=0)
    if nowhere.any():
        name, value = asked.up.sides[1].system, own(asked.up, grid[nowhere.argmax()])
        raise StudyError(
            f"{name} can be built nowhere with {asked.up.constant} {value}"
        )
    best = rivals.argmax(axis=0)
    margin = np.stack([sign * s.logs for s in first]) - rivals.max(axis=0)
    rival = np.stack([s.chosen for s in second])[best, np.arange(len(grid))]
    progress("solving", 0.75)
    equal = [
        _equal(asked, members, step, rival, row, grid)
        for step, row in zip(first, margin, strict=True)
    ]
    progress("drawing constants", 0.8)
    at = np.linspace(0, len(grid) - 1, _DRAWN).round().astype(int)
    at = np.unique([*at, today(asked, grid)])
    drawn = margins(asked, members.machines(asked), first, rival, grid, at)
    ends = [crossings(one, grid[at]) for one in drawn]
    ratio = np.percentile(np.exp(sign * drawn), (5.0, 95.0), axis=-1)
    return Surface(
        grid=grid,
        first=first,
        second=second,
        best=best,
        margin=margin,
        crossing=np.column_stack([equal, np.asarray(ends)]),
        drawn_at=grid[at],
        share=np.mean(drawn > 0.0, axis=-1),
        ratio=np.moveaxis(ratio, 0, -1),
        plans=tuple(one.plan for one in members.columns),
        exact=members.exact,
    )


def _grid(asked: Crossover) -> NDArray:
    """Return values of the constant along its bracket, the catalog's among them."""
    grid, now = np.geomspace(asked.up.low, asked.up.high, SCAN), asked.up.known[0]
    # Else the nearest stands for it, and what is said of it would be a little wrong.
    return np.unique([*grid, now]) if grid[0] < now < grid[-1] else grid


def _equal(
    asked: Crossover,
    members: Members,
    step: Step,
    rival: NDArray,
    margin: NDArray,
    grid: NDArray,
) -> float:
    """Return where a step of the first machine equals its rival; NaN if nowhere."""
    at = nearest_turn(margin, grid, asked.up)
    if at is None:
        return float("nan")
    pair = members.machines(asked, [int(step.chosen[at]), int(rival[at])])
    low, high = grid[at : at + 2]
    while high / low - 1.0 > _EQUAL:
        fine = np.geomspace(low, high, _FINER)
        logs, _ = along(asked, pair, fine)
        turn = nearest_turn(logs[0] - logs[1], fine, asked.up)
        # Where another split takes over there may be a jump and nothing equal.
        turn = len(fine) - 2 if turn is None else turn
        low, high = fine[turn : turn + 2]
    return float(np.sqrt(low * high))
