"""From relaxed points to legal candidates: the nearest ones, several kinds of them."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import PLAN
from supernode_opt.search.bounds import bounds
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    cross,
    domains,
    join,
    positions,
    take,
    wholes,
)
from supernode_opt.search.outlook import Outlook
from supernode_opt.search.relaxed import RelaxedPoints
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
# Legal plans around a point that are bounded, and those of them that are built.
_NEIGHBOURS = 512
_BUILT = 16


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


def nearest(
    problem: Problem, outlook: Outlook, plans: Columns, points: RelaxedPoints
) -> Columns:
    """Return legal candidates around the best relaxed points of each kind.

    Around every point the nearest plans take the two nearest domains and the point's
    heaviest technologies; of these the ones with the best bounds are built.  Distance
    alone would miss that a step to the side often pays once counts are whole.
    """
    around = []
    for index in kinds(points):
        close = np.argsort(_distances(plans, points, index))[:_NEIGHBOURS]
        around.append(_candidates(problem, take(plans, close), points, index))
    # Bounded together: what they share of the hardware is tabulated once.
    promised, parts = bounds(outlook, join(around)), []
    for some in around:
        own, promised = np.split(promised, [len(some["chips"])])
        # Stable, so that among hopeless candidates the nearest come first.
        best = np.argsort(own, kind="stable")[:_BUILT]
        parts.append(take(some, best))
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
    problem: Problem, plans: Columns, points: RelaxedPoints, index: int
) -> Columns:
    """Add the nearest domains and the heaviest technologies to plans."""
    target = _row(points, "scale_up_domain", index)
    parts = []
    for chips in np.unique(plans["chips"]):
        sizes = np.asarray(domains(problem, int(chips)), float)
        close = sizes[np.argsort(np.abs(np.log(sizes / target)))[:2]]
        same = take(plans, plans["chips"] == chips)
        parts.append(cross(same, {"scale_up_domain": close}))
    columns = join(parts)
    for name in LINKS:
        weights = _row(points, name, index)
        heaviest = max(positions(problem, name), key=lambda k: weights[k])
        columns[name] = np.full(len(columns["chips"]), heaviest, np.int32)
    for name, values in wholes(problem).items():
        target = float(_row(points, name, index))
        columns = cross(columns, {name: values[np.argsort(abs(values - target))[:2]]})
    return columns
