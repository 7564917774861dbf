"""Rows of the calibration table from logs: completed, checked, and told about."""

import csv
import dataclasses
import io
from collections.abc import Mapping, Sequence

from supernode_opt import catalog
from supernode_opt.calibration.data.columns import SHORT
from supernode_opt.calibration.data.interpret import Job, interpret
from supernode_opt.calibration.data.runs import BadRuns, Refused, Run
from supernode_opt.calibration.data.shapes import flops_per_token
from supernode_opt.calibration.data.stacks import machine
from supernode_opt.catalog.counted import AGREES, spoken_count
from supernode_opt.logs.log import BadLog, Log, Steady, steady, whole
from supernode_opt.system.kernels import PEAKS
from supernode_opt.workload.model import Model
from supernode_opt.workload.parameters import parameters

# What people say on the command line in place of a column.
_OPTIONS = {"accelerator": "--accelerator NAME", "n_accel": "--chips COUNT"}
_SHAPE = ("layers", "hidden", "heads")
_LAYOUT = ("tp", "pp", "fsdp_or_zero")
# The first columns of a table; others follow as they come.
_FIRST = ("run_id", "source", "model", "accelerator", "n_accel", "stack")


@dataclasses.dataclass(frozen=True)
class Row:
    """A log as a row.

    Attributes:
      cells: the row, by column.
      log: what it was made of.
      measured: the steady steps.
      assumed: what neither the log nor the user said.
      utilisation: model FLOPs over the peak of the precision [1].
    """

    cells: Mapping[str, str]
    log: Log
    measured: Steady
    assumed: tuple[str, ...]
    utilisation: float

    @property
    def told(self) -> list[str]:
        """What was read and assumed, in lines."""
        quantity = "step time" if self.log.seconds else "token rate"
        median = f"{self.measured.median:.4g} {'s' if self.log.seconds else 'tokens/s'}"
        read = [f"{n} {v}" for n, v in self.cells.items() if n in self.log.cells]
        return [
            f"{self.log.path}: {self.log.kind}: {quantity} {median}, median of"
            f" {self.measured.counted} steps after {self.measured.skipped} that warm up"
            f" (half the quartile range {self.measured.spread:.1%});"
            f" {self.utilisation:.1%} of peak",
            f"  read: {', '.join(read) or 'nothing but the steps'}",
            f"  assumed: {'; '.join(self.assumed) or 'nothing'}",
        ]


def row(log: Log, given: Mapping[str, str], model: Model | None, run_id: str) -> Row:
    """Make a row of a log.

    Args:
      log: what was read.
      given: cells that the user states; they take the place of what the log says.
      model: that the user states, `None` for the log's own.
      run_id: of the row.

    Raises:
      BadLog: something is missing or impossible; the text names the file.
    """
    try:
        return _row(log, given, model, run_id)
    except BadLog as error:
        raise BadLog(f"{log.path}: {error}") from None
    except (Refused, BadRuns, LookupError) as error:
        raise BadLog(f"{log.path}: {str(error).removeprefix('line 0: ')}") from None


def _row(log: Log, given: Mapping[str, str], model: Model | None, run_id: str) -> Row:
    assumed = list(log.assumed)
    cells = {"run_id": run_id, "source": f"{log.kind}, {log.path.name}", **log.cells}
    model = model or _named(log)
    if model is not None:
        cells |= shape_cells(model)
        _check_count(log, model, assumed)
    cells |= given
    _complete(cells, assumed)
    series = log.seconds or log.rates or log.totals
    measured = steady(series)
    column = "iter_time_s" if log.seconds else "tokens_per_s"
    column += "_per_accel" if log.rates and not log.seconds else ""
    cells[column] = f"{measured.median:.6g}"
    if "n_accel" not in given:
        _count_packages(cells, assumed)
    job = interpret(Run(cells, 0))
    used = _utilisation(job)
    if used > 1.0:
        raise BadLog(
            f"is impossible: {measured.median:.4g} would be {used:.0%} of peak; are"
            " accelerators, batch, length and model right?"
        )
    told = (*assumed, *(one for one in job.assumed if one not in assumed))
    return Row(cells, log, measured, told, used)


