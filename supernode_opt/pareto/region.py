"""What is known of where a front can be: attained, excluded, or neither.

Of designs that keep ceilings on all losses but the first, a proof gives a bound: the
first loss of none is below it.  The set of such bounds makes a staircase below the
front, the designs that were found make one above it, and what lies between both is
unexplored.  For two losses this is the classical box between neighbours of
epsilon-constraint methods (H. W. Hamacher, C. R. Pedersen, S. Ruzika, "Finding
representative systems for discrete bicriterion optimization problems", Operations
Research Letters 35, 2007, doi:10.1016/j.orl.2006.03.019).
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.pareto.dominance import hypervolume

# Designs of a surface that its unexplored volume is measured with, and cells along each
# objective in which its floor is one point: both leave more open than there is.
_STEPS, _CELLS = 150, 48


@dataclasses.dataclass(frozen=True)
class Excluded:
    """What one search has shown: nothing is at once below `ceilings` and `bound`.

    Attributes:
      ceilings: of all losses but the first; infinite where there is none.
      bound: of the first loss; minus infinity where nothing is shown, infinite where
        nothing keeps the ceilings.
    """

    ceilings: tuple[float, ...]
    bound: float


@dataclasses.dataclass(frozen=True)
class Region:
    """The box of losses that matters, and what is known in it.

    Attributes:
      ideal: below which no loss is, or the best that was found [objective].
      reference: beyond which nothing counts [objective].
      excluded: what was shown.
      floor: losses of which every design is at or beyond one, in each of them
        [point, objective]; `None` where nothing of the kind is shown.
      shown: whether nothing is better than `ideal` in any of them.
    """

    ideal: NDArray
    reference: NDArray
    excluded: Sequence[Excluded]
    floor: NDArray | None = None
    shown: bool = True

    def bound(self, others: NDArray, within: NDArray | None = None) -> NDArray:
        """Return the least first loss of anything that keeps ceilings `others`.

        Args:
          others: losses but the first [..., objective - 1].
          within: others that stand for open cells below, between the steps of the floor.

        Returns:
          Bounds, minus infinity where nothing is shown.
        """
        best = np.full(others.shape[:-1], -np.inf)
        for one in self.excluded:
            # Ceilings as high as those of a bound or lower keep it.
            held = np.all(others <= np.asarray(one.ceilings), axis=-1)
            best = np.where(held, np.maximum(best, one.bound), best)
        if self.floor is not None:
            # Nothing keeps ceilings that no point of the floor keeps.
            worst = float(self.reference[0])
            at = others if within is None else within
            best = np.maximum(best, _attained(self.floor, at, worst))
        return best

    def gap(self, losses: NDArray) -> NDArray:
        """Return by how much the first loss of each point could be less [point]."""
        return np.maximum(losses[:, 0] - self.bound(losses[:, 1:]), 0.0)

    def cells(self, losses: NDArray) -> "Cells":
        """Return what is unexplored beside `losses`, as columns over the others."""
        # Of a surface the floor has too many steps: what is left out leaves more open.
        floor = losses[:0] if self.floor is None or len(losses.T) > 2 else self.floor
        edges = [
            _edges(
                [
                    *losses[:, k],
                    *floor[:, k],
                    *(e.ceilings[k - 1] for e in self.excluded),
                ],
                float(self.ideal[k]),
                float(self.reference[k]),
            )
            for k in range(1, losses.shape[1])
        ]
        lower = np.stack(np.meshgrid(*(e[:-1] for e in edges), indexing="ij"), axis=-1)
        upper = np.stack(np.meshgrid(*(e[1:] for e in edges), indexing="ij"), axis=-1)
        # Between two edges nothing changes, seen from either of them.
        attained = _attained(losses, lower, float(self.reference[0]))
        # All steps of the floor of a line are edges: none lies inside a cell.
        inside = 0.5 * (lower + upper) if len(edges) == 1 else None
        height = np.maximum(attained - self.bound(upper, inside), 0.0)
        width = np.prod(upper - lower, axis=-1)
        return Cells(lower, upper, height, width)

    def unexplored(self, losses: NDArray) -> float:
        """Return the unexplored volume over the hypervolume of `losses` [1].

        Infinite where it is not known.
        """
        if not self.shown and self.floor is None:
            return np.inf
        if losses.shape[1] > 2:
            losses = losses[:: max(len(losses) // _STEPS, 1)]
        covered = hypervolume(losses, self.reference)
        return self.cells(losses).volume / covered if covered else np.inf

    def coarse(self) -> "Region":
        """Return the same with a floor of few points, each below those it stands for.

        Of a line every point is kept.
        """
        if self.floor is None or self.floor.shape[1] < 3:
            return self
        extent = self.reference - self.ideal
        place = np.floor((self.floor[:, 1:] - self.ideal[1:]) / extent[1:] * _CELLS)
        place = np.clip(place, -1, _CELLS)
        kinds, kind = np.unique(place, axis=0, return_inverse=True)
        least = np.full((len(kinds), self.floor.shape[1]), np.inf)
        np.minimum.at(least, kind.reshape(-1), self.floor)
        return dataclasses.replace(self, floor=least)


@dataclasses.dataclass(frozen=True)
class Cells:
    """Columns over the other losses.

    Attributes:
      lower, upper: corners [..., objective - 1].
      height: of what is unexplored in each, along the first loss.
      width: of each, over the others.
    """

    lower: NDArray
    upper: NDArray
    height: NDArray
    width: NDArray

    @property
    def volume(self) -> float:
        """The whole unexplored volume."""
        return float(np.sum(self.height * self.width))

    def within(self, low: NDArray, high: NDArray) -> "Cells":
        """Return the columns inside a box of the other losses."""
        middle = 0.5 * (self.lower + self.upper)
        inside = np.all((middle >= low) & (middle <= high), axis=-1)
        return Cells(
            self.lower[inside],
            self.upper[inside],
            self.height[inside],
            self.width[inside],
        )


def _edges(values: Sequence[float], low: float, high: float) -> NDArray:
    """Return the distinct values inside an interval, with its ends."""
    inside = np.asarray([v for v in values if low < v < high], float)
    return np.unique(np.concatenate([[low], inside, [high]]))


def _attained(losses: NDArray, corners: NDArray, worst: float) -> NDArray:
    """Return the least first loss of points that keep ceilings `corners`."""
    best = np.full(corners.shape[:-1], worst)
    if losses.shape[1] == 2:
        order = np.argsort(losses[:, 1], kind="stable")
        least = np.minimum.accumulate(losses[order, 0])
        place = np.searchsorted(losses[order, 1], corners[..., 0], side="right")
        known = np.concatenate([[worst], np.minimum(least, worst)])
        return known[place]
    for one in losses:
        held = np.all(one[1:] <= corners, axis=-1)
        best = np.where(held, np.minimum(best, one[0]), best)
    return best
