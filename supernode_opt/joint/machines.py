"""The machine that jobs share: what can be built, in boxes, and what limits it.

Limits that see no split (power, heat, reach, cost) are those of the machine under every
job.  Where more clock only ever helps jobs, and costs nothing but what these limits
are on, the clock is not searched: in every box it lies between the greatest at which
the limits hold anywhere in the box and the greatest at which they hold somewhere.  The
same loop finds the coolant flows that are worth it.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.exact import BLOCK
from supernode_opt.joint.jobs import Job, machine_names
from supernode_opt.problem.problem import Problem
from supernode_opt.record import leaves
from supernode_opt.search.corners import corner_values
from supernode_opt.search.dependence import inputs_of
from supernode_opt.search.dominance import with_useful_links
from supernode_opt.search.ends import Leaf, leaves_of
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    chip_counts,
    count_candidates,
    cross,
    take,
    with_domains,
    with_wholes,
)
from supernode_opt.search.hardware_bounds import any_split
from supernode_opt.search.inner import continuous
from supernode_opt.search.outlook import SLACK, Limit, Outlook, toward, ways_of, worst
from supernode_opt.search.values import composed

FLOW, CLOCK = "coolant_flow", "clock"
# Intervals of flow that are looked at, and halvings of the clock, in every box.
FLOWS, HALVINGS = 8, 7
_OTHER = {"low": "high", "high": "low"}
# Parts of a scenario that are the job's, not the machine's.
_JOBS = ("model", "training", "software", "routing", "recompute")


@dataclass(frozen=True)
class Machines:
    """What is free of the machine, and what limits it.

    Attributes:
      problem: of one of the jobs; what is free of the machine is the same in all.
      names: continuous variables that boxes have ends of.
      cut: those that are halved, the first first where they are as wide.
      held: variables at an end that suits every limit and wish [SI].
      led: whether the clock follows from the rest.
      sides: outlooks on the limits that see no split, one for each kind of job.
      surely: the same with their ends turned around.
    """

    problem: Problem
    names: tuple[str, ...]
    cut: tuple[str, ...]
    held: dict[str, float]
    led: bool
    sides: tuple[Outlook, ...]
    surely: tuple[Outlook, ...]

    def possible(self, rows: Columns) -> NDArray:
        """Tell in which boxes limits on the machine may hold; `False` is certain."""
        return _hold(self.sides, rows, sure=False)

    def certain(self, rows: Columns) -> NDArray:
        """Tell in which boxes limits on the machine are known to hold everywhere."""
        return _hold(self.surely, rows, sure=True)


def _hold(sides: Sequence[Outlook], rows: Columns, sure: bool) -> NDArray:
    good = np.ones(len(rows["chips"]), bool)
    fixed = frozenset(rows)
    for side in sides:
        limits = [one for one in side.limits if side.bounded(one.end, fixed)]
        left = np.flatnonzero(good)
        if sure and len(limits) < len(side.limits):
            return np.zeros(len(good), bool)
        if not limits or not len(left):
            continue
        some = any_split(take(rows, left))
        ends = [one.end for one in limits]
        asked = {leaf for end in ends for leaf in side.leaves[end]}
        found = corner_values(side, some, side.scenario, asked)
        values = composed(side, some, found, ends)
        kept = ~(worst(values, limits, len(left)) > SLACK)
        if sure:
            known = [np.isfinite(np.broadcast_to(values[e], len(left))) for e in ends]
            kept = (worst(values, limits, len(left)) <= 0.0) & np.all(known, axis=0)
        good[left] = kept
    return good


class Clocked(NamedTuple):
    """Boxes with their clocks.

    Attributes:
      rows: the boxes in which limits may hold, with ends of the clock and of flow.
      index: which of the boxes they are.
      flow: a flow that keeps the lower end of the clock anywhere in the box; no number
        where none is known.
    """

    rows: Columns
    index: NDArray
    flow: NDArray


def machines_of(jobs: Sequence[Job]) -> Machines:
    """Collect what is free of the machine of `jobs` and what limits it."""
    problem = jobs[0].problem
    names = continuous(problem)
    sides = _sides(jobs)
    led = _led(jobs, sides, names)
    held = {
        name: end for name in names if (end := _agreed(jobs, sides, name)) is not None
    }
    cut = tuple(n for n in names if n not in held and not (led and n == CLOCK))
    if led:
        cut = tuple(sorted(cut, key=lambda name: name == FLOW))
    return Machines(
        problem, names, cut, held, led, sides, tuple(_turned(s) for s in sides)
    )


def count_machines(machines: Machines) -> dict[int, int]:
    """Return how many discrete machines there are of every number of chips."""
    problem = machines.problem
    return {
        chips: count_candidates({"chips": np.asarray([chips])}, problem)
        for chips in chip_counts(problem)
    }


def built_from(
    machines: Machines, jobs: Sequence[Job], chips: Sequence[int]
) -> Columns:
    """Return every discrete machine of `chips` that nothing dominates, in its box."""
    problem = machines.problem
    some = with_domains({"chips": np.asarray(chips, np.int32)}, problem)
    placed, _ = with_useful_links(some, problem, _merged(jobs))
    rows = with_wholes(placed, problem)
    count, outlook = len(rows["chips"]), jobs[0].outlook
    for name in machines.names:
        ends = (
            machines.held.get(name, outlook.low[name]),
            machines.held.get(name, outlook.high[name]),
        )
        for end, value in zip(("low", "high"), ends, strict=True):
            rows[f"{name}_{end}"] = np.full(count, float(value))
    return {k: rows[k] for k in (*(n for n in rows if n not in LINKS), *LINKS)}


def clocked(machines: Machines, rows: Columns, flows: int = FLOWS) -> Clocked:
    """Narrow clock and flow of boxes to what limits allow and jobs have a use for."""
    count = len(rows["chips"])
    if not machines.led:
        index = np.flatnonzero(machines.possible(rows))
        return Clocked(take(rows, index), index, np.full(len(index), np.nan))
    wide = cross(rows | {"box": np.arange(count)}, {"piece": np.arange(flows)})
    box, piece = wide.pop("box"), wide.pop("piece")
    low, high = _pieces(machines, wide, piece, flows)
    inner = wide | {f"{FLOW}_low": low, f"{FLOW}_high": high}
    middle = np.sqrt(low * high)
    point = wide | {f"{FLOW}_low": middle, f"{FLOW}_high": middle}
    cap = _greatest(machines, inner, sure=False)
    most = cap.reshape(count, flows).max(axis=1)
    sure = _greatest(machines, point, sure=True)
    best = sure.reshape(count, flows).argmax(axis=1)
    least = sure.reshape(count, flows).max(axis=1)
    flow = np.where(
        least > -np.inf, middle.reshape(count, flows)[np.arange(count), best], np.nan
    )
    start = _end(machines, rows, CLOCK, "low")
    least = np.maximum(least, start)
    index = np.flatnonzero(most > -np.inf)
    # A flow at which the clock stays below what another gives anywhere is no use.
    useful = (cap.reshape(count, flows) >= least[:, None]) & np.isfinite(
        cap.reshape(count, flows)
    )
    ends = low.reshape(count, flows), high.reshape(count, flows)
    made = dict(rows)
    made[f"{CLOCK}_low"] = np.minimum(least, most)
    made[f"{CLOCK}_high"] = most
    if FLOW in machines.names:
        made[f"{FLOW}_low"] = np.where(useful, ends[0], np.inf).min(axis=1)
        made[f"{FLOW}_high"] = np.where(useful, ends[1], -np.inf).max(axis=1)
    return Clocked(take(made, index), index, flow[index])


def _end(machines: Machines, rows: Columns, name: str, end: str) -> NDArray:
    own = rows.get(f"{name}_{end}")
    if own is not None:
        return own
    side = machines.sides[0] if machines.sides else None
    value = 0.0 if side is None else (side.low if end == "low" else side.high)[name]
    return np.full(len(rows["chips"]), value)


def _pieces(
    machines: Machines, wide: Columns, piece: NDArray, flows: int
) -> tuple[NDArray, NDArray]:
    """Cut the flow of every box into pieces; return their ends."""
    low, high = (_end(machines, wide, FLOW, end) for end in ("low", "high"))
    ratio = np.log(high / low)
    ends = [low * np.exp(ratio * (piece + k) / flows) for k in (0, 1)]
    ends[0] = np.where(piece == 0, low, ends[0])
    ends[1] = np.where(piece == flows - 1, high, ends[1])
    return ends[0], ends[1]


def _greatest(machines: Machines, rows: Columns, sure: bool) -> NDArray:
    """Return the greatest clock at which limits hold, minus infinity where at none.

    Where they hold everywhere in a box, if `sure`, and then rounded down; else
    somewhere, rounded up.  Few boxes are tried at many clocks at once: a block of the
    program takes as long however full it is.
    """
    low, high = (_end(machines, rows, CLOCK, end) for end in ("low", "high"))
    holding = machines.certain if sure else machines.possible
    count = len(low)
    parts = int(np.clip(BLOCK // max(count, 1), 2, 1 << HALVINGS))

    def holds(index: NDArray, clocks: NDArray) -> NDArray:
        """Tell at which clocks [box, clock] limits hold."""
        wide = cross(take(rows, index), {"at": np.arange(clocks.shape[1])})
        wide.pop("at")
        flat = clocks.reshape(-1)
        part = wide | {f"{CLOCK}_low": flat, f"{CLOCK}_high": flat}
        return holding(part).reshape(clocks.shape)

    def lasting(good: NDArray) -> NDArray:
        """Count the clocks from the lowest on at which all lower ones hold."""
        return np.cumprod(good, axis=1).sum(axis=1)

    def between(below: NDArray, above: NDArray) -> NDArray:
        steps = np.arange(parts + 1) / parts
        return below[:, None] + (above - below)[:, None] * steps

    cap = np.full(count, -np.inf)
    edges = between(low, high)
    edges[:, -1] = high
    kept = lasting(holds(np.arange(count), edges))
    cap[kept == parts + 1] = high[kept == parts + 1]
    rest = np.flatnonzero((kept > 0) & (kept <= parts))
    below, above = edges[rest, kept[rest] - 1], edges[rest, kept[rest]]
    narrowed = parts
    while len(rest) and narrowed < 1 << HALVINGS:
        edges = between(below, above)
        kept = lasting(holds(rest, edges[:, 1:-1]))
        place = np.arange(len(rest))
        below, above = edges[place, kept], edges[place, kept + 1]
        narrowed *= parts
    cap[rest] = below if sure else above
    return cap


def _sides(jobs: Sequence[Job]) -> tuple[Outlook, ...]:
    """Return outlooks on limits of the machine, those that are the same once."""
    found: list[Outlook] = []
    for job in jobs:
        outlook = job.outlook
        limits = tuple(
            limit
            for limit in outlook.limits
            if all(outlook.splitless(leaf) for leaf in outlook.leaves[limit.end])
        )
        side = dataclasses.replace(
            outlook, limits=limits, program=machine_names(outlook)
        )
        if not any(_same(side, other) for other in found):
            found.append(side)
    return tuple(found)


def _same(side: Outlook, other: Outlook) -> bool:
    """Tell whether two jobs' limits on the machine are one."""
    if side.limits != other.limits:
        return False
    given = side.scenario
    paths = [path for path, _ in leaves(given) if path.split(".")[0] in _JOBS]
    inputs = inputs_of(given, paths)
    for limit in side.limits:
        for leaf in side.leaves[limit.end]:
            if inputs[leaf.name] & set(paths):
                return False
    return all(
        repr(getattr(given, part)) == repr(getattr(other.scenario, part))
        for part in vars(given)
        if part not in _JOBS
    )


