"""From a solved candidate to a `Solution`: values, verdict, alternatives."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.build import apply
from supernode_opt.problem.problem import Problem
from supernode_opt.search.branch_and_bound import Search
from supernode_opt.search.enumerate import Columns, take, with_domains, with_links
from supernode_opt.search.infeasible import memory_conflict
from supernode_opt.search.inner import (
    MENDABLE,
    ROUNDS,
    STEPS,
    Polished,
    exact_merit,
    polish,
)
from supernode_opt.search.merit import objective_value
from supernode_opt.search.polish import finish
from supernode_opt.search.relaxed import RelaxedPoints
from supernode_opt.search.solution import (
    Solution,
    constraint_states,
    kind_of,
    plain_report,
    prices,
    values_of,
)

ALTERNATIVES = 5
# Mean power is energy over time, a ratio, and so is what is paid for it; a rack's power
# stops rising where the rack is thinned.
NOT_CONVEX = (
    "rack_power",
    "average_power",
    "average_chip_power",
    "cost",
    "cost_per_chip_hour",
    "cost_per_megatoken",
    "tokens_per_dollar",
)


def describe(
    problem: Problem, chosen: Polished, facts: dict[str, Any], **more: Any
) -> Solution:
    """Evaluate the chosen design exactly and put everything into plain values.

    Args:
      problem: what was asked.
      chosen: the candidate to describe.
      facts: the certificate.
      **more: status, message and other fields of `Solution`.
    """
    values = values_of(problem, chosen.columns)
    report = plain_report(values, problem.scenario)
    known = more["status"] == "optimal"
    states = constraint_states(problem, report, chosen.multipliers if known else None)
    return Solution(
        design={name: value for name, value in values.items() if "." not in name},
        scenario=apply(problem.scenario, values),
        objective=float(getattr(report, problem.objective.name)),
        report=report,
        constraints=states,
        prices=prices(problem, report, states, chosen) if known else [],
        certificate=facts,
        **more,
    )


def assumptions(problem: Problem) -> str:
    """Say what the proof takes for granted: sampled by tests, not proved."""
    asked = {problem.objective.name, *(c.name for c in problem.constraints)}
    bent = sorted(asked & set(NOT_CONVEX))
    said = "solved candidates are optimal if log-convex, as tests sample"
    if bent:
        said = (
            f"solved candidates are local optima: {', '.join(bent)} is not log-convex"
        )
    freed = [v.name for v in problem.variables if "." in v.name]
    if freed:
        said += f"; bounds hold if the model is monotone in {', '.join(freed)}"
    return said


def verdict(facts: dict[str, Any]) -> str:
    """Say in one sentence how far the answer is proved."""
    kind = "legal candidates" if facts["complete"] else "candidates near relaxed points"
    start = f"Best of {facts['candidates']:,} {kind}"
    if facts["open"]:
        return (
            f"{start} as far as looked: {facts['open']:,} are neither excluded nor"
            f" solved, and could be better by {100.0 * facts['gap']:.2g} %; raise"
            " maximum_solves or narrow the boxes."
        )
    counts = (
        f"{start}: {facts['excluded_by_memory']:,} do not fit in memory,"
        f" {facts['excluded_by_bound']:,} are excluded by bounds and"
        f" {facts['solved']:,} were solved."
    )
    if facts["complete"]:
        return counts
    return f"{counts} The whole space is too large to enumerate: narrow the boxes."


def alternatives(search: Search) -> list[dict[str, Any]]:
    """Finish the best candidates of other kinds than the winner."""
    problem = search.problem
    seen = {kind_of(search.best.built.columns, 0)} if search.best else set()
    rows = [
        (float(estimate), block, int(row))
        for block in search.solved
        for estimate, row in zip(
            block.estimate(), np.arange(len(block.cost)), strict=True
        )
        if block.violation()[row] <= MENDABLE
    ]
    found: list[dict[str, Any]] = []
    for _, block, row in sorted(rows, key=lambda item: item[0]):
        kind = kind_of(block.columns, row)
        if kind in seen:
            continue
        seen.add(kind)
        made = finish(problem, search.settings, block, row, np.inf).built
        if made.feasible:
            value = objective_value(made.cost, problem.objective)
            found.append(
                {"design": values_of(problem, made.columns), "objective": value}
            )
        if len(found) == ALTERNATIVES:
            break
    return sorted(
        found, key=lambda a: a["objective"], reverse=problem.objective.maximize
    )


def memory_solution(
    problem: Problem, every: Columns, violation: NDArray, facts: dict[str, Any]
) -> Solution:
    """Report that no split fits, on the one that comes closest."""
    least = int(np.nanargmin(violation))
    relaxation, message = memory_conflict(float(violation[least]), problem)
    plan = take(every, [least])
    row = take(with_links(with_domains(plan, problem), problem), [0])
    size = len(exact_merit(problem).names)
    held = np.ones(size, bool)
    chosen = polish(problem, row, np.full(size, 0.5), held=held)
    facts |= {"solved": 0, "open": 0, "excluded_by_bound": 0, "feasible": 0}
    return describe(
        problem,
        chosen,
        facts,
        status="infeasible",
        message=message,
        relaxation=relaxation,
    )


def evaluations(search: Search, points: RelaxedPoints | None, candidates: int) -> int:
    """Count how often the model, or its gradient, was computed or bounded."""
    solved = sum(len(block.cost) for block in search.solved)
    polished = sum(f.ideal.evaluations for f in search.finalists)
    descended = points.evaluations if points else 0
    return int(solved * ROUNDS * STEPS + candidates + polished + descended)
