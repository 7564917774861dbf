"""The fit: maximum a posteriori by Gauss-Newton on exact slopes, robust to outliers.

The logarithm of every constant of a row is a shared value plus a deviation of its chip
family plus a deviation of its stack, each with a Gaussian prior around zero.  Errors of
log step time follow Student's t, whose weights are recomputed in every iteration.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from supernode_opt.batch.engine import Group, grouped
from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.step_time import batch
from supernode_opt.calibration.step_time.constants import CONSTANTS, KNOWN_CHIPS
from supernode_opt.calibration.step_time.posterior import (
    Name,
    Posterior,
    constants_of,
    measured_of,
    selection,
)

# Step times of one configuration move by 3-4 % between releases and clusters.
NOISE = 0.04
FREEDOM = 4.0
# Among the rows of somebody's own sweep one in five may be of a sick node or an
# allocator that ran short; of this distribution (Cauchy's) the scale is the median
# absolute error.
OWN_FREEDOM = 1.0
# Rows of one source count fully up to this many, then ever less.
FULL_WEIGHT_ROWS = 40
_ITERATIONS = 24
_LARGEST_STEP = 0.5
_CHOOSING = 3
# A published run did fit; memory decides only between plans that clearly differ: of
# 649 runs that state theirs, 96 % are predicted to need less than this.
FITS = 1.4

# Chips of one die share deviations; what a grade or a package changes of clock, power,
# memory and ports is the catalog's business.  A 910C packages two dies with the BF16
# rate, the memory and the ports of a 910B each.
_MEMBERS = {
    "a100": ("a100_sxm_80gb", "a100_sxm_40gb", "a800_sxm_80gb"),
    "hopper": (
        *("h100_sxm", "h100_sxm_96gb_500w", "h200_sxm", "h800_sxm", "h20_sxm"),
        *("h20_sxm_141gb", "gh200_96gb", "gh200_144gb"),
    ),
    "blackwell": ("b200", "b300", "gb200", "gb300"),
    "ascend_910b": (
        *("ascend_910b1", "ascend_910b3", "ascend_910b4", "ascend_910b4_64gb"),
        "ascend_910c",
    ),
}
FAMILIES = {chip: family for family, chips in _MEMBERS.items() for chip in chips}


def family_of(chip: str) -> str:
    """Return the family that shares deviations with `chip`."""
    return FAMILIES.get(chip, chip)


class Prior(NamedTuple):
    """Names, means and standard deviations of the parameters of a fit."""

    names: tuple[Name, ...]
    mean: np.ndarray
    spread: np.ndarray


def parameters(families: Sequence[str], stacks: Sequence[str]) -> Prior:
    """Return the prior of all parameters of these families and stacks."""
    found: dict[Name, tuple[float, float]] = {}
    for one in CONSTANTS:
        found[one.name, "shared", ""] = np.log(one.prior), one.spread
        scopes = (("chip", families, one.chip), ("stack", stacks, one.stack))
        for scope, members, spread in scopes:
            for member in members if spread else ():
                # Families and stacks have no name in common.
                known = KNOWN_CHIPS.get((one.name, member), (0.0, spread))
                found[one.name, scope, member] = known
    mean, spread = np.asarray(list(found.values())).T
    return Prior(tuple(found), mean, spread)


@dataclasses.dataclass(frozen=True)
class Table:
    """Jobs with all their candidate plans, stacked once.

    Attributes:
      jobs, keys: the jobs, and (family, stack) of each.
      owner, batches: position of each case's job [case], and the stacked cases.
    """

    jobs: tuple[Job, ...]
    owner: np.ndarray
    batches: tuple[Group, ...]
    keys: tuple[tuple[str, str], ...]
    _constants: list[Any] = dataclasses.field(
        default_factory=list, init=False, repr=False, compare=False
    )

    @property
    def measured(self) -> np.ndarray:
        """Step times [job] [s]."""
        return np.asarray([job.seconds for job in self.jobs])

    def logs(self, posterior: Posterior) -> np.ndarray:
        """Return the logarithms of every case's constants [case, constant]."""
        known = self.constants(posterior)
        return np.stack([known[self.keys[job]][0] for job in self.owner])

    def constants(
        self, posterior: Posterior
    ) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
        """Return mean and covariance of the logarithms of constants by key."""
        kept = self._constants
        # They are asked for several times, of one fit.
        if not kept or kept[0] is not posterior:
            found = {key: constants_of(posterior, *key) for key in set(self.keys)}
            kept[:] = [posterior, found]
        return kept[1]


def table(jobs: Sequence[Job]) -> Table:
    """Stack every plan of every job."""
    cases = [batch.case(job, plan) for job in jobs for plan in job.plans]
    owner = np.repeat(np.arange(len(jobs)), [len(job.plans) for job in jobs])
    keys = tuple((family_of(job.chip), job.stack.fitted) for job in jobs)
    return Table(tuple(jobs), owner, grouped(cases), keys)


def chosen(stacked: Table, predicted: np.ndarray) -> np.ndarray:
    """Return the case each job is taken to have run: the fastest that fits.

    Where no candidate fits, the one that needs least memory.
    """
    times, memory = predicted[:, 0], predicted[:, 1]
    least = np.full(len(stacked.jobs), np.inf)
    np.minimum.at(least, stacked.owner, memory)
    allowed = memory <= np.maximum(FITS, least[stacked.owner] + 1e-9)
    ranked = np.where(allowed, times, np.inf)
    order = np.lexsort((ranked, stacked.owner))
    _, first = np.unique(stacked.owner[order], return_index=True)
    return order[first]


