"""The machine that jobs share: what can be built, in boxes, and what limits it.

Limits that see no split (power, heat, reach, cost) are those of the machine under every
job.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from supernode_opt.joint.jobs import Job
from supernode_opt.joint.limits import (
    CLOCK,
    FLOW,
    agreed_of,
    led_of,
    merged,
    sides_of,
    surely_of,
)
from supernode_opt.problem.problem import Problem
from supernode_opt.search.corners import corner_values
from supernode_opt.search.dominance import with_useful_links
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    chip_counts,
    count_candidates,
    take,
    with_domains,
    with_wholes,
)
from supernode_opt.search.hardware_bounds import any_split
from supernode_opt.search.inner import continuous
from supernode_opt.search.outlook import SLACK, Outlook, worst
from supernode_opt.search.values import composed


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
        some = any_split(side, take(rows, left))
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


def machines_of(jobs: Sequence[Job]) -> Machines:
    """Collect what is free of the machine of `jobs` and what limits it."""
    problem = jobs[0].problem
    names = continuous(problem)
    sides = sides_of(jobs)
    led = led_of(jobs, sides, names)
    held = {
        name: end for name in names if (end := agreed_of(jobs, sides, name)) is not None
    }
    cut = tuple(n for n in names if n not in held and not (led and n == CLOCK))
    if led:
        cut = tuple(sorted(cut, key=lambda name: name == FLOW))
    return Machines(
        problem, names, cut, held, led, sides, tuple(surely_of(s) for s in sides)
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
    placed, _ = with_useful_links(some, problem, merged(jobs))
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
