"""Lower bounds on the cost of candidates, by monotonicity alone.

A candidate's continuous variables lie in a box.  The clock is first capped: at the
cheapest ends of everything else, is there any coolant flow at which power, chip power,
junction and reach hold?  That depends on the hardware only, so it is a small table.
Then the time is taken at the greatest bandwidths and that clock, loads at the cheapest
ends, and the objective from both.  A limit that fails at its own helpful end excludes
the candidate; a bound that is not a number never does.

Freed scenario constants are taken at every corner of their box, each quantity at its
best corner: valid for every constant that a quantity moves with in one direction.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from supernode_opt.search.bounder import SLACK, Bounder, best_corner
from supernode_opt.search.enumerate import Columns, take
from supernode_opt.search.hardware_bounds import clock_caps, least_loads
from supernode_opt.search.monotone import (
    ENERGY,
    PRICED,
    TIME_FIELDS,
    best_value,
    is_bounded,
    parts_of,
    violations,
)
from supernode_opt.system.scenario import Scenario

CLOCK_CELLS = 16
_IDLE = 1e-6
_KEY = ("chips", "scale_up_domain", "scale_up_link", "scale_out_link")
_PORTS = ("scale_up_bandwidth", "scale_out_bandwidth")


def bounds(bounder: Bounder, columns: Columns, kind: Scenario | None = None) -> NDArray:
    """Return lower bounds on the cost of `columns`; infinite where a limit excludes.

    Args:
      bounder: the problem.
      columns: candidates; with columns `<port>_low` and `<port>_high` the bound holds
        inside that cell of the bandwidth box only.
      kind: a kinder scenario to bound in, if any.
    """
    scenario = kind or bounder.scenario
    cheap_ports = [f"{port}_low" for port in _PORTS]
    count = len(columns["chips"])
    if not count:
        return np.zeros(0)
    rows = dict(columns)
    for port in _PORTS:
        rows.setdefault(f"{port}_low", np.full(count, bounder.low[port]))
        rows.setdefault(f"{port}_high", np.full(count, bounder.high[port]))
    first, key = _unique(rows, (*_KEY, *cheap_ports))
    keys = {name: rows[name][first] for name in _KEY}
    keys |= {port: rows[f"{port}_low"][first] for port in _PORTS}
    cap = clock_caps(bounder, keys, scenario)
    wanted = [bounder.objective.name] * is_bounded(
        bounder.objective.name, bounder.objective.maximize
    )
    needed = [*wanted, *(name for name, _ in bounder.other.forms)]
    fast_names = tuple(sorted({n for name in needed for n in parts_of(name)[0]}))
    cheap_names = tuple(sorted({n for name in needed for n in parts_of(name)[1]}))
    mixed = bool(wanted) and wanted[0] not in TIME_FIELDS
    low, high = bounder.low["clock"], bounder.high["clock"]
    cells = CLOCK_CELLS if mixed and high > low else 1
    edges = np.linspace(low, high, cells + 1)
    cheap = (
        least_loads(bounder, keys, scenario, cheap_names, edges[:-1])
        if cheap_names
        else {}
    )
    if any(name in PRICED for name in needed):
        idle = least_loads(bounder, keys, scenario, (ENERGY,), np.asarray([_IDLE]))[
            ENERGY
        ]
        cheap[ENERGY] = np.repeat(idle, cells, axis=1)
    fast = _fast_rows(bounder, rows)
    best = np.full(count, np.inf)
    for cell in range(cells):
        clock = np.minimum(edges[cell + 1], cap)[key]
        alive = np.flatnonzero((cap >= edges[cell] - SLACK)[key])
        if not len(alive):
            continue
        part = take(fast, alive) | {"clock": clock[alive]}
        quick = best_corner(bounder, part, scenario, fast_names) if fast_names else {}
        slow = {name: values[key[alive], cell] for name, values in cheap.items()}
        cost = _cost(bounder, quick, slow, needed, bool(wanted), len(alive))
        best[alive] = np.fmin(best[alive], cost)
    return best


def _unique(columns: Columns, names: tuple[str, ...]) -> tuple[NDArray, NDArray]:
    """Return the first row of every distinct combination and each row's combination."""
    code = np.zeros(len(columns["chips"]), np.int64)
    for name in names:
        values, position = np.unique(columns[name], return_inverse=True)
        code = code * len(values) + position
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return first, inverse


def _fast_rows(bounder: Bounder, rows: Columns) -> Columns:
    """Give every row its helpful ends for time."""
    count = len(rows["chips"])
    made = {n: v for n, v in rows.items() if not n.endswith(("_low", "_high"))}
    for port in _PORTS:
        made[port] = rows[f"{port}_high"]
    for name in ("oversubscription", "coolant_flow", "inlet_temperature"):
        made[name] = np.full(count, bounder.low[name])
    return made


def _cost(
    bounder: Bounder,
    quick: Mapping[str, NDArray],
    slow: Mapping[str, NDArray],
    needed: list[str],
    wanted: bool,
    count: int,
) -> NDArray:
    """Compose the bound of one clock cell; infinite where a limit fails."""
    values = {
        name: np.broadcast_to(best_value(name, quick, slow, bounder.scenario), count)
        for name in needed
    }
    cost = np.full(count, -np.inf)
    if wanted:
        with np.errstate(divide="ignore", invalid="ignore"):
            log = np.log(values[bounder.objective.name])
        log = -log if bounder.objective.maximize else log
        cost = np.where(np.isnan(log), -np.inf, log)
    if bounder.other.forms:
        worst = violations(values, bounder.other.forms, bounder.other.values)
        cost = np.where(worst > SLACK, np.inf, cost)
    return cost
