"""Spaces too large to hold: families best first, a piece at a time, until none is left.

Every family has a bound before any of its splits is listed.  The most promising are
listed, bounded, solved and forgotten; what is found bounds the rest.  At any moment the
gap is known: nothing that is not looked at yet is better than the bound of the next
family.  What is decided depends on counts alone, never on the clock, so that a search
that is stopped and goes on decides what it would have decided at once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.search.bounds import split_violations
from supernode_opt.search.branch_and_bound import Proof, prove
from supernode_opt.search.enumerate import Columns, count_candidates, join, take
from supernode_opt.search.families import Families, copies, members, order, pieces
from supernode_opt.search.infeasible import MOST
from supernode_opt.search.outlook import SLACK, Outlook
from supernode_opt.search.polish import Finalist
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxed import RelaxedPoints

# Splits that are listed at a time, at first and at most.
FIRST, PIECE = 4_000, 100_000
# Of what was looked at, kept for the end.
_KEPT = MOST + 1


@dataclass
class Stream:
    """How far the families of one problem have come.

    Attributes:
      done: pieces that are finished.
      counts: candidates by what became of them.
      bounds: of every piece the least cost that is open, and by bounds alone.
      convex: whether chords held in all of them.
      contenders: candidates that no bound excluded, the first of them.
      fitting: splits that keep the limits on splits alone, the first of them.
      closest: the split that violates these least, and by how much.
      looked: splits that were listed.
      points: the relaxed descent, if there was one.
      rounded: the best design before the first piece.
    """

    done: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    bounds: list[tuple[float, float]] = field(default_factory=list)
    convex: bool = True
    contenders: Columns = field(default_factory=dict)
    fitting: Columns = field(default_factory=dict)
    closest: Columns = field(default_factory=dict)
    least: float = np.inf
    looked: int = 0
    points: RelaxedPoints | None = None
    rounded: Finalist | None = None

    def add(self, counts: dict[str, int]) -> None:
        """Add up what became of candidates."""
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count


def stream(
    search: Search,
    outlook: Outlook,
    families: Families,
    so_far: Stream,
    keep: Callable[[Stream], None],
) -> Proof:
    """Exclude, solve or leave open every candidate that grows from `families`.

    Args:
      search: holds the incumbent; receives what is found.
      outlook: the problem, for bounds.
      families: with their bounds.
      so_far: how far it has come; goes on from there.
      keep: called after every piece.
    """
    chosen = order(families)
    # What the first find spares many of the others.
    every = pieces(chosen, families.splits, PIECE, min(FIRST, PIECE))
    left = sum(len(piece) for piece in every[so_far.done :])
    first = len(chosen) - left
    for piece in every[so_far.done :]:
        settings = search.settings
        some = families.rows(piece)
        hopeful = some.bound < search.threshold()
        if not hopeful.any() or so_far.looked >= settings.maximum_candidates:
            break
        _look(search, outlook, some.rows(hopeful), so_far)
        so_far.done += 1
        first += len(piece)
        keep(so_far)
        search.tell("looking into families", first / len(chosen))
    rest = chosen[first:]
    return _concluded(search, families, rest, so_far)


def _look(search: Search, outlook: Outlook, families: Families, so_far: Stream) -> None:
    """List the splits of some families, and exclude or solve what grows from them."""
    problem = search.problem
    listed = members(problem, families)
    so_far.looked += len(listed["chips"])
    violation = split_violations(outlook, listed)
    _remember(so_far, listed, violation)
    fitting = take(listed, ~(violation > SLACK))
    before = dict(search.counts)
    search.counts = {}
    if len(fitting["chips"]):
        budget = search.settings.maximum_solves - so_far.counts.get("solved", 0)
        proof = prove(search, outlook, fitting, max(budget, 0))
        so_far.bounds.append((proof.open_bound, proof.cells_bound))
        so_far.convex &= proof.convex
        some = take(proof.contenders, slice(0, _KEPT))
        kept = [c for c in (so_far.contenders, some) if c]
        so_far.contenders = take(join(kept), slice(0, _KEPT))
    so_far.add(search.counts)
    search.counts = before
    every = count_candidates(listed, problem)
    so_far.add({"listed": every})
    so_far.add({"excluded_by_memory": every - count_candidates(fitting, problem)})


def _remember(so_far: Stream, listed: Columns, violation: NDArray) -> None:
    """Keep some splits that fit, and the one that comes closest."""
    if np.nanmin(violation) < so_far.least:
        index = int(np.nanargmin(violation))
        so_far.least, so_far.closest = float(violation[index]), take(listed, [index])
    room = _KEPT - len(so_far.fitting.get("chips", ()))
    if room > 0:
        some = take(listed, np.flatnonzero(~(violation > SLACK))[:room])
        if len(some["chips"]):
            so_far.fitting = join([c for c in (so_far.fitting, some) if c])


def _concluded(
    search: Search, families: Families, rest: NDArray, so_far: Stream
) -> Proof:
    """Say what is left: open families, and what their bounds promise."""
    problem, worth = search.problem, search.threshold()
    grown = copies(problem, families.columns["chips"]) * families.splits
    waiting = rest[families.bound[rest] < worth]
    total, memory = int(np.sum(grown)), families.violation > SLACK
    counts = so_far.counts
    counts["families"] = len(families.splits)
    counts["families_open"] = len(waiting)
    counts["open_splits"] = int(np.sum(families.splits[waiting]))
    counts["open"] = counts.get("open", 0) + int(np.sum(grown[waiting]))
    unseen = int(np.sum(grown[memory]))
    counts["excluded_by_memory"] = counts.get("excluded_by_memory", 0) + unseen
    known = ("open", "excluded_by_memory", "solved", "dominated")
    counts["excluded_by_bound"] = total - sum(counts.get(k, 0) for k in known)
    counts.pop("listed", None)
    # What was open when a piece was left may be worse than what was found since.
    ahead = float(np.min(families.bound[waiting], initial=np.inf))
    first, second = (
        min([ahead, *(each[k] for each in so_far.bounds if each[k] < worth)])
        for k in (0, 1)
    )
    search.counts |= counts
    return Proof(first, second, so_far.convex, so_far.contenders)


def closest(problem: Problem, outlook: Outlook, families: Families) -> Stream:
    """List families by what they violate at least, until some split fits.

    Returns:
      Some splits that fit or, if none does, the one that violates limits least.
    """
    first = np.argsort(families.violation, kind="stable")
    so_far = Stream()
    for piece in pieces(first, families.splits, PIECE):
        some = families.rows(piece)
        done = float(np.min(some.violation)) >= so_far.least
        if done or len(so_far.fitting.get("chips", ())):
            break
        listed = members(problem, some)
        _remember(so_far, listed, split_violations(outlook, listed))
    return so_far
