"""Robust designs where numbers of a machine are free: found, then moved on draws."""

from collections.abc import Callable

import numpy as np

from supernode_opt.problem.constraints import chances
from supernode_opt.problem.problem import Problem
from supernode_opt.robust.chance import asked_of
from supernode_opt.robust.found import TOLD_APART, Found, nominal_cost, told_apart
from supernode_opt.robust.judged import judge, ranked_by
from supernode_opt.robust.moved import moved
from supernode_opt.robust.sample import APART, Sample, sample
from supernode_opt.robust.shifted import Search, searched
from supernode_opt.search import settings as grades
from supernode_opt.search.enumerate import Columns, join, take
from supernode_opt.search.settings import Progress
from supernode_opt.search.solution import Solution

# Candidates whose numbers are moved.
_MOVED = 3
# How often a candidate is moved anew because more draws want more room.
_AGAIN = 3


def on_draws(
    problem: Problem,
    first: Solution,
    drawn: Sample,
    search: Search,
    seed: int,
    tell: Callable[[Progress], None],
) -> Found:
    """Find candidates by searches with limits moved, and move their numbers."""
    pool, searches = searched(problem, first, drawn, search)
    pool = _distinct(pool)
    known = judge(problem, pool, drawn)
    cost = nominal_cost(problem, pool)
    ranks = ranked_by(problem, known, cost)
    # What keeps its limits, or nearly, and promises most.
    short = np.max(asked_of(chances(problem)) - known.chance, axis=1, initial=0.0)
    order = np.lexsort(np.stack([ranks, np.round(np.maximum(short, 0.0), 1)]))[:_MOVED]
    larger = sample(problem, seed + APART, TOLD_APART)
    made, points = [pool], 0
    for place, index in enumerate(order):
        tell(Progress("moving numbers under draws", place / len(order)))
        row, looked = _moved(problem, take(pool, [int(index)]), drawn, larger)
        made.append(row)
        points += looked
    every = join(made)
    found = told_apart(problem, every, seed)
    status = grades.FOUND
    count = len(every["chips"])
    message = (
        f"Best of {count:,} candidates under the same {TOLD_APART:,} draws: the"
        f" answers and alternatives of {searches} searches with limits moved until"
        f" draws keep them, {len(order)} of them with their numbers moved on"
        f" {drawn.count:,} draws. How much better a design could be under draws is not"
        " known."
    )
    facts = {
        "complete": False,
        "candidates": count,
        "draws": drawn.count,
        "searches": searches,
        "points": points,
        "gap": None,
        "rests_on": "a sample, and candidates that ordinary searches found",
    }
    if not found.enough[0]:
        status = grades.UNKNOWN
        message = "No design was found that keeps every limit as probably as asked."
    return Found(found, status, message, facts)


def _moved(
    problem: Problem, row: Columns, drawn: Sample, larger: Sample
) -> tuple[Columns, int]:
    """Move a candidate until a larger sample keeps its limits, too."""
    asked = asked_of(chances(problem))
    margins, points = np.zeros(len(asked)), 0
    for _ in range(_AGAIN):
        made = moved(problem, row, drawn, margins)
        row, points = made.columns, points + made.evaluations
        known = judge(problem, row, larger)
        if known.enough[0] or not made.evaluations:
            break
        short = asked - known.chance[0]
        margins = margins + np.where(short > 0.0, short + 0.002, 0.0)
    return row, points


def _distinct(columns: Columns) -> Columns:
    """Return candidates without repetitions, in their order."""
    table = np.stack([np.asarray(columns[n], float) for n in columns], axis=1)
    _, first = np.unique(np.round(table, 9), axis=0, return_index=True)
    return take(columns, np.sort(first))
