"""Tables of what the hardware alone allows: clock caps and least loads.

Loads do not see the plan, so they are tabulated once per chips, domain, technologies
and port widths.  Coolant flow helps heat and costs pumping: its range is cut into
intervals, each with heat at its greater and pumping at its smaller end.
"""

import numpy as np
from numpy.typing import NDArray

from supernode_opt.search.bounder import SLACK, Bounder, best_corner
from supernode_opt.search.enumerate import Columns, cross, join, take
from supernode_opt.search.monotone import (
    MORE_IS_BETTER,
    PUMPED_FIELDS,
    pump_factor,
    violations,
)
from supernode_opt.system.scenario import Scenario

FLOWS = 32
_HALVINGS = 12
_KEYS = 2048


def _cheap(bounder: Bounder, keys: Columns) -> Columns:
    """Complete `keys` with the cheapest ends and any plan."""
    count = len(keys["chips"])
    ones = np.ones(count)
    rows = {
        "tensor_parallel": ones,
        "pipeline_parallel": ones,
        "context_parallel": ones,
        "expert_parallel": ones,
        "interleave": ones,
        "micro_batch": ones,
        "recompute": np.zeros(count, np.int32),
        "optimizer_sharding": np.zeros(count, np.int32),
        "sequence_parallel": np.zeros(count, np.int32),
        "oversubscription": np.full(count, bounder.high["oversubscription"]),
        "inlet_temperature": np.full(count, bounder.low["inlet_temperature"]),
    }
    return rows | keys


def _flows(bounder: Bounder) -> tuple[NDArray, NDArray]:
    """Return the greater end of every interval of flow, and its pump factor."""
    low, high = bounder.low["coolant_flow"], bounder.high["coolant_flow"]
    if low == high:
        return np.asarray([high]), np.ones(1)
    edges = np.geomspace(low, high, FLOWS + 1)
    return edges[1:], pump_factor(bounder.scenario, edges[:-1], edges[1:])


def _loads(
    bounder: Bounder, rows: Columns, scenario: Scenario, names: tuple[str, ...]
) -> dict[str, NDArray]:
    """Return the least loads of `rows` within their interval of flow."""
    plain = {k: v for k, v in rows.items() if k != "pump_factor"}
    values = best_corner(bounder, plain, scenario, names)
    for name in names:
        if name in PUMPED_FIELDS:
            values[name] = values[name] * rows["pump_factor"]
    return values


def clock_caps(bounder: Bounder, keys: Columns, scenario: Scenario) -> NDArray:
    """Return, for each key, the greatest clock at which some flow holds all loads.

    Rounded outwards; minus infinity where no clock does.
    """
    low, high = bounder.low["clock"], bounder.high["clock"]
    if len(keys["chips"]) > _KEYS:
        blocks = _blocks(keys, _KEYS)
        return np.concatenate([clock_caps(bounder, k, scenario) for k in blocks])
    flow, factor = _flows(bounder)
    rows = cross(_cheap(bounder, keys), {"coolant_flow": flow, "pump_factor": factor})
    names = tuple(dict.fromkeys(name for name, _ in bounder.load.forms))
    count = len(rows["chips"])

    def holds(index: NDArray, clock: NDArray) -> NDArray:
        part = take(rows, index) | {"clock": clock}
        values = _loads(bounder, part, scenario, names)
        worst = violations(values, bounder.load.forms, bounder.load.values)
        return ~(worst > SLACK)

    every = np.arange(count)
    cap = np.full(count, -np.inf)
    cap[holds(every, np.full(count, high))] = high
    rest = every[cap < high]
    rest = rest[holds(rest, np.full(len(rest), low))] if len(rest) else rest
    below, above = np.full(len(rest), low), np.full(len(rest), high)
    for _ in range(_HALVINGS if len(rest) and high > low else 0):
        middle = 0.5 * (below + above)
        good = holds(rest, middle)
        below, above = np.where(good, middle, below), np.where(good, above, middle)
    cap[rest] = above
    return cap.reshape(-1, len(flow)).max(axis=1)


def least_loads(
    bounder: Bounder,
    keys: Columns,
    scenario: Scenario,
    names: tuple[str, ...],
    clocks: NDArray,
) -> dict[str, NDArray]:
    """Return the best load quantities [key, clock] over all flows."""
    most = max(_KEYS // len(clocks), 1)
    if len(keys["chips"]) > most:
        parts = [
            least_loads(bounder, block, scenario, names, clocks)
            for block in _blocks(keys, most)
        ]
        return join(parts)
    flow, factor = _flows(bounder)
    wide = cross(_cheap(bounder, keys), {"clock": np.asarray(clocks, float)})
    rows = cross(wide, {"coolant_flow": flow, "pump_factor": factor})
    found = _loads(bounder, rows, scenario, names)
    shape = (len(keys["chips"]), len(clocks), len(flow))
    return {
        name: (np.max if name in MORE_IS_BETTER else np.min)(v.reshape(shape), axis=2)
        for name, v in found.items()
    }


def _blocks(columns: Columns, size: int) -> list[Columns]:
    """Cut a table into pieces of at most `size` rows, to bound the memory used."""
    count = len(columns["chips"])
    return [take(columns, slice(k, k + size)) for k in range(0, count, size)]
