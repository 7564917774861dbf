"""Published training runs: rows of a CSV file, read with their citations."""

import csv
import dataclasses
import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

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
}


class BadRuns(ValueError):
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
                f"line {self.line}: {column} must be a number, but is {written!r}"
            ) from None
        if not math.isfinite(value) or value < 0.0:
            raise BadRuns(
                f"line {self.line}: {column} must be finite and not negative,"
                f" but is {written!r}"
            )
        return value

    @property
    def name(self) -> str:
        """Identifier of the row."""
        return self.text("run_id") or f"line {self.line}"

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
        rate, batch = self.number("tokens_per_s_per_accel_any"), self.number("gbs")
        chips, length = self.number("n_accel"), self.number("seq_len")
        if rate and batch and chips and length:
            return batch * length / (rate * chips)
        return None

    @property
    def is_calibration(self) -> bool:
        """Whether the row may be fitted."""
        return self.text("usable_for").startswith("calibration")

    @property
    def is_validation(self) -> bool:
        """Whether the row is kept for judging only."""
        return self.text("usable_for").startswith("validation")


def read(path: Path, given: Mapping[str, str] | None = None) -> tuple[Run, ...]:
    """Read the runs of a CSV file.

    Args:
      path: of the file.
      given: cells of columns that the file does not have.

    Raises:
      BadRuns: there is no such file, or columns that every run needs are missing.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return _rows(csv.DictReader(file), str(path), given or {})
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRuns(f"{path}: cannot be read: {error}") from None


def shipped() -> tuple[Run, ...]:
    """Return the runs that come with the package."""
    name = "published_runs.csv"
    file = resources.files("supernode_opt.calibration.data").joinpath(name)
    text = file.read_text(encoding="utf-8")
    return _rows(csv.DictReader(text.splitlines(keepends=True)), name)


def _rows(
    reader: csv.DictReader, where: str, given: Mapping[str, str] | None = None
) -> tuple[Run, ...]:
    columns = [_ALIASES.get(name, name) for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    given = given or {}
    missing = [column for column in NEEDED if column not in {*columns, *given}]
    if missing:
        raise BadRuns(f"{where}: has no column {', '.join(missing)}")
    return tuple(Run({**given, **cells}, reader.line_num) for cells in reader)
