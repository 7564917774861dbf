"""What limits a machine under several jobs, and which of its variables are settled."""

import dataclasses
from collections.abc import Sequence

from supernode_opt.joint.jobs import Job, machine_names, turned
from supernode_opt.record import leaves
from supernode_opt.search.dependence import inputs_of
from supernode_opt.search.ends import Leaf, leaves_of
from supernode_opt.search.outlook import Limit, Outlook

FLOW, CLOCK = "coolant_flow", "clock"
# Parts of a scenario that are the job's, not the machine's.
_JOBS = ("model", "training", "software", "routing", "recompute")


def sides_of(jobs: Sequence[Job]) -> tuple[Outlook, ...]:
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


def surely_of(side: Outlook) -> Outlook:
    """Return `side` with the ends of its limits turned around."""
    limits = turned(side.limits)
    known = leaves_of({one.end for one in limits}, side.scenario)
    return dataclasses.replace(side, limits=limits, leaves=known)


def merged(jobs: Sequence[Job]) -> Outlook:
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
        program=machine_names(first, first.wanted),
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


def agreed_of(jobs: Sequence[Job], sides: Sequence[Outlook], name: str) -> float | None:
    """Return the end of a variable that suits everything, `None` if there is none."""
    found = set()
    for outlook, leaf in _leaves(jobs, sides):
        if name not in outlook.inputs[leaf.name]:
            continue
        ways = outlook.ways(leaf.name)
        unsaid = ways.sign(name) is None or (ways.pumped and name == FLOW)
        if unsaid or (ways.rests and leaf.side == "high"):
            return None
        found.add(outlook.toward(leaf, name))
    if len(found) != 1:
        return None
    outlook = jobs[0].outlook
    return (outlook.low if found == {"low"} else outlook.high)[name]


def led_of(jobs: Sequence[Job], sides: Sequence[Outlook], names: Sequence[str]) -> bool:
    """Tell whether more clock only ever helps jobs, and flow is nothing to them."""
    if CLOCK not in names:
        return False
    for outlook, leaf in _leaves(jobs, []):
        seen = outlook.inputs[leaf.name]
        if FLOW in seen or outlook.ways(leaf.name).rests:
            return False
        if CLOCK in seen and (
            outlook.ways(leaf.name).sign(CLOCK) is None
            or outlook.toward(leaf, CLOCK) != "high"
        ):
            return False
    for side, leaf in _side_leaves(sides):
        seen, ways = side.inputs[leaf.name], side.ways(leaf.name)
        if CLOCK in seen and (ways.rests or side.toward(leaf, CLOCK) != "low"):
            return False
    return True
