"""The studies of a sweep: one read for every combination of what has to be read.

Words (a system, a precision) and what decides the rules of a split (a batch, a shape)
are read, as any study is.  Numbers of the design and of its parts are not: a cell knows
where a study holds them, because it was read with some values of each.
"""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.batch.case import LINKS, Case, case
from supernode_opt.config.study import Study
from supernode_opt.hardware.layout import filled_domain
from supernode_opt.problem.box import possible
from supernode_opt.problem.constraints import Form, all_constraints
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.sweep.axes import Axis
from supernode_opt.sweep.places import (
    NotPlain,
    assigned,
    in_axis,
    places_of,
    quietly,
    tries,
)
from supernode_opt.system.design import design_numbers

# Combinations of words and rules that are read, some milliseconds each.
MOST_CELLS = 20_000
_LOOP = ("design.scale_up_bandwidth", "design.coolant_flow", "design.inlet_temperature")


class Cell(NamedTuple):
    """One study that was read, and where its numbers go.

    Attributes:
      refusal: why it cannot be read, "" if it can; then nothing else is told.
      case: the design and its scenario.
      fixed: its design as it was read.
      training, model, ranks: what the rules of a split ask for; no training of a
        machine that serves.
      forms: its limits, those of the study first.
      own: the values of the study's own limits.
      places: where each numeric axis goes, paths of the study [axis].
      settles: whether its clock is what its limits sustain.
      domain, board: what its scale-up domain is filled to, zero where that is said.
      bounds: the least and greatest value of each numeric design field.
      links: positions in the scenario of the two links of the design.
    """

    refusal: str = ""
    case: Case | None = None
    fixed: dict[str, float | str] = {}  # noqa: RUF012
    training: Any = None
    model: Any = None
    ranks: int = 1
    forms: tuple[Form, ...] = ()
    own: tuple[float, ...] = ()
    places: tuple[tuple[str, ...], ...] = ()
    settles: bool = False
    domain: float = 0.0
    board: float = 0.0
    bounds: dict[str, tuple[float, float]] = {}  # noqa: RUF012
    links: tuple[int, ...] = ()


def words_of(axes: Sequence[Axis]) -> list[Axis]:
    """Return the axes of which every value is read."""
    return [axis for axis in axes if not axis.plain]


def read_cells(top: Node, axes: Sequence[Axis]) -> tuple[tuple[Axis, ...], list[Cell]]:
    """Read every combination of the axes that have to be read, in their order.

    Returns:
      The axes, and a study for every combination.

    Raises:
      StudyError: there are too many, one leaves something free, or there is a value
        with which no study can be read.
    """
    while True:
        try:
            return tuple(axes), _cells(top, axes)
        except NotPlain as found:
            at = axes.index(found.axis)
            each = dataclasses.replace(found.axis, each=True)
            axes = (*axes[:at], each, *axes[at + 1 :])


def _cells(top: Node, axes: Sequence[Axis]) -> list[Cell]:
    read, plain = words_of(axes), [axis for axis in axes if axis.plain]
    for axis in read:
        if axis.log is not None:
            raise StudyError(
                f"sweep axis {axis.path}: must be a list, for each of its values is a"
                " study to read"
            )
    count = int(np.prod([len(axis.values) for axis in read], initial=1))
    if count > MOST_CELLS:
        raise StudyError(
            f"sweep: {count} combinations of {', '.join(a.name for a in read)} are too"
            f" many to read; at most {MOST_CELLS} are"
        )
    cells = []
    for values in itertools.product(*(axis.values for axis in read)):
        cells.append(_cell(assigned(top, read, values), plain))
    refuse_useless(cells, read)
    return cells


def refuse_useless(cells: Sequence[Any], read: Sequence[Axis]) -> None:
    """Refuse a value with which no study can be read, such as a misspelt name.

    Raises:
      StudyError: there is one.
    """
    if not read and cells[0].refusal:
        raise StudyError(cells[0].refusal)
    shape = tuple(len(axis.values) for axis in read)
    refused = np.asarray([bool(cell.refusal) for cell in cells]).reshape(shape)
    for place in range(len(read)):
        others = tuple(i for i in range(len(read)) if i != place)
        for index in np.flatnonzero(refused.all(axis=others)):
            first = np.flatnonzero(np.indices(shape)[place].ravel() == index)[0]
            raise StudyError(cells[first].refusal)


def _cell(top: Node, plain: Sequence[Axis]) -> Cell:
    refusal = ""
    for values in tries(plain):
        try:
            study = quietly(assigned(top, plain, values), judged=False)
            break
        except StudyError as error:
            refusal = refusal or in_axis(error)
    else:
        return Cell(refusal)
    if study.free:
        names = ", ".join(study.free)
        raise StudyError(f"sweep: free are {names}; freeze them, or sweep `optimize`")
    places = places_of(top, plain, values, study)
    return _understood(study, top, plain, places)


def _understood(
    study: Study,
    top: Node,
    plain: Sequence[Axis],
    places: tuple[tuple[str, ...], ...],
) -> Cell:
    problem, scenario = study.problem, study.problem.scenario
    fixed = problem.fixed
    design = top.value["design"].mapping() if "design" in top.value else {}
    written = {*design, *(a.path.removeprefix("design.") for a in plain)}
    moving = {path for paths in places for path in paths}
    loops = any(path in _LOOP or path.startswith("scenario.") for path in moving)
    fills = "scale_up_domain" not in written and "design.chips" in moving
    board = float(scenario.host.chips_per_board)
    names = [link.name for link in scenario.links]
    limits = all_constraints(problem)
    return Cell(
        case=case(fixed, scenario),
        fixed=dict(fixed),
        training=scenario.training,
        model=scenario.model,
        ranks=scenario.chip.ranks_per_chip,
        forms=tuple((limit.name, limit.at_most) for limit in limits),
        own=tuple(float(limit.limit) for limit in problem.constraints),
        places=places,
        settles="clock" not in written and loops,
        domain=_whole_domain(study, top) if fills else 0.0,
        board=board if fills else 0.0,
        bounds={
            name: possible(name, scenario, fixed)
            for name in design_numbers(scenario.serving is not None)
            if name in written
        },
        links=tuple(names.index(str(fixed[link])) for link in LINKS),
    )


def _whole_domain(study: Study, top: Node) -> float:
    """Return the domain of the machine before a job fills it."""
    from supernode_opt import catalog

    return float(catalog.system(study.system).design["scale_up_domain"])


def filled(cell: Cell, chips: Any) -> Any:
    """Return the scale-up domain of a cell with `chips` [point]."""
    kinds, place = np.unique(chips, return_inverse=True)
    return np.asarray([filled_domain(cell.domain, c, cell.board) for c in kinds])[place]
