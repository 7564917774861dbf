"""Optima near a design that is built: one limit moved, or other lanes in its ports.

Split, links and lanes are held; everything else moves.  A limit is moved in its
logarithm, loosened if the number is above zero.  Whatever was solved once is kept.
"""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.exact import as_arrays
from supernode_opt.batch.sold import default_clock
from supernode_opt.problem.constraints import all_constraints
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import from_unit, to_unit
from supernode_opt.record import get, replace
from supernode_opt.search.inner import complete, exact_merit, fill
from supernode_opt.search.lanes import built_lanes, lane_rates
from supernode_opt.search.merit import aim_of, axes_of, wish
from supernode_opt.search.slsqp import Polished, placed, polish
from supernode_opt.system.follow import FOLLOWS
from supernode_opt.system.scenario import Scenario

# A constraint moved by this much is dropped.
_OUT_OF_REACH = -1e3
_SAME = 1e-9
# A port this near to the end of its box, as a share of it, is held there.
_LEANING = 1e-6
# A solve whose slopes balance no better is tried again, from so many points in all.
_BALANCED, _STARTS = 1e-6, 3

# Widths of the held ports, by place in the point.
Widths = tuple[tuple[int, float], ...]


class Ends(NamedTuple):
    """What else a port could be built with next to its width.

    Attributes:
      less, more: widths in the unit box; `None` where there is none.
    """

    less: float | None
    more: float | None


class Nearby:
    """Solves around one built design.

    Attributes:
      built: the design, at its optimum.
      held: which entries of its point are ports of whole lanes.
    """

    def __init__(
        self, problem: Problem, built: Polished, data: dict[str, Any] | None = None
    ) -> None:
        """Look around `built`; `data` is what `placed` gives of it, if at hand."""
        self.problem = problem
        self.names = exact_merit(problem).names
        self.limits = all_constraints(problem)
        self._data = placed(problem, built.columns) if data is None else data
        self.lanes = built_lanes(problem, built.columns)
        self.held = np.array([name in self.lanes for name in self.names])
        self._known: dict[tuple[int, float, Widths], Polished] = {}
        self.built = built
        self.widths = self._widths(built.point)
        again = self._solve(0, 0.0, self.widths)
        if again.feasible or data is not None:
            self.built = again
            self._known[0, 0.0, self.widths] = again

    def moved(self, path: str, factor: float) -> "Nearby":
        """Return the same with a constant `factor` times what it is.

        Ports keep their lanes, and what follows a part of the machine follows it.
        """
        value = factor * float(get(self.problem.scenario, path))
        held = {name: column[0] for name, column in self.built.columns.items()}
        problem = with_constant(self.problem, path, value, held)
        given = replace(self._data["scenario"], path, np.asarray(value))
        columns = dict(self.built.columns)
        for name in FOLLOWS:
            if name in problem.fixed:
                columns[name] = np.array([float(problem.fixed[name])])
        point, box = self.built.point.copy(), axes_of(problem, self.names)
        for name, rate in lane_rates(problem).items():
            place = self.names.index(name)
            if self.held[place] and min(point[place], 1.0 - point[place]) > _LEANING:
                axis = [box[key][place] for key in ("low", "high", "log")]
                point[place] = float(to_unit(self.lanes[name] * rate, *axis))
        columns = fill(problem, columns, point[None])
        data = self._data | box | {"scenario": given, "wanted": wish(problem)}
        data |= {"columns": as_arrays(complete(problem, columns), 1)}
        built = self.built._replace(columns=columns, point=point)
        return Nearby(problem, built, data)

    def best(self) -> float:
        """Return the least cost of the built lanes and of one more or less of each."""
        costs = [self.at(0, 0.0, widths) for widths in self.variants(together=False)]
        costs.append(self.at(0))
        return min((one.cost for one in costs if one.feasible), default=np.inf)

    def _widths(self, point: NDArray) -> Widths:
        return tuple((int(k), float(point[k])) for k in np.flatnonzero(self.held))

    def at(
        self, index: int, moved: float = 0.0, widths: Widths | None = None
    ) -> Polished:
        """Return the optimum with a limit moved and ports of some widths.

        Args:
          index: of the limit.
          moved: logarithm by which it is loosened.
          widths: of the ports; as built if not given.
        """
        widths = self.widths if widths is None else widths
        key = (index if moved else 0, moved, widths)
        if key not in self._known:
            self._known[key] = self._solve(index, moved, widths)
        return self._known[key]

    def _solve(self, index: int, moved: float, widths: Widths) -> Polished:
        """Polish from the nearest solves until one ends where slopes balance."""
        offset, best = np.zeros(len(self.limits)), None
        offset[index] = -moved
        for start in self._starts(index, moved, widths):
            found = self._polish(start, offset=offset)
            if best is None or (not found.feasible, found.cost) < (
                not best.feasible,
                best.cost,
            ):
                best = found
            if found.feasible and unbalanced(found, self.held) <= _BALANCED:
                break
        assert best is not None
        return best

    def _starts(self, index: int, moved: float, widths: Widths) -> list[NDArray]:
        """Return the points of the nearest solves, with ports of `widths`."""
        near = [
            (known[2] != widths, abs(known[1] - moved), place, found.point)
            for place, (known, found) in enumerate(self._known.items())
            if found.feasible and (known[0] == index or not known[1])
        ]
        points = [one[3] for one in sorted(near, key=lambda one: one[:3])[:_STARTS]]
        made = [point.copy() for point in (*points, self.built.point)[:_STARTS]]
        for point in made:
            for place, width in widths:
                point[place] = width
        return made

    def _polish(self, point: NDArray, **aim: object) -> Polished:
        return polish(
            self.problem,
            self.built.columns,
            point,
            held=self.held,
            aim=aim_of(self.problem, **aim),
            data=self._data,
        )

    def least(self, index: int, widths: Widths) -> float | None:
        """Return by how much a limit must be loosened for ports of some widths.

        Below zero it may be tightened; `None` if another limit is in the way.
        """
        offset, focus = np.zeros(len(self.limits)), np.zeros(len(self.limits))
        offset[index], focus[index] = _OUT_OF_REACH, 1.0
        start = self._starts(index, 0.0, widths)[0]
        found = self._polish(start, cost=0.0, focus=focus, offset=offset)
        return float(found.cost) if found.feasible else None

    def ends(self, place: int) -> Ends:
        """Return the next widths of the port at `place` of the point.

        There are whole lanes, and the ends of a study's box, which somebody asked for.
        """
        name = self.names[place]
        box = axes_of(self.problem, self.names)
        low, high, log = (box[key][place] for key in ("low", "high", "log"))
        rate, count = lane_rates(self.problem)[name], self.lanes[name]
        width = count * rate

        def unit(value: float) -> float:
            return float(to_unit(value, low, high, log))

        less, more = (count - 1) * rate, (count + 1) * rate
        lower = unit(max(less, low)) if width > low * (1.0 + _SAME) else None
        upper = unit(min(more, high)) if width < high * (1.0 - _SAME) else None
        return Ends(lower, upper)

    def variants(self, together: bool = True) -> list[Widths]:
        """Return the ports with one lane more or less each.

        Args:
          together: whether several ports change at once, too.
        """
        options = [
            [(place, end) for end in (at, *self.ends(place)) if end is not None]
            for place, at in self.widths
        ]
        every = [tuple(chosen) for chosen in itertools.product(*options)]
        return [
            widths
            for widths in every
            if widths != self.widths
            and (together or len({*widths} - {*self.widths}) == 1)
        ]

    def count(self, place: int, width: float) -> float:
        """Return how many lanes a port at `place` of some width has."""
        name = self.names[place]
        box = axes_of(self.problem, self.names)
        low, high, log = (box[key][place] for key in ("low", "high", "log"))
        value = float(from_unit(width, low, high, log))
        return value / lane_rates(self.problem)[name]


