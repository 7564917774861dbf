"""The catalog for people: every value with its bounds, source and confidence."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from supernode_opt import catalog
from supernode_opt.catalog.figure import STATED
from supernode_opt.catalog.inherited import INHERITED
from supernode_opt.reading.node import StudyError, did_you_mean, shown
from supernode_opt.words import spoken

# What marks of one's own numbers mean, below the table that has them.
_MARKS = {
    STATED: "stated: as your file says, and exact unless it gives low and high.",
    INHERITED: (
        "inherited: taken from `base`, each end of its range twice as far away, and"
        " of a number with a unit at least 10 %, because it was stated of another part."
    ),
}


def entries(kind: str | None, name: str | None) -> dict[str, Any]:
    """Return what the catalog holds: kinds, the names of a kind, or one entry.

    Raises:
      StudyError: there is no such kind or entry.
    """
    if kind is None:
        return {known: list(catalog.names(known)) for known in catalog.KINDS}
    _known(kind, catalog.KINDS, "kind of catalog entry")
    if name is None:
        return {kind: list(catalog.names(kind))}
    name = catalog.called(kind, name) or name
    _known(name, catalog.names(kind), kind)
    if kind == "system":
        record, traced = catalog.system(name), catalog.system(name).provenance
        plain = {**_names(record), **record.design}
    else:
        record, traced = catalog.load(kind, name), catalog.provenance(kind, name)
        plain = _names(record)
    return {
        field: dataclasses.asdict(traced[field]) if field in traced else value
        for field, value in {**plain, **traced}.items()
    }


def _names(record: Any) -> dict[str, Any]:
    """Return the fields of `record` that are names or kinds, not numbers."""
    fields = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    return {k: v for k, v in fields.items() if isinstance(v, str | bool | tuple)}


def tables(kind: str | None, name: str | None) -> RenderableType:
    """Return the same, ready to print.

    Raises:
      StudyError: there is no such kind or entry.
    """
    found = entries(kind, name)
    if kind is None or name is None:
        return Group(*(f"{known}: {', '.join(found[known])}" for known in found))
    table = Table(title=f"{kind} {name}", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("field", "value", "low", "high", "confidence", "source"):
        table.add_column(column, overflow="fold")
    for field, row in found.items():
        words = field.replace("_", " ")
        if not isinstance(row, dict):
            said = ", ".join(row) if isinstance(row, tuple) else str(row)
            table.add_row(words, said)
            continue
        numbers = (row["value"], row["low"], row["high"])
        said = [spoken(number, row["unit"]) for number in numbers]
        table.add_row(words, *said, row["confidence"], row["source"])
    marks = {row["confidence"] for row in found.values() if isinstance(row, dict)}
    said = [_MARKS[mark] for mark in _MARKS if mark in marks]
    return Group(table, *said) if said else table


def _known(word: str, known: Sequence[str], what: str) -> None:
    if word not in known:
        near = did_you_mean(word, known)
        raise StudyError(f"{shown(word)} is not a known {what}{near}")
