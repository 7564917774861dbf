"""One number of a catalog file: its value, its range and where it comes from."""

import dataclasses
import math
from typing import Any

from supernode_opt.catalog.own import BadEntry
from supernode_opt.reading.node import shown
from supernode_opt.units import parse


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where a number comes from.

    Attributes:
      value: the number the program uses, in `unit`.
      low: end of the plausible range, in `unit`.
      high: other end of the plausible range, in `unit`.
      unit: base SI unit, "" for a pure number.
      source: document or, for an estimate, its reasoning.
      confidence: "primary", "secondary", "estimate", "fit" or "measured".
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
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise BadEntry(f"must be a number, but is {shown(number)}")
    if not math.isfinite(number):
        raise BadEntry(f"must be finite, but is {number}")
    return parse(f"{number!r}" if given in ("1", 1) else f"{number!r} {given}", unit)
