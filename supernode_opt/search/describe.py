"""From a solved candidate to a `Solution`: values, verdict, alternatives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.constraints import all_constraints, per_cent
from supernode_opt.problem.problem import Problem
from supernode_opt.search.alternatives import alternatives
from supernode_opt.search.bounds import on_split
from supernode_opt.search.enumerate import Columns, take, whole_candidates
from supernode_opt.search.envelope import confirmed
from supernode_opt.search.inner import FEASIBLE, exact_merit
from supernode_opt.search.outlook import Outlook
from supernode_opt.search.polish import Finalist, Rival
from supernode_opt.search.prices import prices
from supernode_opt.search.pursuit import Search
from supernode_opt.search.settings import INFEASIBLE, STOPPED, UNANSWERED
from supernode_opt.search.slsqp import Polished, polish
from supernode_opt.search.solution import (
    Solution,
    constraint_states,
    plain_report,
    values_of,
)
from supernode_opt.system.scenario import apply
from supernode_opt.words import figures


def describe(
    problem: Problem,
    chosen: Polished,
    facts: dict[str, Any],
    rivals: Sequence[Rival] = (),
    priced: bool = True,
    **more: Any,
) -> Solution:
    """Evaluate the chosen design exactly and put everything into plain values.

    Args:
      problem: what was asked.
      chosen: the candidate to describe.
      facts: the certificate.
      rivals: other designs that were built, best first.
      priced: whether prices and elasticities are worked out.
      **more: status, message and other fields of `Solution`.
    """
    values = values_of(problem, chosen.columns)
    report = plain_report(values, problem.scenario)
    known = more["status"] not in UNANSWERED
    multipliers = chosen.multipliers if known else None
    # A price is a solve of its own, which nobody waits for who stopped the search.
    if priced and known and more["status"] != STOPPED:
        found, multipliers = prices(problem, chosen, rivals)
        more |= {
            "prices": found,
            "elasticities": confirmed(problem, chosen, multipliers),
            "alternatives": alternatives(problem, chosen, rivals),
        }
    return Solution(
        design={name: value for name, value in values.items() if "." not in name},
        scenario=apply(problem.scenario, values),
        objective=float(getattr(report, problem.objective.name)),
        report=report,
        constraints=constraint_states(problem, report, multipliers),
        certificate=facts,
        **more,
    )


def split_solution(
    problem: Problem,
    outlook: Outlook,
    every: Columns,
    violation: NDArray,
    facts: dict[str, Any],
) -> Solution:
    """Report that no split keeps the limits on splits, on the one that comes closest.

    No hardware changes what these limits see, so nothing else was looked at.
    """
    least = int(np.nanargmin(violation))
    plan = take(every, [least])
    row = take(whole_candidates(problem, plan), [0])
    size = len(exact_merit(problem).names)
    chosen = polish(problem, row, np.full(size, 0.5), held=np.ones(size, bool))
    limits = [c for c in outlook.limits if on_split(outlook, c)]
    known = {c.form: c for c in limits}
    broken = [
        (constraint, float(g))
        for constraint, g in zip(all_constraints(problem), chosen.values, strict=True)
        if (constraint.name, constraint.at_most) in known and g > FEASIBLE
    ]
    relaxation = [(c.name, per_cent(g, c)) for c, g in broken]
    names = [name for name, _ in relaxation]
    if names == ["memory_fraction"]:
        message = (
            f"No split fits: the tightest needs {figures(relaxation[0][1], 3)} % more"
            " memory per chip. Allow more chips, recompute or sharding."
        )
    else:
        joint = " and ".join(
            f"the limit of {c.name} must {'rise' if c.at_most else 'fall'} by"
            f" {figures(per_cent(g, c), 3)} %"
            for c, g in broken
        )
        message = f"No split of the job satisfies every limit; at least {joint}."
    facts |= {"solved": 0, "open": 0, "excluded_by_bound": 0, "dominated": 0}
    return describe(
        problem,
        chosen,
        facts | {"feasible": 0, "gap": None},
        status=INFEASIBLE,
        message=message,
        relaxation=relaxation,
    )


def stopped(search: Search, best: Finalist) -> Solution:
    """Describe the best design that was built until a search was stopped."""
    facts = {"gap": None, "rests_on": "nothing: stopped before anything was shown"}
    return describe(
        search.problem,
        best.built,
        search.counts | facts,
        status=STOPPED,
        message="Stopped: the best design that was built until then.",
        evaluations=search.tally.count,
    )
