"""What a search says at its end: the best design, a conflict, or what is not known."""

import dataclasses
from typing import Any

from supernode_opt.search.alternatives import finished
from supernode_opt.search.branch_and_bound import Proof
from supernode_opt.search.certificate import (
    Graded,
    assumptions,
    grade,
    relaxed_facts,
)
from supernode_opt.search.describe import describe
from supernode_opt.search.enumerate import Columns
from supernode_opt.search.extremes import extremes
from supernode_opt.search.infeasible import (
    Conflict,
    is_feasible,
    least_relaxation,
    pool_of,
    rescue,
)
from supernode_opt.search.polish import Finalist
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxed import RelaxedPoints
from supernode_opt.search.settings import INFEASIBLE, UNKNOWN
from supernode_opt.search.solution import Solution


def looked_again(
    search: Search, proof: Proof, fitting: Columns, points: RelaxedPoints | None
) -> tuple[Proof, Conflict | None]:
    """Look again where nothing feasible was found, before that is believed.

    What is found after all becomes the best of `search`, and there is no conflict.
    """
    problem = search.problem
    if not proof.excluded:
        searched = rescue(search, proof.contenders)
        proof = dataclasses.replace(proof, searched=searched)
    conflict = None
    if search.best is None:
        pool = pool_of(problem, proof.contenders, fitting, points)
        conflict = least_relaxation(problem, pool)
        if is_feasible(problem, conflict.nearest):
            search.consider(conflict.nearest.columns, conflict.nearest.point)
    return proof, None if search.best is not None else conflict


def told(
    search: Search,
    proof: Proof,
    conflict: Conflict | None,
    facts: dict[str, Any],
    points: RelaxedPoints | None,
    rounded: Finalist | None,
) -> Solution:
    """Say what was found and how far it is shown.

    Args:
      search: holds the best design, if there is one.
      proof: how far the proof came.
      conflict: what stands in the way, where no design was found.
      facts: of the certificate so far; `complete` among them.
      points: the relaxed descent, if there was one.
      rounded: the best design that was built from it.
    """
    problem = search.problem
    if conflict is not None:
        return _unanswered(search, proof, conflict, facts)
    graded = grade(search, proof, complete=facts["complete"])
    facts |= relaxed_facts(problem, points, rounded, search.best)
    facts |= search.counts | graded.facts
    facts["rests_on"] = assumptions(problem, proof, graded)
    return conclude(search, graded, facts)


def conclude(
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
        **_beside(search, others),
    )


def _beside(search: Search, others: Columns | None) -> dict[str, Any]:
    """Return what is said beside the best design, if it is asked for."""
    if not search.settings.prices:
        return {"priced": False}
    near = tuple(extremes(search, others))
    return {"rivals": finished(search, others), "extremes": near}


def _unanswered(
    search: Search, proof: Proof, conflict: Conflict, facts: dict[str, Any]
) -> Solution:
    """Say what stands in the way, or that this is not known."""
    facts |= search.counts | {"gap": None, "feasible": 0}
    # Steps of a batch hide from solves what bounds do not exclude.
    smooth = search.problem.scenario.serving is None
    if facts["complete"] and (proof.excluded or (proof.searched and smooth)):
        facts["rests_on"] = (
            "bounds" if proof.excluded else "polished solves from many starts"
        )
        return infeasible(search, conflict, INFEASIBLE, facts)
    message = (
        f"{conflict.message} That is as far as looked: not every candidate is excluded"
        " or searched; narrow the boxes."
    )
    conflict = conflict._replace(message=message)
    return infeasible(search, conflict, UNKNOWN, facts)


def infeasible(
    search: Search, conflict: Conflict, status: str, facts: dict[str, Any]
) -> Solution:
    """Describe the design that comes closest, and what it needs."""
    return describe(
        search.problem,
        conflict.nearest,
        facts,
        status=status,
        message=conflict.message,
        relaxation=conflict.relaxation,
    )
