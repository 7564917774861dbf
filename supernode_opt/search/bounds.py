"""Lower bounds on the cost of candidates, from known ends alone.

A candidate's continuous variables lie in a box.  The clock is first capped: with
everything else at its helpful end, is there any coolant flow at which the limits that
see no split hold?  That is a small table.  Then every asked quantity is taken at its
own helpful end, the clock in cells where parts pull it both ways.  A limit that fails
at its own helpful end excludes the candidate; a bound that is not a number never does.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.search.corners import corner_values
from supernode_opt.search.ends import Leaf
from supernode_opt.search.enumerate import Columns, take
from supernode_opt.search.hardware_bounds import clock_caps, hardware_ends
from supernode_opt.search.merit import LEAST
from supernode_opt.search.outlook import (
    LINK_FIELDS,
    SLACK,
    SPLIT,
    Limit,
    Outlook,
    worst,
)
from supernode_opt.search.relaxations import Relaxation
from supernode_opt.search.values import composed

CLOCK_CELLS = 16
# Fewer rows are not worth a program of their own that computes less.
_MANY = 400_000


def bounds(
    outlook: Outlook, rows: Columns, relaxation: Relaxation | None = None
) -> NDArray:
    """Return lower bounds on the cost of `rows`; infinite where a limit excludes.

    Args:
      outlook: the problem.
      rows: candidates in boxes; see `corners`.
      relaxation: a kinder scenario to bound in, if any.
    """
    count = len(rows["chips"])
    if not count:
        return np.zeros(0)
    relaxed = relaxation or Relaxation(outlook.scenario, outlook.scenario, None)
    fixed = frozenset(name for name in outlook.low if name in rows)
    usable = [
        limit for limit in outlook.limits if _usable(outlook, limit.end, fixed, relaxed)
    ]
    capping = [limit for limit in usable if _caps(outlook, limit.end)]
    others = [limit for limit in usable if limit not in capping]
    wanted = [outlook.wanted] * _usable(outlook, outlook.wanted, fixed, relaxed)
    ends = [*wanted, *(limit.end for limit in others)]
    leaves = {leaf for end in ends for leaf in outlook.leaves[end]}
    own = sorted(leaf for leaf in leaves if not outlook.splitless(leaf))
    shared = sorted(leaf for leaf in leaves if outlook.splitless(leaf))
    first, key = _keys(rows)
    keys = take({n: v for n, v in rows.items() if n not in SPLIT}, first)
    cap = clock_caps(outlook, keys, relaxed.hardware, capping)
    edges = _edges(outlook, leaves)
    cells = edges[:-1], edges[1:]
    tables = (
        hardware_ends(outlook, keys, relaxed.hardware, shared, cells) if shared else {}
    )
    best = np.full(count, np.inf)
    names = _program(outlook, count * len(cells[0]), own)
    for cell in range(len(edges) - 1):
        low, high = edges[cell], np.minimum(edges[cell + 1], cap)[key]
        alive = np.flatnonzero((cap >= low - SLACK)[key])
        if not len(alive):
            continue
        part = take(rows, alive) | {
            "clock_low": np.full(len(alive), low),
            "clock_high": np.maximum(high[alive], low),
        }
        found = corner_values(outlook, part, relaxed.job, own, names) if own else {}
        found |= {leaf: table[key[alive], cell] for leaf, table in tables.items()}
        values = composed(outlook, part, found, ends)
        best[alive] = np.fmin(best[alive], _cost(outlook, values, wanted, others, part))
    return best


class SplitBounds(NamedTuple):
    """What is known of splits whatever the machine.

    Attributes:
      violation: largest violation of memory and other limits on splits alone [split].
      cost: of the objective where the split alone decides on it, else minus infinity.
    """

    violation: NDArray
    cost: NDArray


def split_violations(outlook: Outlook, plans: Columns) -> NDArray:
    """Return the largest violation of memory and other limits on splits alone."""
    return split_bounds(outlook, plans).violation


def split_bounds(
    outlook: Outlook, plans: Columns, known: Container[Leaf] | None = None
) -> SplitBounds:
    """Return what the split alone decides.

    Args:
      outlook: the problem.
      plans: splits.
      known: ends to trust, all if not given.
    """
    count = len(plans["chips"])

    def trusted(end: Leaf) -> bool:
        leaves = outlook.leaves[end]
        return known is None or all(leaf in known for leaf in leaves)

    limits = [c for c in outlook.limits if on_split(outlook, c) and trusted(c.end)]
    wanted = [outlook.wanted]
    wanted = [end for end in wanted if _of_split(outlook, end) and trusted(end)]
    asked = [*(limit.end for limit in limits), *wanted]
    leaves = {leaf for end in asked for leaf in outlook.leaves[end]}
    rows = plans | {"scale_up_domain": plans["chips"]}
    rows |= {name: np.zeros(count, np.int32) for name in LINK_FIELDS}
    names = _program(outlook, count, leaves)
    found = corner_values(outlook, rows, outlook.scenario, leaves, names)
    values = composed(outlook, rows, found, asked)
    cost = _cost(outlook, values, wanted, (), rows)
    return SplitBounds(worst(values, limits, count), cost)


def _program(outlook: Outlook, rows: int, leaves: Iterable[Leaf]) -> tuple[str, ...]:
    """Return what to compute on so many rows: for few what all rows have computed."""
    own = {leaf.name for leaf in leaves}
    others = own <= {*outlook.program} and rows <= _MANY
    return outlook.program if others else tuple(sorted(own))


def on_split(outlook: Outlook, limit: Limit) -> bool:
    """Tell whether split and constants alone decide on `limit`."""
    return _of_split(outlook, limit.end)


def _of_split(outlook: Outlook, end: Leaf) -> bool:
    machine = {name for name in outlook.low if "." not in name}
    seen = outlook.places(end) & {*machine, "scale_up_domain", *LINK_FIELDS}
    return not seen and outlook.bounded(end)


def _usable(
    outlook: Outlook, end: Leaf, fixed: frozenset[str], relaxed: Relaxation
) -> bool:
    known = outlook.bounded(end, fixed)
    return known and (relaxed.known is None or outlook.leaves[end] <= relaxed.known)


def _caps(outlook: Outlook, end: Leaf) -> bool:
    """Tell whether more clock never helps to keep a limit that sees no split."""
    return all(
        outlook.splitless(leaf) and (_clock(outlook, leaf) in (None, "low"))
        for leaf in outlook.leaves[end]
    )


def _clock(outlook: Outlook, leaf: Leaf) -> str | None:
    """Return the end of the clock at which `leaf` lies, `None` if it sees none."""
    if "clock" not in outlook.inputs[leaf.name] or outlook.ways(leaf.name).rests:
        return None
    return outlook.toward(leaf, "clock")


def _edges(outlook: Outlook, leaves: set[Leaf]) -> NDArray:
    """Cut the clock into cells where some parts want more of it and others less."""
    low, high = outlook.low["clock"], outlook.high["clock"]
    pulled = {_clock(outlook, leaf) for leaf in leaves}
    cells = CLOCK_CELLS if {"low", "high"} <= pulled and high > low else 1
    return np.linspace(low, high, cells + 1)


def _keys(rows: Columns) -> tuple[NDArray, NDArray]:
    """Return the first row of every distinct hardware and each row's hardware."""
    code = np.zeros(len(rows["chips"]), np.int64)
    for name, column in rows.items():
        if name not in SPLIT:
            values, position = np.unique(column, return_inverse=True)
            code = code * len(values) + position.reshape(-1)
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return first, inverse.reshape(-1)


