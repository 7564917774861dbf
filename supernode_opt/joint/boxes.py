"""Boxes of machines that are open: kept, chosen best first, cut in halves."""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from supernode_opt.joint.limits import CLOCK, FLOW
from supernode_opt.joint.machines import Machines
from supernode_opt.problem.variables import Variable
from supernode_opt.search.enumerate import Columns, join, take, variable
from supernode_opt.search.lanes import lane_rates, snapped

# Narrower than this, as a share of the whole box, a variable is not cut again.
_NARROW = 1e-6
# Flow matters less than what jobs see.
_WEIGHTS = {FLOW: 0.25}


class Head(NamedTuple):
    """The splits of one job that matter in one box.

    Attributes:
      splits: rows of the job's splits, the most promising first [split].
      costs: what each promises at best in the box, or in one around it [split].
      start: first row of the splits over so many chips that is not among them and has
        not been excluded; all from there on follow in their own order.
      ceiling: a cost that the job keeps anywhere in the box with some split; what
        promises no less is never needed.
    """

    splits: NDArray
    costs: NDArray
    start: int
    ceiling: float


@dataclass
class Boxes:
    """Open boxes.

    Attributes:
      rows: discrete machine and ends of every variable.
      bound: the least cost that each promises [box].
      costs: the same of every job [box, job].
      heads: the splits of every job that matter [box, job].
      fresh: which are not bounded yet but by what is promised on any machine [box].
    """

    rows: Columns
    bound: NDArray
    costs: NDArray
    heads: NDArray
    fresh: NDArray

    def __len__(self) -> int:
        """How many there are."""
        return len(self.bound)

    def take(self, index: NDArray) -> "Boxes":
        """Return some of them."""
        rows = take(self.rows, index)
        others = (self.bound, self.costs, self.heads, self.fresh)
        return Boxes(rows, *(part[index] for part in others))

    def joined(self, others: "Boxes") -> "Boxes":
        """Return these and others."""
        return Boxes(
            join([self.rows, others.rows]),
            np.concatenate([self.bound, others.bound]),
            np.concatenate([self.costs, others.costs]),
            np.concatenate([self.heads, others.heads]),
            np.concatenate([self.fresh, others.fresh]),
        )


def halved(machines: Machines, boxes: Boxes, lanes: bool) -> tuple[Boxes, NDArray]:
    """Halve every box along its widest variable; fresh ones stay whole.

    Args:
      machines: what is free.
      boxes: to be cut.
      lanes: whether ports are built of whole lanes.

    Returns:
      What is to be bounded, and which boxes cannot be cut.
    """
    fresh = boxes.fresh
    if not machines.cut:
        return boxes.take(np.flatnonzero(fresh)), ~fresh
    widths = np.stack([_width(machines, boxes.rows, n) for n in machines.cut])
    axis, point = np.argmax(widths, axis=0), widths.max(axis=0) <= _NARROW
    whole = boxes.take(np.flatnonzero(fresh))
    place = np.flatnonzero(~fresh & ~point)
    some, axis = boxes.take(place), axis[place]
    lower, upper = dict(some.rows), dict(some.rows)
    for i, name in enumerate(machines.cut):
        low, high = some.rows[f"{name}_low"], some.rows[f"{name}_high"]
        log = of(machines, name).scale == "log"
        middle = np.sqrt(low * high) if log else 0.5 * (low + high)
        lower[f"{name}_high"] = np.where(axis == i, middle, high)
        upper[f"{name}_low"] = np.where(axis == i, middle, low)
    made = whole
    for rows in (lower, upper):
        made = made.joined(dataclasses.replace(some, rows=rows))
    if lanes:
        marked = snapped(machines.problem, made.rows | {"place": np.arange(len(made))})
        place = marked.pop("place")
        made = made.take(place)
        made.rows = marked
    return made, ~fresh & point


def of(machines: Machines, name: str) -> Variable:
    """Return the free variable `name` of the machine."""
    found = variable(machines.problem, name)
    if found is None:
        raise ValueError(f"`{name}` is not free")
    return found


def _width(machines: Machines, rows: Columns, name: str) -> NDArray:
    """Return how wide boxes are along a variable, as a share of the whole [box]."""
    free, low, high = of(machines, name), rows[f"{name}_low"], rows[f"{name}_high"]
    whole = (
        np.log(free.high / free.low) if free.scale == "log" else free.high - free.low
    )
    width = np.log(high / low) if free.scale == "log" else high - low
    return _WEIGHTS.get(name, 1.0) * width / max(whole, 1e-300)


def points_in(machines: Machines, rows: Columns, lanes: bool) -> Columns:
    """Return boxes without width in the middle of what is cut, flow as it is.

    Args:
      machines: what is free.
      rows: boxes, whose ends of ports can be built.
      lanes: whether ports are built of whole lanes.
    """
    made = dict(rows)
    rates = lane_rates(machines.problem) if lanes else {}
    for name in machines.cut:
        if machines.led and name in (FLOW, CLOCK):
            continue
        low, high = rows[f"{name}_low"], rows[f"{name}_high"]
        log = of(machines, name).scale == "log"
        middle = np.sqrt(low * high) if log else 0.5 * (low + high)
        value = whole(np.clip(middle, low, high), low, high, rates.get(name))
        made[f"{name}_low"] = made[f"{name}_high"] = value
    return made


def whole(
    value: NDArray, low: ArrayLike, high: ArrayLike, rate: float | None
) -> NDArray:
    """Return the nearest widths in whole lanes of `rate`, or else an end of the box."""
    if rate is None:
        return value
    low, high = np.asarray(low, float), np.asarray(high, float)
    near = np.round(value / rate) * rate
    inside = (near >= low) & (near <= high)
    return np.where(inside, near, np.where(near < low, low, high))
