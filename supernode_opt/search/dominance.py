"""Which link technologies are worth a candidate: those that nothing dominates.

At the same chips and domain a technology that reaches, needs no more energy and time
than another, and is no worse in whatever else the study asks about, can replace it at
no loss: every reported quantity moves one way with each of these fields.  A field whose
value depends on where the machine stands (how many links are short, how warm modules
get) counts with its worst value for the one that replaces and its best for the other.
"""

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.hardware.network import Switch
from supernode_opt.hardware.reach import case_temperature, wear
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import HARDWARE, PLAN
from supernode_opt.record import replace
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    cross,
    ends,
    join,
    positions,
    take,
)
from supernode_opt.search.exact import quantities
from supernode_opt.search.merit import as_floats, forms
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.split import SWITCHES

# What else a quantity sees of a technology, besides its energy and latency.
_PRICED = (
    "cost",
    "capital_cost",
    "tokens_per_dollar",
    "cost_per_chip_hour",
    "cost_per_megatoken",
)
_FAILING = (
    "mtbf",
    "goodput",
    "goodput_tokens_per_s",
    "tokens_per_dollar",
    "cost_per_megatoken",
    "goodput_unmasked",
    "checkpoint_interval",
)
_COUNTED = ("optical_modules",)
# With a constant of these freed, reach and order are not known yet: nothing dominates.
_MOVING = ("links.", "rack.", "host.", "scale_up_switch.", "scale_out_switch.")
# Neither are they with these, where the heat of a chip decides how racks are filled.
_HEATING = ("chip.", "cooling.")
_REACH = ("scale_up_reach", "scale_out_reach")
# Hardware that makes heat as it grows; more of the rest makes less.
_HEATS = ("scale_up_bandwidth", "scale_out_bandwidth", "clock", "inlet_temperature")
_IDLE = 1e-6


class _Table(NamedTuple):
    """What one fabric sees of each technology [technology, field].

    Attributes:
      best, worst: ends of every field over all places and temperatures.
      may: whether it reaches on the coolest hardware [key, technology].
      does: whether it reaches on the hottest, too [key, technology].
    """

    best: NDArray
    worst: NDArray
    may: NDArray
    does: NDArray


def with_useful_links(columns: Columns, problem: Problem) -> Columns:
    """Combine every row with the technologies that are worth it on its hardware."""
    if not len(columns["chips"]):
        return columns | {name: np.zeros(0, np.int32) for name in LINKS}
    pairs = np.stack([columns["chips"], columns["scale_up_domain"]]).astype(float)
    keys, place = np.unique(pairs, axis=1, return_inverse=True)
    useful = _useful(problem, keys[0], keys[1])
    parts = []
    for index, (inner, outer) in enumerate(useful):
        table = np.asarray(list(itertools.product(inner, outer)), np.int32)
        table = table.reshape(-1, 2)
        rows = take(columns, place.reshape(-1) == index)
        parts.append(cross(rows, {LINKS[0]: table[:, 0], LINKS[1]: table[:, 1]}))
    return join(parts)


def _useful(
    problem: Problem, chips: NDArray, domain: NDArray
) -> list[tuple[list[int], list[int]]]:
    """Return the useful positions for both fabrics of every (chips, domain)."""
    scenario = as_floats(problem.scenario)
    allowed = [list(positions(problem, name)) for name in LINKS]
    moving = _MOVING + (_HEATING if scenario.rack.fewest_chips > 0.0 else ())
    if any(v.name.startswith(moving) for v in problem.variables):
        return [(allowed[0], allowed[1])] * len(chips)
    tables = _tables(problem, scenario, chips, domain)
    found = []
    for key in range(len(chips)):
        inner, outer = (
            _undominated(table, [k for k in able if table.may[key, k]], key)
            for table, able in zip(tables, allowed, strict=True)
        )
        found.append((inner, outer))
    return found


def _tables(
    problem: Problem, scenario: Scenario, chips: NDArray, domain: NDArray
) -> list[_Table]:
    may = _reaches(problem, scenario, chips, domain, hot=False)
    does = _reaches(problem, scenario, chips, domain, hot=True)
    switches = (scenario.scale_up_switch, scenario.scale_out_switch)
    return [
        _Table(*_ends(problem, scenario, switch), may[fabric], does[fabric])
        for fabric, switch in enumerate(switches)
    ]


def _ends(
    problem: Problem, scenario: Scenario, switch: Switch
) -> tuple[NDArray, NDArray]:
    """Return the best and worst of every field that this study can see."""
    asked = {problem.objective.name, *(name for name, _ in forms(problem))}
    extra = (("price", _PRICED), ("failure_rate", _FAILING), ("optical", _COUNTED))
    fields = ("energy", *(f for f, names in extra if asked & set(names)))
    ranges = []
    for field in fields:
        low = np.asarray([getattr(link, field) for link in scenario.links])
        high = low.copy()
        if field == "failure_rate":
            low, high = (
                low * np.asarray(_wear(scenario, switch, inlet))
                for inlet in ends(problem, "inlet_temperature")
            )
            low, high = np.minimum(low, high), np.maximum(low, high)
        for k, link in enumerate(scenario.links):
            if link.short_reach > 0.0:
                short = getattr(link, f"short_{field}", 0.0)
                low[k], high[k] = min(low[k], short), max(high[k], short)
        ranges.append((low, high))
    delay = np.asarray([link.latency for link in scenario.links])
    ranges.append((delay, delay))
    best, worst = (np.stack(side, axis=1) for side in zip(*ranges, strict=True))
    return best, worst


def _wear(scenario: Scenario, switch: Switch, inlet: float) -> NDArray:
    at = case_temperature(scenario.links, switch, np.asarray(inlet))
    return np.asarray(wear(scenario.links, at))


def _reaches(
    problem: Problem, scenario: Scenario, chips: NDArray, domain: NDArray, *, hot: bool
) -> list[NDArray]:
    """Tell which technologies reach on both fabrics [key, technology].

    The other fabric's technology and the energy of its own add to the heat, so all are
    taken at the least or, where `hot`, at the greatest there is.
    """
    energies = [link.energy for link in scenario.links]
    for k in range(len(energies)):
        path = f"links.{k}.energy"
        scenario = replace(scenario, path, max(energies) if hot else min(energies))
    rows: Columns = {"chips": chips, "scale_up_domain": domain}
    rows |= {name: np.ones(len(chips)) for name in PLAN}
    for name in HARDWARE:
        low, high = ends(problem, name)
        value = high if (name in _HEATS) == hot else low
        rows[name] = np.full(len(chips), value)
    rows |= {name: np.zeros(len(chips), np.int32) for name in SWITCHES}
    every = np.arange(len(energies), dtype=np.int32)
    rows = cross(rows, {name: every for name in LINKS})
    values = quantities(rows, scenario, _REACH)
    return [(values[name] <= 0.0).reshape(len(chips), -1) for name in _REACH]


def _undominated(table: _Table, able: list[int], key: int) -> list[int]:
    """Drop technologies that another one of `able` can replace at no loss."""

    def replaced(k: int) -> bool:
        # Of two that are equal in every field the first is kept.
        return any(
            table.does[key, j]
            and np.all(table.worst[j] <= table.best[k])
            and (
                np.any(table.worst[j] < table.best[k]) or able.index(j) < able.index(k)
            )
            for j in able
            if j != k
        )

    return [k for k in able if not replaced(k)]
