"""Design numbers that follow a part: the machine takes the part as it is sold."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from supernode_opt.record import get, replace
from supernode_opt.system.design import Design
from supernode_opt.system.package import settled_clock
from supernode_opt.system.scenario import Scenario

# Design fields that may follow a part of the system: (part, field of that part).
FOLLOWS = {
    "scale_up_bandwidth": ("chip", "scale_up_bandwidth"),
    "scale_out_bandwidth": ("chip", "scale_out_bandwidth"),
    "clock": ("chip", "sustained_clock"),
    "coolant_flow": ("cooling", "reference_flow"),
}


def followed(design: Design, scenario: Scenario, follow: Mapping[str, Any]) -> Design:
    """Return the design with every field that follows its part taken from it.

    Args:
      design: what was chosen.
      scenario: with the parts as they are now, drawn or changed.
      follow: whether a field of `FOLLOWS` follows its part [1].
    """
    for field, (part, source) in FOLLOWS.items():
        sold = get(scenario, f"{part}.{source}")
        value = jnp.where(follow[field] > 0.0, sold, getattr(design, field))
        design = replace(design, field, value)
    # Chips at their sustained clock are at a limit, whichever comes first.
    settled = settled_clock(design, scenario)
    return replace(
        design, "clock", jnp.where(follow["clock"] > 0.0, settled, design.clock)
    )
