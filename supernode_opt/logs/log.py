"""What a log of a training run tells, whatever wrote it."""

import dataclasses
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from supernode_opt.reading.node import InputError

# Steps at the start in which programs compile and caches fill: a fifth of those that
# were logged, at least two and at most ten.
_WARM_SHARE, _WARM_LEAST, _WARM_MOST = 0.2, 2, 10

# No number of a log is as large; floats end a little later.
_ENDLESS = 1e300
# A series of (step, value).
Series = tuple[tuple[int, float], ...]


class BadLog(InputError):
    """A log that no row can be made of, in one line."""


@dataclasses.dataclass(frozen=True)
class Log:
    """What one log says.

    Attributes:
      path: of the file.
      kind: what wrote it, such as "torchtitan log".
      cells: columns of a table of runs that it fills, as text.
      model: what it calls the model, "" if nothing.
      parameters: of the model, by the log, `None` if it does not say [1].
      seconds: of steps, by step [s].
      rates: tokens a second of one accelerator, by step [1/s].
      totals: tokens a second of all, by step [1/s].
      assumed: what it does not say and its kind usually means.
    """

    path: Path
    kind: str
    cells: Mapping[str, str]
    model: str = ""
    parameters: float | None = None
    seconds: Series = ()
    rates: Series = ()
    totals: Series = ()
    assumed: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Steady:
    """The typical value of a series once it is steady.

    Attributes:
      median: of the steps that count.
      spread: half of what lies between their quartiles, over the median [1].
      counted, skipped: steps that count, and those left out at the start.
    """

    median: float
    spread: float
    counted: int
    skipped: int


def steady(series: Series) -> Steady:
    """Return the median of the steps after those that warm up.

    A first fifth is left out, at least two steps and at most ten.  The median passes
    over single steps with a checkpoint or an evaluation in them.

    >>> steady(tuple((i, 9.0 if i < 2 else 1.0) for i in range(10)))
    Steady(median=1.0, spread=0.0, counted=8, skipped=2)

    Raises:
      BadLog: no step is left.
    """
    values = [value for _, value in sorted(dict(reversed(series)).items())]
    skipped = min(max(int(_WARM_SHARE * len(values)), _WARM_LEAST), _WARM_MOST)
    left = [value for value in values[skipped:] if value > 0.0]
    if not left:
        raise BadLog(
            f"has {len(values)} logged steps: the first {skipped} warm up, none is left"
        )
    median = statistics.median(left)
    quartiles = statistics.quantiles(left, n=4) if len(left) > 1 else [median] * 3
    spread = (quartiles[2] - quartiles[0]) / 2.0 / median
    return Steady(median, spread, len(left), skipped)


def whole(value: float) -> str:
    """Write a number as a cell, whole if it is."""
    return f"{value:.0f}" if value % 1.0 == 0.0 else f"{value:.10g}"


def is_number(value: Any) -> TypeGuard[float]:
    """Tell whether a value of a log is a finite number, a yes being none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < _ENDLESS
