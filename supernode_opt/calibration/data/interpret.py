"""What a row of published figures means: model, training, machine, candidate plans."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from supernode_opt.calibration.data.plans import Plan, plans_of
from supernode_opt.calibration.data.runs import Refused, Run
from supernode_opt.calibration.data.shapes import model_of
from supernode_opt.calibration.data.stacks import Stack, machine, stack_of
from supernode_opt.catalog import load, system
from supernode_opt.system.kernels import PEAKS
from supernode_opt.workload.model import Model, Precision, Training


@dataclasses.dataclass(frozen=True)
class Job:
    """A row made ready for the model.

    Attributes:
      run: the row.
      model, training: what was trained.
      machine: catalog name of the system it ran on.
      stack: the software, with what its documentation says.
      plans: candidate plans; several where the row leaves something open.
      assumed: what the row does not say and was assumed.
    """

    run: Run
    model: Model
    training: Training
    machine: str
    stack: Stack
    plans: tuple[Plan, ...]
    assumed: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Measured time of one optimizer step [s]."""
        seconds = self.run.step_time
        assert seconds is not None, "interpret refuses rows without one"
        return seconds


_PRECISIONS: tuple[tuple[str, Precision], ...] = (
    ("nvfp4", "nvfp4"),
    ("mxfp8", "mxfp8"),
    ("fp8-mx", "mxfp8"),
    ("fp8", "fp8"),
    ("int8", "fp8"),
    ("bf16", "bf16"),
    ("fp16", "bf16"),
)


def interpret(run: Run) -> Job:
    """Read a row as a training job.

    Raises:
      Refused: the row lacks what the model needs, or contradicts itself.
      BadRuns: a cell that must be a number is none.
    """
    task = run.text("task").lower()
    if task in ("lora", "sft"):
        raise Refused(f"{task.upper()} trains only a part of the model")
    if run.text("usable_for").startswith("exclude"):
        raise Refused("marked as inconsistent in the table")
    try:
        name = machine(run.text("accelerator"))
    except LookupError as error:
        raise Refused(str(error)) from None
    if run.step_time is None:
        raise Refused("no step time or token rate")
    assumed: list[str] = []
    stack = stack_of(run)
    training = _training(run, name, stack, assumed)
    model = model_of(run, training, assumed)
    plans = plans_of(run, model, training, stack, assumed)
    return Job(run, model, training, name, stack, plans, tuple(assumed))


def _training(run: Run, name: str, stack: Stack, assumed: list[str]) -> Training:
    written = run.text("precision").lower()
    precision = next((p for key, p in _PRECISIONS if key in written), None)
    chip = load("chip", system(name).chip)
    if precision is None or not getattr(chip, PEAKS[precision]):
        precision = "bf16"
        assumed.append("precision bf16")
    batch, length = run.number("gbs"), run.number("seq_len")
    if not batch or not length:
        raise Refused("no global batch or sequence length")
    return Training(
        sequence_length=length,
        global_batch=batch,
        gradient_bytes=stack.gradient_bytes,
        precision=precision,
        attention_flops="full",
    )


# Older releases of a configuration are measurements like any other.
_FITTED = ("calibration", "auxiliary (older")


class Read(NamedTuple):
    """Jobs, which the model can predict, and the other runs, each with the reason."""

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

    A row kept for validation is never fitted.  Unless `judged_groups`, no row of its
    group (model and accelerator) is either, even where the validation row is refused.
    """
    runs = [job.run for job in known.jobs] + [run for run, _ in known.refused]
    judged = {run.group for run in runs if run.is_validation}
    return tuple(
        job
        for job in known.jobs
        if (judged_groups or job.run.group not in judged)
        and (job.run.text("usable_for") or "calibration").startswith(_FITTED)
    )
