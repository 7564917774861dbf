"""How probably designs keep limits, and how far they are from keeping them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.constraints import normalised
from supernode_opt.problem.problem import Constraint
from supernode_opt.robust.program import Values
from supernode_opt.robust.sample import Sample

# What is excepted from measured peaks is told as a normal distribution around them.
MEMORY = ("memory", "memory_fraction")
# A limit is kept when it is exceeded by no more than rounding, as in a built design.
ROUNDING = 1e-9


def excess(limit: Constraint, values: Values) -> NDArray:
    """Return the normalised excess of a limit, at most zero where kept [.., draw]."""
    found = normalised(values[limit.name], limit.limit, limit.at_most)
    return np.nan_to_num(np.asarray(found), nan=np.inf)


def kept(limit: Constraint, values: Values, sample: Sample) -> NDArray:
    """Return how probably a limit is kept, by candidate [candidate] [1].

    Of memory the logarithm of the measured over the predicted peak is normal, as the
    calibration has it (`footprint.fit_probability`): every draw counts by its own odds.
    """
    over = excess(limit, values)
    if limit.name in MEMORY:
        from scipy.special import ndtr

        return np.mean(ndtr(-over / sample.spread), axis=-1)
    return np.mean(over <= ROUNDING, axis=-1)


def chances_of(limits: Sequence[Constraint], values: Values, sample: Sample) -> NDArray:
    """Return how probably every limit is kept [candidate, limit] [1]."""
    return np.stack([kept(limit, values, sample) for limit in limits], axis=-1)


def asked_of(limits: Sequence[Constraint]) -> NDArray:
    """Return the probability with which every limit must be kept [limit] [1]."""
    return np.asarray([limit.probability or 0.0 for limit in limits])
