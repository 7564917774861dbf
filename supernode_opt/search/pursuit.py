"""The best design so far, and everything that was solved on the way to it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.tally import Tally
from supernode_opt.problem.problem import Problem
from supernode_opt.search.enumerate import Columns, take, whole_candidates
from supernode_opt.search.inner import (
    FEASIBLE,
    MENDABLE,
    Solved,
    at_points,
    better,
    continuous,
    exact_merit,
    solve,
)
from supernode_opt.search.merit import aim_of, objective_value
from supernode_opt.search.polish import Finalist, finish
from supernode_opt.search.settings import Progress, Settings
from supernode_opt.search.slsqp import polish
from supernode_opt.search.starts import promising

# Candidates that are worth several starts where chords do not hold, points to look at
# and to start from.
_SEVERAL = 256
_LOOK, _STARTS = 256, 3
# A descent that ends this far from its limits, by chance or kink, is tried again.
_CLOSE = 0.3
# Nearly feasible descents that are polished where chords do not hold.
_POLISHED = 96
# What polishing may gain on a descent in the logarithm.
_INEXACT = 2e-3
# Attempts to make nearly feasible centres feasible, as long as nothing else is.
_ATTEMPTS = 48


@dataclass
class Search:
    """The best design so far and everything that was solved on the way.

    Attributes:
      problem: what is asked.
      settings: tolerance and limits.
      report: called after every block.
      best: the best built finalist, if any is feasible.
      convex: whether one start will do.
      solved: blocks of solved candidates.
      finalists: every polished candidate.
      counts: how many candidates each stage excluded, solved and left open.
      keeps: whether an interruption should leave a design behind.
      attempts: polished centres of cells.
      polished: polished ends of descents that were short of their limits.
      tally: of evaluations.
    """

    problem: Problem
    settings: Settings
    report: Callable[[Progress], None]
    best: Finalist | None = None
    convex: bool = True
    solved: list[Solved] = field(default_factory=list)
    finalists: list[Finalist] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    keeps: bool = False
    attempts: int = 0
    polished: int = 0
    tally: Tally = field(default_factory=Tally)

    def threshold(self) -> float:
        """Return the cost that a candidate must promise to be worth solving."""
        cost = self.best.built.cost if self.best else np.inf
        return cost - self.settings.tolerance

    def add(self, name: str, count: int) -> None:
        """Count some more of what became of candidates."""
        self.counts[name] = self.counts.get(name, 0) + count

    def preparations(self) -> tuple[Callable[[Columns], Any], ...]:
        """Return what compiles programs that solve, polish and bound, given a plan."""
        problem = self.problem
        middle = np.full((1, len(exact_merit(problem).names)), 0.5)

        def one(plans: Columns) -> Columns:
            return take(whole_candidates(problem, plans), [0])

        return (
            lambda plans: solve(problem, one(plans), rounds=1),
            lambda plans: polish(problem, one(plans), middle[0], steps=1),
            lambda plans: at_points(problem, one(plans), middle),
        )

    def solve(self, columns: Columns) -> None:
        """Solve candidates and finish those that may beat the best."""
        block = solve(self.problem, columns)
        several = not self.convex and sum(len(b.cost) for b in self.solved) < _SEVERAL
        if several and continuous(self.problem):
            starts = promising(self.problem, columns, _STARTS, _LOOK)
            for k in range(_STARTS):
                again = solve(self.problem, columns, points=starts[:, k])
                block = better(block, again)
        if self.convex:
            # What is feasible already sets the mark that the rest has to beat.
            self._finish(block.rows(block.violation() <= MENDABLE))
        block = self._mended(block)
        self.solved.append(block)
        self._finish(block)

    def _finish(self, block: Solved) -> None:
        """Polish the rows of a block that may beat the best."""
        estimate, violation = block.estimate(), block.violation()
        if not self.convex:
            # The Lagrangian is below the optimum only where the problem is convex.
            estimate = block.cost - _INEXACT
        for index in self._promising(estimate, violation):
            worth = self.threshold()
            if estimate[index] >= worth:
                continue
            row = take(block.columns, [int(index)])
            self.consider(row, block.points[index], worth)

    def _promising(self, estimate: NDArray, violation: NDArray) -> NDArray:
        """Return the rows to finish, in order.

        Feasible ones come by cost.  Where a descent may end short of limits that can be
        kept, polishing decides: those follow by violation, as many as is worth while.
        """
        hopeful = np.flatnonzero(violation <= MENDABLE)
        hopeful = hopeful[np.argsort(estimate[hopeful], kind="stable")]
        if self.convex:
            return hopeful
        short = np.flatnonzero((violation > MENDABLE) & (violation <= _CLOSE))
        short = short[np.argsort(violation[short], kind="stable")]
        left = max(_POLISHED - self.polished, 0)
        self.polished += min(len(short), left)
        return np.concatenate([hopeful, short[:left]])

    def consider(self, row: Columns, point: NDArray, worth: float = np.inf) -> Finalist:
        """Finish one candidate from `point` and keep it if it is the best."""
        cost = self.best.built.cost if self.best else np.inf
        # What may become the best has its ports built, however little it gains.
        made = finish(self.problem, self.settings, row, point, max(worth, cost))
        self.finalists.append(made)
        if made.built.feasible and made.built.cost < cost:
            self.best = made
        return made

    def attempt(self, columns: Columns, points: NDArray) -> None:
        """Try designs at `points` in the unit box; pursue the one that is best."""
        cost, values = at_points(self.problem, columns, points)
        violation = np.nan_to_num(np.max(values, axis=1), nan=np.inf)
        cost = np.where(violation <= FEASIBLE, cost, np.inf)
        index = int(np.nanargmin(cost))
        if cost[index] >= self.threshold():
            index = int(np.argmin(violation))
            if self.best or violation[index] > _CLOSE or self.attempts >= _ATTEMPTS:
                return
            self.attempts += 1
        self.consider(take(columns, [index]), points[index])

    def _mended(self, block: Solved) -> Solved:
        """Solve again what ended short of its limits but might do better."""
        violation = block.violation()
        short = (violation > MENDABLE) & (violation < _CLOSE)
        if self.convex:
            short &= block.estimate() < self.threshold()
        index = np.flatnonzero(short)
        if not len(index) or not continuous(self.problem):
            return block
        rows = block.rows(index)
        aim = aim_of(self.problem, cost=0.0, worst=1.0)
        near = solve(self.problem, rows.columns, aim, rows.points)
        again = solve(self.problem, rows.columns, points=near.points)
        found = better(rows, again)
        # The aim changes what cost means, so only points are taken over.
        place = np.arange(len(violation))
        place[index] = len(violation) + np.arange(len(index))
        joined = {
            name: np.concatenate([v, found.columns[name]])
            for name, v in block.columns.items()
        }
        pairs = zip(block[1:], found[1:], strict=True)
        return Solved(joined, *(np.concatenate(pair) for pair in pairs)).rows(place)

    def tell(self, stage: str, done: float) -> None:
        """Report how far the proof has come."""
        value = None
        if self.best:
            value = objective_value(self.best.built.cost, self.problem.objective)
        self.report(Progress(stage, done, value))
