"""Who scores designs, counts evaluations and reads the clock, the same for everybody.

The clock counts the processor's seconds of this process, all threads, and the wall's.
It stands still while a point is taken to the nearest legal design, which is our
encoding's work and not the optimizer's.
"""

import time
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from benchmarks.contest.space import Space
from supernode_opt.batch.case import nameless
from supernode_opt.batch.engine import Engine
from supernode_opt.batch.exact import report_of, typed
from supernode_opt.problem.constraints import normalised
from supernode_opt.problem.problem import Problem
from supernode_opt.record import get
from supernode_opt.search.enumerate import Columns, take
from supernode_opt.search.inner import FEASIBLE
from supernode_opt.search.merit import LEAST, forms, limits, program
from supernode_opt.system.scenario import Scenario

# Rows that a program takes at once; a population takes the smallest that holds it.
BLOCKS = (64, 256, 1024, 4096)
# Violations count so much in the logarithm of the objective where they are penalised.
PENALTY = 10.0
_ENGINES: dict[tuple, Engine] = {}


class Spent(Exception):
    """The budget is used up."""


@dataclass(frozen=True)
class Budget:
    """What a run may use.

    Attributes:
      seconds: of the processor [s].
      evaluations: of designs [1].
    """

    seconds: float
    evaluations: float = np.inf


@dataclass
class Referee:
    """Scores for one run of one optimizer.

    Attributes:
      space: what is searched.
      budget: what the run may use.
      evaluations: designs scored so far; a value with its slopes counts as one.
      trace: [evaluations, processor seconds, wall seconds, cost] of every improvement.
      best: cost of the best feasible design.
      design: that design, one row.
    """

    space: Space
    budget: Budget
    evaluations: int = 0
    trace: list[tuple[float, float, float, float]] = field(default_factory=list)
    best: float = np.inf
    design: Columns | None = None
    _began: tuple[float, float] = (0.0, 0.0)
    _paused: tuple[float, float] = (0.0, 0.0)

    def start(self) -> None:
        """Set the clock to zero."""
        self._began = (time.process_time(), time.perf_counter())
        self._paused = (0.0, 0.0)

    def clock(self) -> tuple[float, float]:
        """Return processor and wall seconds since the start."""
        processor = time.process_time() - self._began[0] - self._paused[0]
        wall = time.perf_counter() - self._began[1] - self._paused[1]
        return processor, wall

    def judge(self, points: NDArray) -> tuple[NDArray, NDArray]:
        """Return cost [batch] and constraints [batch, m] of points of the cube.

        Raises:
          Spent: the budget was used up before.
        """
        before = (time.process_time(), time.perf_counter())
        rows = self.space.rows(np.atleast_2d(points))
        self._paused = (
            self._paused[0] + time.process_time() - before[0],
            self._paused[1] + time.perf_counter() - before[1],
        )
        return self.judge_rows(rows)

    def penalised(self, points: NDArray) -> NDArray:
        """Return the cost of points with their violations added."""
        cost, values = self.judge(points)
        return cost + PENALTY * np.sum(np.maximum(values, 0.0), axis=1)

    def judge_rows(self, rows: Columns) -> tuple[NDArray, NDArray]:
        """Return cost and constraints of designs, and keep the best.

        Raises:
          Spent: the budget was used up before.
        """
        self.check()
        cost, values = score(self.space.problem, rows)
        self.evaluations += len(cost)
        feasible = np.max(values, axis=1) <= FEASIBLE
        rated = np.where(feasible, cost, np.inf)
        index = int(np.argmin(rated))
        self.note(float(rated[index]), lambda: take(rows, [index]))
        return cost, values

    def note(self, cost: float, design: object = None) -> None:
        """Keep a feasible cost if it is the best so far."""
        if cost < self.best:
            self.best = cost
            self.trace.append((float(self.evaluations), *self.clock(), cost))
            if callable(design):
                self.design = design()

    def check(self) -> None:
        """Stop the run when it has used its budget.

        Raises:
          Spent: it has.
        """
        if self.evaluations >= self.budget.evaluations:
            raise Spent
        if self.clock()[0] >= self.budget.seconds:
            raise Spent


def _engine(names: tuple[str, ...], block: int) -> Engine:
    """Return the exact model of quantities for blocks of one size."""

    def one(row: dict[str, jax.Array], scenario: Scenario) -> jax.Array:
        report = report_of(row, scenario)
        values = (jnp.asarray(get(report, name), float) for name in names)
        return jnp.stack(jnp.broadcast_arrays(*values))

    key = (names, block)
    if key not in _ENGINES:
        _ENGINES[key] = Engine(one, block, f"contest {block} {names}")
    return _ENGINES[key]


def score(problem: Problem, rows: Columns) -> tuple[NDArray, NDArray]:
    """Return cost [batch] and constraints [batch, m] by the exact model.

    What cannot be computed costs as much as anything and breaks every limit.
    """
    names = program(problem)
    count = len(rows["chips"])
    block = next((size for size in BLOCKS if size >= count), BLOCKS[-1])
    given = nameless(problem.scenario)
    table = np.asarray(_engine(names, block)(typed(rows), given))
    objective = problem.objective
    value = np.log(np.maximum(table[:, names.index(objective.name)], LEAST))
    cost = -value if objective.maximize else value
    values = np.stack(
        [
            np.asarray(normalised(table[:, names.index(name)], limit, at_most))
            for (name, at_most), limit in zip(
                forms(problem), limits(problem), strict=True
            )
        ],
        axis=1,
    )
    return np.nan_to_num(cost, nan=1e3, posinf=1e3), np.nan_to_num(
        values, nan=1e3, posinf=1e3, neginf=-1e3
    )
