"""How far a prediction may be off: the fit's covariance carried to log step time."""

from collections.abc import Sequence

import numpy as np

from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.data.stacks import stacks
from supernode_opt.calibration.evidence.distance import Point
from supernode_opt.calibration.evidence.known import kind_of_model, of_job
from supernode_opt.calibration.evidence.told import Evidence, evidence
from supernode_opt.calibration.step_time import batch
from supernode_opt.calibration.step_time.fit import Table, subset
from supernode_opt.calibration.step_time.posterior import Posterior, kin_of

# Half-width of a central 90 % interval in standard deviations.
NINETY = 1.645
# What usual practice leaves open of log step time where a row does not say how it was
# run: with the cell of practice blanked, errors of Ascend rows grow from 8.5 to 10.9 %
# and of Megatron-Bridge's mixtures of experts from 9.0 to 10.2 % [1].
PRACTICE = 0.06


def kind_of(job: Job) -> str:
    """Return the kind of model whose residual noise a row shares."""
    return kind_of_model(job.model)


def noise_name(stack: str, kind: str) -> str:
    """Name the residual noise of a stack on models of one kind."""
    return f"{stack} {kind}"


def noise_of(posterior: Posterior, stack: str, kind: str) -> float:
    """Return what no constant explains of log step time, standard deviation [1].

    Of a user's stack that borrows its constants no run was fitted: its noise is at
    least that of all stacks.
    """
    declared = stacks().get(stack)
    if declared is not None and declared.fitted != stack:
        least = posterior.noise.get(kind, 0.0) if declared.maker else 0.0
        return max(noise_of(posterior, declared.fitted, kind), least)
    largest = max(posterior.noise.values(), default=0.0)
    common = posterior.noise.get(kind, largest)
    # Of users' stacks left out in turn the common noise alone holds 65 % of the dense
    # rows, that of the worst of them 86 %.
    kin = (noise_name(one, kind) for one in kin_of(posterior.names, stack))
    common = max(common, *(posterior.noise.get(one, 0.0) for one in kin), 0.0)
    return posterior.noise.get(noise_name(stack, kind), common)


def widened_noise(posterior: Posterior, job: Point, stack: str) -> float:
    """Return what no constant explains of log step time at a job, deviation [1].

    It grows with the distance from the runs that were fitted, for a row and for a
    study alike.

    Args:
      posterior: the fit.
      job: where it lies.
      stack: the job's own, which may borrow the constants of another.
    """
    noise = noise_of(posterior, stack, job.kind)
    return evidence(job, posterior).noise(noise)


def evidence_of(
    stacked: Table, picked: np.ndarray, posterior: Posterior
) -> tuple[Evidence, ...]:
    """Return the runs behind the prediction of each job [job].

    `picked` is the case that each job is taken to have run.
    """
    first = np.searchsorted(stacked.owner, np.arange(len(stacked.jobs)))
    rows = zip(stacked.jobs, picked - first, strict=True)
    return tuple(evidence(of_job(job, job.plans[i]), posterior) for job, i in rows)


def explained(stacked: Table, picked: np.ndarray, posterior: Posterior) -> np.ndarray:
    """Return the variance of log step time that is no noise, of each job [job].

    What the covariance of the constants leaves open, and what usual practice does.
    `picked` is the case that each job is taken to have run.
    """
    known = stacked.constants(posterior)
    logs = stacked.logs(posterior)[picked]
    slopes = batch.differences(subset(stacked.batches, picked), logs)
    rows = zip(stacked.keys, stacked.jobs, slopes, strict=True)
    return np.asarray(
        [
            slope @ known[key][1] @ slope + (PRACTICE * job.practice_assumed) ** 2
            for key, job, slope in rows
        ]
    )


def spread(
    stacked: Table,
    picked: np.ndarray,
    posterior: Posterior,
    behind: Sequence[Evidence] | None = None,
) -> np.ndarray:
    """Return the standard deviation of log step time of each job [job].

    `picked` is the case that each job is taken to have run, `behind` what
    `evidence_of` says of it, where that is known.
    """
    if behind is None:
        behind = evidence_of(stacked, picked, posterior)
    noise = [
        told.noise(noise_of(posterior, job.stack.name, kind_of(job)))
        for job, told in zip(stacked.jobs, behind, strict=True)
    ]
    variance = explained(stacked, picked, posterior) + np.square(noise)
    return np.sqrt(np.maximum(variance, 0.0))
