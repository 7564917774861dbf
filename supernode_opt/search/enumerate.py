"""Every legal candidate: splits, then domain sizes, then link technologies.

A plan is a legal split with its switches; a candidate is a plan with a domain and two
link technologies.  Continuous variables are left to the inner solve.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.box import options
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import PLAN, POOLS, Variable
from supernode_opt.record import get
from supernode_opt.units import quantity_of
from supernode_opt.workload.pools import Machine, enumerate_pools, illegal
from supernode_opt.workload.sizes import divisors
from supernode_opt.workload.split import SIZES, SWITCHES, enumerate_splits, legal

Columns = dict[str, NDArray]

LINKS = ("scale_up_link", "scale_out_link")


def variable(problem: Problem, name: str) -> Variable | None:
    """Return the free variable `name`, or `None` where it is frozen."""
    return next((v for v in problem.variables if v.name == name), None)


def ends(problem: Problem, name: str) -> tuple[float, float]:
    """Return the lowest and highest value of a number, equal where it is frozen."""
    free = variable(problem, name)
    if free is None:
        value = float(problem.fixed[name])
        return value, value
    return free.low, free.high


def positions(problem: Problem, name: str) -> tuple[int, ...]:
    """Return the allowed positions of a choice, one where it is frozen."""
    every = options(name, problem.scenario)
    for choice in problem.choices:
        if choice.name == name:
            return tuple(every.index(option) for option in choice.options)
    return (every.index(str(problem.fixed[name])),)


def is_whole(problem: Problem, name: str) -> bool:
    """Tell whether the constant `name` counts things, so that it is built whole."""
    owner, _, field = name.rpartition(".")
    return bool(owner) and quantity_of(type(get(problem.scenario, owner)), field).whole


def wholes(problem: Problem) -> dict[str, NDArray]:
    """Return the values to try of every freed constant that counts things."""
    found = {}
    for v in problem.variables:
        if is_whole(problem, v.name):
            first, last = np.ceil(v.low - 1e-9), np.floor(v.high + 1e-9)
            if last < first:
                raise ValueError(
                    f"there is no design to consider: `{v.name}` counts things, but"
                    f" there is no whole number from {v.low:g} to {v.high:g}"
                )
            found[v.name] = np.arange(first, last + 1.0)
    return found


def chip_counts(problem: Problem) -> list[int]:
    """Return the chip counts to try: whole boards, on the study's grid if any."""
    free = variable(problem, "chips")
    if free is None:
        return [int(problem.fixed["chips"])]
    board = int(problem.scenario.host.chips_per_board)
    if free.step is None:
        first = -(-int(np.ceil(free.low)) // board) * board
        return list(range(first, int(free.high) + 1, board))
    grid = np.arange(free.low, free.high * (1.0 + 1e-9), free.step)
    return [int(chips) for chips in grid if int(chips) % board == 0]


def plans(problem: Problem, limit: int) -> Columns:
    """Return every legal split with its switches as columns.

    Raises:
      TooManySplits: there are more than `limit`.
    """
    if problem.scenario.serving is not None:
        return _served(problem, limit)
    ranges = {name: ends(problem, name) for name in PLAN}
    switches: dict[str, Sequence[int]] = {n: positions(problem, n) for n in SWITCHES}
    model, training = problem.scenario.model, problem.scenario.training
    chips, ranks = chip_counts(problem), problem.scenario.chip.ranks_per_chip
    return dict(
        enumerate_splits(model, training, chips, ranges, switches, limit, ranks)
    )


def _served(problem: Problem, limit: int) -> Columns:
    """Return every legal layout of a machine that serves, as columns."""
    ranges = {name: ends(problem, name) for name in (*PLAN, *POOLS)}
    choices = {"dual_batch": positions(problem, "dual_batch")}
    machines = [_machine(problem, chips) for chips in chip_counts(problem)]
    columns = enumerate_pools(problem.scenario.model, machines, ranges, choices, limit)
    count = len(columns["chips"])
    for name in PLAN:
        columns.setdefault(name, np.full(count, ranges[name][0]))
    for name in SWITCHES:
        place = positions(problem, name)[0]
        columns[name] = np.full(count, place, np.int32)
    return columns


def _machine(problem: Problem, chips: int) -> Machine:
    scenario = problem.scenario
    board = int(scenario.host.chips_per_board)
    return Machine(chips, board, scenario.chip.ranks_per_chip)


def illegal_reason(problem: Problem) -> str:
    """Say why there is no legal split at all; "" unless the whole split is frozen."""
    if problem.scenario.serving is not None:
        sizes = (n for n in (*PLAN, *POOLS) if not variable(problem, n))
        known = {name: float(problem.fixed[name]) for name in sizes}
        machine = _machine(problem, chip_counts(problem)[-1])
        return illegal(known, problem.scenario.model, machine)
    if any(variable(problem, name) for name in SIZES):
        return ""
    split = {name: float(problem.fixed[name]) for name in SIZES}
    split |= {name: float(positions(problem, name)[0]) for name in SWITCHES}
    given = problem.scenario
    ranks = given.chip.ranks_per_chip
    return legal(split, given.model, given.training, ranks) or ""


def domains(problem: Problem, chips: int) -> list[float]:
    """Return the scale-up domains that tile `chips` in whole boards.

    A frozen domain is taken as it is.
    """
    free = variable(problem, "scale_up_domain")
    if free is None:
        return [float(problem.fixed["scale_up_domain"])]
    board = int(problem.scenario.host.chips_per_board)
    whole = [board * d for d in divisors(chips // board)] if chips % board == 0 else []
    low, high = free.low * (1.0 - 1e-9), free.high * (1.0 + 1e-9)
    return [float(d) for d in sorted({*whole, chips}) if low <= d <= high]


def tilable(problem: Problem, plans: Columns) -> Columns:
    """Drop plans whose chips no allowed domain tiles."""
    chips = [c for c in np.unique(plans["chips"]) if domains(problem, int(c))]
    return take(plans, np.isin(plans["chips"], chips))


def take(columns: Columns, index: NDArray | slice | list[int]) -> Columns:
    """Return the rows that `index` selects."""
    return {name: column[index] for name, column in columns.items()}


def join(parts: Sequence[Columns]) -> Columns:
    """Put tables with the same columns below each other."""
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


def cross(columns: Columns, added: dict[str, NDArray]) -> Columns:
    """Combine every row with every row of `added`."""
    count, more = len(columns["chips"]), len(next(iter(added.values())))
    wide = {name: np.repeat(column, more) for name, column in columns.items()}
    return wide | {name: np.tile(column, count) for name, column in added.items()}


def with_domains(columns: Columns, problem: Problem) -> Columns:
    """Combine every plan with every domain that tiles its chips."""
    if not len(columns["chips"]):
        return columns | {"scale_up_domain": np.zeros(0)}
    parts = []
    for chips in np.unique(columns["chips"]):
        sizes = np.asarray(domains(problem, int(chips)), float)
        rows = take(columns, columns["chips"] == chips)
        parts.append(cross(rows, {"scale_up_domain": sizes}))
    return join(parts)


def with_links(columns: Columns, problem: Problem) -> Columns:
    """Combine every row with every pair of link technologies."""
    pairs = itertools.product(*(positions(problem, name) for name in LINKS))
    table = np.asarray(list(pairs), np.int32)
    return cross(columns, {LINKS[0]: table[:, 0], LINKS[1]: table[:, 1]})


def with_wholes(columns: Columns, problem: Problem) -> Columns:
    """Combine every row with every value of the freed constants that count things."""
    for name, values in wholes(problem).items():
        columns = cross(columns, {name: values})
    return columns


def whole_candidates(problem: Problem, plans: Columns) -> Columns:
    """Return every candidate that grows from `plans`."""
    placed = with_wholes(with_domains(plans, problem), problem)
    return with_links(placed, problem)


def count_candidates(columns: Columns, problem: Problem) -> int:
    """Count the candidates that grow from the plans in `columns`."""
    links = len(positions(problem, LINKS[0])) * len(positions(problem, LINKS[1]))
    chips, counts = np.unique(columns["chips"], return_counts=True)
    sizes = [len(domains(problem, int(c))) for c in chips]
    links *= math.prod(len(values) for values in wholes(problem).values())
    return int(sum(n * d for n, d in zip(counts, sizes, strict=True)) * links)
