"""optimize(problem) -> Answer: the best design under draws of what is not known well.

The best design at the catalog's constants is found first, with its proof.  Spaces with
nothing continuous are then raced on one sample of draws, all candidates of them; where
numbers of the hardware are free, ordinary searches with limits moved give candidates,
whose numbers are moved on the draws.  The few best are told apart by more draws, and
what is reported comes from draws that no design was chosen by.
"""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.batch.precise import precisely
from supernode_opt.problem.constraints import nominal
from supernode_opt.problem.problem import Problem
from supernode_opt.robust.found import Found, nominal_cost
from supernode_opt.robust.judged import Judged, judge
from supernode_opt.robust.moving import on_draws
from supernode_opt.robust.price import stands, told
from supernode_opt.robust.raced import by_race
from supernode_opt.robust.sample import APART, JUDGED, sample
from supernode_opt.robust.shifted import columns_of
from supernode_opt.search import settings as grades
from supernode_opt.search.enumerate import Columns, join, take
from supernode_opt.search.inner import continuous
from supernode_opt.search.journal import Journal
from supernode_opt.search.merit import objective_value
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
from supernode_opt.search.start import Start
from supernode_opt.system.report import Report
from supernode_opt.system.scenario import apply
from supernode_opt.workload.split import TooManySplits

# Draws by which candidates are compared if the study does not say.
_DRAWS = 256
_ALTERNATIVES = 5


class Answer(NamedTuple):
    """A robust design, and what is known of it beside the design without draws.

    Attributes:
      solution: the design; its report is at the catalog's constants.
      robustness: both designs under draws, as plain values; `None` without any.
    """

    solution: Solution
    robustness: dict[str, Any] | None


@precisely
def optimize(
    problem: Problem,
    settings: Settings | None = None,
    seed: int = 0,
    progress: Callable[[Progress], None] | None = None,
    keeps: bool = False,
    start: Start | None = None,
    journal: Journal | None = None,
) -> Answer:
    """Find the best design under draws; see `search.solve.optimize`.

    What that is told of begins and journals the search at the catalog's constants.

    Raises:
      ValueError: no legal split exists at all, or nothing that is asked about depends
        on what is not known well.
    """
    began = time.monotonic()
    settings, tell = settings or Settings(), progress or (lambda _: None)
    plain = nominal(problem)
    first = search_for(plain, settings, seed, progress, keeps, start, journal)
    if first.status in (*grades.UNANSWERED, grades.STOPPED):
        return Answer(first, None)
    drawn = sample(problem, seed, settings.draws or _DRAWS)
    row = columns_of(problem, first.design, first.scenario)
    _refuse_certain(problem, judge(problem, row, drawn))

    def search(moved: Problem, begun: Start) -> Solution:
        return search_for(moved, settings, seed, progress, start=begun)

    found = None
    if not continuous(plain):
        # What cannot be listed is searched as if numbers of it were free.
        with contextlib.suppress(TooManySplits):
            found = by_race(problem, settings, drawn, seed, tell)
    if found is None:
        found = on_draws(problem, first, drawn, search, seed, tell)
    answer = _described(problem, found, first, row, seed)
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


def _described(
    problem: Problem, found: Found, first: Solution, start: Columns, seed: int
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
        # What nothing keeps has no price.
        stands(problem, both, 1, first.objective)
        if found.status not in grades.UNANSWERED
        else None,
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
        certificate=found.facts,
        prices=(),
        elasticities={},
        extremes=(),
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
    seen, found = {kind_of(rows, 0)}, []
    cost = nominal_cost(plain, rows)
    for row in range(1, len(cost)):
        kind = kind_of(rows, row)
        if kind in seen:
            continue
        seen.add(kind)
        value = objective_value(float(cost[row]), plain.objective)
        found.append(Alternative(values_of(plain, take(rows, [row])), value))
    return tuple(found[:_ALTERNATIVES])
