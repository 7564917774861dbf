"""What a result says, laid out for a terminal or a text file."""

import io
from collections.abc import Iterable, Iterator, Sequence

import xarray as xr
from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from supernode_opt.results import kinds
from supernode_opt.results.narrow import fitted
from supernode_opt.results.telling.parts import BAD, FAINT, STRONG, Grid, Part

WIDTH = 80
_STYLES = {"": "", STRONG: "bold", FAINT: "dim", BAD: "red"}
# What the first line of a marked part looks like.
_VERDICTS = {"": "", STRONG: "bold green", BAD: "bold red"}


def render(dataset: xr.Dataset, everything: bool = True) -> str:
    """Return what a result of any kind says as plain text; see `tables`."""
    console = Console(file=io.StringIO(), width=WIDTH, color_system=None)
    for part in fitted(tables(dataset, everything), console):
        console.print(part)
    lines = console.file.getvalue().splitlines()  # type: ignore[union-attr]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def tables(dataset: xr.Dataset, everything: bool = False) -> Group:
    """Return what a person wants to know of a result of any kind, ready to print.

    Args:
      dataset: the result.
      everything: whether the range of every quantity and every claim is told.
    """
    return laid_out(kinds.told(dataset, everything))


def laid_out(parts: Iterable[Part]) -> Group:
    """Lay parts out one below the other."""
    shown = [item for part in parts if part for item in _part(part)]
    return Group(*shown)


def _part(part: Part) -> Iterator[RenderableType]:
    yield Text(part.title, style="bold")
    for place, line in enumerate(part.lines):
        style = _VERDICTS[part.mark] if not place and part.mark else ""
        yield Padding(Text(line, style=style), (0, 0, 0, 2), expand=False)
    for grid in part.grids:
        if grid.rows:
            # A title of the table itself would be broken at its width.
            if grid.title:
                yield Text(f" {grid.title}", style="bold")
            yield table(grid)
            yield ""
    if not part.grids or not part.grids[-1].rows:
        yield ""


def table(grid: Grid) -> Table:
    """Lay a table out, without its title."""
    made = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=True,
        show_header=bool(grid.headings),
    )
    for index, column in enumerate(_headings(grid)):
        justify = "right" if index in grid.numbers else "left"
        made.add_column(Text(column), justify=justify)
    for row in grid.rows:
        made.add_row(*map(Text, row.cells), style=_STYLES[row.mark])
    return made


def _headings(grid: Grid) -> Sequence[str]:
    return grid.headings or ("",) * len(grid.rows[0].cells)
