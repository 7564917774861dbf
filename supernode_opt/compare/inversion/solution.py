"""What an inversion finds."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.compare.inversion.config import Inversion
from supernode_opt.compare.limits import broken
from supernode_opt.compare.sides import Values


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
        for one in broken(side.problem, values)
    )
