"""Designs between those that were searched: cheap, built, and each evaluated exactly.

Two designs that share split, links and lanes differ in continuous numbers alone.  What
lies between them keeps every limit and loses to second order only where the model is
convex in logarithms; elsewhere it is tried all the same, and what breaks a limit or is
beaten is dropped.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import nameless
from supernode_opt.batch.exact import quantities
from supernode_opt.pareto.dominance import undominated
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.problem.constraints import normalised
from supernode_opt.search.enumerate import Columns, join, take
from supernode_opt.search.inner import FEASIBLE, continuous, exact_merit, fill
from supernode_opt.search.lanes import lane_rates
from supernode_opt.search.merit import forms, limits, program
from supernode_opt.search.polish import finish

# Numbers that agree to this are one, such as bandwidths of as many lanes.
_SAME = 1e-9


class Designs(NamedTuple):
    """Built designs.

    Attributes:
      rows: complete candidates [design].
      points: their free numbers in the unit box [design, number].
      losses: of each [design, objective].
    """

    rows: Columns
    points: NDArray
    losses: NDArray

    def take(self, index: NDArray) -> "Designs":
        """Return the designs that `index` selects."""
        return Designs(take(self.rows, index), self.points[index], self.losses[index])

    def front(self) -> "Designs":
        """Return those that no other beats."""
        return self.take(undominated(self.losses))


def judged(epsilon: Epsilon, rows: Columns, points: NDArray) -> Designs:
    """Return those of complete candidates that keep every limit of the study."""
    problem = epsilon.asked(0, [None] * len(epsilon.goals.objectives))
    values = quantities(rows, nameless(problem.scenario), program(problem))
    g = [
        np.asarray(normalised(values[name], limit, at_most))
        for (name, at_most), limit in zip(forms(problem), limits(problem), strict=True)
    ]
    losses = epsilon.goals.loss(
        np.stack([values[n] for n in epsilon.goals.names], axis=-1)
    )
    good = np.nan_to_num(np.max(g, axis=0), nan=np.inf) <= FEASIBLE
    good &= np.all(np.isfinite(losses), axis=1)
    return Designs(rows, points, losses).take(np.flatnonzero(good))


def gathered(parts: Sequence[Designs]) -> Designs:
    """Put designs below each other."""
    names = list(parts[0].rows)
    rows = join([{name: part.rows[name] for name in names} for part in parts])
    return Designs(
        rows,
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.losses for part in parts]),
    )


def polished(
    epsilon: Epsilon, found: Designs, limits: Sequence[float | None], nearest: NDArray
) -> tuple[list[Columns], list[NDArray]]:
    """Build designs within other limits from some that are known.

    Args:
      epsilon: the searches.
      found: known designs.
      limits: of each objective.
      nearest: which of them to start from.
    """
    problem = epsilon.asked(0, limits)
    moving = continuous(problem)
    rows, points, seen = [], [], set()
    for index in nearest:
        row = take(found.rows, [int(index)])
        kind = tuple(float(v[0]) for n, v in sorted(row.items()) if n not in moving)
        if kind in seen:
            continue
        seen.add(kind)
        made = finish(problem, epsilon.settings, row, found.points[index]).built
        if made.feasible:
            rows.append(made.columns)
            points.append(made.point)
    return rows, points


def kinds(epsilon: Epsilon, found: Designs) -> NDArray:
    """Return a number for each design, equal where only continuous numbers differ."""
    problem = epsilon.problem
    moving = set(continuous(problem))
    if epsilon.settings.whole_lanes:
        moving -= set(lane_rates(problem))
    names = sorted(name for name in found.rows if name not in moving)
    table = np.stack([np.asarray(found.rows[name], float) for name in names], axis=1)
    size = np.maximum(np.abs(table).max(axis=0, initial=0.0), 1e-300)
    whole = np.round(table / size / _SAME)
    return np.unique(whole, axis=0, return_inverse=True)[1].reshape(-1)


def interpolated(epsilon: Epsilon, found: Designs, step: float) -> Designs:
    """Return designs between neighbours of one kind.

    Args:
      epsilon: the searches.
      found: designs.
      step: largest distance of neighbours in any objective, as a share of its extent.
    """
    extent = np.ptp(found.losses, axis=0)
    shares = found.losses / np.where(extent > 0.0, extent, 1.0)
    kind = kinds(epsilon, found)
    first, second = [], []
    for one in np.unique(kind):
        members = np.flatnonzero(kind == one)
        order = members[np.argsort(shares[members, 1], kind="stable")]
        first.append(order[:-1])
        second.append(order[1:])
    one, other = np.concatenate(first), np.concatenate(second)
    apart = np.abs(shares[one] - shares[other]).max(axis=1)
    count = np.minimum(np.floor(apart / step), 256).astype(int)
    start, end = np.repeat(one, count), np.repeat(other, count)
    if not len(start):
        return found.take(np.zeros(0, int))
    place = np.concatenate([np.arange(1, n + 1) / (n + 1) for n in count if n])
    points = found.points[start] + place[:, None] * (
        found.points[end] - found.points[start]
    )
    # Held numbers of a kind stay as they are to the last digit.
    rows = take(found.rows, start)
    moved = fill(epsilon.problem, rows, points)
    same = set(continuous(epsilon.problem))
    if epsilon.settings.whole_lanes:
        same -= set(lane_rates(epsilon.problem))
    names = exact_merit(epsilon.problem).names
    rows = rows | {name: moved[name] for name in names if name in same}
    return judged(epsilon, rows, points)
