"""How far a job lies from measured runs, in doublings.

A distance is the Euclidean length of the differences of the binary logarithms of
`SIZES`, plus `OTHER` for everything else that is not the same.  What each of those is
worth was told, together with `SLOPE` and `USUAL`, by errors of predictions that had not
seen the runs: 1,486 rows cross-validated over groups, the same rows with every stack,
every chip family, every pair of both, large and small jobs and long sequences left out
in turn, and 215 rows of unseen groups, none of them kept for validation.  Every group
of rows counts once, and so does everything that is left out.  The mean interval score
of 90 % ranges of log step time (Gneiting and Raftery 2007, equation 43) falls from
0.849 to 0.769 with these numbers, 0.844 if all are widened alike.  The best straight
line, 0.741 + 0.083 a doubling, gives 0.763, but holds 88.2 % of runs within two
doublings, this one 89.8 %.  Resampled experiences give slopes of 0.055 to 0.110 (5-95
%).  `benchmarks/evidence.py` repeats that.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZES = (
    "chips",
    "parameters",
    "sequence_length",
    "tensor_parallel",
    "pipeline_parallel",
    "context_parallel",
    "expert_parallel",
)
# What no size tells, and how many doublings apart jobs are that differ in it [1].
OTHER = {
    "stack": 6.0,
    "family": 6.0,
    "chip": 1.0,
    "kind": 6.0,
    "precision": 3.0,
    "adapters": 12.0,
}
# The calibration's noise is that of runs at `USUAL` doublings; with every doubling more
# it grows by `SLOPE` of that [1].
SLOPE, USUAL = 0.075, 2.0


class Point(NamedTuple):
    """A job, by what a distance is measured in.

    Attributes:
      chip, family: catalog name of its chip, and the family that shares deviations.
      stack: whose fitted constants its software has, "" for a stranger's.
      kind: "dense" or "moe".
      precision: it trains in.
      adapters: whether they alone are trained.
      sizes: of the job, in the order of `SIZES` [1].
    """

    chip: str
    family: str
    stack: str
    kind: str
    precision: str
    adapters: bool
    sizes: tuple[float, ...]


class Points(NamedTuple):
    """Many jobs: names of the rows, binary logarithms [row, size], and the rest [row].

    Attributes:
      names: of the rows.
      logs: of the sizes [row, size].
      labels: what no size tells, by the names of `OTHER` [row].
    """

    names: NDArray
    logs: NDArray
    labels: dict[str, NDArray]


def points(names: list[str], jobs: list[Point]) -> Points:
    """Lay jobs out as columns."""
    logs = np.log2(np.reshape([one.sizes for one in jobs], (len(jobs), len(SIZES))))
    labels = {name: np.asarray([getattr(one, name) for one in jobs]) for name in OTHER}
    return Points(np.asarray(names), logs, labels)


def distances(job: Point, known: Points) -> NDArray:
    """Return how many doublings `job` lies from every one of `known` [row].

    Another chip of the same family is nearer than one of another.
    """
    away = np.sqrt(((known.logs - np.log2(job.sizes)) ** 2).sum(axis=1))
    other = {name: known.labels[name] != getattr(job, name) for name in OTHER}
    other["chip"] = other["chip"] & ~other["family"]
    return away + sum(OTHER[name] * differs for name, differs in other.items())


def widening(distance: float) -> float:
    """Return by what the noise of a prediction is multiplied at a distance [1].

    >>> widening(2.0), round(widening(12.0), 2)
    (1.0, 1.75)
    """
    return 1.0 + SLOPE * (distance - USUAL)