def _named(log: Log) -> Model | None:
    """Return the shipped model that a log names, if its own cells give no shape."""
    if all(column in log.cells for column in _SHAPE) or not log.model:
        return None
    found = catalog.called("model", log.model)
    return catalog.load("model", found) if found else None


def shape_cells(model: Model) -> dict[str, str]:
    """Return the cells of a shape; what is not the default, and all of the usual."""
    cells = {"model": model.name, "gated": "true" if model.gated else "false"}
    for field in dataclasses.fields(model):
        value = getattr(model, field.name)
        if field.name in ("name", "gated") or value == field.default:
            continue
        path = f"model.{field.name}"
        cells[SHORT.get(path, path)] = value if isinstance(value, str) else whole(value)
    return cells


def _check_count(log: Log, model: Model, assumed: list[str]) -> None:
    """Refuse a model that has not the parameters which the log tells."""
    if log.parameters is None:
        return
    count = float(parameters(model))
    if abs(count / log.parameters - 1.0) > AGREES:
        raise BadLog(
            f"says {spoken_count(log.parameters)} parameters, but {model.name} has"
            f" {spoken_count(count)}: give its shape with --model"
        )
    if log.model:
        assumed.append(f"{log.model!r} is {model.name}, by name and parameters")


def _complete(cells: dict[str, str], assumed: list[str]) -> None:
    """Refuse a row that lacks what every row needs; fill the rest."""
    columns = ["accelerator", "n_accel", "seq_len", "gbs"]
    missing = [column for column in columns if not cells.get(column)]
    told = [_OPTIONS.get(column, f"--set {column}=...") for column in missing]
    if not all(cells.get(column) for column in _SHAPE):
        missing.append("the shape of the model")
        told.append("--model NAME or config.json")
    several = cells.get("n_accel") not in (None, "1")
    if several and not any(cells.get(column) for column in _LAYOUT):
        missing.append("the split")
        told.append("--set tp=... --set pp=...")
    if missing:
        raise BadLog(f"does not say {', '.join(missing)}: add {' '.join(told)}")
    for column in ("tp", "pp", "cp"):
        if not cells.get(column):
            cells[column] = "1"
            assumed.append(f"{column} 1")
    if not cells.get("precision"):
        cells["precision"] = "BF16"
        assumed.append("precision BF16")
    if not cells.get("stack"):
        cells["stack"] = "user"
        assumed.append("a stack like those of other users (--stack names one)")
    cells.setdefault("usable_for", "calibration")


def _count_packages(cells: dict[str, str], assumed: list[str]) -> None:
    """Turn ranks, which programs count, into the packages that a table counts."""
    chip = catalog.load("chip", catalog.system(machine(cells["accelerator"])).chip)
    dies = chip.ranks_per_chip
    if dies > 1 and float(cells["n_accel"]) % dies == 0.0:
        cells["n_accel"] = whole(float(cells["n_accel"]) / dies)
        assumed.append(f"a rank is one of {dies} dies of a package")


def _utilisation(job: Job) -> float:
    """Return model FLOPs over the peak of the precision [1]."""
    length = job.training.sequence_length
    flops = flops_per_token(job.model, float(length)) * length
    flops *= job.training.global_batch / job.seconds
    peak = getattr(catalog.load("chip", job.chip), PEAKS[job.training.precision])
    return float(flops / peak / job.plans[0].sizes["chips"])


def text(rows: Sequence[Row]) -> str:
    """Write rows as CSV, with every column that one of them has."""
    every = dict.fromkeys((*_FIRST, *(name for one in rows for name in one.cells)))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(every), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows([one.cells for one in rows])
    return stream.getvalue()
