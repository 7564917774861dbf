"""Both machines of a map in every step, each with its best split.

Splits are found by enumeration in every step.  Where the constant that runs up enters
no split's time (the times of all splits are equal at both its ends, and times are
monotone in it), the best split of a step is the best one all along; else it is the
best of those found at several values.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.engine import repeated
from supernode_opt.compare import program
from supernode_opt.compare.columns import Column, columns, together
from supernode_opt.compare.crossover.config import Crossover
from supernode_opt.compare.places import Place, changed
from supernode_opt.compare.program import less_is_better
from supernode_opt.compare.sides import Machines, put
from supernode_opt.compare.splits import same_times
from supernode_opt.system.report import compared

# Values of the constant at which splits are found anew if it enters their times.
_SPLIT = 9


class Step(NamedTuple):
    """One machine in one step, along the constant.

    Attributes:
      value: of what runs across.
      chosen: its best split, as an index into the members [up].
      logs: logarithm of the quantity [up].
      kept: whether every limit is respected [up].
      why: the limits it breaks at the catalog's value.
    """

    value: float
    chosen: NDArray
    logs: NDArray
    kept: NDArray
    why: tuple[str, ...]


class Members(NamedTuple):
    """Every machine in every step with every split that may be its best.

    Attributes:
      columns: the machines.
      places: of the constant that runs up in each.
      index: of the members of each step of each machine.
      exact: whether the constant enters no split's time.
    """

    columns: list[Column]
    places: list[Place]
    index: list[list[list[int]]]
    exact: bool

    def machines(self, asked: Crossover, chosen: Sequence[int] = ()) -> Machines:
        """Return all members, or the `chosen` ones, to be evaluated together."""
        which = chosen or range(len(self.columns))
        return together(
            asked.up, [self.columns[i] for i in which], [self.places[i] for i in which]
        )


def sign_of(asked: Crossover) -> float:
    """Return 1 where more of what is compared is better, else -1."""
    return -1.0 if less_is_better(asked.up.quantity) else 1.0


def find_members(asked: Crossover, progress: Callable[[str, float], None]) -> Members:
    """Find the splits of every machine in every step.

    Raises:
      StudyError: a machine has no legal split.
    """
    made = Members([], [], [], True)
    up, sides = asked.up, asked.up.sides
    for order, side in enumerate(sides):

        def tell(share: float, order: int = order, name: str = side.system) -> None:
            progress(f"splitting {name}", (order + share) / len(sides))

        built = columns(side, asked.places[order], asked.values[order], tell)
        made.index.append([])
        for column in built:
            found, exact = _splits(asked, column, up.places[order])
            made = made._replace(exact=made.exact and exact)
            start = len(made.columns)
            made.columns.extend(found)
            made.places.extend([up.places[order]] * len(found))
            made.index[-1].append(list(range(start, len(made.columns))))
    return made


def _splits(asked: Crossover, column: Column, up: Place) -> tuple[list[Column], bool]:
    """Return a machine with each split that may be its best, and if that is exact."""
    if not up.paths:
        return [column], True
    ends = (changed(column.cell, up, value) for value in (asked.up.low, asked.up.high))
    if same_times(*ends):
        return [column], True
    values = np.geomspace(asked.up.low, asked.up.high, _SPLIT).tolist()
    found = columns(column.cell, up, values, lambda share: None)
    # The machine is the step's; the constant is put in where it is evaluated.
    fixed = column.cell.problem.fixed
    plans = {tuple(sorted(p.items())): p for p in ({**c.plan, **fixed} for c in found)}
    return [column._replace(plan=plan) for plan in plans.values()], False


def along(
    asked: Crossover, machines: Machines, values: NDArray
) -> tuple[NDArray, NDArray]:
    """Evaluate machines at `values` of the constant that runs up.

    Returns:
      Logs of what is compared [machine, value], and limits [machine, value, limit].
    """
    rows = []
    for one, place in zip(machines.cases, machines.asked.places, strict=True):
        wide = repeated(one, len(values))
        rows.append(put(wide, dict.fromkeys(place.paths, values)))
    found = np.stack(program.REPORTED.many(rows))
    names = compared(asked.up.sides[0].problem.scenario)
    column = names.index(asked.up.quantity)
    return np.log(found[..., column]), found[..., len(names) :]


def today(asked: Crossover, grid: NDArray) -> int:
    """Return which value of the grid is nearest to the catalog's."""
    return int(np.argmin(np.abs(np.log(grid / asked.up.known[0]))))


def evaluated(
    asked: Crossover, members: Members, grid: NDArray
) -> list[tuple[Step, ...]]:
    """Take, of each step along the constant, the best split that breaks no limit."""
    logs, limits = along(asked, members.machines(asked), grid)
    across, sign, now = np.arange(len(grid)), sign_of(asked), today(asked, grid)

    def step(rows: list[int]) -> Step:
        column = members.columns[rows[0]]
        scenario = column.cell.problem.scenario
        kept = program.excess(scenario, limits[rows]).max(axis=-1) <= 0.0
        place = np.where(kept, sign * logs[rows], -np.inf).argmax(axis=0)
        return Step(
            value=column.value,
            chosen=np.asarray(rows)[place],
            logs=logs[rows][place, across],
            kept=kept[place, across],
            why=program.broken(column.cell.problem, limits[rows[place[now]], now]),
        )

    return [tuple(step(rows) for rows in steps) for steps in members.index]
