"""Which kind of measured table a CSV file holds, told by its header."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

Kind = Literal["runs", "gemm"]

# Columns that only tables of one kind have; the first kind with all of them it is.
_MARKS: dict[Kind, frozenset[str]] = {
    "gemm": frozenset({"gemm_dtype", "m", "n", "k"}),
}


def kind_of(path: Path) -> Kind:
    """Return the kind of table that a CSV file holds.

    A file that cannot be read counts as training runs, whose reader says why.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return "runs"
    columns = {name.strip().lower() for name in header}
    return next((kind for kind, marks in _MARKS.items() if marks <= columns), "runs")


def one_kind(paths: Iterable[Path]) -> Kind:
    """Return the kind of tables that all files hold.

    Raises:
      ValueError: they hold different kinds.
    """
    kinds = {path: kind_of(path) for path in paths}
    (first, kind), *rest = kinds.items()
    for path, other in rest:
        if other != kind:
            raise ValueError(f"{path} is a table of {other}, but {first} of {kind}")
    return kind
