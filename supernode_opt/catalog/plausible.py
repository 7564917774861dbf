"""Numbers that are probably not what was meant, told by what the catalog has.

A number without a unit is in base SI.  People who write 800 for 800 TFLOP/s would be
taken at their word, so such a number must be near what the catalog's entries have.
One with a unit may be anything; far from every entry, it is questioned.
"""

import dataclasses
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from supernode_opt.catalog.figure import has_unit
from supernode_opt.catalog.own import BadEntry
from supernode_opt.reading.node import Doubt
from supernode_opt.units import UnitError, parse

# Beyond this many times the greatest, or below the least over it, a value is far away.
FAR = 100.0
# Temperatures are counted from so far below that half or twice of one is far away.
_FAR_KELVIN = 2.0

_FOUND = ("measured", "fit")


@dataclasses.dataclass(frozen=True)
class Span:
    """What the catalog's entries have in one field.

    Attributes:
      unit: base SI unit, "" for a pure number.
      low, high: least and greatest number above zero, in `unit`.
      low_text, high_text: the same as the catalog writes them.
      units: those in which the catalog writes the field, most frequent first.
    """

    unit: str
    low: float
    high: float
    low_text: str
    high_text: str
    units: tuple[str, ...]

    def has_near(self, value: float) -> bool:
        """Tell whether `value`, in `unit`, is not far from the span; zero is not."""
        far = _FAR_KELVIN if self.unit == "K" else FAR
        return value == 0.0 or self.low / far <= value <= self.high * far

    @property
    def words(self) -> str:
        """What the catalog has."""
        return f"the catalog has {self.low_text} to {self.high_text}"


def span(unit: str, numbers: Iterable[tuple[float, str]]) -> Span | None:
    """Return the span of `numbers`, each with the unit it is written in.

    `None` where none is above zero.
    """
    found = [(parse(_text(*one), unit), *one) for one in numbers]
    found = [one for one in found if one[0] > 0.0]
    if not found:
        return None
    least, greatest = min(found), max(found)
    written = [one[2] for one in found]
    units = tuple(sorted(set(written), key=written.count, reverse=True))
    texts = _text(*least[1:]), _text(*greatest[1:])
    return Span(unit, least[0], greatest[0], *texts, units)


def _text(number: float, unit: str) -> str:
    return f"{number:.15g}" if unit in ("", "1") else f"{number:.15g} {unit}"


def refused(value: float, known: Span | None) -> str | None:
    """Say why `value`, written without a unit, cannot be taken as SI; `None` if it can.

    >>> refused(800.0, span("flop/s", [(300, "TFLOP/s"), (2, "PFLOP/s")]))
    'would be 800 flop/s, but the catalog has 300 TFLOP/s to 2 PFLOP/s: write 800 \
TFLOP/s, or whatever unit is meant'
    """
    if known is None or not known.unit or known.has_near(value):
        return None
    for unit in (*known.units, *(f"{prefix}{known.unit}" for prefix in "TGMkmunp")):
        try:
            meant = parse(f"{value:.15g} {unit}", known.unit)
        except UnitError:
            continue
        if known.has_near(meant):
            advice = f"write {value:g} {unit}, or whatever unit is meant"
            break
    else:
        advice = "write its unit"
    return f"would be {value:g} {known.unit}, but {known.words}: {advice}"


def far(value: float, known: Span | None) -> str | None:
    """Question `value`, in SI, if it is far from any in the catalog; else `None`."""
    if known is None or known.has_near(value):
        return None
    if value > known.high:
        beyond = f"{value / known.high:.3g} times above the greatest"
    else:
        beyond = f"{known.low / value:.3g} times below the least"
    unit = f" {known.unit}" if known.unit else ""
    return f"is {value:g}{unit}, {beyond}: {known.words}"


def question(where: str, value: float, known: Span | None) -> None:
    """Warn of a value that is far from any in the catalog; `where` names it."""
    said = far(value, known)
    if said is not None:
        warnings.warn(f"{where} {said}", Doubt, stacklevel=2)


def judge(where: str, written: Any, value: float, known: Span | None) -> None:
    """Refuse or question a number of the user's own catalog.

    Args:
      where: file, entry and field.
      written: the number as written.
      value: the same in SI.
      known: what the shipped catalog has there.

    Raises:
      BadEntry: it has no unit and would be far from any in the catalog.
    """
    said = None if _has_unit(written) else refused(value, known)
    if said is not None:
        raise BadEntry(f"{where} {said}")
    # What was measured or fitted is nobody's slip of the pen.
    if not (isinstance(written, Mapping) and written.get("confidence") in _FOUND):
        question(where, value, known)


def _has_unit(written: Any) -> bool:
    """Tell whether a number of a catalog file says its unit."""
    if not isinstance(written, Mapping):
        return isinstance(written, str) and has_unit(written)
    within = written.get("value")
    return written.get("unit", 1) not in ("1", 1) or (
        isinstance(within, str) and has_unit(within)
    )
