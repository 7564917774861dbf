"""Every design of a study by the oracle's own enumeration, without the search's.

The rules, stated once more and independently:

- a split is legal if `workload.split.legal` says so; nothing else excludes one;
- a free chip count is a whole number of boards, on the study's grid if it has one;
  a frozen one is taken as it is;
- a free domain is a number of whole boards that divides the machine's boards, or the
  whole machine; a frozen one is taken as it is;
- freed constants that count things are whole numbers;
- all other free numbers may be anything in their box; where `whole_lanes` is set, free
  bandwidths are multiples of their fabric's lane rate.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np

from supernode_opt.problem.box import options
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import EVERY_CHOICE, HARDWARE
from supernode_opt.record import get
from supernode_opt.workload.split import SIZES, SWITCHES, legal
from tests.oracle import pools

COUNTED = (
    "rack.chips_per_rack",
    "rack.fewest_chips",
    "scale_up_switch.first_tier_chips",
    "scale_out_switch.first_tier_chips",
)
LINKS = ("scale_up_link", "scale_out_link")
LANES = {
    "scale_up_bandwidth": "scale_up_switch.lane_rate",
    "scale_out_bandwidth": "scale_out_switch.lane_rate",
}


class Axis(NamedTuple):
    """One continuous variable; `lane` is the spacing of what can be built, or 0."""

    name: str
    low: float
    high: float
    log: bool
    lane: float

    def at(self, unit):
        """Map the unit interval onto the box, then onto whole lanes, if any."""
        unit = np.clip(unit, 0.0, 1.0)
        if self.log:
            value = self.low * (self.high / self.low) ** unit
        else:
            value = self.low + unit * (self.high - self.low)
        value = np.clip(value, self.low, self.high)
        if not self.lane:
            return value
        first = math.ceil(self.low / self.lane * (1.0 - 1e-12))
        last = math.floor(self.high / self.lane * (1.0 + 1e-12))
        return np.clip(np.round(value / self.lane), first, last) * self.lane


class Space(NamedTuple):
    """All discrete candidates as columns, and the continuous axes of each."""

    problem: Problem
    columns: dict[str, np.ndarray]
    axes: tuple[Axis, ...]

    def rows(self, index, units):
        """Return whole designs: candidates `index` at the points `units`."""
        made = {name: column[index] for name, column in self.columns.items()}
        for place, axis in enumerate(self.axes):
            made[axis.name] = axis.at(units[:, place])
        return made


def _free(problem, name):
    return next((v for v in problem.variables if v.name == name), None)


def whole(problem, name):
    """Return the whole numbers that a size may be, before any rule."""
    free = _free(problem, name)
    if free is None:
        return [int(problem.fixed[name])]
    low, high = math.ceil(free.low - 1e-9), math.floor(free.high + 1e-9)
    return list(range(max(low, 1), high + 1))


def machine_sizes(problem):
    """Return the chip counts that can be built."""
    free = _free(problem, "chips")
    if free is None:
        return [int(problem.fixed["chips"])]
    board = int(problem.scenario.host.chips_per_board)
    sizes = [n for n in whole(problem, "chips") if n % board == 0]
    if free.step is None:
        return sizes
    return [n for n in sizes if abs((n - free.low) % free.step) < 1e-9]


def domain_sizes(problem, chips):
    """Return the scale-up domains that a machine of `chips` can have."""
    if _free(problem, "scale_up_domain") is None:
        return [int(problem.fixed["scale_up_domain"])]
    board = int(problem.scenario.host.chips_per_board)
    tiles = {n for n in range(board, chips + 1, board) if chips % n == 0}
    if chips % board:
        tiles = set()
    return sorted({*tiles, chips} & set(whole(problem, "scale_up_domain")))


def splits(problem):
    """Return every legal split, as a list of plain dictionaries."""
    model, training = problem.scenario.model, problem.scenario.training
    batch = int(training.global_batch)
    switches = [_positions(problem, name) for name in SWITCHES]
    names, dies = SIZES[1:4], problem.scenario.chip.ranks_per_chip
    found = []
    for chips in machine_sizes(problem):
        for ranks in itertools.product(*(whole(problem, name) for name in names)):
            # What cannot be divided at all is not worth a closer look.
            if dies * chips % math.prod(ranks):
                continue
            replicas = dies * chips // math.prod(ranks)
            if batch % replicas:
                continue
            rest = (
                [
                    m
                    for m in whole(problem, "micro_batch")
                    if batch % (replicas * m) == 0
                ],
                [v for v in whole(problem, "interleave") if v <= model.layers],
                [
                    e
                    for e in whole(problem, "expert_parallel")
                    if max(int(model.experts), 1) % e == 0
                ],
            )
            for row in itertools.product(*rest, *switches):
                split = dict(zip(SIZES + SWITCHES, (chips, *ranks, *row), strict=True))
                if legal(split, model, training, dies) is None:
                    found.append(split)
    return found


def _positions(problem, name):
    every = options(name, problem.scenario)
    for choice in problem.choices:
        if choice.name == name:
            return [every.index(option) for option in choice.options]
    return [every.index(str(problem.fixed[name]))]


def space(problem, *, whole_lanes, most=None):
    """Return the designs of `problem`; `None` where there are more than `most`."""
    scenario = problem.scenario
    counted = [v for v in problem.variables if v.name in COUNTED]
    ranges = [
        range(math.ceil(v.low - 1e-9), math.floor(v.high + 1e-9) + 1) for v in counted
    ]
    links = [_positions(problem, name) for name in LINKS]
    tail = list(itertools.product(*links, *ranges))
    table, sizes = [], (*SIZES, *SWITCHES)
    listed = splits
    if scenario.serving is not None:
        sizes, listed = pools.NAMES, pools.layouts
    for split in listed(problem):
        for domain in domain_sizes(problem, split["chips"]):
            table.append([*(split[n] for n in sizes), domain])
        if most is not None and len(table) * len(tail) > most:
            return None
    names = (*sizes, "scale_up_domain", *LINKS, *(v.name for v in counted))
    added = np.asarray(tail, float)
    head = np.asarray(table, float).reshape(len(table), len(names) - added.shape[1])
    wide = np.concatenate(
        [np.repeat(head, len(tail), axis=0), np.tile(added, (len(table), 1))], axis=1
    )
    columns = dict(zip(names, wide.T, strict=True))
    axes = []
    for v in problem.variables:
        if v.name in HARDWARE or ("." in v.name and v.name not in COUNTED):
            lane = float(get(scenario, LANES[v.name])) if v.name in LANES else 0.0
            axes.append(Axis(v.name, v.low, v.high, v.scale == "log", lane))
    axes = [a if whole_lanes and _buildable(a) else a._replace(lane=0.0) for a in axes]
    for name in HARDWARE:
        if name not in [axis.name for axis in axes]:
            columns[name] = np.full(len(wide), float(problem.fixed[name]))
    return Space(problem, columns, tuple(axes))


def _buildable(axis):
    """Tell whether the box of a port holds a whole number of lanes at all."""
    lane = axis.lane
    return lane and math.floor(axis.high / lane) * lane >= axis.low * (1.0 - 1e-12)


def plain(problem, columns, row):
    """Return one design in the words of a study."""
    made = {}
    for name, column in columns.items():
        value = column[row]
        if name in EVERY_CHOICE:
            made[name] = options(name, problem.scenario)[int(value)]
        else:
            made[name] = float(value)
    return made