def unbalanced(found: Polished, held: NDArray) -> float:
    """Return the largest slope of the Lagrangian that no bound holds [1]."""
    free = ~held & (found.point > _LEANING) & (found.point < 1.0 - _LEANING)
    return float(np.max(np.abs(found.slopes[free]), initial=0.0))


def follows(problem: Problem, values: Mapping[str, Any]) -> dict[str, bool]:
    """Return which frozen fields of a design follow a part, now and as it changes.

    Args:
      problem: says what the machine takes as it is sold.
      values: the design, by field.
    """
    told, scenario = problem.origins.following(), problem.scenario
    return {
        name: told[name]
        and name in problem.fixed
        and abs(_sold(name, values, scenario) / float(values[name]) - 1.0) <= _SAME
        for name in FOLLOWS
    }


def with_constant(
    problem: Problem, path: str, value: float, values: Mapping[str, Any]
) -> Problem:
    """Return `problem` with a constant changed, and what follows it in a design."""
    scenario, fixed = replace(problem.scenario, path, value), dict(problem.fixed)
    design = dict(values)
    # The clock settles last, at what the rest of the package leaves it.
    for name, follow in sorted(
        follows(problem, values).items(), key=lambda one: one[0] == "clock"
    ):
        if follow:
            fixed[name] = design[name] = _sold(name, design, scenario)
    return dataclasses.replace(problem, scenario=scenario, fixed=fixed)


def _sold(name: str, values: Mapping[str, Any], scenario: Scenario) -> float:
    """Return a field of the design as the machine is sold."""
    if name == "clock":
        return default_clock(values, scenario)
    return float(get(scenario, ".".join(FOLLOWS[name])))
