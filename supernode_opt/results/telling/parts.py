"""The parts of what is said: sentences and tables of plain text, not yet laid out."""

from collections.abc import Sequence
from typing import Any, NamedTuple

# How a row is marked.
STRONG, FAINT, BAD = "strong", "faint", "bad"


class Row(NamedTuple):
    """A row of a table.

    Attributes:
      cells: texts, of which one may have several lines.
      mark: "", or one of `STRONG`, `FAINT` and `BAD`.
    """

    cells: tuple[str, ...]
    mark: str = ""


class Grid(NamedTuple):
    """A table.

    Attributes:
      headings: of its columns; none for a list of names and what they are.
      rows: from the first to the last.
      title: above it, "" for none.
      numbers: places of the columns that are flush right.
    """

    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    title: str = ""
    numbers: tuple[int, ...] = (1,)


class Part(NamedTuple):
    """One part of what is said.

    Attributes:
      name: what programs call it, such as "why".
      title: what people read above it.
      lines: sentences, which come first.
      grids: tables below them.
      mark: of the first line, as that of a row.
    """

    name: str
    title: str
    lines: tuple[str, ...] = ()
    grids: tuple[Grid, ...] = ()
    mark: str = ""

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return bool(self.lines or any(grid.rows for grid in self.grids))

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, JSON's."""
        return {
            "name": self.name,
            "title": self.title,
            "lines": list(self.lines),
            "tables": [
                {
                    "title": grid.title,
                    "headings": list(grid.headings),
                    "rows": [list(row.cells) for row in grid.rows],
                }
                for grid in self.grids
            ],
        }


def grid(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    title: str = "",
    numbers: Sequence[int] = (1,),
) -> Grid:
    """Make a table whose rows are not marked."""
    plain = tuple(Row(tuple(cells)) for cells in rows)
    return Grid(tuple(headings), plain, title, tuple(numbers))


def facts(rows: Sequence[tuple[str, str]]) -> Grid:
    """Make a list of names and what they are, those that are nothing left out."""
    return grid((), [row for row in rows if row[1]], numbers=())
