"""Splits by the family, each with a bound on all its members before any is listed.

The members of a family differ in expert parallel and in what is computed again alone.
Where ports are boundless and no hop takes time, a step takes least at the most expert
parallel with nothing computed again; memory is least at the most expert parallel with
everything computed again.  Both are said where the quantities are defined, and tested
there.  A quantity of which neither is said bounds no family.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import PLAN
from supernode_opt.record import replace
from supernode_opt.search.bounds import bounds, split_bounds
from supernode_opt.search.ends import Leaf
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    chip_counts,
    cross,
    domains,
    ends,
    positions,
    take,
    tilable,
    wholes,
)
from supernode_opt.search.outlook import SLACK, Outlook
from supernode_opt.search.relaxations import BOUNDLESS, Relaxation, kindest
from supernode_opt.workload.recompute import RECOMPUTE
from supernode_opt.workload.split import SWITCHES, grown

MEMBERS = ("expert_parallel", "recompute")
# What is shared, in the order in which rules read it.
_SIZES = tuple(name for name in PLAN if name not in (*MEMBERS, "interleave"))
_SIZES = (*(n for n in _SIZES if n != "micro_batch"), "micro_batch", "interleave")
_SHARED = tuple(name for name in SWITCHES if name not in MEMBERS)
_THRASH = "software.thrash"
_ROWS = 100_000


class Families(NamedTuple):
    """Families of splits.

    Attributes:
      columns: what the members of each share; of expert parallel the most.
      splits: legal splits in each [family].
      violation: least violation of limits on splits alone, such as memory [family].
      bound: least cost of any member; infinite where a limit excludes all [family].
    """

    columns: Columns
    splits: NDArray
    violation: NDArray
    bound: NDArray

    def rows(self, index: NDArray | slice) -> "Families":
        """Return the families that `index` selects."""
        return Families(take(self.columns, index), *(part[index] for part in self[1:]))


def list_families(problem: Problem, limit: int) -> Families:
    """Return the families of all legal splits, not bounded yet.

    Raises:
      TooManySplits: there are more than `limit`.
    """
    given, ranks = problem.scenario, problem.scenario.chip.ranks_per_chip
    ranges = {name: ends(problem, name) for name in PLAN}
    switches = {name: positions(problem, name) for name in SWITCHES}

    def more(rows: Columns, *names: str) -> Columns:
        job = given.model, given.training, ranges, switches
        return dict(grown(rows, names, *job, limit, ranks))

    rows = more({"chips": np.asarray(sorted(set(chip_counts(problem))), np.int32)})
    rows = tilable(problem, more(rows, *_SIZES))
    count = len(rows["chips"])
    members = more({**rows, "family": np.arange(count)}, "expert_parallel")
    splits = np.bincount(members["family"], minlength=count)
    most = np.zeros(count, np.int32)
    np.maximum.at(most, members["family"], members["expert_parallel"])
    rows |= {"expert_parallel": most, "splits": splits * len(switches["recompute"])}
    rows = more(take(rows, splits > 0), *_SHARED)
    splits = rows.pop("splits")
    unknown = np.full(len(splits), -np.inf)
    return Families(rows, splits, unknown, unknown)


def members(problem: Problem, families: Families) -> Columns:
    """Return every legal split of `families`."""
    given, ranks = problem.scenario, problem.scenario.chip.ranks_per_chip
    rows = {k: v for k, v in families.columns.items() if k not in MEMBERS}
    return dict(
        grown(
            rows,
            MEMBERS,
            given.model,
            given.training,
            {name: ends(problem, name) for name in MEMBERS if name in PLAN},
            {"recompute": positions(problem, "recompute")},
            int(np.sum(families.splits)) + 1,
            ranks,
        )
    )


def copies(problem: Problem, chips: NDArray) -> NDArray:
    """Return how many candidates grow from one split of each of `chips`."""
    each = np.prod([len(positions(problem, name)) for name in LINKS])
    each = int(each) * int(np.prod([len(v) for v in wholes(problem).values()]))
    sizes, place = np.unique(chips, return_inverse=True)
    tiled = np.asarray([len(domains(problem, int(c))) for c in sizes], np.int64)
    return tiled[place.reshape(-1)] * each


def bounded(problem: Problem, outlook: Outlook, families: Families) -> Families:
    """Bound what the members of each family need and cost at least."""
    nowhere = kindest(outlook, {p for n in LINKS for p in positions(problem, n)})
    # An array, as every other number: another type would be another program.
    job = replace(nowhere.job, _THRASH, np.zeros(()))
    parts = []
    for start in range(0, len(families.splits), _ROWS):
        some = families.rows(slice(start, start + _ROWS))
        violation = np.full(len(some.splits), np.inf)
        cost = np.full(len(some.splits), np.inf)
        least, alone = _at_least(problem, outlook, some, "full")
        found = split_bounds(outlook, least, alone)
        np.minimum.at(violation, least["family"], found.violation)
        np.minimum.at(cost, least["family"], found.cost)
        good = ~(violation > SLACK)
        fast, known = _at_least(problem, outlook, some.rows(good), "none")
        known &= nowhere.known if nowhere.known is not None else known
        kind = Relaxation(nowhere.hardware, job, frozenset(known))
        quick = np.full(len(some.splits), np.inf)
        where = np.flatnonzero(good)[fast.pop("family")]
        rows = anywhere(problem, fast)
        np.minimum.at(quick, where, bounds(outlook, rows, kind))
        parts.append(
            some._replace(
                violation=violation,
                bound=np.where(good, np.maximum(cost, quick), np.inf),
            )
        )
    if not parts:
        return families
    return Families(
        families.columns,
        *(np.concatenate(c) for c in list(zip(*parts, strict=True))[1:]),
    )


def _at_least(
    problem: Problem, outlook: Outlook, families: Families, again: str
) -> tuple[Columns, set[Leaf]]:
    """Return members at which ends are least if `again` is computed again, and which.

    Where this is not allowed, all that is allowed is looked at.
    """
    count = len(families.splits)
    allowed = positions(problem, "recompute")
    wanted = RECOMPUTE.index(again)
    tried = (wanted,) if wanted in allowed else allowed
    rows = {**families.columns, "family": np.arange(count)}
    rows = cross(rows, {"recompute": np.asarray(tried, np.int32)})
    leaves = set().union(*outlook.leaves.values())
    return rows, {leaf for leaf in leaves if _known(outlook, leaf, again)}


def _known(outlook: Outlook, leaf: Leaf, again: str) -> bool:
    seen = outlook.inputs[leaf.name] & {*MEMBERS}
    if not seen or outlook.splitless(leaf):
        return True
    ways = outlook.ways(leaf.name)
    if ways.nowhere and _THRASH in outlook.constants():
        return False
    return leaf.side == "low" and ways.kindred == again


def anywhere(problem: Problem, plans: Columns) -> Columns:
    """Put plans on any domain with boundless ports."""
    count = len(plans["chips"])
    chips, place = np.unique(plans["chips"], return_inverse=True)
    sizes = [domains(problem, int(c)) for c in chips]
    rows = dict(plans)
    for end, pick in (("low", min), ("high", max)):
        sized = np.asarray([pick(each) for each in sizes], float)
        rows[f"scale_up_domain_{end}"] = sized[place.reshape(-1)]
    rows |= {name: np.zeros(count, np.int32) for name in LINKS}
    wide = np.full(count, BOUNDLESS)
    return rows | {"scale_up_bandwidth_high": wide, "scale_out_bandwidth_high": wide}


def order(families: Families) -> NDArray:
    """Return the families in which something may fit, the most promising first."""
    some = np.flatnonzero(np.isfinite(families.bound) | np.isneginf(families.bound))
    return some[np.argsort(families.bound[some], kind="stable")]


def pieces(
    chosen: NDArray, weights: NDArray, most: int, first: int = 0
) -> list[NDArray]:
    """Cut rows, in the order of `chosen`, into pieces of about equal weight.

    Args:
      chosen: places of rows.
      weights: of every row.
      most: weight of a piece.
      first: weight of the first piece, from which the next ones double until they
        weigh `most`; 0 for all alike.
    """
    total = np.cumsum(weights[chosen].astype(np.int64))
    ends, size = [0], first or most
    while len(total) and ends[-1] < total[-1]:
        ends.append(ends[-1] + size)
        size = min(2 * size, most)
    place = np.searchsorted(ends, total)
    return np.split(chosen, np.flatnonzero(np.diff(place)) + 1)
