"""Kinder scenarios than the one given, to bound many candidates with one."""

import dataclasses
from typing import Any

from supernode_opt.record import replace
from supernode_opt.system.scenario import Scenario


def kindest_links(scenario: Scenario, allowed: set[int]) -> Scenario:
    """Return `scenario` with every link as good as the best allowed one in each way."""
    usable = [scenario.links[index] for index in allowed]
    least: dict[str, Any] = {
        name: min(float(getattr(link, name)) for link in usable)
        for name in ("energy", "optical", "latency", "price", "failure_rate")
    }
    least["reach"] = max(float(link.reach) for link in usable)
    links = tuple(dataclasses.replace(link, **least) for link in scenario.links)
    return dataclasses.replace(scenario, links=links)


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
