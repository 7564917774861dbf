"""Ports are built of whole lanes: what that allows, and what is built of an ideal."""

import itertools

import numpy as np

from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import to_unit
from supernode_opt.record import get
from supernode_opt.search.enumerate import Columns, take, variable
from supernode_opt.search.inner import exact_merit
from supernode_opt.search.merit import box_data
from supernode_opt.search.slsqp import Polished, polish

# Closer to its bound than this, in the unit box, a bandwidth leans on it.
_LEANING = 1e-6
_WHOLE = 1e-9
# A built port is this near to whole lanes, as a share of itself: logarithms round.
_BUILT = 1e-6
# The constant of the scenario that each port's lanes have for their rate.
PORTS = {
    "scale_up_bandwidth": "scale_up_switch.lane_rate",
    "scale_out_bandwidth": "scale_out_switch.lane_rate",
}


def lane_rates(problem: Problem) -> dict[str, float]:
    """Return the lane rate of every port that is free [B/s]."""
    return {
        name: float(get(problem.scenario, path))
        for name, path in PORTS.items()
        if variable(problem, name)
    }


def built_lanes(problem: Problem, columns: Columns) -> dict[str, int]:
    """Return the lanes of every free port of a candidate that has whole ones."""
    found = {}
    for name, rate in lane_rates(problem).items():
        count = float(columns[name][0]) / rate
        if abs(count - round(count)) <= _BUILT * count:
            found[name] = round(count)
    return found


def snapped(problem: Problem, rows: Columns) -> Columns:
    """Shrink boxes of ports to what can be built in them; drop those with nothing.

    A port has whole lanes, or the width at an end of the problem's own box, which
    somebody asked for.
    """
    good = np.ones(len(rows["chips"]), bool)
    made = dict(rows)
    for name, rate in lane_rates(problem).items():
        free = variable(problem, name)
        if free is None:
            continue
        low, high = rows[f"{name}_low"], rows[f"{name}_high"]
        first = np.ceil(low / rate * (1.0 - _WHOLE)) * rate
        last = np.floor(high / rate * (1.0 + _WHOLE)) * rate
        first = np.where(low <= free.low, free.low, first)
        last = np.where(high >= free.high, free.high, last)
        # The ends of the problem's box may be the only widths in a cell.
        at_low, at_high = low <= free.low, high >= free.high
        last = np.where(at_low & (last < first), first, last)
        first = np.where(at_high & (first > last), last, first)
        good &= first <= last * (1.0 + _WHOLE)
        made[f"{name}_low"], made[f"{name}_high"] = first, np.maximum(first, last)
    return take(made, good)


def _neighbours(
    problem: Problem, ideal: Polished, around: int
) -> dict[int, list[float]]:
    """Return, per free port, where the lane counts around it lie in the unit box."""
    merit = exact_merit(problem)
    box = box_data(problem, merit.names)
    rates = lane_rates(problem)
    found = {}
    for place, name in enumerate(merit.names):
        at = ideal.point[place]
        if name not in rates or min(at, 1.0 - at) < _LEANING:
            continue
        low, high, log = (box[key][place] for key in ("low", "high", "log"))
        lanes = float(ideal.columns[name][0]) / rates[name]
        first, last = np.floor(lanes + 1e-9), np.ceil(lanes - 1e-9)
        counts = np.arange(first - around + 1, last + around)
        widths = [n * rates[name] for n in counts if low <= n * rates[name] <= high]
        ends = [float(to_unit(width, low, high, log)) for width in widths]
        if ends:
            found[place] = ends
    return found


def whole_lanes(problem: Problem, ideal: Polished, around: int = 1) -> Polished:
    """Try the lane counts around the ideal bandwidths; keep the best that is feasible.

    Where none is, the ideal ports stay: a port may be wired with a part of its lanes.

    Args:
      problem: what is asked.
      ideal: bandwidths as they please.
      around: lane counts to try on either side of the ideal.
    """
    places = _neighbours(problem, ideal, around)
    if not places:
        return ideal
    held = np.zeros(len(ideal.point), bool)
    held[list(places)] = True
    tried = []
    for chosen in itertools.product(*places.values()):
        point = ideal.point.copy()
        point[list(places)] = chosen
        # Narrower ports free power, wider ones need it: the others start as they were.
        tried.append(polish(problem, ideal.columns, point, held=held))
    feasible = [found for found in tried if found.feasible]
    return min(feasible, key=lambda found: found.cost, default=ideal)
