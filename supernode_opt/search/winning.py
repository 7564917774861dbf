"""What would make another design win: the smallest change of one constant.

To first order it follows from the elasticities of both optima.  It is then solved for:
both designs are optimised anew with the constant changed, with one lane more or less,
too, until they are even.
"""

import math
from typing import NamedTuple

from supernode_opt.catalog.origins import owners, spelled
from supernode_opt.problem.problem import Problem
from supernode_opt.record import get
from supernode_opt.search.envelope import elasticities
from supernode_opt.search.nearby import Nearby
from supernode_opt.search.slsqp import Polished
from supernode_opt.units import Quantity, quantity_of
from supernode_opt.words import spoken

# A constant is changed by a factor of two at most, until designs are even but for this
# share of what was between them.
_FAR, _EVEN = math.log(2.0), 2e-3
_TRIES = 8
# First-order estimates may be wrong by so much and still be tried.
_HOPE = 0.5
# Constants that are tried for each design, the nearest first.
_CONSTANTS = 4
NO_CHANGE = "no change of one constant within a factor of two was found to put it ahead"
# What the job is, which no design changes.
_JOB = ("model.", "training.")


class Change(NamedTuple):
    """The change of a constant that makes two designs even.

    Attributes:
      path: of the constant.
      factor: times what it would have to be [1].
    """

    path: str
    factor: float


class Changed:
    """The best design with constants changed, each change optimised once."""

    def __init__(self, near: Nearby) -> None:
        """Change constants around the best design."""
        self.near = near
        self._known: dict[tuple[str, float], Nearby] = {}

    def at(self, path: str, log: float) -> Nearby:
        """Return solves around the best design with a constant `exp(log)` times."""
        if (path, log) not in self._known:
            self._known[path, log] = self.near.moved(path, math.exp(log))
        return self._known[path, log]


def smallest_change(
    problem: Problem, here: Changed, other: Polished, ours: dict[str, float]
) -> Change | None:
    """Return the smallest change of one constant that makes a design as good.

    Args:
      problem: what was asked.
      here: the best design.
      other: the design that is to win.
      ours: elasticities of the best.
    """
    theirs = elasticities(problem, other)
    gap = other.cost - here.near.built.cost
    sign = -1.0 if problem.objective.maximize else 1.0
    wanted = []
    for path, slope in ours.items():
        # d (its cost less ours) / d ln constant.
        gaining = sign * (theirs[path] - slope)
        if path.startswith(_JOB) or not abs(gaining) * _FAR > _HOPE * gap:
            continue
        step = -gap / gaining
        if step <= _room(problem, path):
            wanted.append((abs(step), path, step))
    there = Nearby(problem, other)
    for _, path, step in sorted(wanted)[:_CONSTANTS]:
        found = _solved(here, there, path, step, _room(problem, path))
        if found is not None:
            return Change(path, found)
    return None


def _room(problem: Problem, path: str) -> float:
    """Return the logarithm by which a constant may grow, at most that of two."""
    value, high = float(get(problem.scenario, path)), _quantity(problem, path).high
    return _FAR if high is None else min(_FAR, math.log(max(high / value, 1.0)))


def _quantity(problem: Problem, path: str) -> Quantity:
    owner, _, last = path.rpartition(".")
    holder = get(problem.scenario, owner) if owner else problem.scenario
    return quantity_of(type(holder), last)


def _solved(
    here: Changed, there: Nearby, path: str, step: float, room: float
) -> float | None:
    """Return the factor of a constant at which a design is ahead by a hair.

    By secants: with lanes as they are first, then with one more or less of each port.
    """
    gap = there.built.cost - here.near.built.cost
    before, value, wide = 0.0, gap, False
    slope = -gap / step
    for _ in range(_TRIES):
        if not -_FAR <= step <= room:
            return None
        mine, best = there.moved(path, math.exp(step)), here.at(path, step)
        now = mine.best() - best.best() if wide else mine.built.cost - best.built.cost
        if not math.isfinite(now):
            return None
        if not wide and step != before:
            slope = (now - value) / (step - before)
            before, value = step, now
        if not slope * step < 0.0:
            return None
        even = abs(now) <= _EVEN * gap
        if even and wide:
            return math.exp(step - (now + _EVEN * gap) / slope)
        wide = wide or even
        step -= 0.0 if even else now / slope
    return None


def told(problem: Problem, change: Change | None) -> tuple[str, bool | None]:
    """Say what would make a design win, and whether the catalog thinks it possible."""
    if change is None:
        return NO_CHANGE, None
    path, factor = change.path, change.factor
    now = float(get(problem.scenario, path))
    unit = _quantity(problem, path).unit
    inside = in_range(problem, path, now * factor)
    away = 100.0 * (factor - 1.0)
    sense = "higher" if away > 0.0 else "lower"
    words = (
        f"it would win if {spelled(path, problem.scenario)} were"
        f" {abs(away):.2g} % {sense}: {spoken(now * factor, unit)} instead of"
        f" {spoken(now, unit)}"
    )
    if inside is not None:
        words += (
            ", inside its catalog range" if inside else ", outside its catalog range"
        )
    return words, inside


def in_range(problem: Problem, path: str, value: float) -> bool | None:
    """Tell whether the catalog takes a value of a constant to be possible.

    `None` where it gives no range.
    """
    owner, _, last = path.rpartition(".")
    for name, where, kind in owners(problem.scenario):
        if where != owner:
            continue
        for named, known in problem.origins.known(name, kind):
            if named == last and known.low < known.high:
                return known.low <= value <= known.high
    return None
