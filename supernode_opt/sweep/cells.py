"""The studies of a sweep: one read for every combination of what has to be read.

Words (a system, a precision) and what decides the rules of a split (a batch, a shape)
are read, as any study is.  Numbers of the design and of its parts are not: a cell knows
where a study holds them, because it was read with two values of each.
"""

import dataclasses
import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.batch.case import LINKS, Case, case
from supernode_opt.config import override
from supernode_opt.config.study import Study, understand
from supernode_opt.hardware.layout import filled_domain
from supernode_opt.problem.box import possible
from supernode_opt.problem.constraints import Form, all_constraints
from supernode_opt.reading.node import Doubt, Node, StudyError
from supernode_opt.sweep.axes import Axis
from supernode_opt.system.design import NUMBER_NAMES

# Combinations of words and rules that are read, some milliseconds each.
MOST_CELLS = 20_000
# Points of a cell at which it is tried to be read.
_TRIED = 24
# Values of an axis at which that is tried.
_SPREAD = 9
_LOOP = ("design.scale_up_bandwidth", "design.coolant_flow", "design.inlet_temperature")
_FILLED, _CLOCK = "design.scale_up_domain", "design.clock"


class NotPlain(Exception):
    """A number that decides more than itself: each of its values has to be read."""

    def __init__(self, axis: Axis) -> None:
        """Keep the axis."""
        super().__init__(axis.path)
        self.axis = axis


class Cell(NamedTuple):
    """One study that was read, and where its numbers go.

    Attributes:
      refusal: why it cannot be read, "" if it can; then nothing else is told.
      case: the design and its scenario.
      fixed: its design as it was read.
      training, model, ranks: what the rules of a split ask for.
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


def quietly(top: Node, name: str = "study", *, judged: bool = True) -> Study:
    """Read a study without questioning values that are far from the catalog."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Doubt)
        return understand(top, name, judged=judged)


def assigned(top: Node, axes: Sequence[Axis], values: Sequence[Any]) -> Node:
    """Return a document with a value at the path of each axis, as `--set` has it."""
    for axis, value in zip(axes, values, strict=True):
        try:
            top = override.apply(top, axis.written(value))
        except StudyError as error:
            raise StudyError(in_axis(error)) from None
    return top


def in_axis(error: StudyError) -> str:
    """Say of an error in an assignment that it is one in an axis of a sweep."""
    return str(error).replace("--set ", "sweep axis ")


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
    for values in _tries(plain):
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
    places = _places(top, plain, values, study)
    return _understood(study, top, plain, places)


def _tries(plain: Sequence[Axis]) -> Iterator[tuple[float, ...]]:
    """Yield values of numeric axes, the middle first, then spread over all."""
    some = [axis.spread(_SPREAD) for axis in plain]
    yield tuple(values[min(2, len(values) - 1)] for values in some)
    yield from itertools.islice(itertools.product(*(v[:2] for v in some)), 8)
    chance = np.random.default_rng(0)
    for _ in range(_TRIED if plain else 0):
        yield tuple(values[chance.integers(len(values))] for values in some)


def _places(
    top: Node, plain: Sequence[Axis], values: Sequence[float], study: Study
) -> tuple[tuple[str, ...], ...]:
    """Return where a study holds the number of each axis.

    Raises:
      NotPlain: it decides something else as well.
    """
    base, found = _numbers(study), []
    for index, axis in enumerate(plain):
        moved = None
        for other in axis.spread(_SPREAD):
            if other == values[index]:
                continue
            tried = [*values[:index], other, *values[index + 1 :]]
            try:
                moved = _numbers(quietly(assigned(top, plain, tried), judged=False))
            except StudyError:
                continue
            break
        if moved is None:
            if len(axis.values) > 1:
                raise NotPlain(axis)
            # The only value there is was read.
            found.append(())
            continue
        changed = {
            path
            for path in base.keys() | moved.keys()
            if base.get(path) != moved.get(path)
        }
        held = {
            p for p in changed if moved.get(p) == other and base[p] == values[index]
        }
        if changed - held - {_CLOCK, _FILLED} or not held:
            raise NotPlain(axis)
        found.append(tuple(sorted(held)))
    return tuple(found)


def _numbers(study: Study) -> dict[str, Any]:
    """Return every value of design and scenario by path, names and kinds as well."""
    problem = study.problem
    found: dict[str, Any] = {f"design.{k}": v for k, v in problem.fixed.items()}

    def walk(value: Any, path: str) -> None:
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                walk(getattr(value, field.name), f"{path}.{field.name}")
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                walk(item, f"{path}.{index}")
        else:
            found[path] = value

    walk(problem.scenario, "scenario")
    for limit in problem.constraints:
        found[f"constraints.{limit.name}.{limit.at_most}"] = limit.limit
    return found


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
            for name in NUMBER_NAMES
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
