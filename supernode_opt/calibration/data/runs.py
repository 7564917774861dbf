"""Published training runs: rows of a CSV file, read with their citations."""

import dataclasses
import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Literal

from supernode_opt.reading import table
from supernode_opt.reading.node import InputError, shown

# Without these a row says nothing that could be predicted or compared.
NEEDED = ("model", "accelerator", "n_accel", "seq_len")

# Columns of tables that other people publish, and what they stand for here.
_ALIASES = {
    "n_gpus": "n_accel",
    "global_batch": "gbs",
    "micro_batch": "mbs",
    "hidden_size": "hidden",
    "attention_heads": "heads",
    "n_layers": "layers",
    "sequence_length": "seq_len",
    "tensor_parallelism": "tp",
    "data_parallelism": "dp",
    "pipeline_parallelism": "pp",
    # Tables of peaks of memory.
    "id": "run_id",
    "chip": "accelerator",
    "chips": "n_accel",
    "sharding": "fsdp_or_zero",
    "zero": "fsdp_or_zero",
    "tokens_per_s_per_chip": "tokens_per_s_per_accel",
    "kind": "task",
}


class BadRuns(InputError):
    """A file of runs that cannot be used, in one line."""


class Refused(ValueError):
    """A row that the model can say nothing about, and why."""


@dataclasses.dataclass(frozen=True)
class Run:
    """One measured training run.

    Attributes:
      cells: the row as written, by column.
      line: line of the file, for messages.
    """

    cells: Mapping[str, str]
    line: int

    def text(self, column: str) -> str:
        """Return a cell, "" if it is empty or the column is missing."""
        return (self.cells.get(column) or "").strip()

    def number(self, column: str) -> float | None:
        """Return a cell as a number, `None` if it is empty.

        Raises:
          BadRuns: the cell holds something else.
        """
        written = self.text(column)
        if not written:
            return None
        try:
            value = float(written)
        except ValueError:
            raise BadRuns(
                f"line {self.line}: {column} must be a number, but is {shown(written)}"
            ) from None
        if not math.isfinite(value) or value < 0.0:
            raise BadRuns(
                f"line {self.line}: {column} must be finite and not negative,"
                f" but is {shown(written)}"
            )
        return value

    def size(self, column: str) -> float:
        """Return a cell as a number, 1 if it is empty or 0; see `number`."""
        return self.number(column) or 1.0

    @property
    def name(self) -> str:
        """Identifier of the row."""
        return self.text("run_id") or f"line {self.line}"

    @property
    def identity(self) -> str:
        """Identifier, or where it has none all that the row says but its stack."""
        said = (f"{k}={v}" for k, v in sorted(self.cells.items()) if k != "stack")
        return self.text("run_id") or ",".join(said)

    @property
    def group(self) -> str:
        """Rows of one group are never split between fitting and judging.

        Where the table does not say, a group is one model shape on one accelerator.
        """
        shape = (self.text(column) for column in ("model", "hidden", "layers"))
        named = f"{' '.join(shape)}|{self.text('accelerator')}"
        return self.text("split_group") or named

    @property
    def step_time(self) -> float | None:
        """Measured time of one optimizer step [s], `None` if the row has none."""
        milliseconds = self.number("iteration_time_ms")
        if milliseconds:
            return milliseconds / 1e3
        seconds = self.number("iter_time_s") or self.number("iter_time_s_any")
        if seconds:
            return seconds
        batch, length = self.number("gbs"), self.number("seq_len")
        whole = self.number("tokens_per_s")
        each = self.number("tokens_per_s_per_accel_any")
        each = each or self.number("tokens_per_s_per_accel")
        # What the source prints may be rounded; the rate per chip is checked.
        rate = each * self.size("n_accel") if each else whole
        return batch * length / rate if rate and batch and length else None

    @property
    def peak(self) -> float | None:
        """Measured peak of memory [B], `None` if the row has none."""
        gibibytes = self.number("memory_gib")
        return self.number("peak_bytes") or (gibibytes and gibibytes * 2.0**30)

    @property
    def tells_memory(self) -> bool:
        """Whether the row is about memory: a peak, or whether it sufficed."""
        return bool(self.peak or self.text("outcome"))

    @property
    def is_validation(self) -> bool:
        """Whether the row is kept for judging only."""
        return self.text("usable_for").startswith("validation")


def read(path: Path, given: Mapping[str, str] | None = None) -> tuple[Run, ...]:
    """Read the runs of a CSV file; `given` are cells of columns that it lacks.

    Raises:
      BadRuns: there is no such file, or columns that every run needs are missing.
    """
    return _runs(read_table(path, _ALIASES), str(path), given or {})


def read_table(path: Path, aliases: Mapping[str, str] | None = None) -> table.Table:
    """Read a CSV file of any kind of measurements; `aliases` rename its columns.

    Raises:
      BadRuns: it cannot be read.
    """
    try:
        return table.read(path, aliases)
    except InputError as error:
        raise BadRuns(str(error)) from None


def shipped() -> tuple[Run, ...]:
    """Return the runs that come with the package."""
    name = "published_runs.csv"
    file = resources.files("supernode_opt.calibration.data").joinpath(name)
    return _runs(table.parse(file.read_text(encoding="utf-8"), name, _ALIASES), name)


def _runs(
    read: table.Table, where: str, given: Mapping[str, str] | None = None
) -> tuple[Run, ...]:
    given = given or {}
    missing = [c for c in NEEDED if c not in {*read.columns, *given}]
    if missing:
        raise BadRuns(f"{where}: has no column {', '.join(missing)}")
    return tuple(Run({**given, **cells}, line) for line, cells in read.rows)


Kind = Literal["runs", "gemm", "collectives", "memory", "serving"]

# One name of each group must be among the columns.
_COLLECTIVES = (
    ("op_name", "op"),
    ("num_gpus", "ranks", "moe_ep_size"),
    ("latency_ms",),
)
# Of rows of machines that serve: as published, or as engines' benchmarks write them.
_SERVING = (("chip", "system"), ("phase", "mode"), ("tpot_ms", "silicon_tpot_ms"))
_GEMM = (("gemm_dtype",), ("m",), ("n",), ("k",), ("latency_ms",))


def kind_of(path: Path) -> Kind:
    """Tell training, serving, matrix products and collectives apart.

    Raises:
      BadRuns: the file cannot be read.
    """
    header = set(read_table(path).columns)
    if _has(header, _COLLECTIVES):
        return "collectives"
    if _has(header, _SERVING):
        return "serving"
    if header & {"peak_bytes", "memory_gib"}:
        return "memory"
    return "gemm" if _has(header, _GEMM) else "runs"


def _has(header: set[str], groups: tuple[tuple[str, ...], ...]) -> bool:
    return all(header & set(group) for group in groups)
