"""Tables of what commands found, for people and for documents."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from rich.table import Table


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]] = (),
    *,
    words: Collection[int] = (0,),
    whole: bool = False,
    **looks: Any,
) -> Table:
    """Make a table for people.

    Args:
      headings: of its columns.
      rows: the cells of each.
      words: the columns that are flush left.
      whole: whether cells are never broken.
      **looks: title and whatever else rich knows.
    """
    made = Table(**looks)
    for place, heading in enumerate(headings):
        justify = "left" if place in words else "right"
        made.add_column(heading, justify=justify, no_wrap=whole)
    for row in rows:
        made.add_row(*row)
    return made


def markdown(
    headings: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1
) -> str:
    """Write a table for documents, the first `words` columns flush left."""
    rule = "|" + "---|" * words + "--:|" * (len(headings) - words)
    lines = ["| " + " | ".join(cells) + " |" for cells in (headings, *rows)]
    return "\n".join([lines[0], rule, *lines[1:]])


def percent(share: float | None) -> str:
    """Write a share in per cent, "-" where there is none."""
    return "-" if share is None else f"{100.0 * share:.1f}"
