"""A job on a machine yet to be found: its splits, and what bounds promise of them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Objective, Problem
from supernode_opt.search.bounds import bounds, cell_bounds, on_split, split_violations
from supernode_opt.search.corners import corner_values
from supernode_opt.search.ends import Leaf, Side, leaves_of
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    plans,
    positions,
    take,
    tilable,
)
from supernode_opt.search.families import anywhere
from supernode_opt.search.inner import FEASIBLE, complete, judged_rows
from supernode_opt.search.merit import LEAST, forms
from supernode_opt.search.outlook import SLACK, Limit, Outlook, look, worst
from supernode_opt.search.relaxations import kindest
from supernode_opt.search.values import composed

_ROWS = 100_000
_OTHER: dict[Side, Side] = {"low": "high", "high": "low"}


@dataclass(frozen=True)
class Job:
    """One job: what is asked of it and its legal splits that fit in memory.

    Attributes:
      name: of its model.
      problem: what is asked.
      outlook: the same, for bounds.
      promise: for what sees the split: what is wanted, and limits.
      surely: ends that a box of machines keeps anywhere in it; `None` if not known.
      splits: one a row, by chips and then by what they promise at best.
      costs: the least cost of each split on any machine of its chips [split].
      places: rows of the splits over so many chips.
      legal: how many splits there are over so many chips, memory aside.
    """

    name: str
    problem: Problem
    outlook: Outlook
    promise: Outlook
    surely: Outlook | None
    splits: Columns
    costs: NDArray
    places: Mapping[int, slice]
    legal: Mapping[int, int]

    def promised(self, rows: Columns) -> NDArray:
        """Return lower bounds on the cost of splits in boxes of machines."""
        return cell_bounds(self.promise, rows)

    def reached(self, rows: Columns) -> NDArray:
        """Return the exact cost of splits on machines; infinite where a limit fails."""
        if not self.resting:
            # Without a width, a box is bounded by what is there.
            return self.promised(rows)
        problem = self.problem
        names = (problem.objective.name, *(name for name, _ in forms(problem)))
        full = complete(problem, rows)
        cost, values = judged_rows(problem, full, tuple(dict.fromkeys(names)))
        return np.where(np.max(values, axis=0) <= FEASIBLE, cost, np.inf)

    @property
    def resting(self) -> bool:
        """Whether something is bounded by what it is with the clock at rest."""
        leaves = set().union(*self.outlook.leaves.values())
        return any(self.outlook.ways(leaf.name).rests for leaf in leaves)

    def assured(self, rows: Columns) -> NDArray:
        """Return costs that splits keep anywhere in boxes; infinite if not known."""
        count = len(rows["chips"])
        outlook = self.surely
        if outlook is None:
            return np.full(count, np.inf)
        ends = [outlook.wanted, *(limit.end for limit in outlook.limits)]
        leaves = {leaf for end in ends for leaf in outlook.leaves[end]}
        found = corner_values(outlook, rows, outlook.scenario, leaves)
        values = composed(outlook, rows, found, ends)
        every = [np.broadcast_to(values[end], count) for end in ends]
        known = np.all(np.isfinite(every), axis=0)
        with np.errstate(all="ignore"):
            log = np.log(np.maximum(every[0], LEAST))
        # The objective of `surely` is turned around.
        cost = (log if outlook.objective.maximize else -log) + SLACK
        kept = worst(values, outlook.limits, count) <= 0.0
        return np.where(known & kept, cost, np.inf)


def prepared(
    name: str, problem: Problem, most: int, tell: Callable[[str, float], None]
) -> Job:
    """Enumerate the splits of a job and bound each on any machine.

    Args:
      name: of the job.
      problem: what is asked of it.
      most: splits to hold.
      tell: is told the stage and how far it is.

    Raises:
      TooManySplits: there are more than `most`.
      ValueError: no split of the job is legal.
    """
    outlook = look(problem)
    every = tilable(problem, plans(problem, most))
    if not len(every["chips"]):
        raise ValueError(
            f"there is no design to consider: {name} has no legal split over the chips"
        )
    legal = dict(zip(*_counts(every["chips"]), strict=True))
    fitting = _fitting(outlook, every, name, tell)
    costs = _kindest_costs(problem, outlook, fitting, name, tell)
    kept = costs < np.inf
    fitting, costs = take(fitting, kept), costs[kept]
    order = np.lexsort((costs, fitting["chips"]))
    fitting, costs = take(fitting, order), costs[order]
    chips, counts = _counts(fitting["chips"])
    stops = np.cumsum(counts)
    places = {
        c: slice(int(stop - n), int(stop))
        for c, n, stop in zip(chips, counts, stops, strict=True)
    }
    promise = _promise(outlook)
    return Job(
        name,
        problem,
        outlook,
        promise,
        _surely(promise),
        fitting,
        costs,
        places,
        legal,
    )


def machine_names(outlook: Outlook, *more: Leaf) -> tuple[str, ...]:
    """Return the quantities of limits, and of `more` ends, that see no split."""
    ends = (*(limit.end for limit in outlook.limits), *more)
    leaves = {leaf for end in ends for leaf in outlook.leaves[end]}
    return tuple(sorted({leaf.name for leaf in leaves if outlook.splitless(leaf)}))


def opposite(end: Leaf) -> Leaf:
    """Return the other end of a quantity."""
    return Leaf(end.name, _OTHER[end.side])


def turned(limits: Sequence[Limit]) -> tuple[Limit, ...]:
    """Return limits on the ends that are kept anywhere in a box if at all there."""
    return tuple(dataclasses.replace(one, end=opposite(one.end)) for one in limits)


def _counts(chips: NDArray) -> tuple[list[int], list[int]]:
    values, counts = np.unique(chips, return_counts=True)
    return [int(c) for c in values], [int(n) for n in counts]


def _fitting(
    outlook: Outlook, every: Columns, name: str, tell: Callable[[str, float], None]
) -> Columns:
    count, kept = len(every["chips"]), []
    for start in range(0, count, _ROWS):
        rows = take(every, slice(start, start + _ROWS))
        good = ~(split_violations(outlook, rows) > SLACK)
        kept.append(np.flatnonzero(good) + start)
        tell(f"memory of {name}", min((start + _ROWS) / count, 1.0))
    return take(every, np.concatenate(kept))


def _kindest_costs(
    problem: Problem,
    outlook: Outlook,
    splits: Columns,
    name: str,
    tell: Callable[[str, float], None],
) -> NDArray:
    """Bound every split with distance abolished and the best of every link."""
    allowed = {p for link in LINKS for p in positions(problem, link)}
    names = machine_names(outlook, outlook.wanted)
    small = dataclasses.replace(outlook, program=names)
    kind, count, found = kindest(outlook, allowed), len(splits["chips"]), []
    for start in range(0, count, _ROWS):
        rows = take(splits, slice(start, start + _ROWS))
        found.append(bounds(small, anywhere(problem, rows), kind))
        tell(f"bounding splits of {name}", min((start + _ROWS) / count, 1.0))
    return np.concatenate(found) if found else np.zeros(0)


def _promise(outlook: Outlook) -> Outlook:
    """Return the outlook on what sees the split, memory and the like left out."""
    limits = tuple(
        limit
        for limit in outlook.limits
        if not on_split(outlook, limit)
        and not all(outlook.splitless(leaf) for leaf in outlook.leaves[limit.end])
    )
    ends = (outlook.wanted, *(limit.end for limit in limits))
    names = {leaf.name for end in ends for leaf in outlook.leaves[end]}
    return dataclasses.replace(outlook, limits=limits, program=tuple(sorted(names)))


def _surely(promise: Outlook) -> Outlook | None:
    """Return `promise` with every end turned around, if all of them are known."""
    wanted, limits = opposite(promise.wanted), turned(promise.limits)
    objective = Objective(promise.objective.name, not promise.objective.maximize)
    leaves = leaves_of({wanted, *(one.end for one in limits)}, promise.scenario)
    made = dataclasses.replace(
        promise, objective=objective, wanted=wanted, limits=limits, leaves=leaves
    )
    # What moves within a box is free in it; nothing is free that is not so anyway.
    known = all(made.bounded(end) for end in leaves)
    return made if known else None
