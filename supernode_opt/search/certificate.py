"""How far an answer is shown: three grades, and the sentence that says which.

*Proved*: bounds or exhaustion leave nothing better.  *Optimal if log-convex*: every
candidate that bounds left was solved, chords hold in this study's own box and eight
polished starts of the best agree.  *Best found*: everything else, with what is open.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from supernode_opt.problem.problem import Problem
from supernode_opt.search.branch_and_bound import Proof
from supernode_opt.search.enumerate import take
from supernode_opt.search.inner import MENDABLE, exact_merit, solve
from supernode_opt.search.lanes import whole_lanes
from supernode_opt.search.merit import objective_value
from supernode_opt.search.polish import Finalist
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxed import RelaxedPoints
from supernode_opt.search.settings import CONVEX, FOUND, PROVED
from supernode_opt.search.slsqp import polish
from supernode_opt.search.starts import spread
from supernode_opt.words import figures

# Polished starts that must agree, out of how many, and how closely in the logarithm.
AGREEING, STARTS, AGREEMENT = 8, 16, 1e-4
# The relaxed descent agrees with the proof when its building is this close.
_CLOSE = 1e-3


@dataclass(frozen=True)
class Graded:
    """A grade and what it rests on.

    Attributes:
      status: one of the grades.
      facts: entries of the certificate.
    """

    status: str
    facts: dict[str, Any]

    @classmethod
    def exhausted(cls, search: Search, *, complete: bool) -> "Graded":
        """Return the grade of a study of which every candidate was tried."""
        facts = {"gap": 0.0 if complete else None, "gap_by_bounds": None}
        facts |= _objective(search)
        return cls(PROVED if complete else FOUND, facts)

    def message(self, facts: dict[str, Any]) -> str:
        """Say in one sentence how far the answer is shown."""
        kind = (
            "legal candidates"
            if facts["complete"]
            else "candidates near relaxed points"
        )
        start = f"Best of {facts['candidates']:,} {kind}"
        counts = [(facts["excluded_by_memory"], "do not fit in memory")]
        counts += [(facts["excluded_by_bound"], "are excluded by bounds")]
        counts += [(facts["dominated"], "use a link that another dominates")]
        counts += [(facts["solved"], "were solved")]
        listed = [f"{n:,} {words}" for n, words in counts if n]
        said = ", ".join(listed[:-1]) + " and " * (len(listed) > 1) + listed[-1]
        gap = facts["gap"]
        if self.status == PROVED:
            end = "Nothing better is left."
        elif self.status == CONVEX:
            end = (
                "It is optimal if the model is log-convex, as chords in this box and"
                f" {facts['agreeing_starts']} starts say"
                + (
                    f"; bounds alone leave {_share(facts['gap_by_bounds'])}."
                    if facts["gap_by_bounds"] is not None
                    else "; bounds alone leave the gap open."
                )
            )
        elif gap is None:
            end = "How much better a design could be is not known."
        else:
            end = f"A design could be better by {_share(gap)}."
        if facts["open"]:
            setting = "candidates" if facts.get("families_open") else "solves"
            end += (
                f" {facts['open']:,} are neither excluded nor solved: raise"
                f" maximum_{setting} or narrow the boxes."
            )
        if not facts["complete"]:
            end += " The whole space is too large to enumerate: narrow the boxes."
        return f"{start}: {said}. {end}"


def _share(gap: float) -> str:
    return f"{figures(100.0 * gap, 2)} %"


def _objective(search: Search) -> dict[str, Any]:
    best = search.best
    value = objective_value(best.built.cost, search.problem.objective) if best else None
    return {"enumerated_objective": value}


def grade(search: Search, proof: Proof, *, complete: bool) -> Graded:
    """Grade the best design of `search`; start it anew from elsewhere in its box."""
    tolerance = search.settings.tolerance
    closed = proof.excluded
    agreeing = 0 if closed else _restarted(search)
    best = _widened(search)
    # What lanes cost is part of the gap to a design with ports as they please.
    ideal = min(f.ideal.cost for f in search.finalists if f.ideal.feasible)
    lanes = max(best.built.cost - min(ideal, best.built.cost), 0.0)
    bounded = None
    if closed:
        bounded = tolerance
    elif np.isfinite(proof.cells_bound):
        bounded = max(best.built.cost - proof.cells_bound, tolerance)
    solved = proof.solved
    status, gap = FOUND, bounded
    if closed and complete:
        status = PROVED
    elif solved and proof.convex and agreeing >= AGREEING and complete:
        status, gap = CONVEX, max(AGREEMENT, tolerance)
    if not complete or gap is None:
        gap = None
    else:
        gap = float(np.expm1(max(gap, lanes + tolerance)))
    counts = (int(np.sum(s.violation() <= MENDABLE)) for s in search.solved)
    return Graded(
        status,
        {
            "gap": gap,
            "gap_by_bounds": None if bounded is None else float(np.expm1(bounded)),
            "whole_lanes_cost": float(np.expm1(lanes)),
            "chords_hold": proof.convex,
            "agreeing_starts": agreeing,
            "feasible": sum(counts),
        }
        | _objective(search),
    )


def _restarted(search: Search) -> int:
    """Polish the best candidate from many starts; return how many agree with the best.

    A better end is kept.
    """
    best, problem = search.best, search.problem
    if best is None:
        return 0
    size = len(exact_merit(problem).names)
    points = spread(STARTS, size, seed=1)
    rows = take(best.ideal.columns, np.zeros(STARTS, int))
    ends = solve(problem, rows, points=points)
    polished = [polish(problem, take(rows, [k]), ends.points[k]) for k in range(STARTS)]
    costs = np.array([p.cost if p.feasible else np.inf for p in polished])
    first = int(np.argmin(costs))
    if costs[first] < best.ideal.cost - AGREEMENT:
        search.consider(take(rows, [first]), polished[first].point)
    reference = min(costs[first], best.ideal.cost)
    return int(np.sum(costs <= reference + AGREEMENT))


def _widened(search: Search) -> Finalist:
    """Try more lane counts around the best design's ports; keep what is better."""
    best = search.best
    if best is None:
        raise ValueError("there is no best design to widen")
    if search.settings.whole_lanes and best.built is not best.ideal:
        built = whole_lanes(search.problem, best.ideal, around=2)
        if built.feasible and built.cost < best.built.cost:
            search.best = best = Finalist(best.ideal, built)
    return best


def relaxed_facts(
    problem: Problem,
    points: RelaxedPoints | None,
    rounded: Finalist | None,
    best: Finalist | None,
) -> dict[str, Any]:
    """State what the relaxed descent promised, what was built and if both met."""
    promised = float(points.cost[0]) if points else None

    def value(cost: float | None) -> float | None:
        return None if cost is None else objective_value(cost, problem.objective)

    close = (
        rounded is None
        or best is None
        or rounded.built.cost <= best.built.cost + _CLOSE
    )
    return {
        "relaxed_objective": value(promised),
        "relaxed_violation": float(points.violation[0]) if points else None,
        "rounded_objective": value(rounded.built.cost if rounded else None),
        "agree": close,
    }


def assumptions(problem: Problem, proof: Proof, graded: Graded) -> str:
    """Say what the answer takes for granted: sampled by tests, not proved."""
    said = "bounds hold if quantities are monotone as they are declared to be"
    if graded.status == CONVEX:
        said += "; solved candidates are optimal if log-convex, as chords here say"
    elif graded.status == FOUND and not proof.convex:
        said += "; solved candidates are the best of several starts: not log-convex"
    return said
