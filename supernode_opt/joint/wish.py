"""What is wanted of one machine for several jobs: a mean of them, or the worst.

Every job has a cost, the signed logarithm of what is sought of it, less when better.
*Weighted* is the mean of the costs with the jobs' weights, that is, the weighted
geometric mean of what is sought.  Jobs differ in scale by orders of magnitude (a token
of a dense model takes ten times the work of one of a mixture of experts), and an
arithmetic mean would be that of the job with the greatest numbers; of the geometric
mean one per cent of any job is worth its weight, in whatever unit, and relative to
whatever optimum of its own.  *Worst* is the greatest cost after each job's target is
taken off: the largest shortfall.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Wish:
    """How costs of jobs become one.

    Attributes:
      weights: of the jobs, one in all [job].
      targets: costs at which each job is content [job]; of no account in a mean.
      worst: whether the worst job counts, and not the mean.
    """

    weights: NDArray
    targets: NDArray
    worst: bool

    def cost(self, costs: NDArray) -> NDArray:
        """Return the one cost of the costs [..., job] of all jobs."""
        if self.worst:
            return np.max(costs - self.targets, axis=-1)
        return np.sum(np.where(self.weights > 0.0, costs * self.weights, 0.0), axis=-1)

    def needed(self, costs: NDArray, job: int, most: float) -> NDArray:
        """Return the cost below which `job` must stay for all to stay below `most`.

        Args:
          costs: the least of every job [box, job].
          job: which of them.
          most: what the one cost must stay below.
        """
        if self.worst:
            return np.full(len(costs), most + self.targets[job])
        others = costs.copy()
        others[:, job] = 0.0
        return (most - self.cost(others)) / self.weights[job]

    def alone(self, job: int) -> "Wish":
        """Return the wish for one of the jobs."""
        return Wish(np.ones(1), self.targets[[job]], False)
