"""From relaxed points to legal candidates: the nearest ones, several kinds of them."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from supernode_opt.optimize.enumerate import (
    LINKS,
    Columns,
    domains,
    join,
    positions,
    take,
)
from supernode_opt.optimize.relaxed import RelaxedPoints
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import PLAN
from supernode_opt.workload.split import SWITCHES

# An octave in these weighs one; interleave says little, at one stage nothing.
_WEIGHTS = {
    "chips": 2.0,
    "tensor_parallel": 1.0,
    "pipeline_parallel": 1.0,
    "context_parallel": 1.0,
    "expert_parallel": 1.0,
    "micro_batch": 1.0,
    "interleave": 0.2,
}
KINDS = 8
_NEIGHBOURS = 16


def kinds(points: RelaxedPoints, most: int = KINDS) -> list[int]:
    """Return the best points that differ in kind: another octave or another choice."""
    seen: dict[tuple, int] = {}
    count = len(points.cost)
    for index in range(count):
        sizes = tuple(
            round(float(np.log2(np.broadcast_to(points.numbers[n], count)[index])))
            for n in (*_WEIGHTS, "scale_up_domain")
        )
        named = tuple(
            int(np.argmax(np.broadcast_to(w, (count, w.shape[-1]))[index]))
            for _, w in sorted(points.weights.items())
        )
        seen.setdefault((sizes, named), index)
        if len(seen) == most:
            break
    return list(seen.values())


def nearest(problem: Problem, plans: Columns, points: RelaxedPoints) -> Columns:
    """Return the legal candidates nearest to the best relaxed points of each kind.

    Each of them takes the two nearest domains and its heaviest technologies.
    """
    parts = []
    for index in kinds(points):
        distance = _distances(plans, points, index)
        close = np.argsort(distance)[:_NEIGHBOURS]
        for row in close:
            parts += _candidates(problem, take(plans, [row]), points, index)
    return distinct(join(parts))


def neighbourhoods(problem: Problem, points: RelaxedPoints) -> list[Problem]:
    """Narrow `problem` to within an octave around the best point of each kind.

    Interleave stays free: at one pipeline stage its relaxed value means nothing.
    """
    narrowed = [name for name in (*PLAN, "chips") if name != "interleave"]
    made = []
    for index in kinds(points):
        variables = []
        for box in problem.variables:
            if box.name in narrowed and box.step is None:
                at = float(_row(points, box.name, index))
                low, high = max(box.low, at / 2.0), min(box.high, at * 2.0)
                box = dataclasses.replace(box, low=low, high=high)
            variables.append(box)
        made.append(dataclasses.replace(problem, variables=tuple(variables)))
    return made


def distinct(columns: Columns) -> Columns:
    """Drop repeated rows."""
    table = np.stack([np.asarray(columns[name], float) for name in sorted(columns)])
    _, first = np.unique(table, axis=1, return_index=True)
    return take(columns, np.sort(first))


def _row(points: RelaxedPoints, name: str, index: int) -> NDArray:
    """Return a number or the weights of a choice at one point."""
    if name in points.weights:
        weights = points.weights[name]
        return weights[index] if weights.ndim == 2 else weights
    return np.broadcast_to(points.numbers[name], len(points.cost))[index]


def _distances(plans: Columns, points: RelaxedPoints, index: int) -> NDArray:
    total = np.zeros(len(plans["chips"]))
    for name, weight in _WEIGHTS.items():
        target = np.log2(_row(points, name, index))
        total += weight * (np.log2(plans[name]) - target) ** 2
    for name in SWITCHES:
        total += 1.0 - _row(points, name, index)[plans[name]]
    return total


def _candidates(
    problem: Problem, plan: Columns, points: RelaxedPoints, index: int
) -> list[Columns]:
    """Add domains and technologies to one plan."""
    sizes = np.asarray(domains(problem, int(plan["chips"][0])), float)
    target = _row(points, "scale_up_domain", index)
    close = sizes[np.argsort(np.abs(np.log(sizes / target)))[:2]]
    chosen = {}
    for name in LINKS:
        allowed = positions(problem, name)
        weights = _row(points, name, index)
        chosen[name] = np.asarray([max(allowed, key=lambda k, w=weights: w[k])])
    return [plan | {"scale_up_domain": np.asarray([size])} | chosen for size in close]
