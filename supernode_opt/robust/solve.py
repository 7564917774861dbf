"""optimize(problem) -> Answer: the best design under draws of what is not known well.

The best design at the catalog's constants is found first, with its proof.  Spaces with
nothing continuous are then raced on one sample of draws, all candidates of them; where
numbers of the hardware are free, ordinary searches with limits moved give candidates,
whose numbers are moved on the draws.  The few best are told apart by more draws, and
what is reported comes from draws that no design was chosen by.
"""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.precise import precisely
from supernode_opt.problem.constraints import chances, nominal
from supernode_opt.problem.problem import Problem
from supernode_opt.robust.chance import asked_of
from supernode_opt.robust.exhaust import Race, race
from supernode_opt.robust.judged import Judged, judge, ranked_by
from supernode_opt.robust.moved import moved
from supernode_opt.robust.price import stands, told
from supernode_opt.robust.sample import APART, JUDGED, Sample, sample
from supernode_opt.robust.shifted import columns_of, searched
from supernode_opt.search import settings as grades
from supernode_opt.search.enumerate import Columns, join, take
from supernode_opt.search.inner import continuous, judged_rows
from supernode_opt.search.merit import objective_value, program
from supernode_opt.search.records import Alternative
from supernode_opt.search.settings import Progress, Settings
from supernode_opt.search.solution import (
    Solution,
    constraint_states,
    kind_of,
    plain_report,
    values_of,
)
from supernode_opt.search.solve import optimize as search_for
from supernode_opt.system.report import Report
from supernode_opt.system.scenario import apply

# Draws by which candidates are compared if the study does not say, and those that tell
# the best of them apart.
_DRAWS, _TOLD_APART = 256, 4096
# Candidates whose numbers are moved.
_MOVED = 3
# How often a candidate is moved anew because more draws want more room.
_AGAIN = 3
_ALTERNATIVES = 5


class Answer(NamedTuple):
    """A robust design, and what is known of it beside the design without draws.

    Attributes:
      solution: the design; its report is at the catalog's constants.
      robustness: both designs under draws, as plain values; `None` without any.
    """

    solution: Solution
    robustness: dict[str, Any] | None


class _Found(NamedTuple):
    """Candidates that were told apart, the best first, and how far that was shown."""

    judged: Judged
    status: str
    message: str
    facts: dict[str, Any]


@precisely
def optimize(
    problem: Problem,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
    keeps: bool = False,
) -> Answer:
    """Find the best design under draws; see `search.solve.optimize`.

    Raises:
      ValueError: no legal split exists at all, or nothing that is asked about depends
        on what is not known well.
    """
    began = time.monotonic()
    settings, tell = settings or Settings(), progress or (lambda _: None)
    plain = nominal(problem)
    first = search_for(plain, settings, seed, progress, keeps)
    if first.status in (*grades.UNANSWERED, grades.STOPPED):
        return Answer(first, None)
    drawn = sample(problem, seed, settings.draws or _DRAWS)
    start = columns_of(problem, first.design, first.scenario)
    _refuse_certain(problem, judge(problem, start, drawn))
    if continuous(plain):

        def search(moved: Problem) -> Solution:
            return search_for(moved, settings, seed, progress)

        found = _on_draws(problem, first, drawn, search, seed, tell)
    else:
        found = _raced(problem, settings, drawn, seed, tell)
    answer = _described(problem, found, first, start, seed)
    wall = time.monotonic() - began
    return Answer(dataclasses.replace(answer[0], wall_s=wall), answer[1])


def _refuse_certain(problem: Problem, judged: Judged) -> None:
    """Refuse a quantile of something that no draw moves."""
    goal = problem.objective
    if goal.quantile is not None and np.ptp(judged.loss) == 0.0:
        raise Certain(
            f"objective.quantile: has no effect, for nothing that {goal.name} depends"
            " on has a range"
        )


class Certain(ValueError):
    """A quantile is asked of what is known exactly."""


def _raced(
    problem: Problem,
    settings: Settings,
    drawn: Sample,
    seed: int,
    tell: Callable[[Progress], None],
) -> _Found:
    """Race every candidate; tell the best apart by more draws."""

    def say(done: float, best: Judged | None) -> None:
        tell(Progress("racing candidates under draws", done))

    raced = race(problem, settings, drawn, say)
    counted: dict[str, Any] = {
        "complete": raced.raced == raced.candidates,
        "candidates": raced.candidates,
        "draws": drawn.count,
        "judged_on_every_draw": raced.full,
        "excluded_by_probability": raced.unlikely,
        "open": raced.candidates - raced.raced,
    }
    if not len(raced.judged.loss):
        return _unkept(problem, raced, counted)
    found = _told_apart(problem, raced.judged.columns, seed)
    complete = counted["complete"]
    status = grades.PROVED if complete else grades.FOUND
    message = (
        f"Best of {raced.raced:,} candidates that keep every limit at the catalog's"
        f" constants, on the same {drawn.count:,} draws: {raced.full:,} were judged on"
        " all of them, the others on as many as exclude them."
    )
    if len(found.loss) > 1:
        message += (
            f" The {len(found.loss)} best were told apart by {_TOLD_APART:,} draws."
        )
    if not complete:
        message += f" {counted['open']:,} others were not judged."
    facts = counted | {"gap": 0.0 if complete else None}
    facts["rests_on"] = "a sample: other draws may order designs that are near anew"
    return _Found(found, status, message, facts)


