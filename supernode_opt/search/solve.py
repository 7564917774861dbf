"""optimize(problem) -> Solution: descend, build, prove, explain."""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.batch.precise import precisely
from supernode_opt.batch.tally import counting
from supernode_opt.problem.constraints import is_robust
from supernode_opt.problem.problem import Problem
from supernode_opt.search.bounds import split_violations
from supernode_opt.search.branch_and_bound import Proof, prove
from supernode_opt.search.certificate import Graded
from supernode_opt.search.conclude import conclude, infeasible, looked_again, told
from supernode_opt.search.descent import build, descended
from supernode_opt.search.describe import split_solution, stopped
from supernode_opt.search.enumerate import (
    Columns,
    count_candidates,
    illegal_reason,
    join,
    plans,
    take,
    tilable,
)
from supernode_opt.search.exhaust import MOST, exhaust
from supernode_opt.search.infeasible import Conflict, least_relaxation
from supernode_opt.search.inner import continuous, exact_merit
from supernode_opt.search.journal import Journal
from supernode_opt.search.large import HELD, TRIED, large
from supernode_opt.search.outlook import SLACK, Outlook, look
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxed import RelaxedPoints, descend_relaxed
from supernode_opt.search.rounding import distinct, neighbourhoods
from supernode_opt.search.settings import INFEASIBLE, Progress, Settings
from supernode_opt.search.solution import Solution
from supernode_opt.search.stairs import stairs
from supernode_opt.search.start import Start, begin_with
from supernode_opt.workload.split import TooManySplits


class Space(NamedTuple):
    """The legal splits that are looked at.

    Attributes:
      every: all of them.
      fitting: those that keep the limits on splits alone, such as memory.
      violation: of those limits.
      complete: whether these are all legal splits.
      points: the relaxed descent, where it came first.
    """

    every: Columns
    fitting: Columns
    violation: np.ndarray
    complete: bool
    points: RelaxedPoints | None


@precisely
def optimize(
    problem: Problem,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
    keeps: bool = False,
    start: Start | None = None,
    journal: Journal | None = None,
) -> Solution:
    """Find the best legal design, with a certificate of what was excluded and why.

    Args:
      problem: scenario, free variables, objective and limits.
      settings: effort.
      seed: of the relaxed descent's starts.
      progress: called now and then with how things stand.
      keeps: whether Ctrl-C leaves the best design that was built, as "stopped".
      start: a design to begin with, of an earlier answer: where it is legal and
        feasible here it takes the place of the relaxed descent.
      journal: where a long search is kept, and goes on from.

    Returns:
      The best design and what is known of it, or the least relaxation that would allow
      one; `Solution.status` says which.

    Raises:
      ValueError: no legal split exists at all, whatever the limits, or a quantile or
        probability is asked for.
      Stranger: the journal is of another question.
    """
    if is_robust(problem):
        raise ValueError("draws are asked about, which `robust.solve` answers")
    began = time.monotonic()
    tell = progress or (lambda _: None)
    search = Search(problem, settings or Settings(), tell, keeps=keeps)
    try:
        with counting(search.tally):
            solution, points = _searched(search, seed, start, journal)
    except KeyboardInterrupt:
        if not keeps or search.best is None:
            raise
        solution, points = stopped(search, search.best), None
    return dataclasses.replace(
        solution,
        history=points.history if points else {},
        evaluations=search.tally.count,
        wall_s=time.monotonic() - began,
    )


def _searched(
    search: Search, seed: int, start: Start | None, journal: Journal | None
) -> tuple[Solution, RelaxedPoints | None]:
    outlook, facts = look(search.problem), dict[str, Any]()
    if start is not None:
        facts["start"] = begin_with(search, start)
    serves = search.problem.scenario.serving is not None
    try:
        # Where nothing has to be solved for, trying them all is soon done.
        most = HELD if continuous(search.problem) and not serves else TRIED
        every = plans(search.problem, most)
    except TooManySplits:
        if serves:
            # Families are of splits of training.
            raise
        try:
            return large(search, outlook, seed, facts, journal)
        except TooManySplits:
            if not search.settings.outer:
                raise
            space = _near(search, outlook, seed)
    else:
        space = _space(search, outlook, every)
    return _held(search, outlook, seed, space, facts)