def _cost(
    outlook: Outlook,
    values: Mapping[Leaf, NDArray],
    wanted: Sequence[Leaf],
    others: Sequence[Limit],
    rows: Columns,
) -> NDArray:
    """Compose the bound of one cell of the clock; infinite where a limit fails."""
    count = len(rows["chips"])
    cost = np.full(count, -np.inf)
    if wanted:
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.broadcast_to(values[wanted[0]], count)
            log = np.log(np.maximum(value, LEAST))
        log = -log if outlook.objective.maximize else log
        # Rounded outwards: the last digits of a logarithm exclude nothing.
        cost = np.where(np.isnan(log), -np.inf, log - SLACK)
    if others:
        cost = np.where(worst(values, others, count) > SLACK, np.inf, cost)
    return cost


def cell_bounds(outlook: Outlook, rows: Columns) -> NDArray:
    """Return lower bounds on the cost within small boxes, each from its own corners.

    Unlike `bounds`, nothing is tabulated or searched within the box: it is small.
    """
    count = len(rows["chips"])
    fixed = frozenset(name for name in outlook.low if name in rows)
    usable = [limit for limit in outlook.limits if outlook.bounded(limit.end, fixed)]
    wanted = [outlook.wanted] * outlook.bounded(outlook.wanted, fixed)
    ends = [*wanted, *(limit.end for limit in usable)]
    leaves = {leaf for end in ends for leaf in outlook.leaves[end]}
    if not leaves:
        return np.full(count, -np.inf)
    found = corner_values(outlook, rows, outlook.scenario, leaves)
    values = composed(outlook, rows, found, ends)
    return _cost(outlook, values, wanted, usable, rows)
