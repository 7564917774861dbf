"""Continuous variables cut into cells until bounds close the gap.

Every cell of a candidate's box has a bound from its corners and, at its centre, a
design.  The most promising cells are halved along the variable that matters most,
until no cell promises more than the tolerance beyond the best design, or the effort is
spent.  Nothing but known ends is assumed: no convexity, no gradient.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import to_unit
from supernode_opt.search.bounds import cell_bounds
from supernode_opt.search.enumerate import Columns, join, take
from supernode_opt.search.inner import continuous, exact_merit
from supernode_opt.search.lanes import snapped
from supernode_opt.search.merit import box_data
from supernode_opt.search.outlook import Outlook

_BATCH = 2048
# Narrower than this, as a share of the box, a variable is not cut again.
_NARROW = 1e-7
# A gap that an eighth of the effort leaves above this share of itself is given up.
_STALLED = 0.8
# Best first, a gap of several variables moves late: nothing is given up before so many.
_PATIENCE = 20_000


class Cells(NamedTuple):
    """What the cells leave.

    Attributes:
      bound: least cost that any cell still open promises; infinite if none is.
      open: cells still open.
      looked: cells that were bounded.
      candidates: rows of the candidates whose cells are open.
    """

    bound: float
    open: int
    looked: int
    candidates: NDArray


def cut(
    problem: Problem,
    outlook: Outlook,
    columns: Columns,
    bound: NDArray,
    threshold: Callable[[], float],
    attempt: Callable[[Columns, NDArray], None],
    effort: int,
    whole_lanes: bool = True,
) -> Cells:
    """Cut the boxes of `columns` until bounds exclude every cell.

    Args:
      problem: what is asked.
      outlook: the same, for bounds.
      columns: candidates.
      bound: of each candidate so far.
      threshold: returns the cost that a cell must promise to be worth a look.
      attempt: is given candidates and the centres of their best cells [cell, n], in
        the unit box.
      effort: most cells to bound.
      whole_lanes: whether ports are built of whole lanes, so that cells without any
        hold no design.
    """
    names = continuous(problem)
    box = box_data(problem, names)
    low = {n: np.full(len(bound), box["low"][i]) for i, n in enumerate(names)}
    high = {n: np.full(len(bound), box["high"][i]) for i, n in enumerate(names)}
    rows = {k: v for k, v in columns.items() if k not in names}
    rows |= {f"{n}_low": v for n, v in low.items()}
    rows |= {f"{n}_high": v for n, v in high.items()}
    rows |= {"candidate": np.arange(len(bound))}
    looked, milestone, gap = 0, max(effort // 8, _PATIENCE), np.inf
    stuck: list[tuple[NDArray, NDArray]] = []
    while len(bound) and looked < effort:
        alive = bound < threshold()
        rows, bound = take(rows, alive), bound[alive]
        if not len(bound):
            break
        if looked >= milestone:
            left = threshold() - float(np.min(bound))
            # What hardly moves will not close.
            if left > _STALLED * gap:
                break
            milestone, gap = milestone + effort // 8, left
        order = np.argsort(bound, kind="stable")
        chosen, rest = order[:_BATCH], order[_BATCH:]
        halves, whole = _halved(outlook, take(rows, chosen), names, box)
        if whole.any():
            held = chosen[whole]
            stuck.append((bound[held], rows["candidate"][held]))
        halves = snapped(problem, halves) if whole_lanes else halves
        if len(halves["chips"]):
            given = {k: v for k, v in halves.items() if k != "candidate"}
            new = cell_bounds(outlook, given)
            looked += len(new)
            best = np.argsort(new, kind="stable")[: _BATCH // 8]
            best = best[np.isfinite(new[best]) | np.isneginf(new[best])]
            if len(best):
                attempt(*_centres(problem, take(halves, best)))
            rows = join([take(rows, rest), halves])
            bound = np.concatenate([bound[rest], new])
        else:
            rows, bound = take(rows, rest), bound[rest]
    left = np.concatenate([bound, *(b for b, _ in stuck)])
    who = np.concatenate([rows["candidate"], *(c for _, c in stuck)])
    alive = left < threshold()
    return Cells(
        float(np.min(left[alive], initial=np.inf)),
        int(alive.sum()),
        looked,
        np.unique(who[alive]),
    )


def _width(rows: Columns, name: str, log: bool) -> NDArray:
    low, high = rows[f"{name}_low"], rows[f"{name}_high"]
    return np.log(high / low) if log else high - low


def _halved(
    outlook: Outlook, rows: Columns, names: tuple[str, ...], box: Mapping[str, Any]
) -> tuple[Columns, NDArray]:
    """Halve every cell along its widest variable; return halves and what is a point."""
    whole = np.array(
        [
            np.log(h / x) if flag else h - x
            for x, h, flag in zip(box["low"], box["high"], box["log"], strict=True)
        ]
    )
    widths = np.stack(
        [_width(rows, n, bool(box["log"][i])) / whole[i] for i, n in enumerate(names)]
    )
    axis = np.argmax(widths, axis=0)
    point = widths.max(axis=0) <= _NARROW
    rows, axis = take(rows, ~point), axis[~point]
    lower, upper = dict(rows), dict(rows)
    for i, name in enumerate(names):
        low, high = rows[f"{name}_low"], rows[f"{name}_high"]
        middle = np.sqrt(low * high) if box["log"][i] else 0.5 * (low + high)
        lower[f"{name}_high"] = np.where(axis == i, middle, high)
        upper[f"{name}_low"] = np.where(axis == i, middle, low)
    return join([lower, upper]), point


def _centres(problem: Problem, rows: Columns) -> tuple[Columns, NDArray]:
    """Return the candidates of cells and their centres in the unit box."""
    names, moving = exact_merit(problem).names, continuous(problem)
    box = box_data(problem, names)
    points = np.full((len(rows["chips"]), len(names)), 0.5)
    for i, name in enumerate(names):
        if name in moving:
            axis = [box[key][i] for key in ("low", "high", "log")]
            ends = [to_unit(rows[f"{name}_{end}"], *axis) for end in ("low", "high")]
            points[:, i] = 0.5 * (np.asarray(ends[0]) + np.asarray(ends[1]))
    candidates = {
        k: v
        for k, v in rows.items()
        if k != "candidate" and not k.endswith(("_low", "_high"))
    }
    return candidates, points
