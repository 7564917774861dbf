"""Least and greatest values of quantities from those of their parts, taken lazily.

A quantity that follows from others by a formula is bounded by the formula itself, run
on `Ends`.  Only the ends that are asked for are ever computed: where nothing is
negative, an end of a product or ratio needs one end of each part.  What no end is known
of is infinite at that end or no number, and excludes nothing.
"""

import contextlib
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple

import numpy as np

from supernode_opt.record import is_record
from supernode_opt.system.design import EVERY_NUMBER
from supernode_opt.system.parts import PART_FACTS
from supernode_opt.system.report import FACTS

# Before the name of a design field that a formula reads.
FIELD = "design."
Side = Literal["low", "high"]
Thunk = Callable[[], Any]


class Leaf(NamedTuple):
    """One end of a quantity that no formula gives, or of a design field."""

    name: str
    side: Side


class Ends:
    """A value known by its ends, each computed when it is asked for.

    What is never negative needs one end of each operand; what may be needs all four.
    Anything else than arithmetic raises `TypeError`.
    """

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, low: Thunk, high: Thunk, *, signed: bool = False) -> None:
        """Keep the two ways to compute the ends, and whether they may be negative."""
        self.low, self.high, self.signed = low, high, signed

    def __add__(self, other: Any) -> "Ends":
        """Add end by end."""
        other = _lifted(other)
        return Ends(
            lambda: self.low() + other.low(),
            lambda: self.high() + other.high(),
            signed=self.signed or other.signed,
        )

    def __neg__(self) -> "Ends":
        """Swap the ends."""
        return Ends(lambda: -self.high(), lambda: -self.low(), signed=True)

    def __sub__(self, other: Any) -> "Ends":
        """Subtract the opposite end."""
        return self + -_lifted(other)

    def __mul__(self, other: Any) -> "Ends":
        """Multiply end by end, or each with each."""
        other = _lifted(other)
        if not (self.signed or other.signed):
            return Ends(
                lambda: self.low() * other.low(), lambda: self.high() * other.high()
            )

        def products() -> Any:
            mine, theirs = (self.low(), self.high()), (other.low(), other.high())
            return np.stack(np.broadcast_arrays(*(a * b for a in mine for b in theirs)))

        return Ends(
            lambda: products().min(axis=0), lambda: products().max(axis=0), signed=True
        )

    def __truediv__(self, other: Any) -> "Ends":
        """Divide by the opposite end."""
        return self * _lifted(other)._reciprocal()

    def __pow__(self, exponent: Any) -> "Ends":
        """Raise to a number; what may be negative has no known power."""
        if self.signed or not isinstance(exponent, int | float):
            raise TypeError("only what is not negative is raised to a number")
        low, high = (self.low, self.high) if exponent >= 0 else (self.high, self.low)
        return Ends(lambda: low() ** exponent, lambda: high() ** exponent)

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> "Ends":
        """Subtract from a number."""
        return -self + other

    def __rtruediv__(self, other: Any) -> "Ends":
        """Divide a number."""
        return _lifted(other) / self

    def __eq__(self, other: object) -> bool:
        """Refuse: ends have no order."""
        raise TypeError("ends are not compared")

    def __bool__(self) -> bool:
        """Refuse: a formula that asks is no arithmetic."""
        raise TypeError("ends are not true or false")

    def _reciprocal(self) -> "Ends":
        def over(end: Thunk) -> Any:
            value = 1.0 / np.asarray(end(), float)
            if not self.signed:
                return value
            # Of what may be zero no end is known.
            far = (np.asarray(self.low()) > 0.0) | (np.asarray(self.high()) < 0.0)
            return np.where(far, value, np.nan)

        return Ends(lambda: over(self.high), lambda: over(self.low), signed=self.signed)


def _lifted(value: Any) -> Ends:
    if isinstance(value, Ends):
        return value
    return Ends(lambda: value, lambda: value, signed=bool(np.any(value < 0.0)))


class _Reported:
    """The report as its formulas see it: every quantity by its ends."""

    def __init__(self, leaf: Callable[[Leaf], Any], chips: Any, scenario: Any) -> None:
        self._given = leaf, _Fields(leaf, chips), scenario

    def __getattr__(self, name: str) -> Any:
        leaf, design, scenario = self._given
        facts = (FACTS | PART_FACTS).get(name)
        if facts is not None and facts.formula is not None:
            # What is no arithmetic is bounded as it is, from what is said of its ways.
            with contextlib.suppress(TypeError, AttributeError):
                return _lifted(facts.formula(self, design, scenario))
        inner = {
            path.partition(".")[2]: _end_pair(leaf, path)
            for path in PART_FACTS
            if path.startswith(f"{name}.")
        }
        return SimpleNamespace(**inner) if inner else _end_pair(leaf, name)


class _Fields:
    """The design as formulas see it: chips are known, other numbers by their ends."""

    def __init__(self, leaf: Callable[[Leaf], Any], chips: Any) -> None:
        self._leaf, self.chips = leaf, chips

    def __getattr__(self, name: str) -> Any:
        if name not in EVERY_NUMBER:
            raise TypeError(f"`{name}` is no number")
        return _end_pair(self._leaf, FIELD + name)


def _end_pair(leaf: Callable[[Leaf], Any], name: str) -> Ends:
    facts = (FACTS | PART_FACTS).get(name)
    return Ends(
        lambda: leaf(Leaf(name, "low")),
        lambda: leaf(Leaf(name, "high")),
        signed=facts is not None and facts.signed,
    )


def end_of(wanted: Leaf, leaf: Callable[[Leaf], Any], chips: Any, scenario: Any) -> Any:
    """Return one end of a quantity.

    Args:
      wanted: the quantity and the end.
      leaf: returns an end of a quantity that has no formula, or of a design field.
      chips: of the design [1].
      scenario: constants, numbers or `Ends`.
    """
    with np.errstate(all="ignore"):
        ends = getattr(_Reported(leaf, chips, scenario), wanted.name)
        return ends.low() if wanted.side == "low" else ends.high()


def leaves_of(wanted: Iterable[Leaf], scenario: Any) -> dict[Leaf, frozenset[Leaf]]:
    """Return the ends without formula that every one of `wanted` follows from."""
    found = {}
    for end in wanted:
        asked: set[Leaf] = set()

        def note(leaf: Leaf, asked: set[Leaf] = asked) -> float:
            asked.add(leaf)
            return 1.0

        end_of(end, note, 1.0, scenario)
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
    signed = bool(np.any(np.asarray(low) < 0.0))
    fields[key] = (
        boxed(old, rest, low, high)
        if rest
        else Ends(lambda: low, lambda: high, signed=signed)
    )
    if isinstance(scenario, tuple):
        return tuple(fields.values())
    if is_record(scenario) or isinstance(scenario, SimpleNamespace):
        return SimpleNamespace(**{str(k): v for k, v in fields.items()})
    raise TypeError(f"`{path}` is no constant")