def _turned(side: Outlook) -> Outlook:
    """Return `side` with the ends of its limits turned around."""
    limits = tuple(
        Limit(one.form, one.limit, Leaf(one.end.name, _OTHER[one.end.side]))
        for one in side.limits
    )
    known = leaves_of({one.end for one in limits}, side.scenario)
    return dataclasses.replace(side, limits=limits, leaves=known)


def _merged(jobs: Sequence[Job]) -> Outlook:
    """Return an outlook on everything that is asked of any job.

    A technology that stands in for another there does so for all of them alike.
    """
    first = jobs[0].outlook
    inputs: dict[str, frozenset[str]] = {}
    limits: dict[tuple, Limit] = {}
    every: dict[Leaf, frozenset[Leaf]] = {}
    for job in jobs:
        every |= job.outlook.leaves
        for limit in job.outlook.limits:
            limits.setdefault((limit.form, limit.limit), limit)
        for name, seen in job.outlook.inputs.items():
            inputs[name] = inputs.get(name, frozenset()) | seen
    return dataclasses.replace(
        first,
        inputs=inputs,
        limits=tuple(limits.values()),
        leaves=every,
        program=machine_names(first),
    )


def _leaves(
    jobs: Sequence[Job], sides: Sequence[Outlook]
) -> list[tuple[Outlook, Leaf]]:
    """Return every end that anything asked follows from, with its outlook."""
    promised = [
        (job.promise, leaf)
        for job in jobs
        for end in (job.promise.wanted, *(limit.end for limit in job.promise.limits))
        for leaf in sorted(job.promise.leaves[end])
    ]
    return promised + _side_leaves(sides)


