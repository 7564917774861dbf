"""optimize(problem) -> Solution: descend, build, prove, explain."""

import dataclasses
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.batch.precise import precisely
from supernode_opt.problem.problem import Problem
from supernode_opt.search.bounds import split_violations
from supernode_opt.search.branch_and_bound import Proof, prove
from supernode_opt.search.certificate import (
    Graded,
    assumptions,
    grade,
    relaxed_facts,
)
from supernode_opt.search.describe import (
    alternatives,
    describe,
    evaluations,
    split_solution,
    stopped,
)
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
from supernode_opt.search.infeasible import (
    Conflict,
    is_feasible,
    least_relaxation,
    pool_of,
    rescue,
)
from supernode_opt.search.inner import continuous, exact_merit
from supernode_opt.search.outlook import SLACK, Outlook, look
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxed import (
    Interrupted,
    RelaxedPoints,
    descend_relaxed,
    moves,
)
from supernode_opt.search.rounding import distinct, nearest, neighbourhoods
from supernode_opt.search.settings import (
    INFEASIBLE,
    UNKNOWN,
    Progress,
    Settings,
)
from supernode_opt.search.solution import Solution
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
) -> Solution:
    """Find the best legal design, with a certificate of what was excluded and why.

    Args:
      problem: scenario, free variables, objective and limits.
      settings: effort.
      seed: of the relaxed descent's starts.
      progress: called now and then with how things stand.
      keeps: whether Ctrl-C leaves the best design that was built, as "stopped".

    Returns:
      The best design and what is known of it, or the least relaxation that would allow
      one; `Solution.status` says which.

    Raises:
      ValueError: no legal split exists at all, whatever the limits.
    """
    began = time.monotonic()
    tell = progress or (lambda _: None)
    search = Search(problem, settings or Settings(), tell, keeps=keeps)
    try:
        return _searched(search, seed, began)
    except KeyboardInterrupt:
        if not keeps or search.best is None:
            raise
        solution = stopped(search, search.best)
        return dataclasses.replace(solution, wall_s=time.monotonic() - began)


def _searched(search: Search, seed: int, began: float) -> Solution:
    problem = search.problem
    outlook = look(problem)
    space = _space(search, outlook, seed)
    facts: dict[str, Any] = {
        "complete": space.complete,
        "splits": len(space.every["chips"]),
        "candidates": count_candidates(space.every, problem),
    }
    fitting = count_candidates(space.fitting, problem)
    facts["excluded_by_memory"] = facts["candidates"] - fitting
    points = space.points
    if not len(space.fitting["chips"]):
        solution = split_solution(problem, outlook, space.every, space.violation, facts)
    elif not continuous(problem) and fitting <= MOST:
        solution = _tried(search, space, facts)
    else:
        points = _descend_and_build(search, outlook, seed, space)
        rounded = search.best
        proof, conflict = _proved(search, outlook, space, points)
        if conflict is not None:
            solution = _unanswered(search, space, proof, conflict, facts)
        else:
            graded = grade(search, proof, complete=space.complete)
            facts |= relaxed_facts(problem, points, rounded, search.best)
            facts |= search.counts | graded.facts
            facts["rests_on"] = assumptions(problem, proof, graded)
            solution = _conclude(search, graded, facts)
    return dataclasses.replace(
        solution,
        history=points.history if points else {},
        evaluations=evaluations(search, points, facts["candidates"]),
        wall_s=time.monotonic() - began,
    )


