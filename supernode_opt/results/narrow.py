"""Tables for terminals of any width: words wrap, columns move below, numbers stay.

Left to itself, rich cuts what does not fit.
"""

import copy
import re
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console, Group
from rich.table import Column, Table

# A narrower terminal breaks lines itself.
NARROWEST = 40
# A word longer than this may be broken, unless it holds a number.
_WORD = 16
# A cell of numbers that is longer is a sentence, as a certificate has them.
_CELL = 40
_NUMBER = re.compile(r"\d")


def fitted(renderable: Any, console: Console) -> Iterator[Any]:
    """Yield what to print, one below the other, for all of `renderable`."""
    if isinstance(renderable, Group):
        for part in renderable.renderables:
            yield from fitted(part, console)
    elif isinstance(renderable, Table):
        yield from _parts(renderable, console)
    else:
        yield renderable


def _parts(table: Table, console: Console) -> Iterator[Table]:
    """Part a table that is too wide by columns; the first stands in every part."""
    least, most = zip(*(_needs(c, console) for c in table.columns), strict=True)
    if sum(most) + _lines(table, len(most)) <= console.width:
        yield table
        return
    for place, part in enumerate(_groups(table, least, console.width)):
        room = console.width - _lines(table, len(part))
        widths = _widths([least[i] for i in part], [most[i] for i in part], room)
        made = copy.copy(table)
        made.columns = [copy.copy(table.columns[i]) for i in part]
        for index, column in enumerate(made.columns):
            column._index = index
            column.no_wrap, column.overflow = False, "fold"
            column.width = widths[index]
        if place and table.title:
            made.title = f"{table.title}, continued"
        yield made


def _needs(column: Column, console: Console) -> tuple[int, int]:
    """Return the widths without a broken number, and without a broken line."""
    cells = (column.header, *column.cells)
    texts = [
        console.render_str(c).plain if isinstance(c, str) else str(c) for c in cells
    ]
    most = max(len(line) for text in texts for line in (text.splitlines() or [""]))
    lines = [line for text in texts for line in text.splitlines()]
    whole = [t for t in lines if column.justify == "right" and len(t) <= _CELL]
    words = [word for text in texts for word in text.split()]
    kept = [len(w) if _NUMBER.search(w) else min(len(w), _WORD) for w in words]
    return max([*kept, *map(len, whole)], default=1), most


def _lines(table: Table, columns: int) -> int:
    """Return the width of what is not text: lines and padding."""
    edges = 2 if table.box and table.show_edge else 0
    _, right, _, left = table.padding
    padding = columns * (left + right) - (0 if table.pad_edge else left + right)
    return edges + padding + (columns - 1 if table.box else 0)


def _groups(table: Table, least: Sequence[int], width: int) -> list[list[int]]:
    """Return the columns of each part."""
    parts = [[0]]
    for index in range(1, len(least)):
        tried = [*parts[-1], index]
        if sum(least[i] for i in tried) + _lines(table, len(tried)) <= width:
            parts[-1] = tried
        else:
            parts.append([0, index])
    return parts


def _widths(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Give the columns what room is left, those that need little first."""
    widths, spare = list(least), room - sum(least)
    order = sorted(range(len(least)), key=lambda i: most[i] - least[i])
    for place, index in enumerate(order):
        more = min(most[index] - least[index], max(spare, 0) // (len(order) - place))
        widths[index] += more
        spare -= more
    return widths
