"""Which link technologies are worth a candidate: those that nothing dominates.

At the same chips and domain a technology that reaches, needs no more energy and time
than another, and is no worse in whatever else the study asks about, can replace it at
no loss: every reported quantity moves one way with each of these fields.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from supernode_opt.optimize.enumerate import (
    LINKS,
    Columns,
    cross,
    join,
    positions,
    take,
)
from supernode_opt.optimize.exact import quantities
from supernode_opt.optimize.merit import as_floats, forms
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import HARDWARE, PLAN
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.split import SWITCHES

# What else a quantity sees of a technology, besides its energy and latency.
_PRICED = ("cost", "capital_cost", "tokens_per_dollar")
_FAILING = ("mtbf", "goodput", "goodput_tokens_per_s", "tokens_per_dollar")
_COUNTED = ("optical_modules",)
# With a constant of these freed, reach and order are not known yet: nothing dominates.
_MOVING = ("links.", "rack.", "host.", "scale_up_switch.", "scale_out_switch.")
_REACH = ("scale_up_reach", "scale_out_reach")


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
    count = len(scenario.links)
    comparable = not any(v.name.startswith(_MOVING) for v in problem.variables)
    fields = _fields(problem)
    reaches = _reaches(scenario, chips, domain)
    found = []
    for key in range(len(chips)):
        both = []
        for fabric, name in enumerate(LINKS):
            able = [
                k
                for k in positions(problem, name)
                if not (comparable and reaches[fabric][key * count + k] > 0.0)
            ]
            both.append(_undominated(scenario, able, fields) if comparable else able)
        found.append((both[0], both[1]))
    return found


def _fields(problem: Problem) -> tuple[str, ...]:
    """Return the fields of a technology that this study can see."""
    asked = {problem.objective.name, *(name for name, _ in forms(problem))}
    extra = (("price", _PRICED), ("failure_rate", _FAILING), ("optical", _COUNTED))
    return ("energy", "latency", *(f for f, names in extra if asked & set(names)))


def _reaches(scenario: Scenario, chips: NDArray, domain: NDArray) -> list[NDArray]:
    """Return how far each technology falls short on both fabrics [key * technology]."""
    count = len(scenario.links)
    rows: Columns = {"chips": chips, "scale_up_domain": domain}
    rows |= {name: np.ones(len(chips)) for name in (*PLAN, *HARDWARE)}
    rows |= {name: np.zeros(len(chips), np.int32) for name in SWITCHES}
    every = np.arange(count, dtype=np.int32)
    rows = cross(rows, {LINKS[0]: every, LINKS[1]: every})
    values = quantities(rows, scenario, _REACH)
    return [values[name] for name in _REACH]


def _undominated(
    scenario: Scenario, able: list[int], fields: tuple[str, ...]
) -> list[int]:
    """Drop technologies that another one of `able` can replace at no loss."""
    table = {
        k: np.asarray([getattr(scenario.links[k], f) for f in fields]) for k in able
    }

    def replaced(k: int) -> bool:
        # Of two that are equal in every field the first is kept.
        return any(
            np.all(table[j] <= table[k])
            and (np.any(table[j] < table[k]) or able.index(j) < able.index(k))
            for j in able
            if j != k
        )

    return [k for k in able if not replaced(k)]
