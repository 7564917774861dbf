"""Which designs no other beats, and how much a set of designs covers."""

import numpy as np
from numpy.typing import NDArray

from supernode_opt.pareto.goals import rounded


def undominated(losses: NDArray) -> NDArray:
    """Return the places of points that no other is at least as good as in everything.

    Of equal points the first is kept.  Values that agree but for rounding are equal.

    Args:
      losses: less is better [point, objective].

    >>> undominated(np.array([[1.0, 3.0], [2.0, 2.0], [2.0, 2.0], [2.0, 4.0]]))
    array([0, 1])
    """
    import moocore

    if not len(losses):
        return np.zeros(0, int)
    # Of equal points the first one is taken.
    distinct, first = np.unique(rounded(losses), axis=0, return_index=True)
    return np.sort(first[moocore.is_nondominated(distinct)])


def hypervolume(losses: NDArray, reference: NDArray) -> float:
    """Return what `losses` dominate of the box up to `reference`, in its own units.

    >>> hypervolume(np.array([[1.0, 2.0], [2.0, 1.0]]), np.array([3.0, 3.0]))
    3.0
    """
    import moocore

    inside = losses[np.all(losses < reference, axis=1)]
    return float(moocore.hypervolume(inside, ref=reference)) if len(inside) else 0.0


def knee(losses: NDArray) -> tuple[int | None, float]:
    """Return the point farthest from the chord between the ends, and how far it is.

    Objectives are normalised to the ends of the front, so that the chord of two is the
    line from (0, 1) to (1, 0); of three it is the plane through the points that are
    one in one objective and zero in the others (I. Das, "On characterizing the 'knee'
    of the Pareto curve based on normal-boundary intersection", Structural Optimization
    18, 1999, doi:10.1007/BF01195985).  Distances are in normalised objectives; there is
    no knee where nothing lies on the better side of the chord.

    >>> place, distance = knee(np.array([[0.0, 1.0], [0.2, 0.2], [1.0, 0.0]]))
    >>> place, round(distance, 3)
    (1, 0.424)
    """
    if len(losses) < 3:
        return None, 0.0
    low, high = losses.min(axis=0), losses.max(axis=0)
    if not np.all(high > low):
        return None, 0.0
    shares = (losses - low) / (high - low)
    size = losses.shape[1]
    far = (1.0 - shares.sum(axis=1)) / np.sqrt(size)
    place = int(np.argmax(far))
    return (place, float(far[place])) if far[place] > 1e-9 else (None, 0.0)
