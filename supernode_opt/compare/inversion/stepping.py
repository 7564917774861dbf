"""At which size that can be built does a condition turn?

Scale-up domains are whole boards that tile the chips; every one is built and split
anew, with the exact model, and nothing is interpolated between them.
"""

from collections.abc import Callable

import numpy as np

from supernode_opt.compare.columns import buildable, columns, together
from supernode_opt.compare.inversion.config import Inversion
from supernode_opt.compare.inversion.solution import (
    Solution,
    broken_limits,
    nearest_turn,
)
from supernode_opt.compare.limits import excess
from supernode_opt.compare.places import STEPPED, Place
from supernode_opt.reading.node import StudyError


def step(asked: Inversion, progress: Callable[[str, float], None]) -> Solution:
    """Find the sizes, nearest to that of today, between which the condition turns.

    A size at which a machine breaks a limit takes no part.

    Raises:
      StudyError: no size in the bracket can be built.
    """
    sizes = _sizes(asked)
    members, index = [], []
    for order, (side, place) in enumerate(zip(asked.sides, asked.places, strict=True)):
        # A machine that is not to change is built once.
        wanted = sizes if place.paths else [float(side.problem.fixed[STEPPED])]

        def tell(share: float, order: int = order, side=side) -> None:
            part = (order + share) / len(asked.sides)
            progress(f"building {side.system}", 0.8 * part)

        found = columns(side, place, wanted, tell)
        index.append([len(members) + i % len(found) for i in range(len(sizes))])
        members += found
    progress("evaluating", 0.8)
    nowhere = [Place((), 1.0)] * len(members)
    machines = together(asked, members, nowhere)
    logs, _, limits = machines.at(np.zeros(1))
    over = [
        excess(one.cell.problem.scenario, limits[i, 0]).max()
        for i, one in enumerate(members)
    ]
    kept = np.where(np.asarray(over) <= 0.0, logs[:, 0], np.nan)[np.asarray(index)]
    scan = machines.apart(kept)
    grid = np.asarray(sizes)
    place = nearest_turn(scan, grid, asked)
    if place is not None:
        here = place + 1
    else:
        valid = np.where(np.isfinite(scan), np.abs(scan), np.inf)
        here = int(np.argmin(valid))
    chosen = [rows[here] for rows in index]
    return Solution(
        found=place is not None,
        value=float(grid[here]),
        quantities=tuple(np.exp(logs[chosen, 0]).tolist()),
        elasticities=(float("nan"),) * len(asked.sides),
        plans=tuple(members[i].plan for i in chosen),
        settled=True,
        broken=broken_limits(asked, limits[chosen, 0]),
        grid=grid,
        curves=np.exp(kept),
        steps=0,
        between=None if place is None else (float(grid[place]), float(grid[here])),
    )


def _sizes(asked: Inversion) -> list[float]:
    """Return the sizes that every machine that changes can have."""
    lists = [
        buildable(side, asked.low, asked.high)
        for side, place in zip(asked.sides, asked.places, strict=True)
        if place.paths
    ]
    common = [size for size in lists[0] if all(size in one for one in lists)]
    if not common:
        raise StudyError(
            f"no scale-up domain from {asked.low:g} to {asked.high:g} is of whole"
            " boards and tiles the chips"
        )
    return common
