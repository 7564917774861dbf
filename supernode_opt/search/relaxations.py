"""Kinder scenarios than the one given, to bound many candidates with one."""

import dataclasses
import math
from typing import Any

from supernode_opt.hardware.network import LinkTechnology
from supernode_opt.hardware.reach import lane_ratio
from supernode_opt.record import replace
from supernode_opt.system.scenario import Scenario

# No module is ever colder, so none wears more slowly [K].
_COLDEST = 253.15
# No circuit switch dims light this much [dB].
_BOUNDLESS = 1e6


def kindest_links(scenario: Scenario, allowed: set[int]) -> Scenario:
    """Return `scenario` with every link as good as the best allowed one in each way.

    Copper that a technology uses for short links counts as if it did for all; no loss
    limits the light, and modules are as cold as can be.
    """
    usable = [scenario.links[index] for index in allowed]
    switches = (scenario.scale_up_switch, scenario.scale_out_switch)
    ratios = [float(lane_ratio(switch)) for switch in switches]
    best = {
        "energy": min(min(_both(link, "energy")) for link in usable),
        "price": min(min(_both(link, "price")) for link in usable),
        "failure_rate": min(
            min(float(link.failure_rate) * _wear(link), *_both(link, "failure_rate"))
            for link in usable
        ),
        "optical": min(
            0.0 if float(link.short_reach) > 0.0 else float(link.optical)
            for link in usable
        ),
        "latency": min(float(link.latency) for link in usable),
        "reach": max(
            float(link.reach) * ratio ** -float(link.lane_exponent)
            for link in usable
            for ratio in ratios
        ),
    }
    gone = (
        "lane_exponent",
        "connector_loss",
        "attenuation",
        "activation_temperature",
        "short_reach",
    )
    best |= {"loss_budget": _BOUNDLESS, **dict.fromkeys(gone, 0.0)}
    changed: dict[str, Any] = best
    links = tuple(dataclasses.replace(link, **changed) for link in scenario.links)
    return dataclasses.replace(scenario, links=links)


def _both(link: LinkTechnology, name: str) -> tuple[float, ...]:
    """Return a field of the technology and, if it has short links, of those."""
    short = (float(getattr(link, f"short_{name}")),)
    return (float(getattr(link, name)), *(short if float(link.short_reach) else ()))


def _wear(link: LinkTechnology) -> float:
    """Return the failure rate of the coldest module over that of a usual one [1]."""
    colder = 1.0 / _COLDEST - 1.0 / float(link.reference_temperature)
    return math.exp(min(-float(link.activation_temperature) * colder, 0.0))


def without_distance(kind: Scenario) -> Scenario:
    """Return a scenario in which no hop takes time.

    With ports as wide as one likes, nothing then depends on the domain any more.
    """
    for path in (
        "software.board_latency",
        "software.scale_up_latency",
        "software.scale_out_latency",
        "scale_up_switch.latency",
        "scale_out_switch.latency",
        *(f"links.{index}.latency" for index in range(len(kind.links))),
    ):
        kind = replace(kind, path, 0.0)
    return kind
