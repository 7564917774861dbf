"""How far predictions may be off: residuals, constants, and what was assumed."""

import numpy as np
from numpy.typing import NDArray

from supernode_opt.calibration.serving.posterior import (
    QUANTITIES,
    Posterior,
    constants_of,
    noise_of,
)
from supernode_opt.calibration.serving.predict import Table, predict

_DIFFERENCE = 1e-2


def slopes(
    stacked: Table, logs: NDArray, batches: NDArray, wanted: NDArray
) -> dict[str, NDArray]:
    """Return slopes of the logarithm of each quantity [job, constant].

    By central differences at given batches: the program that predicts is compiled
    already.

    Args:
      stacked: the jobs.
      logs: of the constants of each job [job, constant].
      batches: of every case [case] [1].
      wanted: constants that slopes are wanted by; others are zero [constant].
    """
    found = {name: np.zeros_like(logs) for name in QUANTITIES}
    for column in np.flatnonzero(wanted):
        ends = []
        for sign in (1.0, -1.0):
            moved = logs.copy()
            moved[:, column] += sign * _DIFFERENCE
            ends.append(predict(stacked, moved, batches)[0])
        for name in QUANTITIES:
            up, down = (getattr(end, name) for end in ends)
            found[name][:, column] = np.log(up / down) / (2.0 * _DIFFERENCE)
    return found


def deviations(
    stacked: Table, posterior: Posterior, logs: NDArray, batches: NDArray
) -> dict[str, NDArray]:
    """Return the standard deviation of the logarithm of each quantity [job] [1].

    The three causes are independent: what fitted rows leave, what the covariance of
    the constants leaves open, and what the row does not say.
    """
    jobs = stacked.jobs
    known = {name: constants_of(posterior, name)[1] for name in {j.stack for j in jobs}}
    every = slopes(stacked, logs, batches, np.ones(logs.shape[1], bool))
    found = {}
    for name in QUANTITIES:
        variance = [
            slope @ known[job.stack] @ slope
            + noise_of(posterior, job, name) ** 2
            + job.doubt**2
            for job, slope in zip(jobs, np.nan_to_num(every[name]), strict=True)
        ]
        found[name] = np.sqrt(np.asarray(variance))
    return found