def subset(batches: Sequence[Group], wanted: np.ndarray) -> list[Group]:
    """Keep the wanted cases, renumbered in the order of `wanted`."""
    kept = []
    for one in batches:
        mask = np.isin(one.rows, wanted)
        if mask.any():
            # Cases are wanted in ascending order, one per job.
            rows = np.searchsorted(wanted, one.rows[mask])
            kept.append(Group(rows, jax.tree.map(lambda x, m=mask: x[m], one.cases)))
    return kept


def fit(
    stacked: Table,
    prior: Prior | None = None,
    show: Callable[[float], None] = lambda done: None,
    weights: np.ndarray | None = None,
    *,
    own_scale: bool = False,
) -> Posterior:
    """Fit all constants to the jobs of a table.

    Args:
      stacked: jobs to fit, all with a measured step time.
      prior: names, means and standard deviations; by default `parameters` of the
        families and stacks that occur.
      show: told the share of the work that is done.
      weights: extra weight of each job [job]; 1 if not given.
      own_scale: whether errors are as large as those of the jobs show, `NOISE` at
        least, instead of that of published runs.
    """
    # A prior that is given knows already what kernels tell.
    told = prior is None
    if prior is None:
        families = sorted({family for family, _ in stacked.keys})
        stacks = sorted({stack for _, stack in stacked.keys})
        prior = parameters(families, stacks)
    names, centre, spread = prior
    unique = sorted(set(stacked.keys))
    matrices = {key: selection(names, *key) for key in unique}
    measured = np.log(stacked.measured)
    share = _shares(stacked.jobs) * (1.0 if weights is None else weights)
    mean = centre.copy()
    batches: list[Group] = []
    precision = np.diag(1.0 / spread**2)
    kernels, known, sure = _kernels(matrices if told else {}, centre)
    precision = precision + (kernels.T * sure) @ kernels
    for iteration in range(_ITERATIONS):
        if iteration < _CHOOSING:
            each = [matrices[stacked.keys[job]] @ mean for job in stacked.owner]
            predicted = batch.predict(stacked.batches, np.stack(each))
            batches = subset(stacked.batches, chosen(stacked, predicted))
        logs = np.stack([matrices[key] @ mean for key in stacked.keys])
        values, slopes = batch.linearize(batches, logs)
        residual = measured - values
        jacobian = np.zeros((len(residual), len(mean)))
        for key in unique:
            rows = [i for i, other in enumerate(stacked.keys) if other == key]
            jacobian[rows] = slopes[rows] @ matrices[key]
        scale, freedom = NOISE, FREEDOM
        if own_scale:
            scale = max(NOISE, float(np.median(np.abs(residual[share > 0.0]))))
            freedom = OWN_FREEDOM
        robust = (freedom + 1.0) / (freedom + (residual / scale) ** 2)
        weight = share * robust / scale**2
        hessian = (jacobian * weight[:, None]).T @ jacobian + precision
        gradient = jacobian.T @ (weight * residual) - (mean - centre) / spread**2
        gradient = gradient + kernels.T @ (sure * (known - kernels @ mean))
        step = np.linalg.solve(hessian, gradient)
        step = step * min(1.0, _LARGEST_STEP / max(np.abs(step).max(), 1e-12))
        mean = mean + step
        show((iteration + 1) / _ITERATIONS)
        if iteration > _CHOOSING and np.abs(step).max() < 1e-4:
            break
    return Posterior(
        names=names,
        mean=mean,
        covariance=np.linalg.inv(hessian),
        rows=tuple(job.run.name for job in stacked.jobs),
        noise=_noise(stacked.jobs, residual),
    )


def _kernels(
    matrices: Mapping[tuple[str, str], np.ndarray], centre: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what kernels tell of the stacks of some rows, linear around `centre`.

    Matrix [observation, parameter], logarithms and precisions of the observations.
    """
    found = [(np.zeros((0, len(centre))), np.zeros(0), np.zeros(0))]
    for (_, stack), matrix in matrices.items():
        rows, values, spreads = measured_of(stack, matrix @ centre)
        found.append((rows @ matrix, values, 1.0 / spreads**2))
    rows, values, precisions = zip(*found, strict=True)
    return np.concatenate(rows), np.concatenate(values), np.concatenate(precisions)


def _shares(jobs: Sequence[Job]) -> np.ndarray:
    """Return how much each job counts [job] [1]."""
    sources = [job.run.text("source") for job in jobs]
    counts = Counter(sources)
    # A table may say itself how much a row counts.
    own = [job.run.number("weight") for job in jobs]
    full = [min(1.0, (FULL_WEIGHT_ROWS / counts[source]) ** 0.5) for source in sources]
    return np.asarray(full) * [1.0 if weight is None else weight for weight in own]


def robust_deviation(values: np.ndarray) -> float:
    """Return the standard deviation around zero, told by the median of sizes.

    1.4826 times as large in a normal distribution.
    """
    return float(np.median(np.abs(values)) * 1.4826)


def _noise(jobs: Sequence[Job], residual: np.ndarray) -> dict[str, float]:
    """Robust residual spread of dense and of mixture-of-experts rows [1]."""
    kinds = np.asarray(["moe" if job.model.experts else "dense" for job in jobs])
    return {
        kind: robust_deviation(residual[kinds == kind])
        for kind in ("dense", "moe")
        if (kinds == kind).any()
    }


def predict(stacked: Table, posterior: Posterior) -> tuple[np.ndarray, np.ndarray]:
    """Return step time [s] and memory over capacity [1] of each job, and its case."""
    logs = stacked.logs(posterior)
    predicted = batch.predict(stacked.batches, logs)
    picked = chosen(stacked, predicted)
    return predicted[picked], picked
