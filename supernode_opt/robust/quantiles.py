"""Quantiles and shares of draws, each with how far it may be off by chance."""

import functools
import math

import numpy as np
from numpy.typing import NDArray


def quantile(drawn: NDArray, share: float) -> NDArray:
    """Return the value below which `share` of the draws lie, along the last axis."""
    return np.quantile(drawn, share, axis=-1)


def standard_error(drawn: NDArray, share: float) -> float:
    """Return the standard error of `quantile(drawn, share)`, in the unit of the draws.

    Half of the distance between the order statistics one binomial deviation below and
    above, which asks for no density (Woodruff 1952,
    doi:10.1080/01621459.1952.10483443).
    """
    count = len(drawn)
    away = math.sqrt(share * (1.0 - share) / count)
    ends = np.clip([share - away, share + away], 0.0, 1.0)
    low, high = np.quantile(drawn, ends)
    return float(0.5 * (high - low))


def smooth_quantile(drawn: NDArray, share: float) -> NDArray:
    """Return a quantile that moves with all draws around it, along the last axis.

    The estimator of Harrell and Davis (1982, doi:10.1093/biomet/69.3.635): a mean of
    the ordered draws, weighted by a beta distribution.  One ordered draw alone jumps
    from slope to slope as draws change places.
    """
    return np.sort(drawn, axis=-1) @ _weights(drawn.shape[-1], share)


@functools.lru_cache(maxsize=64)
def _weights(count: int, share: float) -> NDArray:
    from scipy.special import betainc

    ends = np.arange(count + 1) / count
    mass = betainc((count + 1) * share, (count + 1) * (1.0 - share), ends)
    return np.diff(mass)


def error_of_share(share: float, count: int) -> float:
    """Return the standard error of a share of `count` draws [1].

    >>> round(error_of_share(0.1, 900), 6)
    0.01
    """
    return math.sqrt(max(share * (1.0 - share), 0.0) / count)
