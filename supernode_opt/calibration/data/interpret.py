"""What a row of published figures means: model, training, machine, candidate plans.

A row is a study: every column stands for something that a study can say, and what is
left open is filled as for a study of the same stack.
"""

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from supernode_opt.calibration.data.columns import shortened
from supernode_opt.calibration.data.overrides import Overrides, overrides_of
from supernode_opt.calibration.data.plans import Plan, plans_of
from supernode_opt.calibration.data.platforms import platform_of
from supernode_opt.calibration.data.practice import USUAL, Practice, practice_of
from supernode_opt.calibration.data.rates import converted_step
from supernode_opt.calibration.data.recipes import banded, tuned
from supernode_opt.calibration.data.runs import BadRuns, Refused, Run
from supernode_opt.calibration.data.shapes import model_of
from supernode_opt.calibration.data.stacks import Stack, accelerator, machine, stack_of
from supernode_opt.calibration.data.stages import as_cut
from supernode_opt.calibration.data.states import states_of
from supernode_opt.catalog import load, system
from supernode_opt.hardware.chip import Chip
from supernode_opt.system.kernels import PEAKS
from supernode_opt.workload.model import Model, Precision, Training, contradiction
from supernode_opt.workload.recompute import Recompute


@dataclasses.dataclass(frozen=True)
class Job:
    """A row made ready for the model.

    Attributes:
      run: the row.
      model, training: what was trained.
      machine: catalog name of the system it ran on.
      stack: the software, with what its documentation says.
      practice: how it was run.
      plans: candidate plans; several where the row leaves something open.
      given: what its dotted columns say.
      assumed: what the row does not say and was assumed.
      measured: time of one optimizer step, `None` if the row has none [s].
      converted: whether that time is made of a FLOP rate or a utilisation.
    """

    run: Run
    model: Model
    training: Training
    machine: str
    stack: Stack
    practice: Practice
    plans: tuple[Plan, ...]
    given: Overrides
    assumed: tuple[str, ...]
    measured: float | None
    converted: bool = False

    @property
    def seconds(self) -> float:
        """Measured time of one optimizer step [s].

        Raises:
          Refused: the row has none.
        """
        if self.measured is None:
            raise Refused("no step time or token rate")
        return self.measured

    @property
    def practice_assumed(self) -> bool:
        """Whether how it was run is what its stack usually does."""
        return any(said.startswith(USUAL) for said in self.assumed)

    @property
    def chip(self) -> str:
        """Catalog name of its chip."""
        return self.given.parts.get("chip", system(self.machine).chip)


_PRECISIONS: tuple[tuple[str, Precision], ...] = (
    ("nvfp4", "nvfp4"),
    ("mxfp8", "mxfp8"),
    ("fp8-mx", "mxfp8"),
    ("fp8", "fp8"),
    ("float8", "fp8"),
    ("int8", "fp8"),
    ("bf16", "bf16"),
    ("fp16", "bf16"),
)
_MODULE = "recompute."
# Where a row tells no more of its chip than its memory, states and activations are as
# on any other; step times of such rows say nothing.
_STAND_IN = "dgx_h100"
# Adapters of this rank are what most recipes start with.
_USUAL_RANK = 16.0


def interpret(run: Run) -> Job:
    """Read a row as a training job, whether it has a measured time or not.

    Raises:
      Refused: the row lacks what the model needs, or contradicts itself.
      BadRuns: a cell that must be a number is none.
    """
    run = shortened(run)
    if run.text("usable_for").startswith("exclude"):
        raise Refused("marked as inconsistent in the table")
    assumed: list[str] = []
    sized: dict[str, float] = {}
    try:
        name = machine(run.text("accelerator"))
    except LookupError as error:
        name, sized = _STAND_IN, {"chip.hbm_capacity": _room(run)}
        if not _room(run):
            raise Refused(str(error)) from None
        assumed.append(f"{name} with the memory of {run.text('accelerator')!r}")
    given = overrides_of(run)
    given = dataclasses.replace(given, constants={**sized, **given.constants})
    chip = load("chip", given.parts.get("chip", system(name).chip))
    stack = _stack(run, given, assumed).of(run)
    training = _training(run, chip, stack, given, assumed)
    model = banded(model_of(run, training, assumed), training, stack, assumed)
    model = dataclasses.replace(model, **given.model)
    wrong = contradiction(model)
    if wrong is not None:
        raise Refused(f"the model {wrong}")
    training = as_cut(run, model, stack, training)
    practice = practice_of(stack, _about(run, model), given.practice, assumed)
    board = float(load("host", system(name).host).chips_per_board)
    dies = chip.ranks_per_chip
    plans = plans_of(run, model, training, stack, dies, board, assumed)
    own = {
        path.removeprefix(_MODULE): share
        for path, share in given.constants.items()
        if path.startswith(_MODULE)
    }
    if own:
        modules = Recompute(**own)
        plans = tuple(dataclasses.replace(plan, modules=modules) for plan in plans)
    measured, converted = run.step_time, False
    if measured is None:
        measured = converted_step(run, model, training, chip, stack, assumed)
        converted = measured is not None
    return Job(
        run=run,
        model=model,
        training=training,
        machine=name,
        stack=stack,
        practice=practice,
        plans=plans,
        given=given,
        assumed=tuple(assumed),
        measured=measured,
        converted=converted,
    )


