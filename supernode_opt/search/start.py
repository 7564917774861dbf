"""A design to begin with: an earlier answer, where it may exist here as well."""

from collections.abc import Mapping

import numpy as np

from supernode_opt.problem.box import options
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import EVERY_CHOICE, PLAN, POOLS, to_unit
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    chip_counts,
    domains,
    ends,
    plans,
    positions,
    wholes,
)
from supernode_opt.search.inner import exact_merit
from supernode_opt.search.large import TRIED
from supernode_opt.search.merit import box_data
from supernode_opt.search.pursuit import Search
from supernode_opt.system.design import SERVING_CHOICES, TRAINING_ALONE
from supernode_opt.workload.split import SIZES, SWITCHES, legal

# Fields of a design, SI or the name of an alternative, and constants by dotted path.
Start = Mapping[str, float | str]


def begin_with(search: Search, start: Start) -> str:
    """Build `start` here and make it the best so far; say what came of it."""
    problem = search.problem
    made = _candidate(problem, start)
    if isinstance(made, str):
        return f"not legal here: {made}"
    merit = exact_merit(problem)
    box = box_data(problem, merit.names)
    at = [
        float(start.get(n, np.sqrt(low * high) if log else 0.5 * (low + high)))
        for n, low, high, log in zip(
            merit.names, box["low"], box["high"], box["log"], strict=True
        )
    ]
    inside = np.clip(at, box["low"], box["high"])
    point = np.asarray(to_unit(inside, box["low"], box["high"], box["log"]))
    built = search.consider(made, np.clip(point, 0.0, 1.0)).built
    return "feasible here" if built.feasible else "not feasible here"


def _candidate(problem: Problem, start: Start) -> Columns | str:
    """Return the decisions of `start` as one row, or why it is not one."""
    row: dict[str, float] = {}
    serves = problem.scenario.serving is not None
    more = (*POOLS, *SERVING_CHOICES) if serves else ()
    start = {**TRAINING_ALONE, **start} if serves else start
    for name in ("chips", *PLAN, "scale_up_domain", *SWITCHES, *LINKS, *more):
        if name not in start:
            return f"{name} is not given"
        value = start[name]
        if name in EVERY_CHOICE:
            every = options(name, problem.scenario)
            place = every.index(str(value)) if value in every else -1
            if place not in positions(problem, name):
                return f"{name} {value} is not allowed"
            value = place
        row[name] = float(value)
    chips = int(row["chips"])
    if chips not in chip_counts(problem):
        return f"{chips} chips are not allowed"
    for name in () if serves else PLAN:
        low, high = ends(problem, name)
        if not low - 1e-9 <= row[name] <= high + 1e-9:
            return f"{name} {row[name]:g} is not from {low:g} to {high:g}"
    if row["scale_up_domain"] not in domains(problem, chips):
        return f"scale_up_domain {row['scale_up_domain']:g} is not allowed"
    given, ranks = problem.scenario, problem.scenario.chip.ranks_per_chip
    split = {name: row[name] for name in (*SIZES, *SWITCHES)}
    if serves:
        broken = "" if _listed(problem, row) else "no layout of both pools is like it"
    else:
        broken = legal(split, given.model, given.training, ranks)
    if broken:
        return broken
    for name, values in wholes(problem).items():
        if name not in start or float(start[name]) not in values:
            return f"{name} is not allowed"
        row[name] = float(start[name])
    names = (*SWITCHES, *LINKS, *SERVING_CHOICES)
    kinds = {name: np.int32 for name in (*(() if serves else SIZES), *names)}
    return {name: np.asarray([v], kinds.get(name, float)) for name, v in row.items()}


def _listed(problem: Problem, row: Mapping[str, float]) -> bool:
    """Tell whether a layout is among the legal ones of a machine that serves."""
    every = plans(problem, TRIED)
    same = np.ones(len(every["chips"]), bool)
    for name, column in every.items():
        same &= column == row[name]
    return bool(same.any())
