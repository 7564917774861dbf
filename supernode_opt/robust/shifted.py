"""Robust designs from ordinary searches with limits moved: sequential, then checked.

A limit that is kept too rarely is moved by as much as the draws lie beyond the value at
the catalog's constants, and the ordinary search is asked anew, until its answer keeps
limits as probably as asked (Du and Chen 2004, sequential optimization and reliability
assessment, doi:10.1115/1.1649968).  Its answer and alternatives are where the numbers
of the hardware are then moved on the draws themselves.
"""

import dataclasses
from collections.abc import Callable, Mapping
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
from supernode_opt.system.design import CHOICE_NAMES
from supernode_opt.system.scenario import Scenario

# Searches with limits moved, at most.
ROUNDS = 4
Search = Callable[[Problem], Solution]


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
        if name in CHOICE_NAMES:
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
    pools, solution, count = [pool_of(problem, first)], first, 1
    for _ in range(ROUNDS):
        again = _moved(problem, solution, sample, moved)
        if again == moved:
            break
        moved = again
        solution = search(_with(problem, moved))
        count += 1
        if solution.status in UNANSWERED:
            break
        pools.append(pool_of(problem, solution))
    # The last search knows the limits as they must be: its answers come first.
    return join(pools[::-1]), count


def _moved(
    problem: Problem,
    solution: Solution,
    sample: Sample,
    before: Mapping[tuple[str, bool], float],
) -> dict[tuple[str, bool], float]:
    """Return limits at the catalog's constants under which draws keep theirs."""
    limits = chances(problem)
    columns = columns_of(problem, solution.design, solution.scenario)
    values = drawn_values(problem, columns, sample, asked(problem))
    chance = chances_of(limits, values, sample)[0] if limits else np.zeros(0)
    report = plain_report(solution.design, solution.scenario)
    found = dict(before)
    for limit, share, least in zip(limits, chance, asked_of(limits), strict=True):
        key, at = (limit.name, limit.at_most), float(getattr(report, limit.name))
        if share >= least or not limit.limit > 0.0 or not at > 0.0:
            continue
        wanted = limit.limit * at / _end(limit, values, sample)
        tighter = min if limit.at_most else max
        found[key] = tighter(wanted, found.get(key, wanted))
    return found


def _end(limit: Constraint, values: Values, sample: Sample) -> float:
    """Return the value that keeps a limit as probably as asked, SI."""
    drawn = values[limit.name][0]
    if limit.name in MEMORY:
        drawn = drawn * np.exp(sample.spread * sample.memory)
    share = limit.probability or 0.5
    return float(quantile(drawn, share if limit.at_most else 1.0 - share))


def _with(problem: Problem, moved: Mapping[tuple[str, bool], float]) -> Problem:
    """Return the study at the catalog's constants with some limits moved."""
    plain = nominal(problem)
    kept, left = [], dict(moved)
    for limit in plain.constraints:
        wanted = left.pop((limit.name, limit.at_most), limit.limit)
        tighter = min if limit.at_most else max
        limit = dataclasses.replace(limit, limit=tighter(wanted, limit.limit))
        kept.append(limit)
    kept += [Constraint(name, limit, most) for (name, most), limit in left.items()]
    return dataclasses.replace(plain, constraints=tuple(kept))
