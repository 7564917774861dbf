"""The relaxed descent, and the legal designs that are built from where it ends."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.precise import precisely
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import to_unit
from supernode_opt.search.enumerate import Columns, take
from supernode_opt.search.inner import exact_merit
from supernode_opt.search.merit import box_data
from supernode_opt.search.outlook import Outlook
from supernode_opt.search.pursuit import Search
from supernode_opt.search.relaxed import (
    Interrupted,
    RelaxedPoints,
    descend_relaxed,
    moves,
)
from supernode_opt.search.rounding import nearest


def relaxes(search: Search) -> bool:
    """Tell whether a relaxed descent has anything to move, and nothing is known yet."""
    known = search.best is not None
    # The batch that is solved for gives the relaxed model of serving no STRUCTURE yet.
    trains = search.problem.scenario.serving is None
    return trains and moves(search.problem) and search.settings.outer > 0 and not known


def descended(
    search: Search, outlook: Outlook, seed: int, fitting: Columns
) -> RelaxedPoints | None:
    """Run the relaxed descent, while what solves and polishes is compiled.

    Args:
      search: receives what is built if the descent is interrupted.
      outlook: the problem, for bounds.
      seed: of the starts.
      fitting: splits to compile with and to build, at least one.
    """
    if not relaxes(search):
        return None
    problem, settings = search.problem, search.settings
    # Compiling takes most of a short study: programs are compiled side by side.
    pool = ThreadPoolExecutor(max_workers=2)
    some = take(fitting, [0])
    ready = [pool.submit(precisely(make), some) for make in search.preparations()]
    try:
        points = descend_relaxed(problem, settings, seed, search.report)
        for made in ready:
            made.result()
    except Interrupted as stop:
        if search.keeps:
            search.solve(nearest(problem, outlook, fitting, stop.points()))
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # Nobody waits in vain.
    return points


def build(
    search: Search, outlook: Outlook, fitting: Columns, points: RelaxedPoints
) -> None:
    """Build the legal candidates nearest to relaxed points.

    The most promising one comes first, from where the best relaxed point has its
    continuous variables: there is a design soon, and a mark for the others to beat.
    """
    problem = search.problem
    around = nearest(problem, outlook, fitting, points)
    if search.best is None and len(around["chips"]):
        search.consider(take(around, [0]), _place(problem, points))
        search.tell("building", 0.0)
    search.solve(around)
    search.tell("building", 1.0)


def _place(problem: Problem, points: RelaxedPoints) -> NDArray:
    """Return where the best relaxed point lies in the unit box of the exact model."""
    names = exact_merit(problem).names
    box = box_data(problem, names)
    count = len(points.cost)
    at = [
        float(np.broadcast_to(points.numbers[name], count)[0])
        if name in points.numbers
        else float(problem.fixed[name])
        for name in names
    ]
    return np.asarray(to_unit(np.asarray(at), box["low"], box["high"], box["log"]))
