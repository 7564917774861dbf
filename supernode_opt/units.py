"""Physical units at the edge: users write "1.2 kW", the program computes in base SI.

A `Quantity` inside an `Annotated` type carries the SI unit of a field.  From that one
declaration come the parser of unit strings, the bounds, the JSON Schema and the label
of an axis.  FLOP, tokens and money have dimensions of their own, so that "700 GB" can
never pass for a power.
"""

import dataclasses
import functools
import math
import re
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, TypeAdapter, WithJsonSchema

from supernode_opt.reading.factors import converted
from supernode_opt.reading.spelling import Ambiguous, spelled

_DEFINITIONS = (
    "flop = [computation] = FLOP",
    "token = [token] = tokens",
    "USD = [currency]",
    # pint's own bit and byte are dimensionless and would pass for FLOP.
    "data_byte = [information]",
    "data_bit = data_byte / 8",
    "failure_in_time = 1 / (1e9 hour) = FIT",
    "LPM = liter / minute",
)


class UnitError(ValueError):
    """A value that does not have the dimension its field asks for."""


@functools.cache
def registry() -> Any:
    """Return the pint registry, built on first use because it takes half a second."""
    import pint

    made = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    for definition in _DEFINITIONS:
        made.define(definition)
    return made


@functools.lru_cache(maxsize=4096)
def parse(text: str, unit: str) -> float:
    """Convert `text` such as "1.6 Tbit/s" or "25 degC" to a float in base unit `unit`.

    >>> parse("1.2 kW", "W")
    1200.0

    What people write for a unit is forgiven as in `reading.spelling`.

    Raises:
      UnitError: the text is no number, or its unit is unclear or of another dimension.
    """
    spaced = text.strip()
    number, _, written = spaced.partition(" ")
    wanted = _ALIASES.get(unit, unit)
    try:
        magnitude = float(number.replace("_", ""))
    except ValueError:
        number, written = _split_number(spaced)
        magnitude = float(number)
    written = written.strip() or wanted
    known = converted(magnitude, written, wanted)
    if known is not None:
        return known
    # A tower of powers would keep pint busy for ever.
    if len(written) > 40 or "**" in written or written.count("^") > 2:
        raise UnitError(f"is no quantity in {unit or 'plain numbers'}: {text[:40]!r}")
    try:
        meant = spelled(written, wanted)
    except Ambiguous as error:
        raise UnitError(f"has an unclear unit: {text!r}; {error}") from None
    known = converted(magnitude, re.sub(r"^\(([^()]*)\)$", r"\1", meant), wanted)
    if known is not None:
        return known
    import pint

    try:
        found = registry().Quantity(magnitude, registry().Unit(_normalise(meant)))
        return float(found.to(_normalise(wanted) or "dimensionless").magnitude)
    except pint.DimensionalityError:
        raise UnitError(
            f"must be in {unit or 'plain numbers'}, but is {text!r}"
        ) from None
    except Exception:
        raise UnitError(f"has an unknown unit: {text!r} (expected {unit!r})") from None


def with_unit(value: float, unit: str) -> Any:
    """Return `value`, given in `unit`, as a pint quantity of the package's registry.

    >>> print(with_unit(559e3, "W").to("kW"))
    559.0 kilowatt
    """
    return registry().Quantity(value, registry().Unit(_normalise(unit or "1")))


_ALIASES = {"1": "dimensionless"}


def _normalise(written: str) -> str:
    """Spell units the way this field writes them in the way pint reads them."""
    if written == "%":
        return "percent"
    # To pint a lone B is a bel and a lone b a barn; in this field they are data.
    written = re.sub(r"\b([kKMGTPE]i?)?(B|bytes?)\b", r"\1data_byte", written)
    return re.sub(r"\b([kKMGTPE]i?)?(b|bits?)\b", r"\1data_bit", written)


def _split_number(text: str) -> tuple[str, str]:
    """Split "700W" into ("700", "W")."""
    for end in range(len(text), 0, -1):
        try:
            float(text[:end])
        except ValueError:
            continue
        return text[:end], text[end:]
    raise UnitError(f"must be a number, but is {text[:40]!r}")


@dataclasses.dataclass(frozen=True)
class Quantity:
    """The SI unit of a field and, for people, what it is called.

    Attributes:
      unit: base SI unit as written on an axis ("" for a pure number).
      high: the greatest value that makes sense, `None` for none.
      whole: whether it counts things, so that only whole numbers can be built.
      low: the bound below which no value makes sense, `None` for none.
      zero: whether that bound itself is allowed.
    """

    unit: str
    high: float | None = None
    whole: bool = False
    low: float | None = None
    zero: bool = False

    def wrong(self, value: float) -> str | None:
        """Say what `value` must be, in words; `None` if it may be what it is."""
        if not math.isfinite(value):
            return "finite"
        if self.low is not None and value < self.low:
            return f"at least {self.low:g}" if self.zero else f"above {self.low:g}"
        if self.low == value and not self.zero:
            return f"above {self.low:g}"
        if self.high is not None and value > self.high:
            return f"at most {self.high:g}"
        return None


