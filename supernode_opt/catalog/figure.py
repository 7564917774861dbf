"""One number of a catalog file: its value, its range and where it comes from."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from supernode_opt.catalog.own import BadEntry
from supernode_opt.reading.node import Node, shown
from supernode_opt.units import Quantity, parse

# Confidence of a number that the user's own file states and says nothing more of.
STATED = "stated"


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where a number comes from.

    Attributes:
      value: the number the program uses, in `unit`.
      low: end of the plausible range, in `unit`.
      high: other end of the plausible range, in `unit`.
      unit: base SI unit, "" for a pure number.
      source: document or, for an estimate, its reasoning.
      confidence: "primary", "secondary", "estimate", "fit" or "measured"; in the
        user's own files also "stated" (written there without more) and "inherited".
    """

    value: float
    low: float
    high: float
    unit: str
    source: str
    confidence: str


def in_unit(number: Any, given: Any, unit: str) -> float:
    """Convert a `number` in the unit `given` ("1" for none) to the base `unit`.

    Raises:
      BadEntry: it is no finite number.
      UnitError: it has another dimension.
    """
    if isinstance(number, str):
        return parse(number if has_unit(number) else f"{number} {given}", unit)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise BadEntry(f"must be a number, but is {shown(number)}")
    if not math.isfinite(number):
        raise BadEntry(f"must be finite, but is {number}")
    return parse(f"{number!r}" if given in ("1", 1) else f"{number!r} {given}", unit)


def has_unit(number: str) -> bool:
    """Tell whether a number written as text says its unit."""
    try:
        float(number)
    except ValueError:
        return True
    return False


def traced_number(
    written: Any, unit: str, about: Mapping[str, Any], sources: Mapping[str, str]
) -> Provenance:
    """Read one number of a catalog file.

    Args:
      written: a mapping of value, low, high, unit, source and confidence, or a bare
        number, which is exact and takes source and confidence from `about`.
      unit: the base SI unit to convert to.
      about: the entry the number belongs to.
      sources: what short names of sources stand for.

    Raises:
      ValueError: the number lacks something or has another dimension.
    """
    if not isinstance(written, Mapping):
        written = {"value": written, "low": written, "high": written, **about}
    for part in ("value", "low", "high", "source", "confidence"):
        if part not in written:
            raise BadEntry(f"must have `{part}`")
    value, low, high = (
        in_unit(written[part], written.get("unit", "1"), unit)
        for part in ("value", "low", "high")
    )
    if not low <= value <= high:
        raise BadEntry("must have low <= value <= high")
    source = sources.get(written["source"], written["source"])
    return Provenance(value, low, high, unit, source, written["confidence"])


def completed(
    fields: Mapping[str, Any], known: Mapping[str, Quantity], node: Node
) -> dict[str, Any]:
    """Return an entry of the user's own with what a plain number leaves out.

    A number without a range is exact: its range is the number.  One without a source
    has that of its entry, or the file itself, and is `stated`.

    Args:
      fields: of the entry; those of its `design` are completed as well.
      known: what is declared of its numbers.
      node: the entry in its file.
    """
    about = {"source": f"stated in {_file(node)}"}
    about |= {"confidence": STATED}
    about |= {part: fields[part] for part in about if part in fields}

    def complete(written: Any) -> Any:
        if not isinstance(written, Mapping):
            return {"value": written, "low": written, "high": written, **about}
        ends = {}
        if "value" in written and not {"low", "high"} & written.keys():
            ends = dict.fromkeys(("low", "high"), written["value"])
        return {**about, **ends, **written}

    done = {f: complete(v) if f in known else v for f, v in fields.items()}
    if isinstance(fields.get("design"), Mapping):
        design = fields["design"].items()
        done["design"] = {f: complete(v) if f in known else v for f, v in design}
    return done


def _file(node: Node) -> str:
    """Return the name of the file in which a node stands."""
    return PurePath(node.place.rpartition(":")[0]).name
