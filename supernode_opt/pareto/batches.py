"""Every whole batch of every layout, most of them without being evaluated.

What a machine generates rises with the batch that it decodes, and so does the time per
token.  Between two batches of a layout that were evaluated nothing is better than the
better end in each objective; where a design beats that, no batch between needs a look.
The others are halved until nothing is left.  Where values fall that should rise, every
batch of the layout is evaluated.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import nameless
from supernode_opt.batch.exact import quantities
from supernode_opt.config.study import Study
from supernode_opt.pareto.between import Designs, gathered
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.pareto.exact import Tried, blocks, sampled
from supernode_opt.pareto.goals import Goals
from supernode_opt.problem.constraints import normalised
from supernode_opt.problem.variables import Variable
from supernode_opt.search.enumerate import Columns, count_candidates, take, variable
from supernode_opt.search.inner import FEASIBLE, complete, continuous, exact_merit
from supernode_opt.search.merit import forms, limits
from supernode_opt.system.serving.solved import MOST

BATCH = "decode_batch"
# What moves with the batch in one way: 1 where it rises.
_WAYS = {
    "requests_per_s": 1.0,
    "output_tokens_per_s": 1.0,
    "input_tokens_per_s": 1.0,
    "output_tokens_per_s_per_chip": 1.0,
    "decode_tokens_per_s_per_chip": 1.0,
    "tpot": 1.0,
    "user_tokens_per_s": -1.0,
}
# Limits that, once broken, every larger batch breaks.
_RISING = ("memory_fraction", "tpot_fraction", "tpot")
# Layouts of which every batch can be looked at, if it has to be.
_MOST = 2_000_000
# Values that agree to this are one.
_SAME = 1e-11


class _Open(NamedTuple):
    """Batches between two that were evaluated.

    Attributes:
      row: the candidate [interval].
      low, high: the two batches [interval].
      first, last: their losses [interval, objective].
      over: whether the lower one breaks a limit that larger ones break as well.
    """

    row: NDArray
    low: NDArray
    high: NDArray
    first: NDArray
    last: NDArray
    over: NDArray

    def take(self, index: NDArray) -> "_Open":
        return _Open(*(part[index] for part in self))


def with_batches(study: Study, goals: Goals) -> Study:
    """Return a study of which batches are free where speed is wanted beside throughput.

    A batch that is as large as limits allow is a point of that front, not the front.
    """
    problem, speeds = study.problem, {"tpot", "user_tokens_per_s"}
    if problem.fixed.get(BATCH) != 0.0 or not speeds & set(goals.names):
        return study
    fixed = {name: value for name, value in problem.fixed.items() if name != BATCH}
    variables = (*problem.variables, Variable(BATCH, 1.0, MOST))
    problem = dataclasses.replace(problem, fixed=fixed, variables=variables)
    return dataclasses.replace(study, problem=problem)


def suits(epsilon: Epsilon) -> bool:
    """Tell whether batches are all that is to be found beside the layout."""
    problem, free = epsilon.problem, variable(epsilon.problem, BATCH)
    if free is None or free.low < 1.0 or epsilon.fitting is None:
        return False
    return not continuous(problem) and count_candidates(epsilon.fitting, problem) <= (
        _MOST
    )


def tried(
    epsilon: Epsilon, sample: int, tell: Callable[[int, int], None]
) -> Tried | None:
    """Find the front over all layouts and whole batches; `None` where there is none.

    Args:
      epsilon: the study.
      sample: feasible candidates to keep as a cloud.
      tell: called with how many layouts are done, and of how many.
    """
    free = variable(epsilon.problem, BATCH)
    layouts = _layouts(epsilon)
    if free is None or not len(layouts["chips"]):
        return None
    low, high = np.ceil(free.low), np.floor(free.high)
    found = _Found(epsilon, sample)
    every = count_candidates(layouts, epsilon.problem)
    done = 0
    for rows in blocks(epsilon, layouts):
        found.search(complete(epsilon.problem, rows), low, high)
        done += len(rows["chips"])
        tell(done, every)
    if found.front is None or found.cloud is None:
        return None
    whole = int(every * (high - low + 1.0))
    return Tried(found.front, whole, found.feasible, found.cloud, found.evaluated)


def _layouts(epsilon: Epsilon) -> Columns:
    """Return the plans of a study, one for all batches."""
    plans = epsilon.fitting or {}
    names = [name for name in plans if name != BATCH]
    table = np.stack([np.asarray(plans[name], float) for name in names], axis=1)
    return take(plans, np.sort(np.unique(table, axis=0, return_index=True)[1]))


class _Found:
    """What was found so far."""

    def __init__(self, epsilon: Epsilon, sample: int) -> None:
        self.epsilon, self.sample = epsilon, sample
        self.problem = epsilon.asked(0, [None] * len(epsilon.goals.objectives))
        self.front: Designs | None = None
        self.cloud: Designs | None = None
        self.feasible = self.evaluated = 0
        ways = [_WAYS.get(name, 0.0) for name in epsilon.goals.names]
        self.ways = np.asarray(ways) * epsilon.goals.signs

    def search(self, rows: Columns, low: float, high: float) -> None:
        """Look at all batches of complete candidates."""
        every = np.arange(len(rows["chips"]))
        least, most = (np.full(len(every), end) for end in (low, high))
        first, over = self._at(rows, every, least)
        last, _ = self._at(rows, every, most)
        left = self._open(_Open(every, least, most, first, last, over))
        while len(left.row):
            middle = np.floor(np.sqrt(left.low * left.high))
            middle = np.clip(middle, left.low + 1.0, left.high - 1.0)
            losses, over = self._at(rows, left.row, middle)
            below = left._replace(high=middle, last=losses)
            above = left._replace(low=middle, first=losses, over=over)
            both = (np.concatenate(pair) for pair in zip(below, above, strict=True))
            left = self._open(_Open(*both))

    def _open(self, one: _Open) -> _Open:
        """Return the intervals that may hold a design of the front."""
        kept = (one.high - one.low > 1.5) & ~one.over
        away = (one.last - one.first) * self.ways
        # What moves the other way, or in no known one, bounds nothing.
        size = _SAME * np.abs(one.first)
        wild = np.any((self.ways == 0.0) | ~(away >= -size), axis=1)
        corner = np.minimum(one.first, one.last)
        kept &= wild | ~self._beaten(corner)
        return one.take(np.flatnonzero(kept))

    def _beaten(self, corners: NDArray) -> NDArray:
        """Tell which points a design of the front is at least as good as."""
        if self.front is None:
            return np.zeros(len(corners), bool)
        losses = self.front.losses
        if losses.shape[1] == 2:
            order = np.argsort(losses[:, 0])
            least = np.minimum.accumulate(losses[order, 1])
            place = np.searchsorted(losses[order, 0], corners[:, 0], side="right") - 1
            return (place >= 0) & (least[np.maximum(place, 0)] <= corners[:, 1])
        made = np.zeros(len(corners), bool)
        for start in range(0, len(corners), 1024):
            some = corners[start : start + 1024, None]
            made[start : start + 1024] = np.all(losses <= some, axis=2).any(axis=1)
        return made

    def _at(
        self, rows: Columns, index: NDArray, batch: NDArray
    ) -> tuple[NDArray, NDArray]:
        """Evaluate candidates at batches; return losses and what only gets worse."""
        problem, goals = self.problem, self.epsilon.goals
        some = take(rows, index) | {BATCH: batch}
        asked = forms(problem)
        names = tuple(sorted({*goals.names, *(name for name, _ in asked)}))
        values = quantities(some, nameless(problem.scenario), names)
        losses = goals.loss(np.stack([values[n] for n in goals.names], axis=-1))
        over, worst = np.zeros(len(index), bool), np.full(len(index), -np.inf)
        for (name, at_most), limit in zip(asked, limits(problem), strict=True):
            broken = np.asarray(normalised(values[name], limit, at_most))
            broken = np.nan_to_num(broken, nan=np.inf)
            worst = np.maximum(worst, broken)
            if name in _RISING and at_most:
                over |= broken > FEASIBLE
        good = (worst <= FEASIBLE) & np.all(np.isfinite(losses), axis=1)
        self.evaluated += len(index)
        self._keep(some, losses, np.flatnonzero(good))
        return losses, over

    def _keep(self, rows: Columns, losses: NDArray, good: NDArray) -> None:
        self.feasible += len(good)
        if not len(good):
            return
        middle = np.full((len(losses), len(exact_merit(self.problem).names)), 0.5)
        made = Designs(rows, middle, losses).take(good)
        best, cloud = made.front(), self.cloud
        both = best if self.front is None else gathered([self.front, best]).front()
        self.front = both
        whole = made if cloud is None else gathered([cloud, made])
        self.cloud = sampled(whole, self.sample)
