"""Boxes of designs cut until none of them can hold anything better than the front.

Every box of a candidate's free numbers has a corner of losses that no design in it is
below: its ideal.  A box whose ideal the front already beats, or nearly, holds nothing;
others are halved, those first that promise most.  This is branch and bound for several
objectives (J. Niebling, G. Eichfelder, "A branch-and-bound-based algorithm for
nonconvex multiobjective optimization", SIAM Journal on Optimization 29, 2019,
doi:10.1137/18M1169680).  Nothing but known ends of quantities is assumed: one pass
shows the whole front, where a search shows one point of it.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.pareto.between import Designs, gathered, judged
from supernode_opt.pareto.dominance import undominated
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.problem.variables import to_unit
from supernode_opt.search.corners import corner_values
from supernode_opt.search.ends import Leaf
from supernode_opt.search.enumerate import Columns, join, take
from supernode_opt.search.inner import complete, continuous, exact_merit
from supernode_opt.search.lanes import lane_rates, snapped
from supernode_opt.search.merit import box_data
from supernode_opt.search.outlook import SLACK, Outlook, look, worst
from supernode_opt.search.values import composed

# Boxes that are bounded at once.
BATCH = 4096
# Narrower than this, as a share of the whole, a number is not halved again.
_NARROW = 1e-7
# Centres of boxes that are tried as designs, of a batch.
_TRIED = 512


@dataclasses.dataclass(frozen=True)
class Cut:
    """What cutting leaves.

    Attributes:
      floor: losses that every design is at or beyond, in one of them at least
        [point, objective].
      found: designs that turned up on the way.
      looked: boxes that were bounded.
      open: boxes that may hold something better.
    """

    floor: NDArray
    found: Designs
    looked: int
    open: int


class _Boxes(NamedTuple):
    """Boxes with their ideals [box, objective] and what they promise [box]."""

    rows: Columns
    ideal: NDArray
    promise: NDArray

    def take(self, index: NDArray) -> "_Boxes":
        return _Boxes(take(self.rows, index), self.ideal[index], self.promise[index])


@dataclasses.dataclass
class _Front:
    """The best losses so far, for fast comparison."""

    losses: NDArray
    slack: NDArray

    def promise(self, ideal: NDArray) -> NDArray:
        """Return how far each ideal is ahead of the front; not positive if beaten.

        In shares of the slack of the first loss.
        """
        losses, slack = self.losses, self.slack
        if losses.shape[1] == 2:
            order = np.argsort(losses[:, 1], kind="stable")
            least = np.minimum.accumulate(losses[order, 0])
            known = np.concatenate([[np.inf], least])
            place = np.searchsorted(
                losses[order, 1], ideal[:, 1] + slack[1], side="right"
            )
            return (known[place] - ideal[:, 0]) / slack[0] - 1.0
        best = np.full(len(ideal), np.inf)
        for one in losses:
            ahead = ((one - ideal) / slack).max(axis=1) - 1.0
            best = np.minimum(best, ahead)
        return best


def cut(
    epsilon: Epsilon,
    candidates: Columns,
    found: Designs,
    slack: NDArray,
    effort: int,
    tell: Callable[[float], None],
) -> Cut | None:
    """Cut the boxes of candidates until the front is shown to be within `slack`.

    Args:
      epsilon: the searches.
      candidates: with domains and links.
      found: the front so far, dense.
      slack: by which a design may be better in each loss without counting.
      effort: most boxes to bound.
      tell: called with the share of the effort that is spent.

    Returns:
      What is left, `None` where the objectives have no bounds.
    """
    problem = epsilon.asked(0, [None] * len(epsilon.goals.objectives))
    outlook = look(problem)
    names = continuous(problem)
    bounding = _Bounds.of(epsilon, outlook)
    if bounding is None:
        return None
    box = box_data(problem, names)
    count = len(candidates["chips"])
    rows = {k: v for k, v in candidates.items() if k not in names}
    for place, name in enumerate(names):
        for end in ("low", "high"):
            rows[f"{name}_{end}"] = np.full(count, box[end][place])
    front = _Front(found.losses, slack)
    waiting: list[_Boxes] = []
    looked = 0
    for start in range(0, count, 65536):
        boxes = _bounded(bounding, front, take(rows, slice(start, start + 65536)))
        waiting.append(boxes)
        looked += min(65536, count - start)
    boxes = _stacked(waiting)
    points: list[NDArray] = []
    more = [found]
    while len(boxes.promise) and looked < effort:
        alive = boxes.promise > 0.0
        boxes = boxes.take(np.flatnonzero(alive))
        if not len(boxes.promise):
            break
        order = np.argsort(-boxes.promise, kind="stable")
        chosen, rest = boxes.take(order[:BATCH]), boxes.take(order[BATCH:])
        halves, whole = _halved(chosen.rows, names, box)
        if whole.any():
            points.append(chosen.ideal[whole])
        if epsilon.settings.whole_lanes:
            halves = snapped(problem, halves)
        if not len(halves["chips"]):
            boxes = rest
            continue
        new = _bounded(bounding, front, halves)
        looked += len(halves["chips"])
        tried = _centres(epsilon, new, names)
        if tried is not None and len(tried.losses):
            better = front.promise(tried.losses) > -1.0
            if better.any():
                more.append(tried.take(np.flatnonzero(better)))
                joint = np.concatenate([front.losses, more[-1].losses])
                front.losses = joint[undominated(joint)]
                rest = rest._replace(promise=front.promise(rest.ideal))
                new = new._replace(promise=front.promise(new.ideal))
        boxes = _stacked([rest, new.take(np.flatnonzero(new.promise > 0.0))])
        tell(min(looked / effort, 1.0))
    left = [boxes.ideal, *points]
    floor = np.concatenate([front.losses - slack, *left])
    return Cut(floor, gathered(more).front(), looked, sum(map(len, left)))


def _halved(
    rows: Columns, names: tuple[str, ...], box: Mapping[str, Any]
) -> tuple[Columns, NDArray]:
    """Halve boxes along their widest number; return halves and which are points."""

    def width(low: NDArray, high: NDArray, log: bool) -> NDArray:
        return np.log(high / low) if log else high - low

    log = [bool(flag) for flag in box["log"]]
    whole = [width(*pair) for pair in zip(box["low"], box["high"], log, strict=True)]
    widths = np.stack(
        [
            width(rows[f"{n}_low"], rows[f"{n}_high"], log[i]) / whole[i]
            for i, n in enumerate(names)
        ]
    )
    point = widths.max(axis=0) <= _NARROW
    axis = np.argmax(widths, axis=0)[~point]
    rows = take(rows, ~point)
    lower, upper = dict(rows), dict(rows)
    for i, name in enumerate(names):
        low, high = rows[f"{name}_low"], rows[f"{name}_high"]
        middle = np.sqrt(low * high) if log[i] else 0.5 * (low + high)
        lower[f"{name}_high"] = np.where(axis == i, middle, high)
        upper[f"{name}_low"] = np.where(axis == i, middle, low)
    return join([lower, upper]), point


def _bounded(bounding: "_Bounds", front: _Front, rows: Columns) -> _Boxes:
    ideal, possible = bounding(rows)
    rows = take(rows, possible)
    ideal = ideal[possible]
    return _Boxes(rows, ideal, front.promise(ideal))


def _stacked(parts: list[_Boxes]) -> _Boxes:
    return _Boxes(
        join([part.rows for part in parts]),
        np.concatenate([part.ideal for part in parts]),
        np.concatenate([part.promise for part in parts]),
    )


def _centres(epsilon: Epsilon, boxes: _Boxes, names: tuple[str, ...]) -> Designs | None:
    """Evaluate designs in the middle of the boxes that promise most."""
    if not len(boxes.promise):
        return None
    order = np.argsort(-boxes.promise, kind="stable")[:_TRIED]
    rows = take(boxes.rows, order)
    problem = epsilon.problem
    rates = lane_rates(problem) if epsilon.settings.whole_lanes else {}
    made = {k: v for k, v in rows.items() if not k.endswith(("_low", "_high"))}
    axes = {v.name: v for v in problem.variables}
    for name in names:
        low, high = rows[f"{name}_low"], rows[f"{name}_high"]
        log = axes[name].scale == "log"
        middle = np.sqrt(low * high) if log else 0.5 * (low + high)
        if name in rates:
            lanes = np.round(middle / rates[name]) * rates[name]
            middle = np.where((lanes >= low) & (lanes <= high), lanes, high)
        made[name] = middle
    every = exact_merit(problem).names
    full = complete(problem, made)
    box = box_data(problem, every)
    points = np.stack(
        [
            np.broadcast_to(
                np.asarray(
                    to_unit(full[n], *(box[key][i] for key in ("low", "high", "log")))
                ),
                len(order),
            )
            for i, n in enumerate(every)
        ],
        axis=1,
    )
    return judged(epsilon, full, points)


@dataclasses.dataclass(frozen=True)
class _Bounds:
    """Ideals of boxes.

    Attributes:
      outlook: of the problem.
      ends: of each objective, in their order.
      signs: that turn values into losses.
      others: limits with a bound.
    """

    outlook: Outlook
    ends: tuple[Leaf, ...]
    signs: NDArray
    others: tuple

    @classmethod
    def of(cls, epsilon: Epsilon, outlook: Outlook) -> "_Bounds | None":
        """Return what bounds all objectives, `None` if one has no bound."""
        ends = tuple(
            Leaf(goal.name, "high" if goal.maximize else "low")
            for goal in epsilon.goals.objectives
        )
        known = {limit.end for limit in outlook.limits} | {outlook.wanted}
        if not all(end in known and outlook.bounded(end) for end in ends):
            return None
        others = tuple(x for x in outlook.limits if outlook.bounded(x.end))
        return cls(outlook, ends, epsilon.goals.signs, others)

    def __call__(self, rows: Columns) -> tuple[NDArray, NDArray]:
        """Return ideals of boxes [box, objective] and which may keep every limit."""
        outlook = self.outlook
        wanted = [*self.ends, *(limit.end for limit in self.others)]
        leaves = {leaf for end in wanted for leaf in outlook.leaves[end]}
        found = corner_values(outlook, rows, outlook.scenario, leaves)
        values = composed(outlook, rows, found, wanted)
        count = len(rows["chips"])
        ideal = np.stack(
            [np.broadcast_to(values[end], count) for end in self.ends], axis=-1
        )
        ideal = self.signs * ideal
        # Rounded outwards: the last digits exclude nothing; what is unknown neither.
        ideal = np.where(np.isnan(ideal), -np.inf, ideal - SLACK * np.abs(ideal))
        return ideal, np.flatnonzero(~(worst(values, self.others, count) > SLACK))
