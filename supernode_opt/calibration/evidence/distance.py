"""How far a job lies from measured runs, in what that leaves open of its step time.

Everything in which a job differs from a run adds its own variance to the logarithm of
step time: `DOUBLING` for each doubling of `SIZES`, `OTHER` for everything else.
These and `NEAR` were told by errors of predictions that had not seen the runs: rows
cross-validated over groups, the same rows with every stack, every chip family, every
pair of both, large and small jobs and long sequences left out in turn, and rows of
unseen groups, none of them kept for validation.  Every group of rows counts once, and
so does everything that is left out.  Over 7,951 errors of 192 such experiences the
mean interval score of 90 % ranges of log step time (Gneiting and Raftery 2007,
equation 43) falls from 0.808 to 0.757; 0.90 of the noise and 0.90 of these distances
would be best, 0.757 as well, and resampled experiences ask for 0.35 to 1.02 of them
(5-95 %).  Ranges hold 91 % of runs with near evidence and 89 % without any.
`benchmarks/evidence.py` repeats that.
"""

import math
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
# What a doubling of a size leaves open of log step time, and what it leaves open to
# differ in anything else: deviations [1].
DOUBLING = 0.015
OTHER = {
    "stack": 0.20,
    "family": 0.20,
    "chip": 0.025,
    "kind": 0.20,
    "precision": 0.05,
    "adapters": 0.43,
}
# Beside a fitted run this share of the calibration's noise is left [1].
NEAR = 0.9


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
    """Return what its difference from every one of `known` leaves open of a job [row].

    A deviation of log step time.  Another chip of the same family is nearer than one of
    another.
    """
    away = (DOUBLING * (known.logs - np.log2(job.sizes))) ** 2
    other = {name: known.labels[name] != getattr(job, name) for name in OTHER}
    other["chip"] = other["chip"] & ~other["family"]
    return np.sqrt(away.sum(1) + sum(OTHER[k] ** 2 * v for k, v in other.items()))


def noise_at(noise: float, distance: float) -> float:
    """Return what no constant explains of log step time, deviation at a distance [1].

    >>> round(noise_at(0.1, 0.0), 3), round(noise_at(0.1, 0.2), 3)
    (0.09, 0.219)
    """
    return math.hypot(NEAR * noise, distance)