def _space(
    search: Search,
    outlook: Outlook,
    every: Columns,
    points: RelaxedPoints | None = None,
) -> Space:
    """Sort out splits that do not fit; `points` came first where some are missing."""
    problem = search.problem
    every = tilable(problem, every)
    if not len(every["chips"]):
        reason = illegal_reason(problem) or "no split of these chips is legal"
        raise ValueError(f"there is no design to consider: {reason}")
    violation = split_violations(outlook, every)
    fitting = take(every, ~(violation > SLACK))
    return Space(every, fitting, violation, points is None, points)


def _near(search: Search, outlook: Outlook, seed: int) -> Space:
    """List splits near relaxed points, where not even families can be listed."""
    problem, settings = search.problem, search.settings
    points = descend_relaxed(problem, settings, seed, search.report)
    near = neighbourhoods(problem, points)
    every = [plans(narrow, settings.maximum_candidates) for narrow in near]
    return _space(search, outlook, distinct(join(every)), points)


def _held(
    search: Search, outlook: Outlook, seed: int, space: Space, facts: dict[str, Any]
) -> tuple[Solution, RelaxedPoints | None]:
    """Answer a study of which all splits are at hand."""
    problem, points = search.problem, space.points
    facts |= {
        "complete": space.complete,
        "splits": len(space.every["chips"]),
        "candidates": count_candidates(space.every, problem),
    }
    fitting = count_candidates(space.fitting, problem)
    facts["excluded_by_memory"] = facts["candidates"] - fitting
    if not len(space.fitting["chips"]):
        answer = split_solution(problem, outlook, space.every, space.violation, facts)
        return answer, points
    if not continuous(problem) and fitting <= MOST:
        return _tried(search, space, facts), points
    points = points or descended(search, outlook, seed, space.fitting)
    if points is not None:
        build(search, outlook, space.fitting, points)
    rounded = search.best
    proof, conflict = _proved(search, outlook, space, points)
    return told(search, proof, conflict, facts, points, rounded), points


def _tried(search: Search, space: Space, facts: dict[str, Any]) -> Solution:
    """Answer a purely discrete study by trying everything."""
    problem = search.problem

    def tell(done: float) -> None:
        search.tell("trying every candidate", done)

    found = exhaust(problem, space.fitting, tell)
    facts |= {
        "solved": found.tried,
        "feasible": found.feasible,
        "dominated": 0,
        "open": 0,
        "excluded_by_bound": 0,
    }
    middle = np.full(len(exact_merit(problem).names), 0.5)
    for row in range(min(len(found.cost), 32)):
        columns = take(found.columns, [row])
        if search.consider(columns, middle).built.feasible and row == 0:
            break
    if search.best is None:
        conflict = least_relaxation(problem, found.columns, found.alone)
        return infeasible(search, conflict, INFEASIBLE, facts | {"gap": None})
    graded = Graded.exhausted(search, complete=space.complete)
    facts |= graded.facts | {"rests_on": "every candidate was evaluated"}
    solution = conclude(search, graded, facts, found.columns)
    if search.settings.prices:
        steps = stairs(problem, space.every, search.best.built)
        solution = dataclasses.replace(solution, prices=steps)
    return solution


def _proved(
    search: Search, outlook: Outlook, space: Space, points: RelaxedPoints | None
) -> tuple[Proof, Conflict | None]:
    """Prove; where nothing feasible was found, look again before that is believed."""
    proof = prove(search, outlook, space.fitting)
    if search.best is not None:
        return proof, None
    proof, conflict = looked_again(search, proof, space.fitting, points)
    if search.best is not None:
        # With a design in hand the rest can be bounded against it.
        return prove(search, outlook, space.fitting), None
    return proof, conflict
