"""A stretch of the points of a sweep, evaluated."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.engine import repeated
from supernode_opt.sweep import program, rules
from supernode_opt.sweep.cells import Cell, filled
from supernode_opt.sweep.layout import Stored, judged_variables
from supernode_opt.sweep.points import Points
from supernode_opt.sweep.store import chunk_size

# Points of a cell from which on it has programs of its own numbers.
_MANY = 1024
# Points whose quantities are held in memory at a time.
_LARGEST = 1 << 18
# Whole cases are some two kilobytes each.
_STACKED = 8192


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that it takes to evaluate any point of a sweep.

    Attributes:
      points: which values every point has.
      cells: what was read, in the order of the axes that are read.
      names: quantities that are asked for.
    """

    points: Points
    cells: tuple[Cell, ...]
    names: tuple[str, ...]

    @property
    def variables(self) -> list[Stored]:
        """What is stored of its points."""
        return judged_variables(self.names, self.limits)

    @property
    def chunk(self) -> int:
        """How many points are evaluated, and stored, at a time."""
        least = program.BLOCK_OF_CASES if self.stacks else program.BLOCK
        return chunk_size(self.points.count, least, _LARGEST)

    def found(self, start: int, stop: int) -> tuple[dict[str, NDArray], int]:
        """Return what is stored of a stretch of points, and evaluations it took."""
        made = evaluate_chunk(self, start, stop)
        told = dict(zip(self.names, made.values, strict=True))
        told |= {
            "feasible": made.feasible.astype(np.int8),
            "legal": (made.reason == 0).astype(np.int8),
            "reason": made.reason,
            "binding": made.binding,
        }
        return told, made.evaluations

    @property
    def limits(self) -> tuple[str, ...]:
        """Names of what may bind, of any of its cells."""
        every = (name for cell in self.cells for name, _ in cell.forms)
        return tuple(dict.fromkeys(every))

    @property
    def stacks(self) -> bool:
        """Whether points of several cells go through one program together."""
        plain = [axis for axis in self.points.axes if axis.plain]
        if self.points.grid:
            return math.prod(len(axis.values) for axis in plain) < _MANY
        return self.points.samples < _MANY * len(self.cells)


class Chunk(NamedTuple):
    """What was found of a stretch of points.

    Attributes:
      values: of each quantity, not a number where not legal [quantity, point].
      feasible: whether every limit holds [point].
      reason: why it is not legal, a position in `rules.REASONS` [point].
      binding: position in `Plan.limits`, -1 where not legal [point].
      evaluations: of the model.
    """

    values: NDArray
    feasible: NDArray
    reason: NDArray
    binding: NDArray
    evaluations: int


class _Work(NamedTuple):
    """Legal points of one cell."""

    cell: Cell
    rows: NDArray
    numbers: dict[str, NDArray]


def evaluate_chunk(plan: Plan, start: int, stop: int) -> Chunk:
    """Evaluate the points from `start` to `stop`."""
    count = stop - start
    found = Chunk(
        values=np.full((len(plan.names), count), np.nan),
        feasible=np.zeros(count, bool),
        reason=np.zeros(count, np.int8),
        binding=np.full(count, -1, np.int8),
        evaluations=0,
    )
    works = _works(plan, plan.points.values(start, stop), found.reason)
    if plan.stacks:
        for kind, some in _alike(plan, works).items():
            _stacked(plan, kind, some, found)
    else:
        for work in works:
            kind = _kind(plan, work.cell)
            engine = program.of_numbers(kind)
            given = (work.cell.case, np.asarray(work.cell.own, float))
            numbers = _in_case(work)
            if not numbers:
                one = repeated(work.cell.case, len(work.rows))
                numbers = {"design.chips": np.asarray(one.design.chips)}
            _take(plan, found, kind, work.rows, engine(numbers, given))
    legal = int((found.reason == 0).sum())
    # A package that cannot run was evaluated before that was known.
    stands = int((found.reason == rules.CANNOT_RUN).sum())
    return found._replace(evaluations=legal + stands)


