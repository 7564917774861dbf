"""Studies of more splits than can be held: from the families to the answer."""

import contextlib
import dataclasses
import time
from typing import Any

import numpy as np

from supernode_opt.search.bounds import split_violations
from supernode_opt.search.conclude import looked_again, told
from supernode_opt.search.descent import build, descended
from supernode_opt.search.describe import split_solution
from supernode_opt.search.enumerate import (
    Columns,
    illegal_reason,
    join,
    plans,
    take,
    whole_candidates,
)
from supernode_opt.search.families import (
    Families,
    bounded,
    copies,
    list_families,
    members,
    order,
    pieces,
)
from supernode_opt.search.inner import continuous, exact_merit
from supernode_opt.search.journal import Journal
from supernode_opt.search.outlook import SLACK, Outlook
from supernode_opt.search.population import breed, seeds
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxed import RelaxedPoints
from supernode_opt.search.rounding import distinct, neighbourhoods
from supernode_opt.search.solution import Solution
from supernode_opt.search.state import trim
from supernode_opt.search.streamed import Stream, closest, stream
from supernode_opt.workload.split import TooManySplits

# Splits that are held at once; a study of more goes family by family.
HELD = 100_000
# The same where nothing is continuous.
TRIED = 2_000_000
# Families that are held at once: some 10^8 splits, 10^11 candidates and more.
MOST_FAMILIES = 5_000_000
# Splits of the most promising families, and designs that are bred from.
_SAMPLE, _BRED, _FINISHED = 2_000, 64, 4


def large(
    search: Search,
    outlook: Outlook,
    seed: int,
    facts: dict[str, Any],
    journal: Journal | None,
) -> tuple[Solution, RelaxedPoints | None]:
    """Answer a study family by family.

    Args:
      search: holds the design to begin with, if any.
      outlook: the problem, for bounds.
      seed: of the relaxed descent and of what is bred.
      facts: of the certificate.
      journal: where it is kept, and goes on from.

    Raises:
      ValueError: no legal split exists at all, whatever the limits.
      TooManySplits: there are too many families even.
    """
    problem = search.problem
    search.tell("bounding families", 0.0)
    families = list_families(problem, MOST_FAMILIES)
    if not len(families.splits):
        reason = illegal_reason(problem) or "no split of these chips is legal"
        raise ValueError(f"there is no design to consider: {reason}")
    families = bounded(problem, outlook, families)
    each = copies(problem, families.columns["chips"])
    facts |= {
        "complete": True,
        "splits": int(np.sum(families.splits)),
        "candidates": int(np.sum(each * families.splits)),
    }
    so_far = journal.resumed(search) if journal else None
    if so_far is None:
        so_far = Stream()
        _propose(search, outlook, families, seed, so_far)

    def keep(so_far: Stream) -> None:
        trim(search)
        if journal:
            journal.keep(search, so_far)

    keep(so_far)
    began, before = time.monotonic(), so_far.looked
    proof = stream(search, outlook, families, so_far, keep)
    spent, looked = time.monotonic() - began, so_far.looked - before
    left = search.counts["open_splits"]
    facts["open_time_s"] = spent * left / looked if looked and left else None
    conflict = None
    if search.best is None:
        if not so_far.fitting:
            # Bounds excluded all families, so that no split was listed.
            near = closest(problem, outlook, families)
            so_far.fitting = near.fitting
            if not near.fitting:
                violation = np.array([near.least])
                facts |= search.counts
                answer = split_solution(
                    problem, outlook, near.closest, violation, facts
                )
                return answer, so_far.points
        if not proof.contenders:
            none = take(whole_candidates(problem, take(so_far.fitting, [0])), [])
            proof = dataclasses.replace(proof, contenders=none)
        proof, conflict = looked_again(search, proof, so_far.fitting, so_far.points)
        if search.best is not None:
            # With a design in hand the rest can be bounded against it.
            again = Stream(rounded=so_far.rounded, points=so_far.points)
            search.counts = {}
            proof = stream(search, outlook, families, again, lambda _: trim(search))
    answer = told(search, proof, conflict, facts, so_far.points, so_far.rounded)
    return answer, so_far.points


def _propose(
    search: Search, outlook: Outlook, families: Families, seed: int, so_far: Stream
) -> None:
    """Find designs to measure the rest by: a descent, and what is bred from there."""
    problem = search.problem
    sample = _sample(search, outlook, families)
    if sample is None:
        return
    if continuous(problem):
        so_far.points = descended(search, outlook, seed, sample)
    points = so_far.points
    if points is not None:
        near = [sample]
        for narrow in neighbourhoods(problem, points):
            # Where even a neighbourhood is too large, the others have to do.
            with contextlib.suppress(TooManySplits):
                near.append(plans(narrow, HELD))
        build(search, outlook, _fitting(outlook, distinct(join(near))), points)
    _breed(search, sample, seed)
    so_far.rounded = search.best


def _sample(search: Search, outlook: Outlook, families: Families) -> Columns | None:
    """Return splits of the most promising families that fit; `None` if none does."""
    for piece in pieces(order(families), families.splits, _SAMPLE)[:8]:
        some = families.rows(piece)
        fitting = _fitting(outlook, members(search.problem, some))
        if len(fitting["chips"]):
            return take(fitting, slice(0, 4 * _SAMPLE))
    return None


def _fitting(outlook: Outlook, splits: Columns) -> Columns:
    return take(splits, ~(split_violations(outlook, splits) > SLACK))


def _breed(search: Search, sample: Columns, seed: int) -> None:
    """Breed from what was solved and from the most promising splits; build the best."""
    problem = search.problem
    random = np.random.default_rng(seed)
    size, count = len(exact_merit(problem).names), len(sample["chips"])
    few = take(sample, random.choice(count, min(count, _BRED), replace=False))
    each = [whole_candidates(problem, take(few, [k])) for k in range(len(few["chips"]))]
    drawn = [take(one, [int(random.integers(len(one["chips"])))]) for one in each]
    parts = [(join(drawn), random.random((len(drawn), size)))]
    for block in search.solved:
        best = np.argsort(block.violation() > 0.0, kind="stable")[:_BRED]
        parts.append((take(block.columns, best), block.points[best]))
    if search.best is not None:
        ideal = search.best.ideal
        parts.append((ideal.columns, ideal.point[None]))
    bred = breed(problem, *seeds(parts), seed)
    search.tell("breeding", 1.0)
    for k in range(min(_FINISHED, len(bred.score))):
        search.consider(take(bred.columns, [k]), bred.points[k])