def _room(run: Run) -> float:
    """Memory that the label of an unknown chip tells, where memory is asked for [B].

    What a driver leaves of a chip's nominal memory is 0.985 of it in GiB (H100).
    """
    said = re.search(r"(\d+(?:\.\d+)?) ?(GiB|GB)", run.text("accelerator"))
    if not said or not run.tells_memory:
        return 0.0
    return float(said[1]) * 2.0**30 * (1.0 if said[2] == "GiB" else 0.985)


def _stack(run: Run, given: Overrides, assumed: list[str]) -> Stack:
    """Return the stack of a row; software of the catalog may stand for one."""
    platform = platform_of(given.parts.get("software", ""))
    if platform is not None and not run.text("stack"):
        return platform.documented
    return stack_of(run, assumed)


def _about(run: Run, model: Model) -> dict[str, str]:
    """Return the cells that tell how a row was run."""
    columns = ("source", "model", "release_or_date", "other_config", "moe_balance")
    cells = {column: run.text(column) for column in columns}
    flash = run.text("flash").lower()
    if flash in ("true", "sdpa") or flash.startswith("false"):
        said = "no flash" if flash.startswith("false") else "flash"
        cells["other_config"] = f"{cells['other_config']}; {said}".lstrip("; ")
    kind = "moe" if model.experts else "dense"
    return {**cells, "accelerator": accelerator(run), "kind": kind}


def _training(
    run: Run, chip: Chip, stack: Stack, given: Overrides, assumed: list[str]
) -> Training:
    written = run.text("precision").lower()
    precision = next((p for key, p in _PRECISIONS if key in written), None)
    if precision is None or not getattr(chip, PEAKS[precision]):
        precision = "bf16"
        assumed.append("precision bf16")
    fields: dict[str, Any] = {
        "sequence_length": run.number("seq_len"),
        "global_batch": run.number("gbs"),
        "precision": precision,
        "attention_flops": "full",
        **tuned(run, stack, assumed),
        **states_of(run, stack, assumed),
        **_adapters(run, assumed),
    }
    _fill(run, chip.ranks_per_chip, fields, assumed)
    try:
        return Training(**(fields | dict(given.training)))
    except (TypeError, ValueError) as error:
        raise BadRuns(f"line {run.line}: {error}") from None


def _fill(run: Run, dies: int, fields: dict[str, Any], assumed: list[str]) -> None:
    """Fill batch and length of a row that tells of memory alone."""
    memory = run.tells_memory
    if not fields["sequence_length"] and memory:
        fields["sequence_length"] = 4096.0
        assumed.append("sequences of 4,096 tokens")
    if not fields["global_batch"] and memory:
        ways = run.size("tp") * run.size("pp") * run.size("cp")
        replicas = max(run.size("n_accel") * dies // ways, 1.0)
        fields["global_batch"] = replicas * run.size("mbs") * run.size("pp")
        assumed.append(f"global batch of {fields['global_batch']:g}")
    if not fields["global_batch"] or not fields["sequence_length"]:
        raise Refused("no global batch or sequence length")


def _adapters(run: Run, assumed: list[str]) -> dict[str, float]:
    """Return the rank of adapters where they alone are trained [1]."""
    task = f"{run.text('task')} {run.text('usable_for')}".lower()
    rank = run.number("lora_rank")
    if not rank and not re.search(r"\b(q?lora|peft|adapters?)\b", task):
        return {}
    if not rank:
        said = f"{task} {run.text('other_config').lower()}"
        stated = re.search(r"\b(?:r|rank)\s*[=-]?\s*(\d{1,4})\b", said)
        rank = float(stated[1]) if stated else _USUAL_RANK
        if not stated:
            assumed.append(f"adapters of rank {rank:g}")
    return {"lora_rank": rank}


# Older releases of a configuration are measurements like any other.
_FITTED = ("calibration", "auxiliary (older")


class Read(NamedTuple):
    """Jobs, which the model can predict, and the other runs, each with the reason."""

    jobs: tuple[Job, ...]
    refused: tuple[tuple[Run, str], ...]


def interpret_all(runs: Sequence[Run]) -> Read:
    """Read every run with a step time; keep the reasons of those that are refused."""
    jobs, refused = [], []
    for run in runs:
        try:
            job = interpret(run)
            if job.seconds:
                jobs.append(job)
        except Refused as reason:
            refused.append((run, str(reason)))
    return Read(tuple(jobs), tuple(refused))


def fittable(known: Read, judged_groups: bool = False) -> tuple[Job, ...]:
    """Return the jobs that may be fitted.

    A row kept for validation is never fitted, nor one whose time is made of a
    utilisation.  Unless `judged_groups`, no row of a judged group (model and
    accelerator) is either, even where the validation row is refused.
    """
    runs = [job.run for job in known.jobs] + [run for run, _ in known.refused]
    judged = {run.group for run in runs if run.is_validation}
    return tuple(
        job
        for job in known.jobs
        if (judged_groups or job.run.group not in judged)
        and not job.converted
        and (job.run.text("usable_for") or "calibration").startswith(_FITTED)
    )
