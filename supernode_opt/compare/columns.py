"""A machine built in several sizes, each with its best split."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

from supernode_opt.compare.entries import Cell
from supernode_opt.compare.inversion.config import Inversion
from supernode_opt.compare.places import STEPPED, Place, changed
from supernode_opt.compare.sides import Machines, Values
from supernode_opt.compare.splits import best_split
from supernode_opt.problem.box import possible
from supernode_opt.problem.variables import Variable
from supernode_opt.reading.node import StudyError
from supernode_opt.search.enumerate import domains


class Column(NamedTuple):
    """One machine with one value of what is stepped.

    Attributes:
      value: of it, base SI unit.
      cell: the machine so built.
      plan: its best design, or the one that comes nearest to fitting.
      reason: why there is none, "" if there is one.
    """

    value: float
    cell: Cell
    plan: Values
    reason: str


def buildable(side: Cell, low: float, high: float) -> list[float]:
    """Return the scale-up domains of whole boards that tile the machine's chips."""
    problem = side.problem
    _, most = possible(STEPPED, problem.scenario, problem.fixed)
    if low > min(high, most):
        return []
    free = Variable(STEPPED, low, min(high, most))
    fixed = {key: one for key, one in problem.fixed.items() if key != STEPPED}
    variables = (*problem.variables, free)
    asked = dataclasses.replace(problem, variables=variables, fixed=fixed)
    return domains(asked, int(float(problem.fixed["chips"])))


def columns(
    side: Cell, place: Place, values: Sequence[float], tell: Callable[[float], None]
) -> list[Column]:
    """Find the best split of a machine at every value of the constant at `place`.

    A place without paths leaves the machine as it is.

    Raises:
      StudyError: at one of them no split is legal.
    """
    made = []
    for order, value in enumerate(values):
        tell(order / len(values))
        problem = changed(side, place, value) if place.paths else side.problem
        cell = dataclasses.replace(side, problem=problem)
        best = best_split(cell.problem)
        if not best.values:
            raise StudyError(f"{side.system}: there is no design: {best.reason}")
        made.append(
            Column(value, cell, {**best.values, **cell.problem.fixed}, best.reason)
        )
    return made


def together(
    asked: Inversion, members: Sequence[Column], places: Sequence[Place]
) -> Machines:
    """Put columns side by side as the sides of one inversion."""
    wide = dataclasses.replace(
        asked, sides=tuple(c.cell for c in members), places=tuple(places)
    )
    return Machines(wide, tuple(c.plan for c in members))
