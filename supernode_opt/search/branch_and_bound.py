"""Enumerate, bound, solve, cut: no candidate leaves without a reason.

The bounds come in levels, each on what the one before left over: plans with distance
abolished, whole candidates with the technologies that nothing dominates, and candidates
in ever smaller cells of the bandwidth box.  What survives is solved best bound first,
until the next bound is no better than the best design found.  Where few survive, their
boxes are cut until bounds alone decide.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.search.bounds import bounds
from supernode_opt.search.cells import cut
from supernode_opt.search.dominance import with_useful_links
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    count_candidates,
    cross,
    join,
    positions,
    take,
    wholes,
    with_domains,
    with_wholes,
)
from supernode_opt.search.families import anywhere, copies, pieces
from supernode_opt.search.inner import BLOCK, continuous
from supernode_opt.search.outlook import Outlook
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxations import kindest
from supernode_opt.search.starts import chords_hold

_ROWS = 100_000
# Candidates that may be at hand at once.
_HELD = 3_000_000
# Cells along each port, and the most candidates worth dividing so finely.
_CELLS = ((6, 100_000), (14, 8_000))
# Cells worth bounding for a proof without convexity, and where it holds by chords.
# Where not every variable of every candidate can be halved, they would be wasted.
_EFFORT = 300_000
_CONVEX_EFFORT = 40_000


@dataclass(frozen=True)
class Proof:
    """How far the proof came.

    Attributes:
      open_bound: the least cost that anything not excluded or solved promises;
        infinite if there is nothing, minus infinity if nothing is known of it.
      cells_bound: the least cost that anything not excluded by bounds alone promises.
      convex: whether chords hold in this study's own box.
      contenders: candidates that no bound excluded.
      searched: whether all of them were searched for a feasible design from several
        starts.
    """

    open_bound: float
    cells_bound: float
    convex: bool
    contenders: Columns
    searched: bool = False

    @property
    def solved(self) -> bool:
        """Whether every candidate is excluded or solved."""
        return self.open_bound == np.inf

    @property
    def excluded(self) -> bool:
        """Whether bounds alone exclude everything that is not the best."""
        return self.cells_bound == np.inf


class _Survivors(NamedTuple):
    columns: Columns
    bound: NDArray
    dominated: int


def prove(
    search: Search, outlook: Outlook, plans: Columns, solves: int | None = None
) -> Proof:
    """Exclude or solve every candidate that grows from `plans`.

    Args:
      search: holds the incumbent; receives what is found.
      outlook: the problem, for bounds.
      plans: legal splits that fit in memory.
      solves: most candidates to solve; those of the settings if not given.
    """
    problem = search.problem
    most = search.settings.maximum_solves if solves is None else solves
    plans_left, first = _hopeful(search, outlook, plans)
    search.counts |= dict.fromkeys(("solved", "open", "dominated"), 0)
    proofs, ahead = [], np.inf
    for batch in _batches(problem, plans_left, first):
        batch = batch[first[batch] < search.threshold()]
        some = take(plans_left, batch)
        if proofs and search.counts["solved"] >= most:
            ahead = min(ahead, float(np.min(first[batch], initial=np.inf)))
            search.counts["open"] += count_candidates(some, problem)
            continue
        if len(batch) or not proofs:
            proofs.append(_grown(search, outlook, some, most))
    search.convex = all(proof.convex for proof in proofs)
    known = (search.counts[name] for name in ("solved", "open", "dominated"))
    total = count_candidates(plans, problem)
    search.counts["excluded_by_bound"] = total - sum(known)
    return Proof(
        min(ahead, *(proof.open_bound for proof in proofs)),
        min(ahead, *(proof.cells_bound for proof in proofs)),
        search.convex,
        join([proof.contenders for proof in proofs]),
    )


def _grown(search: Search, outlook: Outlook, plans: Columns, most: int) -> Proof:
    """Exclude, solve or leave open what grows from some plans."""
    problem, counts = search.problem, search.counts
    columns, bound, dominated = _survivors(search, outlook, plans)
    order = np.argsort(bound, kind="stable")
    columns, bound = take(columns, order), bound[order]
    search.convex = chords_hold(problem, columns, 0)
    start = 0
    while start < len(bound) and bound[start] < search.threshold():
        if counts["solved"] >= most:
            break
        block = np.arange(start, min(start + BLOCK, len(bound)))
        block = block[bound[block] < search.threshold()]
        search.solve(take(columns, block))
        counts["solved"] += len(block)
        start += len(block)
        search.tell("solving survivors", start / len(bound))
    left = bound[start:] < search.threshold()
    counts["open"] += int(np.sum(left))
    counts["dominated"] += dominated
    open_bound = float(np.min(bound[start:][left], initial=np.inf))
    rivals = bound < search.threshold()
    contenders, bound = take(columns, rivals), bound[rivals]
    least = _cut(search, outlook, contenders, bound)
    return Proof(open_bound, least, search.convex, contenders)


def _cut(
    search: Search, outlook: Outlook, contenders: Columns, bound: NDArray
) -> float:
    """Try to close what is left by bounds alone; return the least bound left."""
    count, size = len(bound), len(continuous(search.problem))
    least = float(np.min(bound, initial=np.inf))
    if not count:
        return np.inf
    # Without a bound on the objective, cells can only show that nothing is feasible.
    hopeless = search.best is not None and not outlook.bounded(outlook.wanted)
    convex = search.convex and search.best is not None
    effort = _CONVEX_EFFORT if convex else _EFFORT
    if hopeless or not size or count << size > effort:
        return least
    found = cut(
        search.problem,
        outlook,
        contenders,
        bound,
        search.threshold,
        search.attempt,
        effort,
        search.settings.whole_lanes,
    )
    search.add("cells", found.looked)
    search.add("open_cells", found.open)
    return max(found.bound, least)


def _hopeful(
    search: Search, outlook: Outlook, plans: Columns
) -> tuple[Columns, NDArray]:
    """Return the plans whose bound with distance abolished beats the incumbent."""
    problem, count = search.problem, len(plans["chips"])
    if problem.scenario.serving is not None:
        # Which way boundless ports and hops without time move what is served is unsaid.
        return plans, np.full(count, -np.inf)
    allowed = {p for name in LINKS for p in positions(problem, name)}
    nowhere = kindest(outlook, allowed)
    bound = np.zeros(count)
    for start in range(0, count, _ROWS):
        rows = take(plans, slice(start, start + _ROWS))
        own = bounds(outlook, anywhere(problem, rows), nowhere)
        bound[start : start + _ROWS] = own
        search.tell("bounding plans", min((start + _ROWS) / count, 1.0))
    good = bound < search.threshold()
    search.counts["plans_after_first_bound"] = int(np.sum(good))
    return take(plans, good), bound[good]


def _batches(problem: Problem, plans: Columns, first: NDArray) -> list[NDArray]:
    """Cut plans into batches from which no more candidates grow than can be held.

    Where there are several, the most promising come first.
    """
    grown = copies(problem, plans["chips"])
    if int(np.sum(grown)) <= _HELD:
        return [np.arange(len(first))]
    return pieces(np.argsort(first, kind="stable"), grown, _HELD)


def _survivors(search: Search, outlook: Outlook, plans: Columns) -> _Survivors:
    """Return the candidates whose bound beats the incumbent, and their bounds."""
    problem = search.problem
    kept: list[Columns] = []
    values: list[NDArray] = []
    dominated = 0
    # Domains and links multiply the rows, so they come in smaller pieces.
    more = int(np.prod([len(v) for v in wholes(problem).values()], initial=1))
    size = max(_ROWS // (64 * more), 1)
    for start in range(0, len(plans["chips"]), size):
        placed = with_domains(take(plans, slice(start, start + size)), problem)
        placed, fewer = with_useful_links(placed, problem, outlook)
        dominated += fewer * more
        whole = with_wholes(placed, problem)
        bound = bounds(outlook, whole)
        alive = bound < search.threshold()
        kept.append(take(whole, alive))
        values.append(bound[alive])
        search.tell(
            "bounding candidates", min((start + size) / len(plans["chips"]), 1.0)
        )
    if not kept:
        placed, _ = with_useful_links(with_domains(plans, problem), problem, outlook)
        return _Survivors(with_wholes(placed, problem), np.zeros(0), 0)
    columns, bound = join(kept), np.concatenate(values)
    search.add("after_bound", len(bound))
    for cells, most in _CELLS:
        if not BLOCK < len(bound) <= most:
            continue
        bound = np.maximum(bound, _in_cells(problem, outlook, columns, cells))
        alive = bound < search.threshold()
        columns, bound = take(columns, alive), bound[alive]
        search.add(f"after_{cells}x{cells}_cells", len(bound))
        search.tell("bounding in cells", cells / _CELLS[-1][0])
    return _Survivors(columns, bound, dominated)


def _in_cells(
    problem: Problem, outlook: Outlook, columns: Columns, count: int
) -> NDArray:
    """Bound every candidate as the best of the cells of its bandwidth box."""
    axes = []
    for port in ("scale_up_bandwidth", "scale_out_bandwidth"):
        low, high = outlook.low[port], outlook.high[port]
        cells = count if low < high else 1
        edges = np.geomspace(low, high, cells + 1) if cells > 1 else [low, high]
        edges[0], edges[-1] = low, high
        axes.append(edges)
    up, out = axes
    grid = [(i, j) for i in range(len(up) - 1) for j in range(len(out) - 1)]
    cell = {
        "scale_up_bandwidth_low": np.asarray([up[i] for i, _ in grid]),
        "scale_up_bandwidth_high": np.asarray([up[i + 1] for i, _ in grid]),
        "scale_out_bandwidth_low": np.asarray([out[j] for _, j in grid]),
        "scale_out_bandwidth_high": np.asarray([out[j + 1] for _, j in grid]),
    }
    size = max(_ROWS // len(grid), 1)
    parts = []
    for start in range(0, len(columns["chips"]), size):
        rows = cross(take(columns, slice(start, start + size)), cell)
        parts.append(bounds(outlook, rows).reshape(-1, len(grid)).min(axis=1))
    return np.concatenate(parts)
