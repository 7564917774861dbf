"""What one more per cent of every constant does to an optimum: the envelope theorem.

To first order an optimum moves with a constant as its Lagrangian does at the design
that was built, what was chosen held (Milgrom and Segal 2002,
doi:10.1111/1468-0262.00296).  Held are the split, the links, the number of lanes of a
port and the bounds that the design leans on; a port of whole lanes becomes wider with
its lanes, and what follows a part of the machine follows it.  Limits that are constants
themselves, such as the memory that must stay free, move with them.

The Lagrangian is evaluated with every constant a little above and a little below its
value, in one call of a program that every answer needs anyway: a gradient would have to
be compiled, and a kink of the model would not show in it.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import LINKS, Case, case_of
from supernode_opt.batch.engine import repeated
from supernode_opt.batch.precise import precisely
from supernode_opt.batch.reports import REPORTS
from supernode_opt.problem.build import build_design
from supernode_opt.problem.constraints import all_constraints, normalised
from supernode_opt.problem.problem import Problem
from supernode_opt.record import get, leaves, replace
from supernode_opt.search.enumerate import variable
from supernode_opt.search.inner import continuous
from supernode_opt.search.lanes import PORTS, built_lanes
from supernode_opt.search.merit import LEAST
from supernode_opt.search.nearby import Nearby, follows, unbalanced
from supernode_opt.search.slsqp import Polished
from supernode_opt.search.solution import values_of
from supernode_opt.system.report import FACTS
from supernode_opt.system.scenario import apply
from supernode_opt.units import quantity_of

# Steps of constants: errors of differences, 1e-8 of cubes and 1e-12 of rounding over
# it, are far below what a slope is wanted for.
_STEP = 1e-4
# Slopes on both sides that differ by more are looked at again, as shares of themselves,
# and those that change by more with a tenth of the step are no slopes.
_KINK, _JUMP = 0.01, 0.5
# What follows a bound or a part at its value is the same number but for rounding.
_SAME = 1e-9


# At a corner of the model so many constants are solved anew, changed by this share.
_SOLVED, _CHANGED = 24, 1e-3
_BALANCED = 1e-5


class Slopes(NamedTuple):
    """d ln objective / d ln constant of an optimum, by dotted path of the constant [1].

    Attributes:
      both: the mean of both sides.
      more: when the constant grows.
      less: when it shrinks; another one than `more` at a kink of the model.
    """

    both: dict[str, float]
    more: dict[str, float]
    less: dict[str, float]


def elasticities(
    problem: Problem, polished: Polished, multipliers: NDArray | None = None
) -> dict[str, float]:
    """Return d ln objective / d ln constant of an optimum, for every constant [1].

    Constants are all numbers of the scenario above zero, by dotted path, but those that
    count things, of which there is no little more, and those that the study frees.

    Args:
      problem: what was asked.
      polished: the design as it is built, at its optimum.
      multipliers: of the normalised constraints, if other than those of `polished`.
    """
    return slopes(problem, polished, multipliers).both


@precisely
def confirmed(
    problem: Problem, built: Polished, multipliers: NDArray
) -> dict[str, float]:
    """Return the elasticities of a built design, by solves where theory does not hold.

    Where the slopes of the Lagrangian do not balance the design sits on a kink of the
    model, and where solves put its multipliers right it sits in a corner of limits: no
    one set of multipliers says what an optimum does there.  The constants that matter
    most are then changed, and the design is optimised anew.

    Args:
      problem: what was asked.
      built: the design as it is built, at its optimum.
      multipliers: of the normalised constraints, as solves confirmed them.
    """
    found = elasticities(problem, built, multipliers)
    if not continuous(problem):
        return found
    near = Nearby(problem, built)
    corner = np.any(np.abs(multipliers - near.built.multipliers) > _BALANCED)
    if unbalanced(near.built, near.held) <= _BALANCED and not corner:
        return found
    sign = -1.0 if problem.objective.maximize else 1.0
    for path in sorted(found, key=lambda one: -abs(found[one]))[:_SOLVED]:
        ends = [near.moved(path, 1.0 + side * _CHANGED).built for side in (1.0, -1.0)]
        if all(one.feasible for one in ends):
            width = math.log1p(_CHANGED) - math.log1p(-_CHANGED)
            found[path] = sign * (ends[0].cost - ends[1].cost) / width
    return found


@precisely
def slopes(
    problem: Problem, polished: Polished, multipliers: NDArray | None = None
) -> Slopes:
    """Return the same on both sides of every constant; see `elasticities`."""
    weights = polished.multipliers if multipliers is None else multipliers
    known = constants(problem)
    found = {path: (0.0, 0.0) for path in known}
    found |= _sides(problem, polished, weights, known, _STEP)
    uneven = {path for path, sides in found.items() if _uneven(*sides)}
    near = {path: known[path] for path in known if path in uneven}
    for path, sides in _sides(problem, polished, weights, near, _STEP / 10.0).items():
        # A slope that grows as the step shrinks is a jump, such as one switch more:
        # the side that does not jump has the slope, if one does not.
        smooth = [
            new
            for new, old in zip(sides, found[path], strict=True)
            if abs(new - old) <= _JUMP * (abs(old) + 1e-3)
        ]
        slope = smooth[0] if smooth else 0.0
        found[path] = sides if len(smooth) == 2 else (slope, slope)
    return Slopes(
        {path: 0.5 * (more + less) for path, (more, less) in found.items()},
        {path: more for path, (more, _) in found.items()},
        {path: less for path, (_, less) in found.items()},
    )


def _uneven(more: float, less: float) -> bool:
    return abs(more - less) > _KINK * max(abs(more), abs(less), 1e-3)


def _sides(
    problem: Problem,
    polished: Polished,
    multipliers: NDArray,
    known: dict[str, float],
    step: float,
) -> dict[str, tuple[float, float]]:
    """Return the slopes above and below of those of `known` that matter at all [1]."""
    values = values_of(problem, polished.columns)
    scenario = apply(problem.scenario, values)
    # With all technologies, as draws have it: the program for them serves both.
    one = case_of(build_design(values, scenario), scenario, follows(problem, values))
    every = [link.name for link in scenario.links]
    used = {str(every.index(str(values[name]))) for name in LINKS}
    places = [path for path in known if _enters(path, used)]
    if not places:
        return {}
    rows = repeated(one, 1 + 2 * len(places))
    lanes = _lanes(problem, polished)
    for index, path in enumerate(places):
        moved = np.full(1 + 2 * len(places), known[path])
        moved[1 + 2 * index : 3 + 2 * index] *= (1.0 + step, 1.0 - step)
        rows = rows._replace(scenario=replace(rows.scenario, path, moved))
        for port, count in lanes.items():
            if PORTS[port] == path:
                rows = rows._replace(design=replace(rows.design, port, count * moved))
    cost = _lagrangian(problem, rows, multipliers)
    change = -(cost[1:] - cost[0]) if problem.objective.maximize else cost[1:] - cost[0]
    more, less = change[::2] / math.log1p(step), change[1::2] / math.log1p(-step)
    return dict(
        zip(places, zip(more.tolist(), less.tolist(), strict=True), strict=True)
    )


def _lagrangian(problem: Problem, rows: Case, multipliers: NDArray) -> NDArray:
    """Return the Lagrangian of one design under the constants of every row [row]."""
    report = REPORTS(rows)
    goal, own = problem.objective, len(problem.constraints)
    log = np.log(np.maximum(getattr(report, goal.name), LEAST))
    total = -log if goal.maximize else log
    for index, constraint in enumerate(all_constraints(problem)):
        if not multipliers[index] > 0.0:
            continue
        limit: NDArray | float = constraint.limit
        ceiling = FACTS[constraint.name].ceiling
        if index >= own and ceiling is not None:
            limit = np.asarray(ceiling(rows.scenario), float)
        value = getattr(report, constraint.name)
        g = np.asarray(normalised(value, limit, constraint.at_most))
        total = total + multipliers[index] * g
    return total


def _enters(path: str, used: set[str]) -> bool:
    """Tell whether a constant enters: not of technologies that are not `used`."""
    owner, _, rest = path.partition(".")
    return owner != "links" or rest.partition(".")[0] in used


def constants(problem: Problem) -> dict[str, float]:
    """Return the constants that an optimum has a derivative by, in SI, by path."""
    return {path: value for path, value, why in _judged(problem) if not why}


def left_out(problem: Problem) -> dict[str, list[str]]:
    """Return the numbers of the scenario without a derivative, by the reason."""
    found: dict[str, list[str]] = {}
    for path, _, why in _judged(problem):
        if why:
            found.setdefault(why, []).append(path)
    return found


@functools.cache
def _whole(kind: type, field: str) -> bool:
    return quantity_of(kind, field).whole


def _judged(problem: Problem) -> list[tuple[str, float, str]]:
    """Return (path, value, why it is left out or "") of every number."""
    freed = {v.name for v in problem.variables if "." in v.name}
    found = []
    for path, value in leaves(problem.scenario):
        holder, _, field = path.rpartition(".")
        owner = get(problem.scenario, holder) if holder else problem.scenario
        number, why = float(value), ""
        if path in freed:
            why = "freed"
        elif _whole(type(owner), field):
            why = "counts things"
        elif not number > 0.0:
            why = "is zero"
        elif not np.isfinite(number):
            why = "is unlimited"
        found.append((path, number, why))
    return found


def _lanes(problem: Problem, polished: Polished) -> dict[str, int]:
    """Return the lanes of ports that become wider with them: not those at a bound."""
    found = {}
    for name, count in built_lanes(problem, polished.columns).items():
        box, width = variable(problem, name), float(polished.columns[name][0])
        if box and box.low * (1.0 + _SAME) < width < box.high * (1.0 - _SAME):
            found[name] = count
    return found
