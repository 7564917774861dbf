"""Enumerate, bound, solve: no candidate leaves without a reason.

The bounds come in levels, each on what the one before left over: plans with distance
abolished, whole candidates with the technologies that nothing dominates, and candidates
in ever smaller cells of the bandwidth box.  What survives is solved best bound first,
until the next bound is no better than the best design found.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.search.bounder import Bounder
from supernode_opt.search.bounds import bounds
from supernode_opt.search.dominance import with_useful_links
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    count_candidates,
    cross,
    domains,
    join,
    positions,
    take,
    with_domains,
)
from supernode_opt.search.inner import BLOCK, MENDABLE, Solved, solve
from supernode_opt.search.merit import objective_value
from supernode_opt.search.polish import Finalist, finish
from supernode_opt.search.relaxations import kindest_links, without_distance
from supernode_opt.search.settings import Progress, Settings

_ROWS = 100_000
# Cells along each port, and the most candidates worth dividing so finely.
_CELLS = ((6, 100_000), (14, 8_000))
# A port so wide that nothing is ever waited for [B/s].
_BOUNDLESS = 1e24

Report = Callable[[Progress], None]


@dataclass
class Search:
    """The best design so far and everything that was solved on the way.

    Attributes:
      problem: what is asked.
      settings: tolerance and limits.
      report: called after every block.
      best: the best built finalist, if any is feasible.
      solved: blocks of solved candidates.
      finalists: every polished candidate.
      counts: how many candidates each stage excluded, solved and left open.
    """

    problem: Problem
    settings: Settings
    report: Report
    best: Finalist | None = None
    solved: list[Solved] = field(default_factory=list)
    finalists: list[Finalist] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def threshold(self) -> float:
        """Return the cost that a candidate must promise to be worth solving."""
        cost = self.best.built.cost if self.best else np.inf
        return cost - self.settings.tolerance

    def solve(self, columns: Columns) -> None:
        """Solve candidates and finish those that may beat the best."""
        block = solve(self.problem, columns)
        self.solved.append(block)
        estimate, violation = block.estimate(), block.violation()
        hopeful = np.flatnonzero(violation <= MENDABLE)
        for index in hopeful[np.argsort(estimate[hopeful])]:
            worth = self.threshold()
            if estimate[index] >= worth:
                break
            made = finish(self.problem, self.settings, block, int(index), worth)
            self.finalists.append(made)
            if (
                made.built.feasible
                and made.built.cost < worth + self.settings.tolerance
            ):
                self.best = made

    def tell(self, stage: str, done: float) -> None:
        """Report how far the proof has come."""
        value = None
        if self.best:
            value = objective_value(self.best.built.cost, self.problem.objective)
        self.report(Progress(stage, done, value))


def prove(search: Search, bounder: Bounder, plans: Columns) -> float:
    """Exclude or solve every candidate that grows from `plans`.

    Args:
      search: holds the incumbent; receives what is found.
      bounder: the bounds of the problem.
      plans: legal splits that fit in memory.

    Returns:
      The least bound among candidates left unsolved; infinite if there is none.
    """
    problem, settings = search.problem, search.settings
    total = count_candidates(plans, problem)
    columns, bound = _survivors(search, bounder, plans)
    order = np.argsort(bound)
    columns, bound = take(columns, order), bound[order]
    solved, start = 0, 0
    while start < len(bound) and bound[start] < search.threshold():
        if solved >= settings.maximum_solves:
            break
        block = np.arange(start, min(start + BLOCK, len(bound)))
        block = block[bound[block] < search.threshold()]
        search.solve(take(columns, block))
        solved, start = solved + len(block), start + len(block)
        search.tell("solving survivors", start / len(bound))
    left = bound[start:] < search.threshold()
    search.counts |= {
        "solved": solved,
        "open": int(np.sum(left)),
        "excluded_by_bound": total - solved - int(np.sum(left)),
    }
    return float(np.min(bound[start:][left], initial=np.inf))


def _survivors(
    search: Search, bounder: Bounder, plans: Columns
) -> tuple[Columns, NDArray]:
    """Return the candidates whose bound beats the incumbent, and their bounds."""
    problem = search.problem
    allowed = {p for name in LINKS for p in positions(problem, name)}
    kind = kindest_links(bounder.scenario, allowed)
    kept: list[Columns] = []
    values: list[NDArray] = []
    good = np.zeros(len(plans["chips"]), bool)
    count = len(good)
    nowhere = without_distance(kind)
    for start in range(0, count, _ROWS):
        rows = take(plans, slice(start, start + _ROWS))
        bound = bounds(bounder, _anywhere(problem, rows), nowhere)
        good[start : start + _ROWS] = bound < search.threshold()
        search.tell("bounding plans", min((start + _ROWS) / count, 1.0))
    plans = take(plans, good)
    search.counts["plans_after_first_bound"] = len(plans["chips"])
    # Domains and links multiply the rows, so they come in smaller pieces.
    size = _ROWS // 64
    for start in range(0, len(plans["chips"]), size):
        placed = with_domains(take(plans, slice(start, start + size)), problem)
        whole = with_useful_links(placed, problem)
        bound = bounds(bounder, whole)
        alive = bound < search.threshold()
        kept.append(take(whole, alive))
        values.append(bound[alive])
        search.tell(
            "bounding candidates", min((start + size) / len(plans["chips"]), 1.0)
        )
    if not kept:
        return with_useful_links(with_domains(plans, problem), problem), np.zeros(0)
    columns, bound = join(kept), np.concatenate(values)
    search.counts["after_bound"] = len(bound)
    for cells, most in _CELLS:
        if not BLOCK < len(bound) <= most:
            continue
        bound = np.maximum(bound, _in_cells(problem, bounder, columns, cells))
        alive = bound < search.threshold()
        columns, bound = take(columns, alive), bound[alive]
        search.counts[f"after_{cells}x{cells}_cells"] = len(bound)
        search.tell("bounding in cells", cells / _CELLS[-1][0])
    return columns, bound


def _anywhere(problem: Problem, plans: Columns) -> Columns:
    """Put plans on the smallest domain with boundless ports."""
    count = len(plans["chips"])
    chips, place = np.unique(plans["chips"], return_inverse=True)
    least = np.asarray([domains(problem, int(c))[0] for c in chips], float)
    rows = plans | {"scale_up_domain": least[place] if count else np.zeros(0)}
    rows |= {name: np.zeros(count, np.int32) for name in LINKS}
    wide = np.full(count, _BOUNDLESS)
    return rows | {"scale_up_bandwidth_high": wide, "scale_out_bandwidth_high": wide}


def _in_cells(
    problem: Problem, bounder: Bounder, columns: Columns, count: int
) -> NDArray:
    """Bound every candidate as the best of the cells of its bandwidth box."""
    axes = []
    for port in ("scale_up_bandwidth", "scale_out_bandwidth"):
        low, high = bounder.low[port], bounder.high[port]
        cells = count if low < high else 1
        axes.append(np.geomspace(low, high, cells + 1) if cells > 1 else [low, high])
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
        parts.append(bounds(bounder, rows).reshape(-1, len(grid)).min(axis=1))
    return np.concatenate(parts)
