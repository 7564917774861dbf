"""What to measure, and in which order: the most telling points come first.

Every section offers a grid of points.  They are ordered so that each next one lies
farthest from all before it (in the logarithms of its sizes): whatever a budget cuts
off the end of that order says least.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from supernode_opt.reading.node import InputError

Size = float | int | str


class Speed(NamedTuple):
    """First rough figures of the device, which decide what is worth measuring.

    Attributes:
      rate: of a large GEMM [flop/s].
      bandwidth: of memory when streaming [B/s].
    """

    rate: float
    bandwidth: float


class Point(NamedTuple):
    """One thing to time.

    Attributes:
      section: of measurements, which knows how.
      sizes: what distinguishes it within the section.
      seconds: of one call, roughly [s].
      needed: without it there is no entry; never skipped.
    """

    section: str
    sizes: Mapping[str, Size]
    seconds: float
    needed: bool = False

    @property
    def key(self) -> str:
        """Name in the journal, unique."""
        return f"{self.section} " + " ".join(f"{k}={v}" for k, v in self.sizes.items())

    @property
    def short(self) -> str:
        """The sizes alone."""
        return "/".join(map(str, self.sizes.values()))

    @property
    def words(self) -> str:
        """The same for people."""
        return f"{self.section} " + ", ".join(f"{k} {v}" for k, v in self.sizes.items())


def spread_out(
    points: Sequence[Point], most: int, weights: Mapping[str, float] | None = None
) -> list[Point]:
    """Order points so that each next one is farthest from those before it.

    Starts in the middle and keeps `most`.  Another word for a size counts as far as a
    factor of four; `weights` are of sizes that tell more than others.
    """
    if not points or most < 1:
        return []
    words = sorted({str(v) for p in points for v in p.sizes.values()})

    def place(size: Size) -> float:
        return 2.0 * words.index(size) if isinstance(size, str) else math.log2(size)

    at = np.asarray([[place(v) for v in point.sizes.values()] for point in points])
    at = at * [(weights or {}).get(name, 1.0) for name in points[0].sizes]
    order = [int(np.argmin(((at - at.mean(axis=0)) ** 2).sum(axis=1)))]
    distance = np.full(len(points), np.inf)
    while len(order) < min(most, len(points)):
        step = np.abs(at - at[order[-1]])
        distance = np.minimum(distance, np.sqrt((step**2).sum(axis=1)))
        order.append(int(np.argmax(distance)))
    return [points[i] for i in order]


def bearable(
    points: Sequence[Point], shortest: float, longest: float, least: int
) -> list[Point]:
    """Keep points whose calls take from `shortest` to `longest` [s].

    A device for which that leaves fewer than `least` gets those that come nearest.
    """
    kept = [point for point in points if shortest <= point.seconds <= longest]
    if len(kept) >= least:
        return kept
    middle = math.log(shortest * longest) / 2.0
    near = sorted(points, key=lambda point: abs(math.log(point.seconds) - middle))
    return near[:least]


def interleave(sections: Sequence[Sequence[Point]]) -> list[Point]:
    """Put needed points first, then advance through all sections evenly."""
    ranked = [
        (not point.needed, (place + 1) / len(points), number, point)
        for number, points in enumerate(sections)
        for place, point in enumerate(points)
    ]
    return [entry[-1] for entry in sorted(ranked, key=lambda entry: entry[:3])]


def required(points: Sequence[Point], count: int) -> list[Point]:
    """Mark the first `count` points as needed."""
    marked = [point._replace(needed=True) for point in points[:count]]
    return [*marked, *points[count:]]


class BadMeasurement(InputError):
    """A measurement that cannot be made or continued as asked."""
