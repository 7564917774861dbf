"""What the hardware alone allows: clock caps, and ends of what sees no split.

What does not see the split is tabulated once per chips, domain, technologies and box.
Coolant flow helps heat and costs pumping: its range is cut into intervals, each with
heat at its greater and pumping at its smaller end.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.variables import PLAN
from supernode_opt.search.corners import corner_values
from supernode_opt.search.ends import Leaf
from supernode_opt.search.enumerate import Columns, cross, join, take
from supernode_opt.search.outlook import SLACK, Limit, Outlook, worst
from supernode_opt.search.values import composed
from supernode_opt.system.design import SERVING_CHOICES, SERVING_NUMBERS
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.split import SWITCHES

FLOWS = 32
_HALVINGS = 12
_ROWS = 65_536


def any_split(outlook: Outlook, keys: Columns) -> Columns:
    """Complete `keys` with some split: what is asked does not see it."""
    count = len(keys["chips"])
    made = {name: np.ones(count) for name in PLAN}
    made |= {name: np.zeros(count, np.int32) for name in SWITCHES}
    if outlook.scenario.serving is not None:
        made |= {name: np.full(count, v) for name, v in SERVING_NUMBERS.items()}
        made |= {name: np.zeros(count, np.int32) for name in SERVING_CHOICES}
    return made | keys


def flows(outlook: Outlook, leaves: Iterable[Leaf]) -> Columns:
    """Cut the range of flow into intervals if one end of it does not suit all."""
    low, high = outlook.low["coolant_flow"], outlook.high["coolant_flow"]
    seeing = [leaf for leaf in leaves if "coolant_flow" in outlook.inputs[leaf.name]]
    if low == high or not any(outlook.ways(leaf.name).pumped for leaf in seeing):
        return {
            "coolant_flow_low": np.array([low]),
            "coolant_flow_high": np.array([high]),
        }
    edges = np.geomspace(low, high, FLOWS + 1)
    edges[0], edges[-1] = low, high
    return {"coolant_flow_low": edges[:-1], "coolant_flow_high": edges[1:]}


def clock_caps(
    outlook: Outlook,
    keys: Columns,
    scenario: Scenario,
    limits: Sequence[Limit],
) -> NDArray:
    """Return, for each key, the greatest clock at which some flow keeps all `limits`.

    Rounded outwards; minus infinity where no clock does.

    Args:
      outlook: the problem.
      keys: hardware in boxes.
      scenario: to evaluate in.
      limits: whose ends see no split and get no better with more clock.
    """
    low, high = outlook.low["clock"], outlook.high["clock"]
    count = len(keys["chips"])
    if not limits:
        return np.full(count, high)
    leaves = {leaf for limit in limits for leaf in outlook.leaves[limit.end]}
    cut = flows(outlook, leaves)
    wide = len(cut["coolant_flow_low"])
    if count > max(_ROWS // wide, 1):
        blocks = _blocks(keys, max(_ROWS // wide, 1))
        parts = [clock_caps(outlook, k, scenario, limits) for k in blocks]
        return np.concatenate(parts)
    rows = cross(any_split(outlook, keys), cut)

    def holds(index: NDArray, clock: NDArray) -> NDArray:
        part = take(rows, index) | {"clock_low": clock, "clock_high": clock}
        found = corner_values(outlook, part, scenario, leaves)
        ends = composed(outlook, part, found, [limit.end for limit in limits])
        return ~(worst(ends, limits, len(index)) > SLACK)

    every = np.arange(len(rows["chips"]))
    cap = np.full(len(every), -np.inf)
    cap[holds(every, np.full(len(every), high))] = high
    rest = every[cap < high]
    rest = rest[holds(rest, np.full(len(rest), low))] if len(rest) else rest
    below, above = np.full(len(rest), low), np.full(len(rest), high)
    for _ in range(_HALVINGS if len(rest) and high > low else 0):
        middle = 0.5 * (below + above)
        good = holds(rest, middle)
        below, above = np.where(good, middle, below), np.where(good, above, middle)
    cap[rest] = above
    return cap.reshape(count, wide).max(axis=1)


def hardware_ends(
    outlook: Outlook,
    keys: Columns,
    scenario: Scenario,
    leaves: Sequence[Leaf],
    clocks: tuple[NDArray, NDArray],
) -> dict[Leaf, NDArray]:
    """Return ends [key, cell] of `leaves`, which see no split, over all flows.

    Args:
      outlook: the problem.
      keys: hardware in boxes.
      scenario: to evaluate in.
      leaves: ends to find.
      clocks: lower and upper edges of the cells of the clock [cell].
    """
    cut = flows(outlook, leaves)
    cells, wide, count = (
        len(clocks[0]),
        len(cut["coolant_flow_low"]),
        len(keys["chips"]),
    )
    most = max(_ROWS // (cells * wide), 1)
    if count > most:
        parts = [
            hardware_ends(outlook, block, scenario, leaves, clocks)
            for block in _blocks(keys, most)
        ]
        return join(parts)  # type: ignore[arg-type, return-value]
    rows = cross(
        any_split(outlook, keys), {"clock_low": clocks[0], "clock_high": clocks[1]}
    )
    found = corner_values(outlook, cross(rows, cut), scenario, leaves)
    best = {"low": np.fmin, "high": np.fmax}
    return {
        leaf: best[leaf.side].reduce(value.reshape(count, cells, wide), axis=2)
        for leaf, value in found.items()
    }


def _blocks(columns: Columns, size: int) -> list[Columns]:
    """Cut a table into pieces of at most `size` rows, to bound the memory used."""
    count = len(columns["chips"])
    return [take(columns, slice(k, k + size)) for k in range(0, count, size)]
