"""What it is worth to know something better: the spread that knowing it takes away.

Constants are drawn together from one Gaussian, so that the covariance of a quantity
with one of them is the covariance of the constants times the quantity's mean gradient
(Stein 1981, doi:10.1214/aos/1176345632, lemma 2).  To first order, knowing that
constant takes this share away from the variance of the quantity: the square of that
covariance over both variances (conditional variance of a Gaussian).  What constants
have in common counts in full, as they are drawn together.
"""

import numpy as np
from numpy.typing import NDArray

from supernode_opt.calibration.step_time.intervals import NINETY
from supernode_opt.uncertainty.constants import Identity


def called(constant: Identity) -> str:
    """Return what people call a constant.

    >>> called(("chip", "ascend_910c", "hbm_bandwidth"))
    'hbm bandwidth of chip ascend_910c'
    """
    kind, entry, field = constant
    return f"{field.replace('_', ' ')} of {kind.replace('_', ' ')} {entry}".rstrip()


def removed(quantity: NDArray, known: NDArray, error: float = 0.0) -> float:
    """Return the share of variance that knowing something takes away [1].

    Args:
      quantity: what is asked for, mostly a logarithm [draw].
      known: what would be known, under the same draws, one thing or several at once
        [draw] or [draw, thing].
      error: standard deviation that a measurement of each would have, in its unit.
    """
    things = known.reshape(len(quantity), -1)
    things, away = things - things.mean(axis=0), quantity - quantity.mean()
    own = things.T @ things / len(away) + error**2 * np.eye(things.shape[1])
    common = things.T @ away / len(away)
    if away.var() <= 0.0 or not np.diag(own).all():
        return 0.0
    # Two machines that are one are known twice.
    told = common @ np.linalg.pinv(own) @ common
    return float(np.clip(told / away.var(), 0.0, 1.0))


def narrowed(quantity: NDArray, share: float) -> NDArray:
    """Return draws with `share` of the variance taken away, around their median."""
    middle = np.median(quantity)
    return middle + np.sqrt(1.0 - share) * (quantity - middle)


def chance_of_sign(quantity: NDArray, share: float) -> float:
    """Return how probably the sign of a quantity is known after a measurement [1].

    The mean will move by a Gaussian with the variance that is taken away; the sign is
    known where the mean then lies 1.645 of the remaining deviations from zero, so that
    95 % lie on its side.
    """
    from scipy.special import ndtr

    mean, spread = float(quantity.mean()), float(quantity.std())
    far = NINETY * spread * np.sqrt(1.0 - share)
    moves = spread * np.sqrt(share)
    if moves <= 0.0:
        return float(abs(mean) >= far)
    return float(ndtr((mean - far) / moves) + ndtr((-far - mean) / moves))