def _side_leaves(sides: Sequence[Outlook]) -> list[tuple[Outlook, Leaf]]:
    return [
        (side, leaf)
        for side in sides
        for limit in side.limits
        for leaf in sorted(side.leaves[limit.end])
    ]


def _agreed(jobs: Sequence[Job], sides: Sequence[Outlook], name: str) -> float | None:
    """Return the end of a variable that suits everything, `None` if there is none."""
    found = set()
    for outlook, leaf in _leaves(jobs, sides):
        if name not in outlook.inputs[leaf.name]:
            continue
        ways = ways_of(leaf.name)
        unsaid = ways.sign(name) is None or (ways.pumped and name == FLOW)
        if unsaid or (ways.rests and leaf.side == "high"):
            return None
        found.add(toward(leaf, name))
    if len(found) != 1:
        return None
    outlook = jobs[0].outlook
    return (outlook.low if found == {"low"} else outlook.high)[name]


def _led(jobs: Sequence[Job], sides: Sequence[Outlook], names: Sequence[str]) -> bool:
    """Tell whether more clock only ever helps jobs, and flow is nothing to them."""
    if CLOCK not in names:
        return False
    for outlook, leaf in _leaves(jobs, []):
        seen = outlook.inputs[leaf.name]
        if FLOW in seen or ways_of(leaf.name).rests:
            return False
        if CLOCK in seen and (
            ways_of(leaf.name).sign(CLOCK) is None or toward(leaf, CLOCK) != "high"
        ):
            return False
    for side, leaf in _side_leaves(sides):
        seen, ways = side.inputs[leaf.name], ways_of(leaf.name)
        if CLOCK in seen and (ways.rests or toward(leaf, CLOCK) != "low"):
            return False
    return True
