"""Least and greatest values of quantities from those of their parts, taken lazily.

A quantity that follows from others by a formula is bounded by the formula itself, run
on `Ends`.  All parts are non-negative, so an end of a product or ratio needs one end of
each part, and only the ends that are asked for are ever computed.  What no end is
known of is infinite at that end, and excludes nothing.
"""

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np

from supernode_opt.record import is_record
from supernode_opt.system.parts import PART_FACTS
from supernode_opt.system.report import FACTS

Side = Literal["low", "high"]
Thunk = Callable[[], Any]


class Leaf(NamedTuple):
    """One end of a quantity that no formula gives."""

    name: str
    side: Side


class Ends:
    """A non-negative value known by its ends, each computed when it is asked for."""

    def __init__(self, low: Thunk, high: Thunk) -> None:
        """Keep the two ways to compute the ends."""
        self.low, self.high = low, high

    def __add__(self, other: Any) -> "Ends":
        """Add end by end."""
        other = _lifted(other)
        return Ends(
            lambda: self.low() + other.low(), lambda: self.high() + other.high()
        )

    def __sub__(self, other: Any) -> "Ends":
        """Subtract the opposite end."""
        other = _lifted(other)
        return Ends(
            lambda: self.low() - other.high(), lambda: self.high() - other.low()
        )

    def __mul__(self, other: Any) -> "Ends":
        """Multiply end by end."""
        other = _lifted(other)
        return Ends(
            lambda: self.low() * other.low(), lambda: self.high() * other.high()
        )

    def __truediv__(self, other: Any) -> "Ends":
        """Divide by the opposite end."""
        other = _lifted(other)
        return Ends(
            lambda: self.low() / other.high(), lambda: self.high() / other.low()
        )

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> "Ends":
        """Subtract from a number."""
        return _lifted(other) - self

    def __rtruediv__(self, other: Any) -> "Ends":
        """Divide a number."""
        return _lifted(other) / self


def _lifted(value: Any) -> Ends:
    return value if isinstance(value, Ends) else Ends(lambda: value, lambda: value)


class _Reported:
    """The report as its formulas see it: every quantity by its ends."""

    def __init__(self, leaf: Callable[[Leaf], Any], design: Any, scenario: Any) -> None:
        self._given = leaf, design, scenario

    def __getattr__(self, name: str) -> Any:
        leaf, design, scenario = self._given
        facts = (FACTS | PART_FACTS).get(name)
        if facts is not None and facts.formula is not None:
            return _lifted(facts.formula(self, design, scenario))
        inner = {
            path.partition(".")[2]: _end_pair(leaf, path)
            for path in PART_FACTS
            if path.startswith(f"{name}.")
        }
        return SimpleNamespace(**inner) if inner else _end_pair(leaf, name)


def _end_pair(leaf: Callable[[Leaf], Any], name: str) -> Ends:
    return Ends(lambda: leaf(Leaf(name, "low")), lambda: leaf(Leaf(name, "high")))


def end_of(
    wanted: Leaf, leaf: Callable[[Leaf], Any], design: Any, scenario: Any
) -> Any:
    """Return one end of a quantity.

    Args:
      wanted: the quantity and the end.
      leaf: returns an end of a quantity that has no formula.
      design: numbers or `Ends` by field, as formulas ask for them.
      scenario: constants, numbers or `Ends`.
    """
    with np.errstate(all="ignore"):
        ends = getattr(_Reported(leaf, design, scenario), wanted.name)
        return ends.low() if wanted.side == "low" else ends.high()


def leaves_of(wanted: Iterable[Leaf], scenario: Any) -> dict[Leaf, frozenset[Leaf]]:
    """Return the ends without formula that every one of `wanted` follows from."""
    found = {}
    for end in wanted:
        asked: set[Leaf] = set()

        def note(leaf: Leaf, asked: set[Leaf] = asked) -> float:
            asked.add(leaf)
            return 1.0

        end_of(end, note, SimpleNamespace(chips=1.0), scenario)
        found[end] = frozenset(asked)
    return found


def boxed(scenario: Any, path: str, low: Any, high: Any) -> Any:
    """Return `scenario` with the constant at `path` known by its ends alone.

    Formulas read it by attribute; nothing else may.
    """
    name, _, rest = path.partition(".")
    fields = (
        dict(enumerate(scenario))
        if isinstance(scenario, tuple)
        else dict(vars(scenario))
    )
    key: Any = int(name) if isinstance(scenario, tuple) else name
    old = fields[key]
    fields[key] = (
        boxed(old, rest, low, high) if rest else Ends(lambda: low, lambda: high)
    )
    if isinstance(scenario, tuple):
        return tuple(fields.values())
    if is_record(scenario) or isinstance(scenario, SimpleNamespace):
        return SimpleNamespace(**{str(k): v for k, v in fields.items()})
    raise TypeError(f"`{path}` is no constant")
