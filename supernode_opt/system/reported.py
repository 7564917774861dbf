"""What there is to know of a reported quantity, said once where it is defined."""

import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import WithJsonSchema

from supernode_opt.system.ways import Ways
from supernode_opt.units import quantity

# (values reported so far, design, scenario) -> value; nothing but + - * / of values
# that are not negative, so that the same formula bounds the quantity from bounds.
Formula = Callable[[Any, Any, Any], Any]


_UNKNOWN = Ways()


@dataclass(frozen=True)
class Facts:
    """What is said of one quantity of the `Report`.

    Attributes:
      description: one line on what it is.
      label: what people call it; "" for its name in words.
      more_is_better: whether one would rather have more of it; `None` for neither.
      ways: which way it moves with what.
      formula: how it follows from other quantities, if it does.
      ceiling: the limit that every design respects, of a scenario; `None` for none.
      shown: unit and factor from SI in tables of machines; "" for its own.
      share: whether people write it in per cent.
      headline: whether a printed result begins with it.
      key: name, with its unit, in the head of printed JSON; "" for not there.
      signed: whether it may be negative.
      parts: field of the report with the parts it is the sum of, "" for none.
      compared: whether machines are compared by it.
      step_exponent: power of the time of a step in it [1].
      dear: whether most programs leave it out, for it needs failures, prices or a
        second look at power.
    """

    description: str
    label: str = ""
    more_is_better: bool | None = None
    ways: Ways = _UNKNOWN
    formula: Formula | None = None
    ceiling: Callable[[Any], float] | None = None
    shown: tuple[str, float] = ("", 1.0)
    share: bool = False
    headline: bool = False
    key: str = ""
    signed: bool = False
    parts: str = ""
    compared: bool = False
    step_exponent: float = 0.0
    dear: bool = False


def reported(
    unit: str,
    description: str,
    *,
    low: float | None = 0.0,
    zero: bool = True,
    **facts: Any,
) -> Any:
    """Make the annotated type of a reported quantity; see `Facts` for the rest.

    Args:
      unit: base SI unit, "" for a pure number.
      description: one line on what it is.
      low: the bound below which no value makes sense, `None` for none.
      zero: whether the bound itself is allowed.
      **facts: other fields of `Facts`.
    """
    base = quantity(unit, low=low, zero=zero)
    schema = next(m for m in base.__metadata__ if isinstance(m, WithJsonSchema))
    words = f"{description} [{unit or '1'}]"
    told = WithJsonSchema({**(schema.json_schema or {}), "description": words})
    signed = low is None or low < 0.0
    return typing.Annotated[base, told, Facts(description, signed=signed, **facts)]


def facts_of(record_type: type) -> dict[str, Facts]:
    """Return what is said of every field of `record_type` that is `reported`."""
    found = {}
    for name, hint in typing.get_type_hints(record_type, include_extras=True).items():
        for extra in getattr(hint, "__metadata__", ()):
            if isinstance(extra, Facts):
                found[name] = extra
    return found
