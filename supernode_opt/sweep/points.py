"""The points of a sweep by number: of a grid in the order of its axes, or samples."""

import dataclasses
import functools
import math
import warnings

import numpy as np
from numpy.typing import NDArray

from supernode_opt.sweep.axes import Axis


@dataclasses.dataclass(frozen=True)
class Points:
    """Which values of its axes every point has.

    Attributes:
      axes: what is swept.
      method: "grid", "latin_hypercube" or "sobol".
      samples: how many points are drawn, 0 of a grid.
      seed: of the draws.
    """

    axes: tuple[Axis, ...]
    method: str = "grid"
    samples: int = 0
    seed: int = 0

    @property
    def grid(self) -> bool:
        """Whether all values are crossed."""
        return self.method == "grid"

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of every dimension of the result."""
        if self.grid:
            return tuple(len(axis.values) for axis in self.axes)
        return (self.samples,)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Names of the dimensions of the result."""
        return tuple(axis.name for axis in self.axes) if self.grid else ("point",)

    @property
    def count(self) -> int:
        """How many points there are."""
        return math.prod(self.shape)

    def values(self, start: int, stop: int) -> list[NDArray]:
        """Return numbers of plain axes, positions in the others [axis][point]."""
        if self.grid:
            places = np.unravel_index(np.arange(start, stop), self.shape)
        else:
            share = drawn(self.method, len(self.axes), self.samples, self.seed)
            columns = share[start:stop].T
            places = tuple(map(Axis.at, self.axes, columns))
        return [
            np.asarray(axis.values)[place] if axis.plain and axis.log is None else place
            for axis, place in zip(self.axes, places, strict=True)
        ]


@functools.lru_cache(maxsize=1)
def drawn(method: str, dimensions: int, count: int, seed: int) -> NDArray:
    """Return points in the unit cube [point, dimension]."""
    from scipy.stats import qmc

    if method == "latin_hypercube":
        return qmc.LatinHypercube(dimensions, rng=seed).random(count)
    with warnings.catch_warnings():
        # Any number of points is a sample; powers of two are balanced as well.
        warnings.filterwarnings("ignore", "The balance properties", UserWarning)
        return qmc.Sobol(dimensions, rng=seed).random(count)
