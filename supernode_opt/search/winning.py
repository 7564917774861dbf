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
from supernode_opt.units import quantity_of
from supernode_opt.words import spoken

# A constant is changed by a factor of two at most, and found to this, as logarithms.
_FAR, _EVEN = math.log(2.0), 1e-6
_TRIES = 6
# Constants that are tried for each design, the nearest first.
_CONSTANTS = 3
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


def smallest_change(
    problem: Problem,
    here: Nearby,
    other: Polished,
    ours: dict[str, float],
    moved: dict[tuple[str, float], float],
) -> Change | None:
    """Return the smallest change of one constant that makes a design as good.

    Args:
      problem: what was asked.
      here: solves around the best.
      other: the design that is to win.
      ours: elasticities of the best.
      moved: costs of the best with a constant changed, which are added to.
    """
    theirs = elasticities(problem, other)
    gap = other.cost - here.built.cost
    sign = -1.0 if problem.objective.maximize else 1.0
    wanted = []
    for path, slope in ours.items():
        # d (its cost less ours) / d ln constant.
        gaining = sign * (theirs[path] - slope)
        if path.startswith(_JOB) or not abs(gaining) * _FAR > 0.5 * gap:
            continue
        wanted.append((abs(gap / gaining), path, -gap / gaining))
    there = Nearby(problem, other)
    for _, path, step in sorted(wanted)[:_CONSTANTS]:
        found = _solved(here, there, path, step, gap, moved)
        if found is not None:
            return Change(path, found)
    return None


def _solved(
    here: Nearby,
    there: Nearby,
    path: str,
    step: float,
    gap: float,
    moved: dict[tuple[str, float], float],
) -> float | None:
    """Return the factor of a constant at which two designs are even, by secants."""

    def behind(log: float) -> float:
        factor = math.exp(log)
        if (path, log) not in moved:
            moved[path, log] = here.moved(path, factor).best()
        mine = there.moved(path, factor).best()
        return mine - moved[path, log]

    before, value = 0.0, gap
    for _ in range(_TRIES):
        if not abs(step) <= _FAR or not math.isfinite(value):
            return None
        now = behind(step)
        if not math.isfinite(now):
            return None
        if abs(now) <= _EVEN:
            # A hair further, it is ahead.
            return math.exp(step)
        slope = (now - value) / (step - before) if step != before else 0.0
        if not slope * step < 0.0:
            return None
        before, value, step = step, now, step - now / slope
    return None


def told(problem: Problem, change: Change | None) -> tuple[str, bool | None]:
    """Say what would make a design win, and whether the catalog thinks it possible."""
    if change is None:
        return "no single constant within a factor of two would put it ahead", None
    path, factor = change.path, change.factor
    now = float(get(problem.scenario, path))
    owner, _, last = path.rpartition(".")
    holder = get(problem.scenario, owner) if owner else problem.scenario
    unit = quantity_of(type(holder), last).unit
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
