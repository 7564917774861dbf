"""The last steps of one candidate: polish it, then build its ports of whole lanes."""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import to_unit
from supernode_opt.search.enumerate import Columns, take
from supernode_opt.search.inner import Polished, Solved, exact_merit, polish
from supernode_opt.search.merit import box_data
from supernode_opt.search.settings import Settings

# Closer to its bound than this, in the unit box, a bandwidth leans on it.
_LEANING = 1e-6


class Finalist(NamedTuple):
    """A candidate at its continuous optimum and as it would be built.

    Attributes:
      ideal: bandwidths as they please.
      built: bandwidths in whole lanes; the same as `ideal` where none is free.
    """

    ideal: Polished
    built: Polished


def finish(
    problem: Problem, settings: Settings, solved: Solved, index: int, worth: float
) -> Finalist:
    """Polish row `index` of `solved` and, if its cost is below `worth`, round lanes."""
    columns = take(solved.columns, [index])
    ideal = polish(problem, columns, solved.points[index])
    if not settings.whole_lanes or not ideal.feasible or ideal.cost >= worth:
        return Finalist(ideal, ideal)
    return Finalist(ideal, _whole_lanes(problem, ideal))


def _neighbours(problem: Problem, ideal: Polished) -> dict[int, list[float]]:
    """Return, per free port, where the lane counts around it lie in the unit box."""
    merit = exact_merit(problem)
    box = box_data(problem, merit.names)
    rates = {
        "scale_up_bandwidth": float(problem.scenario.scale_up_switch.lane_rate),
        "scale_out_bandwidth": float(problem.scenario.scale_out_switch.lane_rate),
    }
    found = {}
    for place, name in enumerate(merit.names):
        at = ideal.point[place]
        if name not in rates or min(at, 1.0 - at) < _LEANING:
            continue
        low, high, log = (box[key][place] for key in ("low", "high", "log"))
        lanes = float(ideal.columns[name][0]) / rates[name]
        counts = {np.floor(lanes + 1e-9), np.ceil(lanes - 1e-9)}
        widths = [
            n * rates[name] for n in sorted(counts) if low <= n * rates[name] <= high
        ]
        if widths:
            found[place] = [float(to_unit(width, low, high, log)) for width in widths]
    return found


def _whole_lanes(problem: Problem, ideal: Polished) -> Polished:
    """Try the lane counts around the ideal bandwidths; keep the best that is feasible.

    Where none is, the ideal ports stay: a port may be wired with a part of its lanes.
    """
    places = _neighbours(problem, ideal)
    if not places:
        return ideal
    held = np.zeros(len(ideal.point), bool)
    held[list(places)] = True
    tried = [
        _hold(problem, ideal, held, dict(zip(places, chosen, strict=True)))
        for chosen in itertools.product(*places.values())
    ]
    feasible = [found for found in tried if found.feasible]
    return min(feasible, key=lambda found: found.cost, default=ideal)


def _hold(
    problem: Problem, ideal: Polished, held: NDArray, chosen: dict[int, float]
) -> Polished:
    point = ideal.point.copy()
    for place, value in chosen.items():
        point[place] = value
    # Narrower ports free power, wider ones need it: the others start where they were.
    columns: Columns = ideal.columns
    return polish(problem, columns, point, held=held)