def _works(
    plan: Plan, values: Sequence[NDArray], reason: NDArray[np.int8]
) -> list[_Work]:
    """Sort points by cell and leave out those that are not legal, noting why."""
    axes = plan.points.axes
    code = np.zeros(len(reason), np.int64)
    for axis, column in zip(axes, values, strict=True):
        if not axis.plain:
            code = code * len(axis.values) + column
    plain = [v for axis, v in zip(axes, values, strict=True) if axis.plain]
    order = np.argsort(code, kind="stable")
    kinds, firsts = np.unique(code[order], return_index=True)
    works = []
    for index, rows in zip(kinds, np.split(order, firsts[1:]), strict=True):
        cell, numbers = plan.cells[index], {}
        for paths, column in zip(cell.places, plain, strict=False):
            numbers |= dict.fromkeys(paths, column[rows])
        if cell.domain and "design.chips" in numbers:
            numbers["design.scale_up_domain"] = filled(cell, numbers["design.chips"])
        why = rules.reasons(cell, numbers, len(rows))
        reason[rows] = why
        legal = why == 0
        if legal.any():
            kept = {path: column[legal] for path, column in numbers.items()}
            works.append(_Work(cell, rows[legal], kept))
    return works


def _kind(plan: Plan, cell: Cell) -> program.Kind:
    return program.Kind(plan.names, cell.forms, len(cell.own), cell.settles)


def _in_case(work: _Work) -> dict[str, NDArray]:
    """Return numbers by where a case holds them: it has two links alone."""
    made = {}
    for path, column in work.numbers.items():
        words = path.split(".")
        if words[:2] != ["scenario", "links"]:
            made[path] = column
            continue
        for place, index in enumerate(work.cell.links):
            if int(words[2]) == index:
                made[f"scenario.links.{place}.{words[3]}"] = column
    return made


def _alike(
    plan: Plan, works: Sequence[_Work]
) -> Mapping[tuple[program.Kind, Any], list[_Work]]:
    """Group cells that share a program."""
    groups: dict[Any, list[_Work]] = {}
    for work in works:
        shape = jax.tree.structure(work.cell.case)
        paths = tuple(sorted(_in_case(work)))
        groups.setdefault((_kind(plan, work.cell), shape, paths), []).append(work)
    return groups


def _stacked(
    plan: Plan, group: tuple[program.Kind, Any], works: Sequence[_Work], found: Chunk
) -> None:
    """Evaluate whole cases, some thousands at a time."""
    kind = group[0]
    engine, waiting, size = program.of_cases(kind), [], 0

    def flush() -> None:
        rows = np.concatenate([rows for rows, _ in waiting])
        every = [one for _, one in waiting]
        stacked = jax.tree.map(lambda *x: np.concatenate(x), *every)
        _take(plan, found, kind, rows, engine(stacked))

    for work in works:
        numbers = _in_case(work)
        for start in range(0, len(work.rows), _STACKED):
            cut = slice(start, start + _STACKED)
            rows = work.rows[cut]
            own = np.asarray(work.cell.own, float)
            one = repeated((work.cell.case, own), len(rows))
            some = {path: column[cut] for path, column in numbers.items()}
            waiting.append((rows, (some, *one)))
            size += len(rows)
            if size >= _STACKED:
                flush()
                waiting, size = [], 0
    if waiting:
        flush()


def _take(
    plan: Plan, found: Chunk, kind: program.Kind, rows: NDArray, told: Any
) -> None:
    """Put what a program told of some points in its place."""
    runs = told.standing < 1.0
    found.reason[rows[~runs]] = rules.CANNOT_RUN
    good = rows[runs]
    found.values[:, good] = told.values[runs].T
    found.feasible[good] = told.feasible[runs]
    names = [plan.limits.index(name) for name, _ in kind.forms]
    found.binding[good] = np.asarray(names, np.int8)[told.binding[runs]]
