"""What a fit could not represent: kinds of runs that stay slower or faster than fitted.

Kinds are told one after the other, the clearest first, each of what those before leave.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.step_time.fit import robust_deviation
from supernode_opt.catalog import system

# A kind needs as many rows, and as many without it, to be told apart.
LEAST_ROWS = 8
# It is told where it is off by more than this, and by more standard errors than those.
LEAST_SIZE, LEAST_ERRORS = 0.05, 2.0
# Above this share of memory an allocator starts to run short.
EDGE = 0.95
_DEEP = 8.0
# Standard error of a median over that of a mean, of a normal distribution.
_MEDIAN = 1.2533


class Leftover(NamedTuple):
    """One kind of runs that is off.

    Attributes:
      runs: which, in words.
      rows: how many.
      slower: how much longer they took than fitted, median; negative: shorter [1].
      standard_error: of the logarithm of that ratio [1].
    """

    runs: str
    rows: int
    slower: float
    standard_error: float


def kinds(jobs: tuple[Job, ...], memory: np.ndarray) -> Mapping[str, np.ndarray]:
    """Return the rows of every named kind [job].

    Args:
      jobs: the rows.
      memory: predicted peak over capacity [job] [1].
    """
    plans = [job.plans[0] for job in jobs]
    names = ("tensor_parallel", "pipeline_parallel", "micro_batch", "chips")
    sizes = {n: np.asarray([plan.sizes[n] for plan in plans]) for n in names}
    tensor, stages, micro, chips = sizes.values()
    domain = np.asarray([_domain(job) for job in jobs])
    sharding = np.asarray([plan.sharding for plan in plans])
    replicas = chips / (tensor * stages)
    staged = stages > 1.0
    found = {
        "with tensor parallelism across domains": tensor > domain,
        "with one sequence a micro-batch": micro == 1.0,
        "in several stages": staged,
        f"in more than {_DEEP:g} stages": stages > _DEEP,
        "in several stages, replicated without sharding": (
            staged & (sharding == 0) & (replicas > 1.0)
        ),
        "in one stage with sharded states": ~staged & (sharding > 0),
        "near the edge of memory": memory > EDGE,
    }
    for size in np.unique(chips):
        found[f"on {size:g} chips in one stage"] = (chips == size) & ~staged
        found[f"on {size:g} chips in several stages"] = (chips == size) & staged
    return found


def _domain(job: Job) -> float:
    """Return how many chips of a job share a scale-up domain [1]."""
    own = job.given.design.get("scale_up_domain", job.stack.scale_up_domain)
    return float(own or system(job.machine).design["scale_up_domain"])


def left_over(
    jobs: tuple[Job, ...],
    memory: np.ndarray,
    predicted: np.ndarray,
    measured: np.ndarray,
) -> tuple[Leftover, ...]:
    """Return the kinds of runs that a fit leaves off, the clearest first.

    Rows of one model on one number of chips err together, by a share `r` of the
    variance: `n` of them count as `n / (1 + (n - 1) r)`, the design effect of a sample
    in clusters (Kish, Survey Sampling, 1965, chapter 5).

    Args:
      jobs: the rows.
      memory: predicted peak over capacity [job] [1].
      predicted, measured: step times [job] [s].
    """
    residual = np.log(measured / predicted)
    groups = np.asarray([f"{job.run.group} {job.run.size('n_accel')}" for job in jobs])
    _, group = np.unique(groups, return_inverse=True)
    open_ = dict(kinds(jobs, memory))
    found: list[Leftover] = []
    while open_:
        shared = _shared(residual, group)
        told = {
            name: _judged(residual, rows, group, shared) for name, rows in open_.items()
        }
        name = max(told, key=lambda one: abs(told[one][0]) / told[one][1])
        size, error = told[name]
        if abs(size) < LEAST_ERRORS * error:
            break
        rows = open_.pop(name)
        if abs(size) < LEAST_SIZE:
            continue
        found.append(Leftover(name, int(rows.sum()), float(np.expm1(size)), error))
        residual = residual - size * rows
    return tuple(found)


def _shared(residual: np.ndarray, group: np.ndarray) -> float:
    """Share of the variance that the rows of a group have in common, robust [1]."""
    members = [residual[group == one] for one in range(group.max() + 1)]
    centres = np.asarray([np.median(one) for one in members])
    inside = robust_deviation(residual - centres[group]) ** 2
    # A group's median is off by as much as its rows scatter.
    own = _MEDIAN**2 * inside * np.mean([1.0 / len(one) for one in members])
    between = max(robust_deviation(centres - np.median(centres)) ** 2 - own, 0.0)
    return float(between / max(between + inside, 1e-12))


def _judged(
    residual: np.ndarray, rows: np.ndarray, group: np.ndarray, shared: float
) -> tuple[float, float]:
    """Return by how much rows differ from the others, and its standard error [1]."""
    if min(rows.sum(), (~rows).sum()) < LEAST_ROWS:
        return 0.0, 1.0
    centres, variance = [], 0.0
    for one in (rows, ~rows):
        centre = float(np.median(residual[one]))
        spread = robust_deviation(residual[one] - centre)
        count = np.bincount(group[one])
        number = (count / (1.0 + np.maximum(count - 1.0, 0.0) * shared)).sum()
        variance += (_MEDIAN * spread) ** 2 / number
        centres.append(centre)
    return centres[0] - centres[1], max(float(np.sqrt(variance)), 1e-6)


def sentence(one: Leftover) -> str:
    """Say of one kind how far it is off."""
    way = "slower" if one.slower > 0.0 else "faster"
    size = 100.0 * abs(one.slower)
    said = f"left over: runs {one.runs} are {size:.0f} % {way} than fitted"
    return f"{said} ({one.rows} rows)"
