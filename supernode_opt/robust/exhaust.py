"""Spaces with nothing continuous: the best candidate of all on a sample, by racing.

The quantile of a candidate is no better than that of a rival as soon as enough draws
are as bad as the rival's quantile.  Counted first on the draws on which a good design
does worst, most candidates are out after a tenth of the draws, without any risk: what
is left has all draws.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.constraints import chances, nominal
from supernode_opt.problem.problem import Problem
from supernode_opt.robust.chance import asked_of
from supernode_opt.robust.judged import Judged, judge, losses, ranked_by
from supernode_opt.robust.program import DRAWS, LANES
from supernode_opt.robust.sample import Sample
from supernode_opt.search.bounds import split_violations
from supernode_opt.search.enumerate import (
    Columns,
    count_candidates,
    join,
    plans,
    take,
    tilable,
    whole_candidates,
)
from supernode_opt.search.inner import FEASIBLE, complete, judged_rows
from supernode_opt.search.merit import program
from supernode_opt.search.outlook import SLACK, look
from supernode_opt.search.settings import Settings

# Candidates of which all draws are looked at before others have to beat them, and how
# many of the best are told apart by more draws at last.
_FIRST, KEPT = 64, 16
# Candidates that are raced at a time.
_SOME = 8 * LANES
# Splits that are held at once; spaces of more are not raced.
LISTED = 500_000
# Candidates that are raced; of more, those that are best at the catalog's constants.
MOST = 100_000


class Race(NamedTuple):
    """The best of what was raced.

    Attributes:
      judged: the best candidates that keep every limit, best first.
      candidates: legal ones that keep limits at the catalog's constants.
      raced: how many of them were raced; all others are open.
      full: how many were judged on every draw.
      unlikely: how many of these keep a limit too rarely.
      nearest: if none is kept, the candidate that comes nearest to its limits.
    """

    judged: Judged
    candidates: int
    raced: int
    full: int
    unlikely: int
    nearest: Judged | None


def feasible(problem: Problem, settings: Settings) -> tuple[Columns, NDArray]:
    """Return the candidates that keep limits at the catalog's constants, best first.

    With the cost of each.

    Raises:
      TooManySplits: there are more than are held at once.
    """
    plain = nominal(problem)
    most = min(settings.maximum_candidates, LISTED)
    every = tilable(plain, plans(plain, most))
    violation = split_violations(look(plain), every)
    fitting = take(every, ~(violation > SLACK))
    if not count_candidates(fitting, plain):
        return fitting, np.zeros(0)
    columns = complete(plain, whole_candidates(plain, fitting))
    cost, g = judged_rows(plain, columns, program(plain))
    good = np.flatnonzero(np.nan_to_num(np.max(g, axis=0), nan=np.inf) <= FEASIBLE)
    good = good[np.argsort(cost[good], kind="stable")]
    return take(columns, good), cost[good]


def race(
    problem: Problem,
    settings: Settings,
    sample: Sample,
    tell: Callable[[float, Judged | None], None],
) -> Race:
    """Find the best candidates on a sample.

    Args:
      problem: the robust study; nothing continuous is free in it.
      settings: effort.
      sample: the draws.
      tell: called with the share that is done and the best candidate so far.

    Raises:
      TooManySplits: there are more than are held at once.
    """
    columns, cost = feasible(problem, settings)
    count = len(cost)
    raced = min(count, MOST)
    known = _Known(problem, sample)
    start = 0
    # All draws of the most promising, until there is something to beat.
    while start < raced and (start < _FIRST or not len(known.cost)):
        if problem.objective.quantile is None and len(known.cost):
            break
        stop = min(start + _FIRST, raced)
        known.add(take(columns, slice(start, stop)), cost[start:stop])
        start = stop
        tell(start / max(raced, 1), known.best())
    if problem.objective.quantile is None:
        # Sorted by what is sought: what follows the first that does is no better.
        return Race(
            known.judged(), count, count, known.full, known.unlikely, known.nearest
        )
    while start < raced:
        stop = min(start + _SOME, raced)
        some = take(columns, slice(start, stop))
        left = known.hopeful(some)
        known.add(take(some, left), cost[start:stop][left])
        start = stop
        tell(start / raced, known.best())
    return Race(known.judged(), count, raced, known.full, known.unlikely, known.nearest)


class _Known:
    """The best candidates so far, and the draws on which they do worst."""

    def __init__(self, problem: Problem, sample: Sample) -> None:
        self._problem, self._sample = problem, sample
        self._best: Judged | None = None
        self.cost = np.zeros(0)
        self.full = self.unlikely = 0
        self.nearest: Judged | None = None
        self._short = np.inf

    def add(self, columns: Columns, nominal: NDArray) -> None:
        """Judge candidates on every draw and keep the best."""
        if not len(nominal):
            return
        made = judge(self._problem, columns, self._sample)
        ranks = ranked_by(self._problem, made, nominal)
        self.full += len(nominal)
        self.unlikely += int(np.sum(~made.enough))
        self._look(made)
        good = np.flatnonzero(made.enough)
        if not len(good):
            return
        both, ranks = made.rows(good), ranks[good]
        if self._best is not None:
            old = self._best
            both = Judged(
                join([old.columns, both.columns]),
                *(np.concatenate(p) for p in zip(old[1:], both[1:], strict=True)),
            )
            ranks = np.concatenate([self.cost, ranks])
        first = np.argsort(ranks, kind="stable")[:KEPT]
        self._best, self.cost = both.rows(first), ranks[first]

    def _look(self, made: Judged) -> None:
        """Keep what comes nearest to its limits as long as nothing keeps them."""
        if made.enough.any() or self._best is not None:
            self.nearest = None
            return
        asked = asked_of(chances(self._problem))
        short = np.max(asked - made.chance, axis=1)
        first = int(np.argmin(short))
        if short[first] < self._short:
            self._short = float(short[first])
            self.nearest = made.rows(slice(first, first + 1))

    def hopeful(self, columns: Columns) -> NDArray:
        """Return which candidates a few draws do not exclude from the best [row]."""
        best, count = self._best, self._sample.count
        level = self._problem.objective.reached
        if best is None or level is None or len(self.cost) < KEPT:
            return np.arange(len(columns["chips"]))
        worst = self.cost[-1]
        # The quantile lies at or above the order statistic below it.
        enough = count - int(np.floor(level * (count - 1)))
        most = -(-enough // DRAWS) * DRAWS
        hard = np.argsort(-np.mean(best.loss, axis=0), kind="stable")[:most]
        loss = losses(self._problem, columns, self._sample.rows(hard))
        return np.flatnonzero(np.sum(loss >= worst, axis=1) < enough)

    def best(self) -> Judged | None:
        """Return the best candidate so far, if there is one."""
        return None if self._best is None else self._best.rows(slice(0, 1))

    def judged(self) -> Judged:
        """Return the best candidates, best first; none where none keeps its limits."""
        if self._best is not None:
            return self._best
        if self.nearest is None:
            raise ValueError("nothing was judged")
        return self.nearest.rows(slice(0, 0))