def _unkept(problem: Problem, raced: Race, counted: dict[str, Any]) -> _Found:
    """Say that no candidate keeps its limits as probably as asked."""
    nearest = raced.nearest
    if nearest is None:
        raise ValueError("there is no design to consider: none was judged")
    limits = chances(problem)
    short = asked_of(limits) - nearest.chance[0]
    worst = limits[int(np.argmax(short))]
    chance = 100.0 * float(nearest.chance[0][int(np.argmax(short))])
    message = (
        "No candidate keeps every limit as probably as asked; the one that comes"
        f" nearest keeps {worst.name} with {chance:.3g} %, where"
        f" {100.0 * (worst.probability or 0.0):.3g} % are asked."
    )
    complete = counted["complete"]
    status = grades.INFEASIBLE if complete else grades.UNKNOWN
    facts = counted | {"gap": None, "rests_on": "a sample of draws"}
    return _Found(nearest, status, message, facts)


def _on_draws(
    problem: Problem,
    first: Solution,
    drawn: Sample,
    search: Callable[[Problem], Solution],
    seed: int,
    tell: Callable[[Progress], None],
) -> _Found:
    """Find candidates by searches with limits moved, and move their numbers."""
    pool, searches = searched(problem, first, drawn, search)
    pool = _distinct(pool)
    known = judge(problem, pool, drawn)
    cost = _nominal_cost(problem, pool)
    ranks = ranked_by(problem, known, cost)
    # What keeps its limits, or nearly, and promises most.
    short = np.max(asked_of(chances(problem)) - known.chance, axis=1, initial=0.0)
    order = np.lexsort(np.stack([ranks, np.round(np.maximum(short, 0.0), 1)]))[:_MOVED]
    larger = sample(problem, seed + APART, _TOLD_APART)
    made, points = [pool], 0
    for place, index in enumerate(order):
        tell(Progress("moving numbers under draws", place / len(order)))
        row, looked = _moved(problem, take(pool, [int(index)]), drawn, larger)
        made.append(row)
        points += looked
    every = join(made)
    found = _told_apart(problem, every, seed)
    status = grades.FOUND
    count = len(every["chips"])
    message = (
        f"Best of {count:,} candidates under the same {_TOLD_APART:,} draws: the"
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
    return _Found(found, status, message, facts)


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


def _nominal_cost(problem: Problem, columns: Columns) -> NDArray:
    plain = nominal(problem)
    return judged_rows(plain, columns, program(plain))[0]


def _told_apart(problem: Problem, columns: Columns, seed: int) -> Judged:
    """Return candidates by more draws, the best first; those that keep limits lead."""
    larger = sample(problem, seed + APART, _TOLD_APART)
    made = judge(problem, columns, larger)
    short = np.max(asked_of(chances(problem)) - made.chance, axis=1, initial=0.0)
    ranks = ranked_by(problem, made, _nominal_cost(problem, columns))
    order = np.lexsort((ranks, np.maximum(short, 0.0)))
    return made.rows(order)


def _described(
    problem: Problem, found: _Found, first: Solution, start: Columns, seed: int
) -> tuple[Solution, dict[str, Any]]:
    """Put the answer into plain values, beside the design without draws."""
    plain, goal = nominal(problem), problem.objective
    rows = found.judged.columns
    last = sample(problem, seed + 2 * APART, JUDGED)
    both = judge(problem, join([take(rows, [0]), start]), last)
    values = values_of(plain, take(rows, [0]))
    report = plain_report(values, problem.scenario)
    objective = float(getattr(report, goal.name))
    design = {name: value for name, value in values.items() if "." not in name}
    robustness = told(
        problem,
        stands(problem, both, 0, objective),
        stands(problem, both, 1, first.objective),
    )
    solution = dataclasses.replace(
        first,
        status=found.status,
        message=found.message,
        design=design,
        scenario=apply(problem.scenario, values),
        objective=objective,
        report=report,
        constraints=constraint_states(plain, report),
        prices=[],
        certificate=found.facts,
        alternatives=_alternatives(plain, rows),
    )
    return solution, robustness


@precisely
def standing(
    problem: Problem, design: Mapping[str, float | str], report: Report, seed: int
) -> dict[str, Any]:
    """Return how one design stands under draws, as plain values.

    Args:
      problem: the robust study.
      design: by field, SI numbers and choices by name.
      report: of the design at the catalog's constants.
      seed: of the draws, which are those that answers of searches are judged by.
    """
    value = float(getattr(report, problem.objective.name))
    row = columns_of(problem, design, problem.scenario)
    last = sample(problem, seed + 2 * APART, JUDGED)
    judged = judge(problem, row, last)
    _refuse_certain(problem, judged)
    return told(problem, stands(problem, judged, 0, value))


def _alternatives(plain: Problem, rows: Columns) -> tuple[Alternative, ...]:
    """Return the best candidates of other kinds than the first, best first."""
    seen = {kind_of(rows, 0)}
    found: list[Alternative] = []
    cost = _nominal_cost(plain, rows)
    for row in range(1, len(cost)):
        kind = kind_of(rows, row)
        if kind in seen:
            continue
        seen.add(kind)
        value = objective_value(float(cost[row]), plain.objective)
        design = values_of(plain, take(rows, [row]))
        found.append(Alternative(design, value))
    return tuple(found[:_ALTERNATIVES])
