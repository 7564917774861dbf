"""Robust designs from ordinary searches with limits moved: sequential, then checked.

A limit that is kept too rarely is moved by as much as the draws lie beyond the value at
the catalog's constants, and the ordinary search is asked anew, until its answer keeps
limits as probably as asked (Du and Chen 2004, sequential optimization and reliability
assessment, doi:10.1115/1.1649968).  Its answer and alternatives are where the numbers
of the hardware are then moved on the draws themselves.
"""

import dataclasses
from collections.abc import Callable, Mapping, Set
from typing import Any

import numpy as np

from supernode_opt.problem.box import options
from supernode_opt.problem.constraints import chances, nominal
from supernode_opt.problem.problem import Constraint, Problem
from supernode_opt.record import get
from supernode_opt.robust.chance import MEMORY, asked_of, chances_of
from supernode_opt.robust.program import Values, asked, drawn_values
from supernode_opt.robust.quantiles import quantile
from supernode_opt.robust.sample import Sample
from supernode_opt.search.enumerate import Columns, join
from supernode_opt.search.inner import complete
from supernode_opt.search.settings import UNANSWERED
from supernode_opt.search.solution import Solution, plain_report
from supernode_opt.search.start import Start
from supernode_opt.system.design import EVERY_CHOICE
from supernode_opt.system.scenario import Scenario

# Searches with limits moved, at most.
ROUNDS = 4
# An ordinary search, from a design to begin with.
Search = Callable[[Problem, Start], Solution]


def columns_of(
    problem: Problem, design: Mapping[str, Any], scenario: Scenario
) -> Columns:
    """Return a design, by name, as a complete candidate of one row.

    Freed constants that it does not name are those of `scenario`.
    """
    made: Columns = {}
    for name, value in design.items():
        if name == "data_parallel":
            continue
        if name in EVERY_CHOICE:
            place = options(name, problem.scenario).index(str(value))
            made[name] = np.asarray([place], np.int32)
        else:
            made[name] = np.asarray([float(value)])
    for v in problem.variables:
        if "." in v.name and v.name not in made:
            made[v.name] = np.asarray([float(get(scenario, v.name))])
    return complete(nominal(problem), made)


def pool_of(problem: Problem, solution: Solution) -> Columns:
    """Return the answer of a search and its alternatives as candidates, best first."""
    designs = [solution.design, *(one.design for one in solution.alternatives)]
    rows = [columns_of(problem, design, solution.scenario) for design in designs]
    return join([{name: row[name] for name in rows[0]} for row in rows])


def searched(
    problem: Problem, first: Solution, sample: Sample, search: Search
) -> tuple[Columns, int]:
    """Return candidates for the robust design, and how many searches found them.

    Args:
      problem: the robust study.
      first: what the search gives at the catalog's constants.
      sample: the draws.
      search: the ordinary search.
    """
    moved: dict[tuple[str, bool], float] = {}
    barred: set[tuple[str, str]] = set()
    pools, solution, count = [pool_of(problem, first)], first, 1
    for _ in range(ROUNDS):
        before = dict(moved), set(barred)
        _move(problem, solution, sample, moved, barred)
        asked_for = _with(problem, moved, barred)
        if before == (moved, barred) or asked_for is None:
            break
        start = solution.design | {
            v.name: float(get(solution.scenario, v.name))
            for v in problem.variables
            if "." in v.name
        }
        solution = search(asked_for, start)
        count += 1
        if solution.status in UNANSWERED:
            break
        pools.append(pool_of(problem, solution))
    # The last search knows the limits as they must be: its answers come first.
    return join(pools[::-1]), count


def _move(
    problem: Problem,
    solution: Solution,
    sample: Sample,
    moved: dict[tuple[str, bool], float],
    barred: set[tuple[str, str]],
) -> None:
    """Move limits at the catalog's constants that draws keep too rarely.

    A limit of nothing cannot be moved: a link that may not reach is barred.

    Args:
      problem: the robust study.
      solution: the answer of the last search.
      sample: the draws.
      moved: limits by name and side, SI; moved further in place.
      barred: links by choice; more are put in.
    """
    limits = chances(problem)
    columns = columns_of(problem, solution.design, solution.scenario)
    values = drawn_values(problem, columns, sample, asked(problem))
    chance = chances_of(limits, values, sample)[0] if limits else np.zeros(0)
    report = plain_report(solution.design, solution.scenario)
    for limit, share, least in zip(limits, chance, asked_of(limits), strict=True):
        key, at = (limit.name, limit.at_most), float(getattr(report, limit.name))
        if share >= least:
            continue
        link = limit.name.removesuffix("_reach") + "_link"
        if link in solution.design:
            barred.add((link, str(solution.design[link])))
        elif limit.limit > 0.0 and at > 0.0:
            wanted = limit.limit * at / _end(limit, values, sample)
            tighter = min if limit.at_most else max
            moved[key] = tighter(wanted, moved.get(key, wanted))


def _end(limit: Constraint, values: Values, sample: Sample) -> float:
    """Return the value that keeps a limit as probably as asked, SI."""
    drawn = values[limit.name][0]
    if limit.name in MEMORY:
        drawn = drawn * np.exp(sample.spread * sample.memory)
    share = limit.probability or 0.5
    return float(quantile(drawn, share if limit.at_most else 1.0 - share))


def _with(
    problem: Problem,
    moved: Mapping[tuple[str, bool], float],
    barred: Set[tuple[str, str]],
) -> Problem | None:
    """Return the study without draws, limits moved and links barred, if any is left."""
    plain = nominal(problem)
    kept, left = [], dict(moved)
    for limit in plain.constraints:
        wanted = left.pop((limit.name, limit.at_most), limit.limit)
        tighter = min if limit.at_most else max
        kept.append(dataclasses.replace(limit, limit=tighter(wanted, limit.limit)))
    kept += [Constraint(name, limit, most) for (name, most), limit in left.items()]
    choices = []
    for choice in plain.choices:
        options = tuple(o for o in choice.options if (choice.name, o) not in barred)
        if not options:
            return None
        choices.append(dataclasses.replace(choice, options=options))
    return dataclasses.replace(plain, constraints=tuple(kept), choices=tuple(choices))
