"""Kinder scenarios than the one given, to bound many candidates with one.

Every link is made as good as the best allowed one in each way that an end sees, and for
ends that see no distance any more no hop takes time.  An end for which it is not known
what would be good for it has no bound there.
"""

import dataclasses
from typing import Any, NamedTuple

from supernode_opt.batch.case import nameless
from supernode_opt.hardware.network import LinkTechnology
from supernode_opt.record import replace
from supernode_opt.search.ends import Leaf
from supernode_opt.search.link_fields import good_end, seen_fields, span_of
from supernode_opt.search.outlook import Outlook
from supernode_opt.system.scenario import Scenario

# A port so wide that nothing is ever waited for [B/s].
BOUNDLESS = 1e24
_DOMAIN = "scale_up_domain"
_HOPS = (
    "software.board_latency",
    "software.scale_up_latency",
    "software.scale_out_latency",
    # Of eager stacks alone.
    "software.ring_latency",
    "software.staged_latency",
    "software.exchange_wait",
    "software.bucket_latency",
    "scale_up_switch.latency",
    "scale_out_switch.latency",
)


class Relaxation(NamedTuple):
    """Scenarios that are at least as kind as any candidate's.

    Attributes:
      hardware: for what sees no split.
      job: for what does.
      known: ends that are bounded there; `None` for all that are known anyway.
    """

    hardware: Scenario
    job: Scenario
    known: frozenset[Leaf] | None


def kindest(outlook: Outlook, allowed: set[int]) -> Relaxation:
    """Return what no candidate can beat, with any domain and any of `allowed` links.

    Rows are then bounded with links of position 0, the domain as a box and ports as
    wide as one likes.
    """
    scenario = outlook.scenario
    usable = [scenario.links[k] for k in sorted(allowed)]
    best: dict[str, float] = {"short_reach": 0.0}
    known = set()
    for leaf in sorted(set().union(*outlook.leaves.values())):
        wanted = _best_fields(outlook, leaf, usable)
        # What is freed of a link would override what is best.
        freed = any(n.startswith("links.") for n in outlook.inputs[leaf.name]) and any(
            n.startswith("links.") for n in outlook.constants()
        )
        clash = wanted is None or any(
            best.get(field, value) != value for field, value in wanted.items()
        )
        if not freed and not clash and _placeless(outlook, leaf):
            best |= wanted or {}
            known.add(leaf)
    changed: dict[str, Any] = best
    links = tuple(dataclasses.replace(link, **changed) for link in scenario.links)
    # With every number an array, as the problem's own, it needs no other program.
    hardware = nameless(dataclasses.replace(scenario, links=links))
    job = nameless(without_distance(hardware))
    return Relaxation(hardware, job, frozenset(known))


def _best_fields(
    outlook: Outlook, leaf: Leaf, usable: list[LinkTechnology]
) -> dict[str, float] | None:
    """Return the best of every property that `leaf` sees; `None` if not known."""
    found = {}
    for field in seen_fields(outlook, leaf):
        spans = [span_of(outlook, link, field, leaf) for link in usable]
        least, most = min(s.low for s in spans), max(s.high for s in spans)
        end = good_end(outlook, leaf, field)
        if end is None and least < most:
            return None
        found[field] = most if end == "high" else least
    return found


def _placeless(outlook: Outlook, leaf: Leaf) -> bool:
    """Tell whether `leaf` has a bound whatever the domain and however long the hops."""
    ways, seen = outlook.ways(leaf.name), outlook.inputs[leaf.name]
    if not outlook.splitless(leaf):
        # The hops of the job's scenario take no time, which must be good for it.
        return ways.nowhere and leaf.side == "low"
    return _DOMAIN not in seen or ways.sign(_DOMAIN) is not None


def without_distance(kind: Scenario) -> Scenario:
    """Return a scenario in which no hop takes time.

    With ports as wide as one likes, nothing then depends on the domain any more.
    """
    for path in (*_HOPS, *(f"links.{k}.latency" for k in range(len(kind.links)))):
        kind = replace(kind, path, 0.0)
    if kind.software.eager:
        # Its sharded states are exchanged domain by domain.
        kind = replace(kind, "software.shard_latency", 0.0)
    return kind
