"""How surely one machine of a map is better than the other: both under joint draws."""

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import used_links
from supernode_opt.compare import program
from supernode_opt.compare.crossover.config import Crossover
from supernode_opt.compare.crossover.steps import Step, sign_of
from supernode_opt.compare.sides import Machines, put
from supernode_opt.system.report import compared
from supernode_opt.uncertainty import draws
from supernode_opt.uncertainty.constants import uncertain
from supernode_opt.uncertainty.intervals import split_of


def margins(
    asked: Crossover,
    machines: Machines,
    first: tuple[Step, ...],
    rival: NDArray,
    grid: NDArray,
    at: NDArray,
) -> NDArray:
    """Return logs of by how much the first machine is better [first, value, draw].

    What runs across and up is held; everything else with a range is drawn, once for
    both machines.

    Args:
      asked: the map.
      machines: all members.
      first: the steps of the first machine.
      rival: the member that the first is held against [up].
      grid: values of the constant that runs up.
      at: which of them to look at.
    """
    known = [_known(asked, machines, i) for i in range(len(machines.cases))]
    normal = draws.normals(known, asked.seed)
    names = compared(asked.up.sides[0].problem.scenario)
    column = names.index(asked.up.quantity)
    seen: dict[tuple[int, int], NDArray] = {}

    def logs(member: int, place: int) -> NDArray:
        paths = machines.asked.places[member].paths
        # A machine without the constant is the same all along.
        key = member, place if paths else 0
        if key not in seen:
            one = machines.cases[member]
            scenario = machines.asked.sides[member].problem.scenario
            moved = put(one, dict.fromkeys(paths, np.asarray(grid[place])))
            slower = draws.noise(scenario, split_of(one.design), asked.seed)
            found, held = (
                program.REPORTED(draws.rows_of(moved, known[member], drawn, slower))
                for drawn in (normal, draws.as_calibrated(scenario, normal))
            )
            found, held = (rows[:, : len(names)] for rows in (found, held))
            late = draws.noise_of_first(scenario, split_of(one.design), asked.seed)
            found = draws.told(scenario, names, found, held, slower, late)
            seen[key] = np.log(found[:, column])
        return seen[key]

    made = [
        [logs(int(step.chosen[i]), i) - logs(int(rival[i]), i) for i in at]
        for step in first
    ]
    return sign_of(asked) * np.asarray(made)


def _known(asked: Crossover, machines: Machines, member: int) -> dict:
    """Return what is uncertain of a member, but for what the map holds."""
    cell = machines.asked.sides[member]
    used = used_links(cell.problem.scenario, cell.problem.fixed)
    held = {p for place in (*asked.up.places, *asked.places) for p in place.paths}
    known = uncertain(used, cell.problem.origins)
    return {key: one for key, one in known.items() if not held & set(one.paths)}


def crossings(drawn: NDArray, at: NDArray) -> tuple[float, float]:
    """Return 5 and 95 % of where the margin [value, draw] changes its sign.

    A draw without a change counts as one beyond the end that it points to.

    Args:
      drawn: margins.
      at: values of the constant.
    """
    falling = np.mean(drawn[0]) > np.mean(drawn[-1])
    logs, found = np.log(at), []
    for one in drawn.T:
        true = one > 0.0
        turns = np.flatnonzero(true[:-1] != true[1:])
        if not len(turns):
            found.append(np.inf if true[0] == falling else 0.0)
            continue
        i = turns[0]
        share = one[i] / (one[i] - one[i + 1])
        found.append(float(np.exp(logs[i] + share * (logs[i + 1] - logs[i]))))
    # Neighbours, not a mean of them: either may be without end.
    low, high = np.percentile(found, (5.0, 95.0), method="nearest")
    return float(low), float(high)
