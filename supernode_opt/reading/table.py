"""CSV tables of a user's: a header, and rows that have a cell for each column."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from supernode_opt.reading.files import read_text
from supernode_opt.reading.node import InputError, shown

LARGEST_TABLE = 100_000_000


class Table(NamedTuple):
    """What a CSV file holds.

    Attributes:
      columns: their names.
      rows: (line of the file, cell by column).
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]


def read(path: Path, aliases: Mapping[str, str] | None = None) -> Table:
    """Read a CSV file; `aliases` are other names of columns.

    Raises:
      InputError: it cannot be read, or a row does not fit its header.
    """
    return parse(read_text(path, LARGEST_TABLE), str(path), aliases)


def parse(text: str, where: str, aliases: Mapping[str, str] | None = None) -> Table:
    """Read CSV `text`; `where` is what error messages call it.

    Raises:
      InputError: a row does not fit the header, or there is none.
    """
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{where}: line {line}: holds a zero byte")
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    columns: list[str] = []
    rows = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = [(aliases or {}).get(cell, cell) for cell in cells]
                _check(columns, where)
                continue
            if len(cells) != len(columns):
                raise InputError(
                    f"{where}: line {reader.line_num}: has {len(cells)} cells, but the"
                    f" table has {len(columns)} columns"
                )
            rows.append((reader.line_num, dict(zip(columns, cells, strict=True))))
    except csv.Error as error:
        at = f"{where}: line {reader.line_num}"
        raise InputError(f"{at}: cannot be read: {error}") from None
    if not columns:
        raise InputError(f"{where}: is empty")
    return Table(tuple(columns), tuple(rows))


def _check(columns: list[str], where: str) -> None:
    for name in columns:
        if columns.count(name) > 1:
            raise InputError(f"{where}: has two columns {shown(name)}")
