"""Of the designs that are nearly as good as the best, those at an extreme.

Within a stated per cent of the best objective, what has the fewest optical modules, the
least power, the fewest chips, the lowest cost?  Of every kind of design that was solved
one is looked at; the most promising is optimised anew for the quantity itself, with the
objective no worse than stated.  What was excluded by bounds was not solved: it cannot
beat the best, but it may be near it.
"""

import dataclasses
import math

import numpy as np

from supernode_opt.problem.problem import Constraint, Objective, Problem
from supernode_opt.search.alternatives import differs, promising
from supernode_opt.search.enumerate import Columns, take
from supernode_opt.search.inner import continuous
from supernode_opt.search.merit import aim_of, objective_value, program
from supernode_opt.search.polish import finish
from supernode_opt.search.pursuit import Search
from supernode_opt.search.records import Extreme
from supernode_opt.search.slsqp import Polished
from supernode_opt.search.solution import kind_of, plain_report, values_of
from supernode_opt.system.report import Report

# What a design near the best may have least of, as people say it.
EXTREMES = {
    "optical_modules": "fewest optical modules",
    "power": "least power",
    "chips": "fewest chips",
    "cost": "lowest cost",
}
# Kinds of design that are looked at.
_LOOKED_AT = 24


def extremes(search: Search, others: Columns | None = None) -> list[Extreme]:
    """Return the design with the least of each quantity, of those near the best.

    Args:
      search: what was solved.
      others: feasible candidates, best first, where nothing had to be solved.
    """
    problem, best = search.problem, search.best
    if best is None:
        return []
    enough = best.built.cost + math.log1p(search.settings.alternatives_within)
    pool = [best.built, *_kinds(search, others, enough)]
    ours = values_of(problem, best.built.columns)
    values = [ours, *(values_of(problem, one.columns) for one in pool[1:])]
    reports = [plain_report(one, problem.scenario) for one in values]
    made = [best.built]
    for name in EXTREMES:
        told = [_of(name, v, r) for v, r in zip(values, reports, strict=True)]
        place = int(np.argmin(np.round(told, 9)))
        if name != problem.objective.name and (place or _moves(problem, name)):
            made += _least(search, name, pool[place], enough)
    # What was built for one quantity may have the least of another.
    rows = []
    for one in made:
        design = values_of(problem, one.columns)
        rows.append((one.cost, design, plain_report(design, problem.scenario)))
    found = []
    for name, words in EXTREMES.items():
        if name == problem.objective.name:
            continue
        least = [round(_of(name, design, report), 9) for _, design, report in rows]
        place = min(range(len(rows)), key=lambda k: (least[k], rows[k][0]))
        cost, design, _ = rows[place]
        found.append(
            Extreme(
                name,
                words,
                least[place],
                least[0],
                objective_value(cost, problem.objective),
                design,
                differs(problem, design, ours) if place else "",
            )
        )
    return found


def _of(name: str, design: dict[str, float | str], report: Report) -> float:
    return float(design[name] if name in design else getattr(report, name))


def _kinds(search: Search, others: Columns | None, enough: float) -> list[Polished]:
    """Return one solved candidate of every kind that is near the best."""
    assert search.best is not None
    seen = {kind_of(search.best.built.columns, 0)}
    found = []
    for columns, row, point, cost in promising(search, others):
        if cost > enough or len(found) == _LOOKED_AT:
            break
        kind = kind_of(columns, row)
        if kind not in seen:
            seen.add(kind)
            made = search.best.built._replace(
                columns=take(columns, [row]), point=point, cost=cost
            )
            found.append(made)
    return found


def _least(search: Search, name: str, one: Polished, enough: float) -> list[Polished]:
    """Return a candidate built for the least of a quantity, if it is near the best."""
    problem = search.problem
    asked = _asked(problem, name, enough)
    made = finish(asked, search.settings, one.columns, one.point).built
    if not made.feasible:
        return []
    if asked is not problem:
        # Its cost is that of the quantity; what it is worth is read where it ends.
        goal, limit = problem.objective, asked.constraints[-1].limit
        g = made.values[len(problem.constraints)]
        worth = math.log(limit) + (-g if goal.maximize else g)
        made = made._replace(cost=-worth if goal.maximize else worth)
    return [made] if made.cost <= enough + 1e-9 else []


def _moves(problem: Problem, name: str) -> bool:
    """Tell whether what is free in a candidate moves a quantity."""
    return name != "chips" and bool(continuous(problem))


def _asked(problem: Problem, name: str, enough: float) -> Problem:
    """Return the problem of the least of a quantity, the objective near its best.

    The same problem where that would ask for another program, or moves nothing.
    """
    goal = problem.objective
    floor = Constraint(
        goal.name, objective_value(enough, goal), at_most=not goal.maximize
    )
    if not _moves(problem, name):
        return problem
    asked = dataclasses.replace(
        problem,
        objective=Objective(name, maximize=False),
        constraints=(*problem.constraints, floor),
    )
    slots = [len(aim_of(each)["offset"]) for each in (problem, asked)]
    same = program(asked) == program(problem) and slots[0] == slots[1]
    return asked if same else problem
