"""Search after search, each where most is unexplored, until little is left.

The first search seeks each objective by itself.  What lies between the ends is cut into
boxes over the limits of all objectives but the first; the box with the largest
unexplored volume is halved, and the first objective is sought at the new limits.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import nameless
from supernode_opt.batch.exact import quantities
from supernode_opt.pareto.answers import Answer
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.pareto.goals import Goals
from supernode_opt.pareto.region import Cells, Excluded, Region
from supernode_opt.search.enumerate import Columns, join
from supernode_opt.search.merit import program

# The reference point lies this share of the front's extent beyond its worst values.
MARGIN = 0.1
# Limits are kept to this share of themselves, which bounds take into account.
_ROUNDING = 2e-9
# An interval between limits that is narrower than this share of the whole is a point.
_NARROW = 1e-6
# Asked with place of the objective, limits and designs that are known.
Ask = Callable[[int, Sequence[float | None], Sequence[tuple[Columns, NDArray]]], Answer]


@dataclasses.dataclass
class Exploration:
    """What is known of a front.

    Attributes:
      epsilon: the searches.
      answers: all of them, in their order.
      losses: of the designs that were found [answer found, objective].
      ends: answers that sought one objective by itself, by its place.
      reference: beyond which nothing counts, as losses, if it was given.
    """

    epsilon: Epsilon
    answers: list[Answer] = dataclasses.field(default_factory=list)
    losses: NDArray = dataclasses.field(default_factory=lambda: np.zeros((0, 0)))
    ends: dict[int, Answer] = dataclasses.field(default_factory=dict)
    reference: NDArray | None = None

    @property
    def goals(self) -> Goals:
        """What is wanted."""
        return self.epsilon.goals

    @property
    def found(self) -> list[Answer]:
        """The answers that have a design."""
        return [answer for answer in self.answers if answer.found]

    def known(self) -> list[tuple[Columns, NDArray]]:
        """Return the designs so far, with their points in the unit box."""
        return [(one.row, np.asarray(one.point)) for one in self.found]

    def take_in(self, answer: Answer) -> None:
        """Keep an answer."""
        self.answers.append(answer)
        if answer.found:
            row = losses_of(self.epsilon, answer.row)
            whole = self.losses.reshape(-1, len(self.goals.objectives))
            self.losses = np.concatenate([whole, row])

    def region(self, more: NDArray | None = None) -> Region:
        """Return what is known, with the losses of designs beyond answers added."""
        losses = self.losses if more is None else np.concatenate([self.losses, more])
        ideal = np.array([self._least(self.ends[k], k) for k in range(losses.shape[1])])
        known = np.isfinite(ideal)
        ideal = np.where(known, ideal, losses.min(axis=0))
        reference = self.reference
        if reference is None:
            reference = usual_reference(self.losses)
        shown = [self._shown(one) for one in self.answers if one.main == 0]
        return Region(ideal, reference, shown, shown=bool(known.all()))

    def _shown(self, answer: Answer) -> Excluded:
        """Return what an answer for the first objective excludes."""
        ceilings = []
        for sign, limit in zip(self.goals.signs[1:], answer.limits[1:], strict=True):
            loss = math.inf if limit is None else float(sign * limit)
            ceilings.append(loss + _ROUNDING * abs(loss) if limit else loss)
        return Excluded(tuple(ceilings), self._least(answer, 0))

    def _least(self, answer: Answer, place: int) -> float:
        """Return the least loss in what was sought that an answer leaves possible."""
        if not answer.found:
            return math.inf if answer.shown else -math.inf
        if answer.gap is None:
            return -math.inf
        value = losses_of(self.epsilon, answer.row)[0, place]
        # A share of the value, of what is maximised as of what is minimised.
        better = 1.0 + answer.gap if value < 0.0 else 1.0 / (1.0 + answer.gap)
        return float(value * better)


def losses_of(epsilon: Epsilon, rows: Columns) -> NDArray:
    """Return the losses of complete candidates [row, objective]."""
    problem = epsilon.asked(0, [None] * len(epsilon.goals.objectives))
    names = program(problem)
    values = quantities(rows, nameless(problem.scenario), names)
    return epsilon.goals.loss(np.stack([values[n] for n in epsilon.goals.names], -1))


def usual_reference(losses: NDArray) -> NDArray:
    """Return the reference point where none is given: worse than all of the front."""
    low, high = losses.min(axis=0), losses.max(axis=0)
    extent = np.where(high > low, high - low, np.abs(high))
    return high + MARGIN * extent


def explore(
    state: Exploration,
    ask: Ask,
    gap: float,
    most: int,
    tell: Callable[[int, float], None],
) -> None:
    """Search until what is unexplored is `gap` of the hypervolume, or `most` searches.

    Args:
      state: receives the answers.
      ask: answers a search.
      gap: share of the hypervolume [1].
      most: searches in all.
      tell: called with the number of searches and the unexplored share.
    """
    if not state.ends and not _ends(state, ask):
        return
    region = state.region()
    low, high = region.ideal[1:], region.reference[1:]
    boxes = [(low, high)]
    while len(state.answers) < most:
        region = state.region()
        cells = region.cells(state.losses)
        tell(len(state.answers), region.unexplored(state.losses))
        if region.unexplored(state.losses) <= gap:
            return
        chosen = _largest(cells, boxes, high - low)
        if chosen is None:
            return
        place, axis, middle, top = chosen
        lower, upper = boxes.pop(place)
        first, second = upper.copy(), lower.copy()
        first[axis] = second[axis] = middle
        boxes += [(lower, first), (second, upper)]
        ceilings = top.copy()
        ceilings[axis] = middle
        signs = state.goals.signs[1:]
        limits = [None, *(float(s * c) for s, c in zip(signs, ceilings, strict=True))]
        # What nothing reaches is no limit.
        limits[1:] = [
            None if c >= h else limit
            for c, h, limit in zip(ceilings, high, limits[1:], strict=True)
        ]
        state.take_in(ask(0, limits, _near(state, ceilings)))
    tell(len(state.answers), state.region().unexplored(state.losses))


def _ends(state: Exploration, ask: Ask) -> bool:
    """Seek each objective by itself; return whether there is any design at all."""
    count = len(state.goals.objectives)
    for place in range(count):
        free: list[float | None] = [None] * count
        answer = ask(place, free, state.known())
        state.take_in(answer)
        state.ends[place] = answer
        if not answer.found:
            return False
    for place in range(1, count):
        # The best of the first where another one is at its best.
        at = list(map(float, state.goals.loss(state.losses[place])))
        limits: list[float | None] = [None] * count
        limits[place] = at[place]
        state.take_in(ask(0, limits, state.known()))
    if count == 2:
        # And the other way round, or the end of the front may be weakly beaten.
        at = list(map(float, state.goals.loss(state.losses[0])))
        state.take_in(ask(1, [at[0], None], state.known()))
    return True


def _largest(
    cells: Cells, boxes: Sequence[tuple[NDArray, NDArray]], extent: NDArray
) -> tuple[int, int, float, NDArray] | None:
    """Return the box to halve, along which axis and where, and the top of its part.

    Only the part of a box where anything is unexplored is halved.
    """
    best, chosen = 0.0, None
    for place, (lower, upper) in enumerate(boxes):
        part = cells.within(lower, upper)
        if part.volume <= best:
            continue
        open_ = part.height > 0.0
        bottom = part.lower[open_].min(axis=0)
        top = part.upper[open_].max(axis=0)
        wide = (top - bottom) / extent
        axis = int(np.argmax(wide))
        if wide[axis] <= _NARROW:
            continue
        middle = float(0.5 * (bottom[axis] + top[axis]))
        best, chosen = part.volume, (place, axis, middle, top)
    return chosen


def _near(
    state: Exploration, ceilings: NDArray, most: int = 6
) -> list[tuple[Columns, NDArray]]:
    """Return the designs nearest to the ceilings, those that keep them first."""
    others = state.losses[:, 1:]
    extent = np.ptp(others, axis=0)
    extent = np.where(extent > 0.0, extent, 1.0)
    away = (others - ceilings) / extent
    kept = np.all(away <= 0.0, axis=1)
    order = np.lexsort((np.abs(away).max(axis=1), ~kept))
    known = state.known()
    under = [k for k in order if kept[k]][: most // 2]
    over = [k for k in order if not kept[k]][: most - len(under)]
    return [known[k] for k in (*under, *over)]


def joined(rows: Sequence[Columns]) -> Columns:
    """Put candidates of one row each below each other."""
    names = list(rows[0])
    return join([{name: row[name] for name in names} for row in rows])
