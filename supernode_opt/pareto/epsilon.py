"""The epsilon-constraint problem: one objective at its best, the others within limits.

All such problems of a study share their programs, because limits and objective are
data, and their legal splits, which are enumerated once.  Designs that are known already
are tried first, so that bounds have something to be compared with.
"""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.tally import counting
from supernode_opt.pareto.answers import Answer, numbers_of, points_of
from supernode_opt.pareto.goals import Goals
from supernode_opt.problem.box import options
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import to_unit
from supernode_opt.record import get
from supernode_opt.search.bounds import split_violations
from supernode_opt.search.branch_and_bound import prove
from supernode_opt.search.certificate import grade
from supernode_opt.search.enumerate import Columns, plans, take, tilable
from supernode_opt.search.inner import exact_merit
from supernode_opt.search.large import TRIED
from supernode_opt.search.merit import box_data
from supernode_opt.search.outlook import SLACK, look
from supernode_opt.search.pursuit import Search
from supernode_opt.search.settings import INFEASIBLE, Progress, Settings
from supernode_opt.search.solution import (
    ConstraintState,
    Solution,
    constraint_states,
    plain_report,
    values_of,
)
from supernode_opt.search.solve import optimize
from supernode_opt.system.design import EVERY_CHOICE
from supernode_opt.workload.split import TooManySplits

Tell = Callable[[Progress], None]


@dataclasses.dataclass
class Epsilon:
    """All epsilon-constraint problems of one study.

    Attributes:
      problem: of the study.
      goals: what is wanted.
      settings: of the solver.
      seed: of the random starts.
      fitting: legal splits that keep limits on splits alone; `None` where there are
        too many to enumerate.
    """

    problem: Problem
    goals: Goals
    settings: Settings
    seed: int
    fitting: Columns | None

    @classmethod
    def of(
        cls, problem: Problem, goals: Goals, settings: Settings, seed: int
    ) -> "Epsilon":
        """Enumerate the legal splits of a study, if they are few enough."""
        try:
            every = tilable(problem, plans(problem, TRIED))
        except TooManySplits:
            return cls(problem, goals, settings, seed, None)
        if len(every["chips"]):
            # Limits on objectives differ from problem to problem: they come later.
            violation = split_violations(look(problem), every)
            every = take(every, ~(violation > SLACK))
        return cls(problem, goals, settings, seed, every)

    def asked(self, main: int, limits: Sequence[float | None]) -> Problem:
        """Return the problem of one search."""
        return self.goals.narrowed(self.problem, main, limits)

    def first(self, main: int, limits: Sequence[float | None], tell: Tell) -> Answer:
        """Search without anything known, relaxed descent included.

        Raises:
          ValueError: there is no design to consider.
        """
        problem = self.asked(main, limits)
        settings = dataclasses.replace(self.settings, prices=False)
        solution = optimize(problem, settings, self.seed, tell)
        return self._answer(problem, main, limits, solution)

    def next(
        self,
        main: int,
        limits: Sequence[float | None],
        known: Sequence[tuple[Columns, NDArray]],
        tell: Tell,
    ) -> Answer:
        """Search from designs that are known.

        Args:
          main: place of the objective that is sought.
          limits: of each objective.
          known: candidates with their points in the unit box.
          tell: called now and then.
        """
        if self.fitting is None or not len(self.fitting["chips"]):
            return self.first(main, limits, tell)
        problem = self.asked(main, limits)
        search = Search(problem, self.settings, tell)
        with counting(search.tally):
            for row, point in known:
                search.consider(row, point)
            proof = prove(search, look(problem), self.fitting)
            found = search.best is not None
            graded = grade(search, proof, complete=True) if found else None
        if graded is None or search.best is None:
            if proof.excluded:
                return self._nothing(main, limits, search)
            # Looks again from several starts, and says what stands in the way.
            return self.first(main, limits, tell)
        best = search.best.built
        report = plain_report(values_of(problem, best.columns), problem.scenario)
        states = constraint_states(problem, report, best.multipliers)
        return Answer(
            main,
            tuple(limits),
            graded.status,
            graded.facts["gap"],
            numbers_of(best.columns),
            points_of(best.point),
            self._slopes(states),
            evaluations=search.tally.count,
        )

    def _nothing(
        self, main: int, limits: Sequence[float | None], search: Search
    ) -> Answer:
        row = take(self.fitting or {}, [0])
        said = "bounds exclude every candidate"
        return Answer(
            main,
            tuple(limits),
            INFEASIBLE,
            None,
            numbers_of(row),
            (),
            (),
            said,
            search.tally.count,
            shown=True,
        )

    def _answer(
        self,
        problem: Problem,
        main: int,
        limits: Sequence[float | None],
        solution: Solution,
    ) -> Answer:
        row = columns_of(problem, solution)
        return Answer(
            main,
            tuple(limits),
            solution.status,
            solution.certificate.get("gap"),
            row,
            points_of(point_of(problem, row)),
            self._slopes(solution.constraints),
            solution.message,
            solution.evaluations,
            shown=solution.status == INFEASIBLE,
        )

    def _slopes(self, states: Sequence[ConstraintState]) -> tuple[float, ...]:
        """Return the multipliers of the limits on objectives, after the study's."""
        start = len(self.problem.constraints)
        own = states[start : start + len(self.goals.objectives)]
        return tuple(float(state.multiplier) for state in own)


def columns_of(problem: Problem, solution: Solution) -> dict[str, float]:
    """Return the candidate that a solution has built, freed constants included."""
    row: dict[str, float] = {}
    for name, value in solution.design.items():
        if name == "data_parallel":
            continue
        if name in EVERY_CHOICE:
            known = options(name, problem.scenario)
            row[name] = float(known.index(str(value)))
        else:
            row[name] = float(value)
    for variable in problem.variables:
        if "." in variable.name:
            row[variable.name] = float(get(solution.scenario, variable.name))
    return row


def point_of(problem: Problem, row: dict[str, float]) -> NDArray:
    """Return where a candidate lies in the unit box of its free numbers."""
    names = exact_merit(problem).names
    box = box_data(problem, names)
    values = np.asarray([row[name] for name in names])
    return np.asarray(to_unit(values, box["low"], box["high"], box["log"]), float)