def _space(search: Search, outlook: Outlook, seed: int) -> Space:
    """Enumerate the splits, near relaxed points only if there are too many."""
    problem, limit = search.problem, search.settings.maximum_candidates
    points, complete = None, True
    try:
        every = plans(problem, limit)
    except TooManySplits:
        complete = False
        points = descend_relaxed(problem, search.settings, seed, search.report)
        near = [plans(p, limit) for p in neighbourhoods(problem, points)]
        every = distinct(join(near))
    every = tilable(problem, every)
    if not len(every["chips"]):
        reason = illegal_reason(problem) or "no split of these chips is legal"
        raise ValueError(f"there is no design to consider: {reason}")
    violation = split_violations(outlook, every)
    fitting = take(every, ~(violation > SLACK))
    return Space(every, fitting, violation, complete, points)


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
        return _infeasible(search, conflict, INFEASIBLE, facts | {"gap": None})
    graded = Graded.exhausted(search, complete=space.complete)
    facts |= graded.facts | {"rests_on": "every candidate was evaluated"}
    return _conclude(search, graded, facts, found.columns)


def _descend_and_build(
    search: Search, outlook: Outlook, seed: int, space: Space
) -> RelaxedPoints | None:
    """Run the relaxed descent and build the legal candidates nearest to its points."""
    problem, settings = search.problem, search.settings
    if not moves(problem) or not settings.outer:
        return None
    # Compiling takes most of a short study: two programs are compiled side by side.
    pool = ThreadPoolExecutor(max_workers=1)
    ready = pool.submit(precisely(search.prepare), take(space.fitting, [0]))
    try:
        points = space.points or descend_relaxed(problem, settings, seed, search.report)
        ready.result()
    except Interrupted as stop:
        if search.keeps:
            search.solve(nearest(problem, outlook, space.fitting, stop.points()))
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # Nobody waits in vain.
    search.solve(nearest(problem, outlook, space.fitting, points))
    search.tell("building", 1.0)
    return points


def _conclude(
    search: Search,
    graded: Graded,
    facts: dict[str, Any],
    others: Columns | None = None,
) -> Solution:
    """Describe the best design."""
    best = search.best
    if best is None:
        raise ValueError("there is no best design to describe")
    return describe(
        search.problem,
        best.built,
        facts,
        status=graded.status,
        message=graded.message(facts),
        alternatives=alternatives(search, others),
    )


def _unanswered(
    search: Search,
    space: Space,
    proof: Proof,
    conflict: Conflict,
    facts: dict[str, Any],
) -> Solution:
    """Say what stands in the way, or that this is not known."""
    facts |= search.counts | {"gap": None, "feasible": 0}
    if space.complete and (proof.excluded or proof.searched):
        facts["rests_on"] = (
            "bounds" if proof.excluded else "polished solves from many starts"
        )
        return _infeasible(search, conflict, INFEASIBLE, facts)
    message = (
        f"{conflict.message} That is as far as looked: not every candidate is excluded"
        " or searched; narrow the boxes."
    )
    conflict = conflict._replace(message=message)
    return _infeasible(search, conflict, UNKNOWN, facts)


def _infeasible(
    search: Search, conflict: Conflict, status: str, facts: dict[str, Any]
) -> Solution:
    return describe(
        search.problem,
        conflict.nearest,
        facts,
        status=status,
        message=conflict.message,
        relaxation=conflict.relaxation,
    )


def _proved(
    search: Search, outlook: Outlook, space: Space, points: RelaxedPoints | None
) -> tuple[Proof, Conflict | None]:
    """Prove; where nothing feasible was found, look again before that is believed."""
    problem = search.problem
    proof = prove(search, outlook, space.fitting)
    if search.best is not None:
        return proof, None
    if not proof.excluded:
        searched = rescue(search, proof.contenders)
        proof = dataclasses.replace(proof, searched=searched)
    conflict = None
    if search.best is None:
        pool = pool_of(problem, proof.contenders, space.fitting, points)
        conflict = least_relaxation(problem, pool)
        if is_feasible(problem, conflict.nearest):
            search.consider(conflict.nearest.columns, conflict.nearest.point)
    if search.best is not None:
        # With a design in hand the rest can be bounded against it.
        return prove(search, outlook, space.fitting), None
    return proof, conflict
