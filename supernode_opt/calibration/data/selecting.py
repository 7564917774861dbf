"""Which rows are fitted, which are judged, and why the others are left out."""

from collections.abc import Sequence
from typing import NamedTuple

from supernode_opt.calibration.data.interpret import Job, Refused, interpret
from supernode_opt.calibration.data.runs import Run

# Older releases of a configuration are measurements like any other.
_FITTED = ("calibration", "auxiliary (older")


class Read(NamedTuple):
    """Runs read as jobs.

    Attributes:
      jobs: what the model can predict.
      refused: the other runs, each with the reason.
    """

    jobs: tuple[Job, ...]
    refused: tuple[tuple[Run, str], ...]


def interpret_all(runs: Sequence[Run]) -> Read:
    """Read every run; keep the reasons of those that are refused."""
    jobs, refused = [], []
    for run in runs:
        try:
            jobs.append(interpret(run))
        except Refused as reason:
            refused.append((run, str(reason)))
    return Read(tuple(jobs), tuple(refused))


def fittable(known: Read, judged_groups: bool = False) -> tuple[Job, ...]:
    """Return the jobs that may be fitted.

    Args:
      known: the runs that were read.
      judged_groups: whether rows count that are meant for calibration, but share model
        and accelerator with a row kept for validation.

    A row kept for validation is never fitted.  Unless `judged_groups`, no row of its
    group is either, even where the validation row itself is refused.
    """
    runs = [job.run for job in known.jobs] + [run for run, _ in known.refused]
    judged = {run.group for run in runs if run.is_validation}
    return tuple(
        job
        for job in known.jobs
        if (judged_groups or job.run.group not in judged)
        and (job.run.text("usable_for") or "calibration").startswith(_FITTED)
    )
