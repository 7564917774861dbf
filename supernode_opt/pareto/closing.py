"""From searches to a dense front that is shown to be one: fill, cut, fill again."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.pareto.between import (
    Designs,
    gathered,
    interpolated,
    judged,
    polished,
)
from supernode_opt.pareto.cutting import cut
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.pareto.explore import Exploration, joined
from supernode_opt.search.dominance import with_useful_links
from supernode_opt.search.enumerate import Columns, with_domains, with_wholes
from supernode_opt.search.inner import continuous
from supernode_opt.search.outlook import look

# Limits between two neighbouring searches at which designs are built.
_BETWEEN = 3
# Shares of the tolerance at which boxes are cut, one after the other: the first passes
# are short and find designs that shorten the last.
_PASSES = (8.0, 2.0, 1.0)
# Two tolerances of a front, and its steps, are what is left unexplored.
_PARTS = 4.0
# Of three objectives a front is a surface, which takes more designs to show.
_SURFACE = 24.0
# Candidates beyond which boxes are not cut.
_MOST = 1_000_000
# Designs of a front beyond which no more are put between.
_DENSE = 30_000


def dense(state: Exploration) -> Designs:
    """Return the designs of the searches, with designs built between neighbours."""
    epsilon = state.epsilon
    found = state.found
    points = np.array([answer.point for answer in found])
    base = judged(epsilon, joined([answer.row for answer in found]), points)
    front = base.front()
    if not continuous(epsilon.problem):
        return front
    rows, places = [], []
    for limits, nearest in _limits(state, front):
        more, at = polished(epsilon, front, limits, nearest)
        rows += more
        places += at
    if rows:
        front = gathered([front, judged(epsilon, joined(rows), np.array(places))])
    return front.front()


def _limits(
    state: Exploration, front: Designs
) -> list[tuple[list[float | None], NDArray]]:
    """Return limits between neighbours, with the designs to start from."""
    losses, signs = front.losses, state.goals.signs
    made: list[tuple[list[float | None], NDArray]] = []
    if losses.shape[1] == 2:
        order = np.argsort(losses[:, 1])
        for one, other in itertools.pairwise(order):
            for k in range(1, _BETWEEN + 1):
                share = k / (_BETWEEN + 1)
                at = losses[one, 1] + share * (losses[other, 1] - losses[one, 1])
                made.append(([None, float(signs[1] * at)], np.array([one, other])))
        return made
    extent = np.ptp(losses, axis=0)
    shares = losses / np.where(extent > 0.0, extent, 1.0)
    for one in range(len(losses)):
        away = np.abs(shares - shares[one]).max(axis=1)
        for other in np.argsort(away, kind="stable")[1:4]:
            if other > one:
                at = 0.5 * (losses[one] + losses[other])
                limits = [float(x) for x in signs * at]
                made.append(([None, *limits[1:]], np.array([one, other])))
    return made


def close(
    state: Exploration,
    front: Designs,
    gap: float,
    boxes: int,
    tell: Callable[[float], None],
) -> tuple[Designs, NDArray | None, dict[str, int]]:
    """Put designs between those of a front and cut boxes until it is shown.

    Args:
      state: the searches.
      front: designs so far.
      gap: share of the hypervolume that may stay unexplored [1].
      boxes: most boxes to bound in a pass.
      tell: called with the share that is done.

    Returns:
      The front, its floor as of `Region` where there is one, and counts.
    """
    epsilon, counts = state.epsilon, {"boxes": 0, "open_boxes": 0}
    if not continuous(epsilon.problem) or len(front.losses) < 2:
        return front, None, counts
    candidates = _candidates(epsilon) if boxes else None
    floor, size = None, front.losses.shape[1]
    share = gap / _PARTS * (1.0 if size == 2 else _SURFACE)
    for turn, factor in enumerate(_PASSES):
        front = _filled(epsilon, front, 0.5 * share * factor)
        if candidates is None:
            continue
        extent = np.ptp(front.losses, axis=0)
        if not np.all(extent > 0.0):
            break
        done = _told(tell, turn)
        slack = share * factor * extent
        left = cut(epsilon, candidates, front, slack, boxes, done)
        if left is None:
            candidates = None
            continue
        front, floor = left.found, left.floor
        counts["boxes"] += left.looked
        counts["open_boxes"] = left.open
        if left.open and factor > 1.0:
            # What did not close now does not close more tightly.
            break
    return _filled(epsilon, front, 0.5 * share), floor, counts


def _told(tell: Callable[[float], None], turn: int) -> Callable[[float], None]:
    return lambda done: tell((turn + done) / len(_PASSES))


def _filled(epsilon: Epsilon, front: Designs, step: float) -> Designs:
    if len(front.losses) > _DENSE or front.losses.shape[1] > 2:
        step = max(step, 0.01)
    return gathered([front, interpolated(epsilon, front, step)]).front()


def _candidates(epsilon: Epsilon) -> Columns | None:
    """Return every candidate that may matter, `None` where there are too many."""
    if epsilon.fitting is None or not len(epsilon.fitting["chips"]):
        return None
    problem = epsilon.asked(0, _free(epsilon.goals.objectives))
    placed = with_domains(epsilon.fitting, problem)
    if len(placed["chips"]) > _MOST:
        return None
    useful, _ = with_useful_links(placed, problem, look(problem))
    whole = with_wholes(useful, problem)
    return None if len(whole["chips"]) > _MOST else whole


def _free(objectives: Sequence[object]) -> list[float | None]:
    return [None] * len(objectives)
