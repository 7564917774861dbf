"""Points of a sweep that are optimized: what is free in the study is found at each.

Each is a search of its own with a certificate of its own, as `run` makes it.  Searches
of one structure share their programs, so that the first point takes as long as `run`
and others what a search takes without compiling.
"""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.constraints import all_constraints
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.record import get
from supernode_opt.search.settings import UNANSWERED
from supernode_opt.search.solution import Solution, nearest
from supernode_opt.search.solve import optimize
from supernode_opt.sweep.axes import Axis
from supernode_opt.sweep.layout import (
    Stored,
    coded,
    design_number,
    quantity,
    truth,
    word,
)
from supernode_opt.sweep.places import assigned, in_axis, quietly
from supernode_opt.sweep.points import Points
from supernode_opt.system.design import TRAINING_ALONE, design_choices, design_numbers
from supernode_opt.workload.split import TooManySplits

STATUSES = (
    "proved",
    "optimal if log-convex",
    "best found",
    "infeasible",
    "none found",
    "no design",
)
REASONS = ("legal", "no_design", "cannot_be_read")
_NO_DESIGN = "there is no design to consider"


@dataclasses.dataclass(frozen=True)
class Search:
    """All that it takes to optimize any point of a sweep.

    Attributes:
      points: which values every point has.
      top: the study.
      names: quantities that are asked for.
      freed: constants that the study frees.
      links: technologies that a design may choose from, of any point.
      limits: names of what may bind.
      seed: of the random starts.
      serves: whether machines serve.
    """

    points: Points
    top: Node
    names: tuple[str, ...]
    freed: tuple[str, ...]
    links: tuple[str, ...]
    limits: tuple[str, ...]
    seed: int
    serves: bool

    chunk = 1

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numbers of a design that are told."""
        every = design_numbers(self.serves)
        if not self.serves:
            return (*every, "data_parallel")
        return tuple(name for name in every if name not in TRAINING_ALONE)

    @property
    def choices(self) -> dict[str, tuple[str, ...]]:
        """Choices of a design that are told, with their alternatives."""
        hidden = TRAINING_ALONE if self.serves else ()
        every = design_choices(self.serves).items()
        return {name: k or self.links for name, k in every if name not in hidden}

    @property
    def variables(self) -> list[Stored]:
        """What is stored of its points."""
        numbers = (*self.numbers, *self.freed)
        return [
            *(quantity(name) for name in self.names),
            *(design_number(name) for name in numbers),
            *(word(f"design_{name}", known) for name, known in self.choices.items()),
            word("status", STATUSES),
            truth("feasible", "every limit holds"),
            truth("legal", "such a design can be built"),
            coded("reason", "why there is no design", REASONS),
            coded(
                "binding", "limit broken most, or with the least margin", self.limits
            ),
        ]

    def found(self, start: int, stop: int) -> tuple[dict[str, NDArray], int]:
        """Return what is stored of a stretch of points, and evaluations it took."""
        rows = [self._one(index) for index in range(start, stop)]
        told = {
            stored.name: np.asarray(
                [row.get(stored.name, stored.missing) for row, _ in rows], stored.kind
            )
            for stored in self.variables
        }
        return told, sum(count for _, count in rows)

    def study(self, index: int) -> Any:
        """Read the study of one point.

        Raises:
          StudyError: it is none.
        """
        values = [
            float(column[0]) if axis.plain else axis.values[column[0]]
            for axis, column in self._columns(index)
        ]
        return quietly(assigned(self.top, self.points.axes, values))

    def _columns(self, index: int) -> list[tuple[Axis, NDArray]]:
        columns = self.points.values(index, index + 1)
        return list(zip(self.points.axes, columns, strict=True))

    def _one(self, index: int) -> tuple[dict[str, Any], int]:
        try:
            study = self.study(index)
        except StudyError:
            return {"reason": REASONS.index("cannot_be_read")}, 0
        try:
            # A point of a sweep is its numbers; nobody reads its prices.
            settings = dataclasses.replace(study.settings, prices=False)
            solution = optimize(study.problem, settings, self.seed)
        except ValueError as error:
            # Others of this type are faults of ours and must show.
            if not isinstance(error, TooManySplits) and _NO_DESIGN not in str(error):
                raise
            no = {"reason": REASONS.index("no_design")}
            return no | {"status": STATUSES.index("no design")}, 0
        return self._told(solution), solution.evaluations

    def _told(self, solution: Solution) -> dict[str, Any]:
        told = {name: float(get(solution.report, name)) for name in self.names}
        for name in self.numbers:
            told[f"design_{name}"] = float(solution.design[name])
        for name in self.freed:
            told[f"design_{name}"] = float(get(solution.scenario, name))
        for name, known in self.choices.items():
            told[f"design_{name}"] = known.index(str(solution.design[name]))
        least = nearest(solution.constraints)[0]
        return told | {
            "status": STATUSES.index(solution.status),
            "feasible": solution.status not in UNANSWERED,
            "legal": True,
            "reason": 0,
            "binding": self.limits.index(least.name),
        }


def search_of(points: Points, top: Node, names: tuple[str, ...], seed: int) -> Search:
    """Read every study of a sweep that is to be optimized, before any is.

    Raises:
      StudyError: none can be read, or nothing is free.
    """
    serves = "serving" in top.mapping()
    made = Search(points, top, names, (), (), (), seed, serves)
    links: dict[str, None] = {}
    limits: dict[str, None] = {}
    freed: dict[str, None] = {}
    first = None
    for index in range(points.count):
        try:
            study = made.study(index)
        except StudyError as error:
            first = first or error
            continue
        problem = study.problem
        links |= dict.fromkeys(link.name for link in problem.scenario.links)
        limits |= dict.fromkeys(limits_of(problem))
        freed |= dict.fromkeys(v.name for v in problem.variables if "." in v.name)
        if not study.free:
            raise StudyError("sweep: nothing is free to optimize")
    if not links:
        raise StudyError(in_axis(first or StudyError("sweep: has no points")))
    return dataclasses.replace(
        made, links=tuple(links), limits=tuple(limits), freed=tuple(freed)
    )


def limits_of(problem: Any) -> list[str]:
    """Return the names of all limits of a problem."""
    return [limit.name for limit in all_constraints(problem)]
