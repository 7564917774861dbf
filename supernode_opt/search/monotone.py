"""Which way each reported quantity moves: the facts that bounds rest on.

Seen from the continuous hardware variables, at a fixed plan, domain and links:

- *time* quantities improve with both bandwidths and the clock, get worse with
  oversubscription, and do not see coolant flow or inlet temperature;
- *load* quantities get worse with bandwidths, clock and inlet temperature and better
  with oversubscription, and do not see the plan.  Flow lowers heat and raises the power
  of pumps, by a factor known in closed form;
- *plan* quantities depend on none of these variables.

The power of one rack is none of these: a rack that gets too hot is thinned.

A combined quantity is bounded by its parts, each at its own helpful end.  A quantity
not named here is never used to exclude anything.  `tests/search/test_bound.py`
checks every line of this file against the physics.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.constraints import Form, normalised
from supernode_opt.system.scenario import Scenario

PLAN_FIELDS = ("memory", "memory_fraction", "data_parallel", "micro_batches")
TIME_FIELDS = ("step_time", "tokens_per_s", "mfu")
# Load that pumping raises, so that an interval of flow needs the factor below.
PUMPED_FIELDS = (
    "power",
    "facility_power",
    "rack_power_fraction",
    "capital_cost",
    "cost_parts.energy",
)
HEAT_FIELDS = (
    "chip_power",
    "chip_power_fraction",
    "junction_temperature",
    "junction_fraction",
    "loop_gain",
    "coolant_outlet_temperature",
)
WIRING_FIELDS = (
    "scale_up_modules",
    "scale_out_modules",
    "optical_modules",
    "switch_tiers",
    "scale_up_span",
    "scale_out_span",
    "scale_up_reach",
    "scale_out_reach",
    "scale_up_lanes",
    "scale_up_leaf_chips",
    "scale_up_spine_chips",
    "scale_out_switch_chips",
    "scale_up_latency",
    "racks",
    "optics_temperature",
)
PROGRESS_FIELDS = ("mtbf", "goodput", "goodput_unmasked", "checkpoint_interval")
MORE_IS_BETTER = (
    "tokens_per_s",
    "mfu",
    "tokens_per_joule",
    "tokens_per_dollar",
    "goodput_tokens_per_s",
    *PROGRESS_FIELDS,
)
LOAD_FIELDS = (*PUMPED_FIELDS[:-1], *HEAT_FIELDS, *WIRING_FIELDS, *PROGRESS_FIELDS)

# What a combined quantity needs from the fast corner and from the cheap corner; energy
# is taken at an idle clock, because mean power has no direction in the clock.
ENERGY = "cost_parts.energy"
PARTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "tokens_per_joule": (("tokens_per_s",), ("power",)),
    "goodput_tokens_per_s": (("tokens_per_s",), ("goodput",)),
    "cost": ((), ("capital_cost",)),
    "tokens_per_dollar": (("tokens_per_s",), ("capital_cost", "goodput")),
    "cost_per_megatoken": (("tokens_per_s",), ("capital_cost", "goodput")),
}
# Those of them that energy is part of.
PRICED = ("cost", "tokens_per_dollar", "cost_per_megatoken")


def parts_of(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the fields `name` needs from the (fast, cheap) corner."""
    if name in PARTS:
        return PARTS[name]
    if name in TIME_FIELDS:
        return (name,), ()
    return ((), (name,)) if name in LOAD_FIELDS else ((), ())


def is_bounded(name: str, more_is_better: bool) -> bool:
    """Tell whether the best attainable `name` has a bound in this direction."""
    known = name in (*PARTS, *TIME_FIELDS, *LOAD_FIELDS)
    return known and (name in MORE_IS_BETTER) == more_is_better


def best_value(
    name: str,
    fast: Mapping[str, NDArray],
    cheap: Mapping[str, NDArray],
    scenario: Scenario,
) -> NDArray:
    """Return a value that `name` cannot beat, from its parts at their helpful ends."""
    if name == "tokens_per_joule":
        return fast["tokens_per_s"] / cheap["power"]
    if name == "goodput_tokens_per_s":
        return fast["tokens_per_s"] * cheap["goodput"]
    if name in PRICED:
        facility = scenario.facility
        life = float(facility.lifetime)
        kept = 1.0 + float(facility.maintenance_rate) * life
        cost = cheap["capital_cost"] * kept + cheap[ENERGY]
        if name == "cost":
            return cost
        tokens = fast["tokens_per_s"] * cheap["goodput"] * life
        return tokens / cost if name == "tokens_per_dollar" else 1e6 * cost / tokens
    return fast[name] if name in TIME_FIELDS else cheap[name]


def violations(
    values: Mapping[str, NDArray], forms: tuple[Form, ...], limits: NDArray
) -> NDArray:
    """Return the largest `g` over `forms`, with unknowns counted as no violation."""
    worst = np.full(len(next(iter(values.values()))), -np.inf)
    for (name, at_most), limit in zip(forms, limits, strict=True):
        g = np.asarray(normalised(values[name], float(limit), at_most))
        worst = np.fmax(worst, g)
    return worst


def pump_factor(scenario: Scenario, start: NDArray, end: NDArray) -> NDArray:
    """Return how much less pumping there is at flow `start` than at `end` [1].

    Provisioned power is (load) (1 + mover share (flow / reference)^3) over the supply
    efficiency, and the load falls with flow.  So anywhere between two flows it is at
    least this factor times its value at the greater flow.
    """
    cooling = scenario.cooling

    def moved(flow: NDArray) -> NDArray:
        ratio = flow / float(cooling.reference_flow)
        return 1.0 + float(cooling.mover_share) * ratio**3.0

    return moved(start) / moved(end)
