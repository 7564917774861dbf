"""What an entry of one's own lacks, said at once: each field, its unit, an example."""

from collections.abc import Mapping, Sequence
from typing import Any

from supernode_opt.catalog.files import HEADINGS, declared, shipped
from supernode_opt.catalog.own import BadEntry

# Twenty-four fields of a chip with their units and examples take about this much.
_LONGEST = 4000


class Lacking(BadEntry):
    """An entry without fields that it must have; the message names all of them."""

    longest = _LONGEST


def error(where: str, kind: str, fields: Sequence[str]) -> Lacking:
    """Word the error for an entry that lacks `fields`.

    Args:
      where: file, line and entry.
      kind: of the entry.
      fields: dotted below the entry.
    """
    return Lacking(f"{where} {lacks(kind, fields)}")


def lacks(kind: str, fields: Sequence[str]) -> str:
    """Say that an entry of `kind` lacks `fields`, and what each may look like."""
    told = "; ".join(f"`{field}`{_like(kind, field)}" for field in fields)
    many = f"{len(fields)} fields:" if len(fields) > 1 else "the field"
    start = next(name for name in shipped(kind) if name not in HEADINGS)
    base = f"; or write `base: {start}` and only what differs" if fields[1:] else ""
    return f"lacks {many} {told}{base}"


def _like(kind: str, field: str) -> str:
    """Return unit and example of a field, as the first entry of the catalog has it."""
    last = field.rpartition(".")[2]
    known = declared(kind).get(last)
    unit = f" [{known.unit}]" if known is not None and known.unit else ""
    for name, fields in shipped(kind).items():
        found: Any = fields if name not in HEADINGS else {}
        for word in field.split("."):
            found = found.get(word) if isinstance(found, Mapping) else None
        if found is not None:
            return f"{unit} such as {_shown(found)}"
    return unit


def _shown(found: Any) -> str:
    if isinstance(found, list):
        return f"[{', '.join(map(str, found))}]"
    if not isinstance(found, Mapping):
        return str(found)
    given = found.get("unit", "1")
    number = found["value"]
    return f"{number:.15g}" if given in ("1", 1) else f"{number:.15g} {given}"
