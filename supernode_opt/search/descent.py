"""The relaxed descent, and the legal designs that are built from where it ends."""

from concurrent.futures import ThreadPoolExecutor

from supernode_opt.batch.precise import precisely
from supernode_opt.search.enumerate import Columns, take
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
    return moves(search.problem) and search.settings.outer > 0 and not known


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
    # Compiling takes most of a short study: two programs are compiled side by side.
    pool = ThreadPoolExecutor(max_workers=1)
    ready = pool.submit(precisely(search.prepare), take(fitting, [0]))
    try:
        points = descend_relaxed(problem, settings, seed, search.report)
        ready.result()
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
    """Build the legal candidates nearest to relaxed points."""
    search.solve(nearest(search.problem, outlook, fitting, points))
    search.tell("building", 1.0)
