"""The continuous variables of given candidates, solved on the exact model.

At a fixed candidate the logarithms of time, power and temperature are convex in the
logarithms of bandwidths, clock and flow, so one start suffices where nothing else is
asked about; elsewhere several do.  Many candidates are descended together; the best are
polished one by one with SciPy's SLSQP, which also witnesses the multipliers.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.case import nameless
from supernode_opt.batch.exact import as_arrays, quantities
from supernode_opt.batch.tally import counted
from supernode_opt.problem.constraints import normalised
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import HARDWARE, from_unit
from supernode_opt.search.enumerate import Columns, is_whole, take
from supernode_opt.search.lagrangian import begin, descend
from supernode_opt.search.merit import (
    LEAST,
    Exact,
    aim_of,
    axes_of,
    box_data,
    forms,
    limits,
    program,
)

BLOCK = 64
ROUNDS = 12
STEPS = 60
# Above this violation a solved candidate is infeasible; below, polishing may mend it.
MENDABLE = 1e-3
FEASIBLE = 1e-9


class Solved(NamedTuple):
    """Candidates with their continuous variables solved.

    Attributes:
      columns: the candidates, free variables filled in.
      points: free variables in the unit box [batch, n].
      cost: signed logarithm of the objective [batch].
      values: normalised constraints [batch, m].
      multipliers: d cost / d (minus the constraint) [batch, m].
    """

    columns: Columns
    points: NDArray
    cost: NDArray
    values: NDArray
    multipliers: NDArray

    def violation(self) -> NDArray:
        """Return the largest violation of each candidate; infinite if unknown."""
        return np.nan_to_num(np.max(self.values, axis=1), nan=np.inf)

    def estimate(self) -> NDArray:
        """Return the Lagrangian: below the optimum where the problem is convex."""
        return self.cost + np.sum(self.multipliers * self.values, axis=1)

    def rows(self, index: Any) -> "Solved":
        """Return the candidates that `index` selects."""
        return Solved(take(self.columns, index), *(part[index] for part in self[1:]))


def continuous(problem: Problem) -> tuple[str, ...]:
    """Return the free variables that need not be whole."""
    return tuple(
        v.name
        for v in problem.variables
        if (v.name in HARDWARE or "." in v.name) and not is_whole(problem, v.name)
    )


def exact_merit(problem: Problem) -> Exact:
    """Return the exact merit of `problem`, over all hardware and freed constants."""
    constants = (name for name in continuous(problem) if "." in name)
    return Exact((*HARDWARE, *constants), program(problem))


def complete(problem: Problem, columns: Columns) -> Columns:
    """Add frozen hardware and a placeholder for what is free."""
    count = len(columns["chips"])
    made = dict(columns)
    for name in (*HARDWARE, *exact_merit(problem).names):
        if name not in made:
            made[name] = np.full(count, float(problem.fixed.get(name, 1.0)))
    return made


def merit_data(problem: Problem, columns: Columns, aim: Any) -> dict[str, Any]:
    """Return the data of the exact merit for `columns`."""
    merit = exact_merit(problem)
    return {**box_data(problem, merit.names), "columns": columns, "aim": aim}


def solve(
    problem: Problem,
    columns: Columns,
    aim: Any = None,
    points: NDArray | None = None,
    rounds: int = ROUNDS,
) -> Solved:
    """Solve every candidate of `columns`, in blocks of one shape.

    Args:
      problem: what is asked.
      columns: plans with domain and links.
      aim: what to minimise instead of the cost; see `Exact`.
      points: where to start, in the unit box [batch, n]; its middle if not given.
      rounds: of the descent.
    """
    merit = exact_merit(problem)
    full = complete(problem, columns)
    aim = aim or aim_of(problem)
    if points is None:
        points = np.full((len(full["chips"]), len(merit.names)), 0.5)
    cuts = [slice(k, k + BLOCK) for k in range(0, len(full["chips"]), BLOCK)]
    parts = [
        _solve_block(problem, merit, take(full, c), aim, points[c], rounds)
        for c in cuts
    ]
    joined = {
        n: np.concatenate([p.columns[n] for p in parts]) for n in parts[0].columns
    }
    return Solved(
        joined,
        *(np.concatenate(rest) for rest in zip(*(p[1:] for p in parts), strict=True)),
    )


def _solve_block(
    problem: Problem,
    merit: Exact,
    columns: Columns,
    aim: Any,
    points: NDArray,
    rounds: int,
) -> Solved:
    count = len(columns["chips"])
    data = merit_data(problem, as_arrays(columns, BLOCK), aim)
    padded = np.pad(points, ((0, BLOCK - count), (0, 0)), mode="edge")
    slots = len(data["wanted"]["used"])
    state = begin(padded, slots)
    rounds = rounds if continuous(problem) else 1
    counted(count * (ROUNDS * STEPS if rounds > 1 else 1))
    for index in range(rounds):
        done = index / max(rounds - 1, 1)
        state = descend(
            state,
            data,
            function=merit,
            steps=STEPS if rounds > 1 else 1,
            boxed=True,
            rate=0.1 * 0.003**done,
            last_rate=0.01 * 0.003**done,
            penalty=2.0 * 50.0**done,
        )
    points, multipliers, cost, values = (np.asarray(x)[:count] for x in state)
    own = slice(0, len(forms(problem)))
    return Solved(
        fill(problem, columns, points),
        points,
        cost,
        values[:, own],
        multipliers[:, own],
    )


def better(one: Solved, other: Solved) -> Solved:
    """Return, row by row, the better of two solutions of the same candidates."""
    mine, theirs = one.violation(), other.violation()
    fits, fit = mine <= MENDABLE, theirs <= MENDABLE
    worse = np.where(fits & fit, other.cost < one.cost, theirs < mine)
    index = np.where(worse, len(mine), 0) + np.arange(len(mine))
    joined = {k: np.concatenate([v, other.columns[k]]) for k, v in one.columns.items()}
    return Solved(
        joined, *(np.concatenate(pair) for pair in zip(one[1:], other[1:], strict=True))
    ).rows(index)


def at_points(
    problem: Problem, columns: Columns, points: NDArray
) -> tuple[NDArray, NDArray]:
    """Return cost [batch] and constraints [batch, m] of candidates at given points."""
    rows = fill(problem, complete(problem, columns), points)
    cost, g = judged_rows(problem, rows, program(problem))
    return cost, g.T


def fill(problem: Problem, columns: Columns, points: NDArray) -> Columns:
    """Put the free variables of `points` into `columns`."""
    merit = exact_merit(problem)
    box = axes_of(problem, merit.names)
    moved = np.asarray(from_unit(points, box["low"], box["high"], box["log"]))
    return columns | {name: moved[:, i] for i, name in enumerate(merit.names)}


def judged_rows(
    problem: Problem, rows: Columns, names: tuple[str, ...]
) -> tuple[NDArray, NDArray]:
    """Return cost [batch] and constraints [m, batch] of complete candidates.

    Args:
      problem: what is asked.
      rows: every field of the design and freed constant.
      names: quantities of the program to run, all that are asked about among them.
    """
    values = quantities(rows, nameless(problem.scenario), names)
    log = np.log(np.maximum(values[problem.objective.name], LEAST))
    g = [
        np.asarray(normalised(values[name], limit, at_most))
        for (name, at_most), limit in zip(forms(problem), limits(problem), strict=True)
    ]
    return -log if problem.objective.maximize else log, np.stack(g)
