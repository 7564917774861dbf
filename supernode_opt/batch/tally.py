"""How often the model was computed, gradients and bounds included."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Tally:
    """A number of evaluations that grows.

    Attributes:
      count: of single designs, each with its gradient or without.
    """

    count: int = 0


_current: ContextVar[Tally | None] = ContextVar("tally", default=None)


@contextlib.contextmanager
def counting(tally: Tally) -> Iterator[None]:
    """Add to `tally` what is evaluated meanwhile, in this thread."""
    before = _current.set(tally)
    try:
        yield
    finally:
        _current.reset(before)


def counted(number: int) -> None:
    """Say that so many designs were evaluated."""
    tally = _current.get()
    if tally is not None:
        tally.count += number