def quantity(
    unit: str,
    *,
    low: float | None = 0.0,
    zero: bool = False,
    high: float | None = None,
    whole: bool = False,
) -> Any:
    """Make the annotated type of a field measured in `unit`.

    Args:
      unit: base SI unit, "" for a pure number.
      low: the bound below which no value makes sense, `None` for none.
      zero: whether the bound itself is allowed.
      high: the greatest value that makes sense, `None` for none.
      whole: whether it counts things; a scenario may hold a fraction all the same.
    """

    def read(value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError(f"must be a number, but is {value}")
        if isinstance(value, str):
            return parse(value, unit)
        return value

    bound = {} if low is None else {"ge" if zero else "gt": low}
    number = {} if low is None else {"minimum" if zero else "exclusiveMinimum": low}
    if high is not None:
        bound["le"] = number["maximum"] = high
    schema = {
        "anyOf": [{"type": "number", **number}, {"type": "string"}],
        "description": f"[{unit or '1'}]",
    }
    return Annotated[
        float,
        BeforeValidator(read),
        Field(allow_inf_nan=False, **bound),
        WithJsonSchema(schema),
        Quantity(unit, high=high, whole=whole, low=low, zero=zero),
    ]


def _yes(value: Any) -> Any:
    words = {"yes": 1.0, "true": 1.0, "on": 1.0, "no": 0.0, "false": 0.0, "off": 0.0}
    if isinstance(value, str):
        return words.get(value.lower(), value)
    return float(value) if isinstance(value, bool) else value


# A yes or no that programs compute with: 1 or 0.
Flag = Annotated[
    float,
    BeforeValidator(_yes),
    Field(ge=0.0, le=1.0),
    WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}]}),
]
Number = quantity("")
Count = quantity("", whole=True)
NonNegative = quantity("", zero=True)
Share = quantity("", zero=True, high=1.0)
Efficiency = quantity("", high=1.0)
Second = quantity("s")
Watt = quantity("W")
Kelvin = quantity("K")
Metre = quantity("m")
SquareMetre = quantity("m^2")
Byte = quantity("B")
BytePerSecond = quantity("B/s")
FlopPerSecond = quantity("flop/s")
JoulePerByte = quantity("J/B", zero=True)
CubicMetrePerSecond = quantity("m^3/s")
Dollar = quantity("USD", zero=True)
PerSecond = quantity("1/s", zero=True)


@functools.cache
def quantity_of(record_type: type, name: str) -> Quantity:
    """Return the `Quantity` declared for field `name` of `record_type`."""
    hint = typing.get_type_hints(record_type, include_extras=True)[name]
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, Quantity):
            return extra
    return Quantity("")


def quantities(record_type: type) -> Iterator[tuple[str, Quantity]]:
    """Yield (field name, quantity) of every field of `record_type` that has one."""
    for name, hint in typing.get_type_hints(record_type, include_extras=True).items():
        for extra in getattr(hint, "__metadata__", ()):
            if isinstance(extra, Quantity):
                yield name, extra


@functools.cache
def _declared(record_type: type) -> tuple[tuple[str, Quantity], ...]:
    return tuple(quantities(record_type))


def check(
    record: Any,
    owner: str = "",
    *,
    whole: tuple[str, ...] = (),
    at_zero: bool = False,
) -> None:
    """Refuse plain numbers of a record that a file could not have; arrays may be any.

    Args:
      record: its fields may hold anything that programs compute with.
      owner: what an error calls the record, "" for none.
      whole: the fields that count something.
      at_zero: whether zero passes whatever the field.

    Raises:
      TypeError: text or a collection stands where a number belongs.
      ValueError: a number is beyond its bounds or has a fraction.
    """
    for name, known in _declared(type(record)):
        value = getattr(record, name)
        path = f"`{owner}.{name}`" if owner else f"`{name}`"
        if isinstance(value, str | bytes | Mapping | list | tuple | set):
            raise TypeError(f"{path} must be a number, but is {value!r:.60}")
        if isinstance(value, int | float):
            wrong = None if at_zero and value == 0 else known.wrong(value)
            if wrong is None and name in whole and value != int(value):
                wrong = "a whole number"
            if wrong is not None:
                raise ValueError(f"{path} must be {wrong}, but is {value!r}")


@functools.cache
def field_adapter(record_type: type, name: str) -> TypeAdapter[Any]:
    """Return the validator of a record's field; it is costly to make."""
    return TypeAdapter(typing.get_type_hints(record_type, include_extras=True)[name])


def label(name: str, unit: str) -> str:
    """Write an axis label: ("step_time", "s") becomes "step time [s]"."""
    words = name.replace("_", " ")
    return f"{words} [{unit}]" if unit else words
