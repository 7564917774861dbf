"""The clock and the flow of boxes of machines, as the limits allow them.

Where more clock only ever helps jobs, and costs nothing but what limits on the machine
are on, the clock is not searched: in every box it lies between the greatest at which
the limits hold anywhere in the box and the greatest at which they hold somewhere.  The
same loop finds the coolant flows that are worth it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.exact import BLOCK
from supernode_opt.joint.limits import CLOCK, FLOW
from supernode_opt.joint.machines import Machines
from supernode_opt.search.enumerate import Columns, cross, take

# Intervals of flow that are looked at, and halvings of the clock, in every box.
FLOWS, HALVINGS = 8, 7


class Clocked(NamedTuple):
    """Boxes with their clocks.

    Attributes:
      rows: the boxes in which limits may hold, with ends of the clock and of flow.
      index: which of the boxes they are.
      flow: a flow that keeps the lower end of the clock anywhere in the box; no number
        where none is known.
    """

    rows: Columns
    index: NDArray
    flow: NDArray


def clocked(machines: Machines, rows: Columns, flows: int = FLOWS) -> Clocked:
    """Narrow clock and flow of boxes to what limits allow and jobs have a use for."""
    count = len(rows["chips"])
    if not machines.led:
        index = np.flatnonzero(machines.possible(rows))
        return Clocked(take(rows, index), index, np.full(len(index), np.nan))
    wide = cross(rows, {"piece": np.arange(flows)})
    piece = wide.pop("piece")
    low, high = _pieces(machines, wide, piece, flows)
    inner = wide | {f"{FLOW}_low": low, f"{FLOW}_high": high}
    middle = np.sqrt(low * high)
    point = wide | {f"{FLOW}_low": middle, f"{FLOW}_high": middle}
    cap = _greatest(machines, inner, sure=False)
    most = cap.reshape(count, flows).max(axis=1)
    sure = _greatest(machines, point, sure=True)
    best = sure.reshape(count, flows).argmax(axis=1)
    least = sure.reshape(count, flows).max(axis=1)
    flow = np.where(
        least > -np.inf, middle.reshape(count, flows)[np.arange(count), best], np.nan
    )
    start = _end(machines, rows, CLOCK, "low")
    least = np.maximum(least, start)
    index = np.flatnonzero(most > -np.inf)
    # A flow at which the clock stays below what another gives anywhere is no use.
    useful = (cap.reshape(count, flows) >= least[:, None]) & np.isfinite(
        cap.reshape(count, flows)
    )
    ends = low.reshape(count, flows), high.reshape(count, flows)
    made = dict(rows)
    made[f"{CLOCK}_low"] = np.minimum(least, most)
    made[f"{CLOCK}_high"] = most
    if FLOW in machines.names:
        made[f"{FLOW}_low"] = np.where(useful, ends[0], np.inf).min(axis=1)
        made[f"{FLOW}_high"] = np.where(useful, ends[1], -np.inf).max(axis=1)
    return Clocked(take(made, index), index, flow[index])


def _end(machines: Machines, rows: Columns, name: str, end: str) -> NDArray:
    own = rows.get(f"{name}_{end}")
    if own is not None:
        return own
    side = machines.sides[0] if machines.sides else None
    value = 0.0 if side is None else (side.low if end == "low" else side.high)[name]
    return np.full(len(rows["chips"]), value)


def _pieces(
    machines: Machines, wide: Columns, piece: NDArray, flows: int
) -> tuple[NDArray, NDArray]:
    """Cut the flow of every box into pieces; return their ends."""
    low, high = (_end(machines, wide, FLOW, end) for end in ("low", "high"))
    ratio = np.log(high / low)
    ends = [low * np.exp(ratio * (piece + k) / flows) for k in (0, 1)]
    ends[0] = np.where(piece == 0, low, ends[0])
    ends[1] = np.where(piece == flows - 1, high, ends[1])
    return ends[0], ends[1]


def _greatest(machines: Machines, rows: Columns, sure: bool) -> NDArray:
    """Return the greatest clock at which limits hold, minus infinity where at none.

    Where they hold everywhere in a box, if `sure`, and then rounded down; else
    somewhere, rounded up.  Few boxes are tried at many clocks at once: a block of the
    program takes as long however full it is.
    """
    low, high = (_end(machines, rows, CLOCK, end) for end in ("low", "high"))
    holding = machines.certain if sure else machines.possible
    count = len(low)
    parts = int(np.clip(BLOCK // max(count, 1), 2, 1 << HALVINGS))

    def holds(index: NDArray, clocks: NDArray) -> NDArray:
        """Tell at which clocks [box, clock] limits hold."""
        wide = cross(take(rows, index), {"at": np.arange(clocks.shape[1])})
        wide.pop("at")
        flat = clocks.reshape(-1)
        part = wide | {f"{CLOCK}_low": flat, f"{CLOCK}_high": flat}
        return holding(part).reshape(clocks.shape)

    def lasting(good: NDArray) -> NDArray:
        """Count the clocks from the lowest on at which all lower ones hold."""
        return np.cumprod(good, axis=1).sum(axis=1)

    def between(below: NDArray, above: NDArray) -> NDArray:
        steps = np.arange(parts + 1) / parts
        return below[:, None] + (above - below)[:, None] * steps

    cap = np.full(count, -np.inf)
    edges = between(low, high)
    edges[:, -1] = high
    kept = lasting(holds(np.arange(count), edges))
    cap[kept == parts + 1] = high[kept == parts + 1]
    rest = np.flatnonzero((kept > 0) & (kept <= parts))
    below, above = edges[rest, kept[rest] - 1], edges[rest, kept[rest]]
    narrowed = parts
    while len(rest) and narrowed < 1 << HALVINGS:
        edges = between(below, above)
        kept = lasting(holds(rest, edges[:, 1:-1]))
        place = np.arange(len(rest))
        below, above = edges[place, kept], edges[place, kept + 1]
        narrowed *= parts
    cap[rest] = below if sure else above
    return cap
