"""One machine and a split for every job: evaluated exactly, and moved about.

The continuous variables of the best machine are moved at random in steps that shrink,
ports in whole lanes; at every point each job takes the best of its splits, and where
the clock follows from the rest it is as fast as the limits allow.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.joint.bounding import least_of, on_machines
from supernode_opt.joint.boxes import Head, of, whole
from supernode_opt.joint.clocks import clocked
from supernode_opt.joint.jobs import Job
from supernode_opt.joint.limits import CLOCK, FLOW
from supernode_opt.joint.machines import Machines
from supernode_opt.joint.wish import Wish
from supernode_opt.problem.variables import from_unit, to_unit
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    domains,
    positions,
    take,
    wholes,
)
from supernode_opt.search.lanes import lane_rates

# Splits of each job that are tried at a point.
_TRIED = 12
# Points of a round, rounds, the first step as a share of the box, and how it shrinks.
_POINTS, _ROUNDS, _STEP, _SHRINK = 64, 10, 0.2, 0.55
# Passes over clock and flow, each within what the one before left.
_PASSES, _LAST_PASSES = 2, 6


class Incumbent(NamedTuple):
    """A machine, built, and a split for every job.

    Attributes:
      cost: of all jobs.
      costs: of every job [job].
      machine: values by name, one row.
      splits: row of each job's splits [job].
      place: of the point that it is among those that were evaluated.
    """

    cost: float
    costs: NDArray
    machine: Columns
    splits: NDArray
    place: int


def evaluated(
    machines: Machines,
    jobs: Sequence[Job],
    wish: Wish,
    rows: Columns,
    heads: Sequence[Sequence[NDArray]],
    passes: int = _PASSES,
) -> Incumbent | None:
    """Return the best machine among boxes that are points but for clock and flow.

    Args:
      machines: what is free of the machine.
      jobs: what runs on it.
      wish: what is wanted.
      rows: the points.
      heads: rows of the splits of every job to try at every point [point][job].
      passes: over clock and flow.
    """
    points, index = _pinned(machines, rows, passes)
    count = len(index)
    if not count:
        return None
    costs = np.full((count, len(jobs)), np.inf)
    chosen = np.zeros((count, len(jobs)), np.int64)
    for j, job in enumerate(jobs):
        few = [heads[i][j][:_TRIED] for i in index]
        splits = np.concatenate(few).astype(np.int64)
        if not len(splits):
            return None
        owner = np.repeat(np.arange(count), [len(f) for f in few])
        found = job.reached(on_machines(job, take(points, owner), splits))
        # From the worst to the best, so that the best is written last.
        order = np.lexsort((-found, owner))
        costs[owner[order], j] = found[order]
        chosen[owner[order], j] = splits[order]
    every = wish.cost(costs)
    best = int(np.argmin(every))
    if not np.isfinite(every[best]):
        return None
    return Incumbent(
        float(every[best]),
        costs[best],
        take(points, [best]),
        chosen[best],
        int(index[best]),
    )


def _pinned(machines: Machines, rows: Columns, passes: int) -> tuple[Columns, NDArray]:
    """Give every point a clock and a flow that keep the limits, where some do."""
    if not machines.led:
        points = _flat(machines, rows)
        index = np.flatnonzero(machines.possible(points))
        return take(points, index), index
    index = np.arange(len(rows["chips"]))
    flow = np.zeros(0)
    for _ in range(passes):
        found = clocked(machines, rows)
        good = np.isfinite(found.flow)
        rows, flow = take(found.rows, good), found.flow[good]
        index = index[found.index[good]]
    made = rows | {f"{CLOCK}_high": rows[f"{CLOCK}_low"]}
    if FLOW in machines.names:
        made |= {f"{FLOW}_low": flow, f"{FLOW}_high": flow}
    points = _flat(machines, made)
    good = machines.possible(points)
    return take(points, good), index[good]


def _flat(machines: Machines, rows: Columns) -> Columns:
    """Return boxes without width as points."""
    ends = tuple(f"{n}_{end}" for n in machines.names for end in ("low", "high"))
    made = {name: value for name, value in rows.items() if name not in ends}
    return made | {name: rows[f"{name}_low"] for name in machines.names}


def moved(
    machines: Machines,
    jobs: Sequence[Job],
    wish: Wish,
    best: Incumbent,
    heads: Sequence[NDArray],
    lanes: bool,
    seed: Sequence[int],
) -> Incumbent:
    """Return the best machine found around `best`, its discrete choices held.

    Args:
      machines: what is free of the machine.
      jobs: what runs on it.
      wish: what is wanted.
      best: where to start.
      heads: rows of the splits of every job to try [job].
      lanes: whether ports are built of whole lanes.
      seed: of the steps.
    """
    names = [n for n in machines.cut if not (machines.led and n in (FLOW, CLOCK))]
    random, step = np.random.default_rng(list(seed)), _STEP
    frees = [of(machines, name) for name in names]
    rates = lane_rates(machines.problem) if lanes else {}
    for turn in range(_ROUNDS if names else 1):
        count = _POINTS if names else 1
        rows = _around(machines, best.machine, count)
        for free in frees:
            log = free.scale == "log"
            middle = to_unit(best.machine[free.name], free.low, free.high, log)
            unit = np.asarray(middle) + step * random.standard_normal(count)
            unit[0] = np.asarray(middle)[0]
            value = np.asarray(from_unit(np.clip(unit, 0, 1), free.low, free.high, log))
            value = whole(value, free.low, free.high, rates.get(free.name))
            rows[f"{free.name}_low"] = rows[f"{free.name}_high"] = value
        passes = _LAST_PASSES if turn == _ROUNDS - 1 or not names else _PASSES + 1
        found = evaluated(machines, jobs, wish, rows, [heads] * count, passes)
        if found is not None and found.cost < best.cost:
            best = found
        step *= _SHRINK
    return best


def _around(machines: Machines, machine: Columns, count: int) -> Columns:
    """Return boxes of a discrete machine, as many as asked, each the whole box."""
    rows = {
        name: np.repeat(value, count)
        for name, value in machine.items()
        if name not in machines.names
    }
    for name in machines.names:
        held, free = machines.held.get(name), of(machines, name)
        for end, value in (("low", free.low), ("high", free.high)):
            rows[f"{name}_{end}"] = np.full(count, value if held is None else held)
    return rows


def tried(heads: Sequence[Head]) -> list[NDArray]:
    """Return the splits of every job that are worth trying."""
    return [head.splits[:_TRIED] for head in heads]


def _discrete(machines: Machines, machine: Mapping[str, Any]) -> Columns | None:
    """Return the discrete part of a machine, `None` where the study has none such."""
    problem, chips = machines.problem, int(machine["chips"])
    known = {
        "scale_up_domain": domains(problem, chips),
        **{name: list(positions(problem, name)) for name in LINKS},
        **{name: list(values) for name, values in wholes(problem).items()},
    }
    if any(machine.get(name) not in values for name, values in known.items()):
        return None
    made = {"chips": np.asarray([chips], np.int32)}
    for name in known:
        kind = np.int32 if name in LINKS else float
        made[name] = np.asarray([machine[name]], kind)
    return made


def started(
    machines: Machines, jobs: Sequence[Job], wish: Wish, machine: Mapping[str, Any]
) -> tuple[Incumbent, list[NDArray]] | None:
    """Return a given machine with the best split of every job, if it is allowed.

    Args:
      machines: what is free of the machine.
      jobs: what runs on it.
      wish: what is wanted.
      machine: values by name, positions of choices.

    Returns:
      It, and splits of every job that are worth trying near it.
    """
    chips = int(machine["chips"])
    if any(chips not in job.places for job in jobs):
        return None
    discrete = _discrete(machines, machine)
    if discrete is None:
        return None
    rows = _around(machines, discrete, 1)
    for name in machines.names:
        if name not in machines.held and not (machines.led and name in (FLOW, CLOCK)):
            free, value = of(machines, name), float(machine[name])
            if not free.low <= value <= free.high:
                return None
            rows[f"{name}_low"] = rows[f"{name}_high"] = np.asarray([value])
    points, index = _pinned(machines, rows, _LAST_PASSES)
    if not len(index):
        return None
    costs, heads = [], []
    for job in jobs:
        none = np.zeros(0, np.int64), np.zeros(0)
        whole = Head(*none, job.places[chips].start, np.inf)
        least, (head,) = least_of(job, points, [whole], np.full(1, np.inf))
        costs.append(float(least[0]))
        heads.append(head)
    every = np.asarray(costs)
    if not np.all(np.isfinite(every)) or any(not len(h.splits) for h in heads):
        return None
    splits = np.asarray([int(head.splits[0]) for head in heads])
    best = Incumbent(float(wish.cost(every)), every, points, splits, 0)
    if any(job.resting for job in jobs):
        rows = points | {
            f"{name}_{end}": points[name]
            for name in machines.names
            for end in ("low", "high")
        }
        kept = {k: v for k, v in rows.items() if k not in machines.names}
        found = evaluated(machines, jobs, wish, kept, [tried(heads)])
        return None if found is None else (found, tried(heads))
    return best, tried(heads)
