"""Values as people have them in Python, turned into those of a study, and ranges."""

import math
import numbers
from collections.abc import Mapping
from typing import Any

from supernode_opt.reading.node import Node, StudyError, shown


def written(value: Any, path: str, place: str) -> Node:
    """Return a Python value as the value of a study, at the dotted `path`.

    Args:
      value: a number in the unit that the field states (SI), words with a unit, a
        numpy scalar or array, a pint quantity, a mapping or a list of these.
      path: of the field, for error messages.
      place: what error messages begin with.

    Raises:
      StudyError: it is of another kind.
    """
    if value is None or isinstance(value, str | bool):
        return Node(value, path, place)
    if isinstance(value, Mapping):
        return Node(
            {
                str(k): written(v, f"{path}.{k}" if path else str(k), place)
                for k, v in value.items()
            },
            path,
            place,
        )
    if hasattr(value, "magnitude") and hasattr(value, "units"):
        return Node(_quantity(value), path, place)
    # Numpy and JAX values know how to become plain ones.
    if hasattr(value, "tolist"):
        return written(value.tolist(), path, place)
    if isinstance(value, list | tuple | range | set | frozenset):
        items = [written(item, f"{path}.{i}", place) for i, item in enumerate(value)]
        return Node(items, path, place)
    if isinstance(value, numbers.Integral):
        return Node(int(value), path, place)
    if isinstance(value, numbers.Real):
        return Node(float(value), path, place)
    raise StudyError(f"{place}: `{path}` must be a value, but is {shown(value)}")


def _quantity(value: Any) -> str:
    """Write a pint quantity of any registry as a number with its unit."""
    unit = f"{value.units:~C}".replace("**", "^").replace("°C", "degC")
    magnitude = float(value.magnitude)
    return f"{magnitude!r} {unit}".rstrip()


def linspace(low: float | str, high: float | str, count: int = 50) -> list[Any]:
    """Return `count` values from `low` to `high`, evenly spaced.

    Args:
      low, high: plain numbers, or words with a unit; then the values are words in the
        unit of `low`.
      count: of the values, at least one [1].

    >>> linspace("50 GB/s", "800 GB/s", 4)
    ['50 GB/s', '300 GB/s', '550 GB/s', '800 GB/s']
    >>> linspace(0.5, 1.0, 3)
    [0.5, 0.75, 1.0]

    Raises:
      StudyError: an end is no number, or the two have units of different kinds.
    """
    start, stop, unit = _ends(low, high)
    step = (stop - start) / max(_count(count) - 1, 1)
    return _spelled([start + i * step for i in range(count)], unit)


def geomspace(low: float | str, high: float | str, count: int = 50) -> list[Any]:
    """Return `count` values from `low` to `high`, each the same multiple of the last.

    Args:
      low, high: above zero; plain numbers, or words with a unit as in `linspace`.
      count: of the values, at least one [1].

    >>> geomspace("1 pJ/b", "100 pJ/b", 3)
    ['1 pJ/b', '10 pJ/b', '100 pJ/b']

    Raises:
      StudyError: an end is not above zero, or the two have units of different kinds.
    """
    start, stop, unit = _ends(low, high)
    if min(start, stop) <= 0.0:
        raise StudyError(f"geomspace: must be above zero, but is {low!r} to {high!r}")
    power = math.log(stop / start) / max(_count(count) - 1, 1)
    return _spelled([start * math.exp(i * power) for i in range(count)], unit)


def _count(count: int) -> int:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise StudyError(f"count: must be a whole number from 1, but is {count!r}")
    return count


def _ends(low: Any, high: Any) -> tuple[float, float, str]:
    """Return both ends in the unit of the first, and that unit."""
    from supernode_opt.units import UnitError, parse

    both = [written(end, "end", "range").plain() for end in (low, high)]
    first = both[0]
    unit = ""
    if isinstance(first, str):
        # What stands behind the number is the unit of both.
        unit = first.strip().lstrip("+-0123456789._eE").strip()
    try:
        start, stop = (
            float(end) if not isinstance(end, str) else parse(end, unit) for end in both
        )
    except (UnitError, TypeError, ValueError) as error:
        raise StudyError(f"range from {low!r} to {high!r}: {error}") from None
    return start, stop, unit


def _spelled(values: list[float], unit: str) -> list[Any]:
    """Write values to twelve digits, past which only rounding is left."""
    rounded = [float(f"{value:.12g}") for value in values]
    return [f"{value:.12g} {unit}" for value in rounded] if unit else rounded
