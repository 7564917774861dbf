"""The fit: maximum a posteriori by Gauss-Newton, robust to outliers.

The logarithm of every constant of a stack is a shared value plus a deviation of the
stack, each with a Gaussian prior; as in the fit of step times errors follow Student's
t.  Rows of one model on one machine and stack count fully up to some number, then ever
less: what they have in common tells nothing new.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.calibration.serving.job import Job
from supernode_opt.calibration.serving.judge import digest, measured_of
from supernode_opt.calibration.serving.posterior import (
    QUANTITIES,
    Posterior,
    prior_of,
    selection,
)
from supernode_opt.calibration.serving.predict import Table, predict
from supernode_opt.calibration.serving.ranges import slopes
from supernode_opt.calibration.step_time.fit import FREEDOM, robust_deviation
from supernode_opt.calibration.step_time.score import members

# Standard deviation of what one row's quantity differs by from its like [1].
SCALES = {"tpot": 0.09, "ttft": 0.22, "rate": 0.09}
# Rows of one group count fully up to this many.
FULL_WEIGHT_ROWS = 12
# Rows of pools of one phase are few, and nothing else tells of many expert ranks.
LARGE_WEIGHT = 3.0
# Requests of a rank up to which first tokens tell of prefill and not of a queue.
QUIET = 8.0
ITERATIONS = 14
_LARGEST_STEP = 0.4
_ENOUGH = 3e-3


class Seen(NamedTuple):
    """Observations of a table: one row each per quantity that may be fitted.

    Attributes:
      job: position of its job [observation].
      quantity: of `QUANTITIES` [observation].
      value: logarithm of what was measured [observation].
      weight: how much it counts [observation] [1].
    """

    job: NDArray
    quantity: NDArray
    value: NDArray
    weight: NDArray


def group_of(job: Job) -> tuple[str, ...]:
    """Return what rows have in common that count as one source of knowledge."""
    return job.called, job.machine, job.stack, job.precision, job.phase


def observations(stacked: Table, batches: NDArray, case: NDArray) -> Seen:
    """Return what the rows of a table tell.

    Args:
      stacked: the jobs.
      batches: of every case [case] [1].
      case: that each job is taken to have run [job].
    """
    jobs, measured = stacked.jobs, measured_of(stacked.jobs)
    rows = []
    for i, job in enumerate(jobs):
        for k, name in enumerate(QUANTITIES):
            known = np.isfinite(measured[name][i]) and name in job.trusted
            quiet = name != "ttft" or batches[case[i]] <= QUIET
            if known and quiet:
                rows.append((i, k, np.log(measured[name][i])))
    job, quantity, value = (np.asarray(x) for x in zip(*rows, strict=True))
    keys = [(*group_of(jobs[i]), k) for i, k in zip(job, quantity, strict=True)]
    weight = np.asarray(
        [1.0 if jobs[i].phase == "mixed" else LARGE_WEIGHT for i in job]
    )
    for own in members(keys).values():
        weight[own] *= min(1.0, FULL_WEIGHT_ROWS / len(own))
    return Seen(job, quantity, value, weight)


def fit(
    stacked: Table,
    start: Posterior | None = None,
    weights: NDArray | None = None,
    iterations: int = ITERATIONS,
    show: Callable[[float], None] = lambda done: None,
) -> Posterior:
    """Fit all constants to the jobs of a table.

    Args:
      stacked: the jobs.
      start: where to begin; the priors if not given.
      weights: extra weight of each job [job]; 1 if not given.
      iterations: at most so many.
      show: told the share of the work that is done.
    """
    jobs = stacked.jobs
    stacks = sorted({job.stack for job in jobs})
    names, centre, spread = prior_of(stacks)
    matrices = {stack: selection(names, stack) for stack in stacks}
    mean = centre.copy()
    if start is not None:
        known = dict(zip(start.names, start.mean, strict=True))
        mean = np.asarray([known.get(n, c) for n, c in zip(names, centre, strict=True)])
    extra = np.ones(len(jobs)) if weights is None else weights
    scales = np.asarray([SCALES[name] for name in QUANTITIES])
    precision = np.diag(1.0 / spread**2)
    hessian = precision
    wanted = np.ones(len(matrices[stacks[0]]), bool)
    for iteration in range(iterations):
        logs = np.stack([matrices[job.stack] @ mean for job in jobs])
        found, batches = predict(stacked, logs)
        seen = observations(stacked, batches, found.case)
        told = np.log(np.stack([getattr(found, name) for name in QUANTITIES]))
        slope = slopes(stacked, logs, batches, wanted)
        every = np.stack([slope[name] for name in QUANTITIES])
        residual = seen.value - told[seen.quantity, seen.job]
        steep = every[seen.quantity, seen.job]
        usable = np.isfinite(residual) & np.isfinite(steep).all(axis=1)
        residual = np.where(usable, residual, 0.0)
        steep = np.where(usable[:, None], steep, 0.0)
        jacobian = np.zeros((len(residual), len(mean)))
        for stack in stacks:
            own = np.asarray([jobs[i].stack == stack for i in seen.job])
            jacobian[own] = steep[own] @ matrices[stack]
        scale = scales[seen.quantity]
        robust = (FREEDOM + 1.0) / (FREEDOM + (residual / scale) ** 2)
        weight = seen.weight * extra[seen.job] * robust * usable / scale**2
        hessian = (jacobian * weight[:, None]).T @ jacobian + precision
        gradient = jacobian.T @ (weight * residual) - (mean - centre) / spread**2
        step = np.linalg.solve(hessian, gradient)
        step = step * min(1.0, _LARGEST_STEP / max(np.abs(step).max(), 1e-12))
        mean = mean + step
        show((iteration + 1) / iterations)
        if np.abs(step).max() < _ENOUGH:
            break
    kept = extra > 0.0
    fitted = {int(i) for i in seen.job if kept[i]}
    return Posterior(
        names=names,
        mean=mean,
        covariance=np.linalg.inv(hessian),
        rows=frozenset(digest(jobs[i]) for i in fitted),
        noise={},
    )


def noise(
    jobs: tuple[Job, ...], residual: dict[str, NDArray], wanted: NDArray
) -> dict[str, float]:
    """Return the spread of residuals by quantity, kind of model and phase [1].

    Args:
      jobs: the rows.
      residual: logarithms of prediction over measurement, by quantity [job].
      wanted: rows that count [job].
    """
    found = {}
    for name in QUANTITIES:
        left = np.where(wanted, residual[name], np.nan)
        if np.isfinite(left).any():
            found[name] = _spread(left)
        keys = [f"{name} {job.kind} {job.phase}" for job in jobs]
        for key, rows in members(keys).items():
            if np.isfinite(left[rows]).sum() >= FULL_WEIGHT_ROWS:
                found[key] = _spread(left[rows])
    return found


# A 90 % range of a normal, in deviations; so that tails count, as they are.
_NINETY = 1.645


def _spread(values: NDArray) -> float:
    """Return the deviation whose 90 % range holds 90 % of the values [1]."""
    known = np.abs(values[np.isfinite(values)])
    return max(float(np.quantile(known, 0.9)) / _NINETY, robust_deviation(known))
