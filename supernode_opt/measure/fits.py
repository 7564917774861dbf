"""Fits of the model's own forms to measured times, with residuals and standard errors.

Every fit minimises errors of log time, robust to outliers, within physical bounds, by
SciPy's `least_squares`.  The forms are those of `system.kernels` and
`system.collectives`, so that what is fitted here means the same there.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

Numbers = NDArray[np.floating]
# Errors of log time beyond this count ever less [1].
_ROBUST = 0.05
# Half-width of a central 90 % interval in standard errors, and a normal's spread over
# its median absolute value.
NINETY, _NORMAL = 1.645, 1.4826
MOST_SHRUNK = 10.0


class Times(NamedTuple):
    """Medians [point] [s] and their standard errors over them [point] [1]."""

    seconds: Numbers
    noise: Numbers


class Parameter(NamedTuple):
    """Start, bounds and scale of a fitted constant."""

    start: float
    low: float
    high: float


class Fit(NamedTuple):
    """A fit and how well it holds.

    Attributes:
      values: fitted constants.
      errors: their standard errors.
      predicted: times of the fit [point] [s].
      median, p90: of the absolute relative error [1].
      points: how many times were fitted.
    """

    values: Mapping[str, float]
    errors: Mapping[str, float]
    predicted: Numbers
    median: float
    p90: float
    points: int

    def range(self, name: str, most: float = np.inf) -> tuple[float, float, float]:
        """Return value and 5-95 % range of a constant.

        The lower end shrinks in proportion and never vanishes, at most by
        `MOST_SHRUNK`: a positive constant stays positive however badly it is known.
        """
        value, width = self.values[name], NINETY * self.errors[name]
        share = min(width / value, np.log(MOST_SHRUNK)) if value > 0.0 else 0.0
        low = value * float(np.exp(-share))
        return min(value, most), min(low, most), min(value + width, most)


def fit(
    model: Callable[[Mapping[str, float]], Numbers],
    parameters: Mapping[str, Parameter],
    measured: Times,
) -> Fit:
    """Fit constants to measured times.

    The `model` goes from constants to times [point] [s].  A parameter's start of zero
    scales with its upper bound; noisy points count less.
    """
    names = list(parameters)
    unit = np.asarray([p.start or p.high for p in parameters.values()])
    start, low, high = np.asarray(list(parameters.values())).T / unit
    inside = np.clip(start, low + 1e-9 * (high - low), high - 1e-9 * (high - low))

    def times(x: Numbers) -> Numbers:
        return model(dict(zip(names, x * unit, strict=True)))

    count = len(measured.seconds)
    weight = 1.0 / np.hypot(1.0, measured.noise / _ROBUST)

    def residuals(x: Numbers) -> Numbers:
        return weight * np.log(times(x) / measured.seconds)

    found = least_squares(
        residuals, inside, bounds=(low, high), loss="soft_l1", f_scale=_ROBUST
    )
    errors = np.abs(times(found.x) / measured.seconds - 1.0)
    # The noise that the residuals themselves show, as if they were normal.
    freedom = max(count - len(names), 1)
    noise = _NORMAL * float(np.median(np.abs(residuals(found.x))))
    noise *= (count / freedom) ** 0.5
    covariance = np.linalg.pinv(found.jac.T @ found.jac) * noise**2
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0)) * unit
    return Fit(
        values=dict(zip(names, map(float, found.x * unit), strict=True)),
        errors=dict(zip(names, map(float, spread), strict=True)),
        predicted=times(found.x),
        median=float(np.median(errors)),
        p90=float(np.quantile(errors, 0.9)),
        points=count,
    )


def fit_stream(bytes_moved: Numbers, measured: Times) -> Fit:
    """Fit `bandwidth` [B/s] and `offset` [s] to streaming times."""
    rate = float(np.max(bytes_moved / measured.seconds))
    return fit(
        lambda p: p["offset"] + bytes_moved / p["bandwidth"],
        {
            "bandwidth": Parameter(rate, rate / 100.0, rate * 3.0),
            "offset": Parameter(0.0, 0.0, 0.5 * float(np.min(measured.seconds))),
        },
        measured,
    )


def fit_collectives(received: Numbers, ranks: Numbers, measured: Times) -> Fit:
    """Fit `bandwidth` [B/s], `call` and, from several group sizes, `hop` latency [s].

    Of each point is known what one rank receives [B], and the group's `ranks`.
    """
    rate = float(np.max(received / measured.seconds))
    least = float(np.min(measured.seconds))
    parameters = {
        "bandwidth": Parameter(rate, rate / 100.0, rate * 10.0),
        "call": Parameter(0.5 * least, 0.0, 10.0 * least),
    }
    if len(set(ranks.tolist())) > 1:
        parameters["hop"] = Parameter(0.1 * least, 0.0, 10.0 * least)

    def model(constants: Mapping[str, float]) -> Numbers:
        hops = constants.get("hop", 0.0) * np.log2(ranks)
        return received / constants["bandwidth"] + constants["call"] + hops

    return fit(model, parameters, measured)


def fit_chain(kernels: Numbers, measured: Times) -> Fit:
    """Fit `gap` per kernel and `call` [s] to programs of so many tiny kernels."""
    rate = float(np.max(measured.seconds) / np.max(kernels))
    least = float(np.min(measured.seconds))
    return fit(
        lambda p: p["call"] + kernels * p["gap"],
        {
            "gap": Parameter(rate, rate / 1e3, rate * 2.0),
            "call": Parameter(0.5 * least, 0.0, least),
        },
        measured,
    )
