"""The unit cube that other optimizers search, and the design each of its points means.

Every free number and choice is one axis.  A point is taken to the nearest design that
can be built: the legal split nearest in octaves among those with the switches asked
for, the nearest domain that tiles its chips, ports of whole lanes or of a width at an
end of their box.  Nothing that is scored could not be built.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import from_unit, to_unit
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    domains,
    plans,
    positions,
    take,
    tilable,
    variable,
    wholes,
)
from supernode_opt.search.inner import complete, continuous, exact_merit
from supernode_opt.search.lanes import lane_rates
from supernode_opt.search.merit import box_data
from supernode_opt.workload.split import SIZES, SWITCHES

MOST_PLANS = 20_000_000
_COUNTS = tuple(SIZES)


class Space:
    """What is free in one problem, as a cube.

    Attributes:
      problem: what is asked.
      axes: names in the order of the cube's axes.
      plans: every legal split.
    """

    def __init__(self, problem: Problem) -> None:
        """Enumerate the legal splits."""
        self.problem = problem
        numbers = tuple(v.name for v in problem.variables)
        self.axes = (*numbers, *(choice.name for choice in problem.choices))
        self.plans = tilable(problem, plans(problem, MOST_PLANS))
        self._box = {
            v.name: (v.low, v.high, v.scale == "log") for v in problem.variables
        }
        self._trees: dict[tuple[int, ...], tuple[KDTree, NDArray]] = {}
        self._wholes = wholes(problem)
        switches = np.stack([self.plans[name] for name in SWITCHES], axis=1)
        self._moving = [
            n for n in _COUNTS if len(np.unique(self.plans[n])) > 1 and n in self._box
        ]
        for combination in np.unique(switches, axis=0):
            rows = np.flatnonzero(np.all(switches == combination, axis=1))
            octaves = self._octaves(take(self.plans, rows))
            self._trees[tuple(int(k) for k in combination)] = (KDTree(octaves), rows)

    @property
    def size(self) -> int:
        """Number of axes."""
        return len(self.axes)

    def rows(self, points: NDArray) -> Columns:
        """Return the designs nearest to points [batch, size], ready to be evaluated."""
        points = np.clip(np.asarray(points, float), 0.0, 1.0)
        at = {name: points[:, k] for k, name in enumerate(self.axes)}
        numbers = {
            name: np.asarray(from_unit(at[name], *self._box[name]))
            for name in self._box
        }
        columns = take(self.plans, self._nearest_plans(at, numbers))
        columns["scale_up_domain"] = self._domains(columns["chips"], numbers)
        for name in LINKS:
            columns[name] = self._chosen(at, name, len(points)).astype(np.int32)
        for name, values in self._wholes.items():
            gaps = np.abs(values[None] - numbers[name][:, None])
            columns[name] = values[np.argmin(gaps, axis=1)]
        for name in continuous(self.problem):
            columns[name] = numbers[name]
        return complete(self.problem, self.laned(columns))

    def laned(self, columns: Columns) -> Columns:
        """Give free ports whole lanes, or the width of the nearer end of their box."""
        made = dict(columns)
        for name, rate in lane_rates(self.problem).items():
            low, high, _ = self._box[name]
            width = np.round(columns[name] / rate) * rate
            width = np.where((width >= low) & (width <= high), width, low)
            for end in (low, high):
                nearer = abs(end - columns[name]) < abs(width - columns[name])
                width = np.where(nearer, end, width)
            made[name] = width
        return made

    def _octaves(self, columns: Columns) -> NDArray:
        return np.stack(
            [np.log2(columns[n]) for n in self._moving] or [0.0 * columns["chips"]], 1
        )

    def _chosen(self, at: dict[str, NDArray], name: str, count: int) -> NDArray:
        allowed = np.asarray(positions(self.problem, name))
        if name not in at:
            return np.full(count, allowed[0])
        index = (at[name] * len(allowed)).astype(int)
        return allowed[np.minimum(index, len(allowed) - 1)]

    def _nearest_plans(
        self, at: dict[str, NDArray], numbers: dict[str, NDArray]
    ) -> NDArray:
        """Return a row of `plans` for every point."""
        count = len(next(iter(at.values())))
        asked = np.stack([self._chosen(at, n, count) for n in SWITCHES], axis=1)
        parts = [np.log2(numbers[n]) for n in self._moving]
        octaves = np.stack(parts or [np.zeros(count)], axis=1)
        found = np.zeros(count, int)
        known = np.asarray(list(self._trees))
        for combination in np.unique(asked, axis=0):
            here = np.flatnonzero(np.all(asked == combination, axis=1))
            # Where no legal split has just these switches, those with the most of them.
            like = np.argmax(np.sum(known == combination, axis=1))
            tree, rows = self._trees[tuple(int(k) for k in known[like])]
            found[here] = rows[tree.query(octaves[here])[1]]
        return found

    def _domains(self, chips: NDArray, numbers: dict[str, NDArray]) -> NDArray:
        made = np.zeros(len(chips))
        free = variable(self.problem, "scale_up_domain") is not None
        for count in np.unique(chips):
            here = chips == count
            sizes = np.asarray(domains(self.problem, int(count)), float)
            if not free:
                made[here] = sizes[0]
                continue
            gaps = np.log(numbers["scale_up_domain"][here][:, None] / sizes[None])
            made[here] = sizes[np.argmin(np.abs(gaps), axis=1)]
        return made


def unit_of(space: Space, rows: Columns) -> NDArray:
    """Return the continuous variables of rows in the unit box of the exact merit."""
    names = exact_merit(space.problem).names
    box = box_data(space.problem, names)
    values = np.stack([np.asarray(rows[name], float) for name in names], axis=1)
    return np.asarray(to_unit(values, box["low"], box["high"], box["log"]))
