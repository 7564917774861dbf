"""One candidate at its optimum to rounding error, by SciPy's SLSQP on the exact model.

An independent witness: it shares the merit with the descents, not their method.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls

from supernode_opt.batch.case import nameless
from supernode_opt.batch.exact import as_arrays
from supernode_opt.batch.kept import Kept
from supernode_opt.batch.packed import Form, packed, unpacked
from supernode_opt.batch.tally import counted
from supernode_opt.problem.problem import Problem
from supernode_opt.search.enumerate import Columns
from supernode_opt.search.inner import (
    FEASIBLE,
    complete,
    continuous,
    exact_merit,
    fill,
    judged_rows,
)
from supernode_opt.search.merit import (
    Exact,
    aim_of,
    aimed,
    axes_of,
    forms,
    program,
    wish,
)

# What misses its limits by more is not a matter of a wider margin.
_MARGINAL = 1e-2
# The widest margin to a limit that a design leans on; limits and bounds this near bear.
_WIDEST = 1e-5
_BEARING = 2.0 * _WIDEST
# Steps of SLSQP, which takes a dozen where nothing is wrong.
_STEPS = 60


@functools.cache
def _slopes(merit: Exact, form: Form) -> Kept:
    """Return the program of [cost, constraints] and their Jacobian at one point.

    Args:
      merit: of points.
      form: of its data, which come as one vector.
    """

    def slopes(point: Array, vector: Array) -> tuple[Array, Array]:
        data = unpacked(vector, form)

        def joined(point: Array) -> tuple[Array, Array]:
            cost, values = merit(point[None], data)
            both = jnp.concatenate([cost, values[0]])
            return both, both

        found, values = jax.jacfwd(joined, has_aux=True)(point)
        return values, found

    return Kept(slopes, f"slopes {merit} {form}", quick=True)


class Polished(NamedTuple):
    """One candidate at its optimum, to rounding error.

    Attributes:
      columns: the candidate, one row.
      point: free variables in the unit box [n].
      cost: signed logarithm of the objective.
      values: normalised constraints [m].
      multipliers: of the constraints [m].
      slopes: of the Lagrangian at `point`: what a bound is worth [n].
      feasible: whether no constraint exceeds `FEASIBLE`.
      evaluations: of values and Jacobian.
    """

    columns: Columns
    point: NDArray
    cost: float
    values: NDArray
    multipliers: NDArray
    slopes: NDArray
    feasible: bool
    evaluations: int


def _as_is(problem: Problem, columns: Columns, aim: Any) -> Polished:
    """Return a candidate with nothing to polish."""
    full = complete(problem, columns)
    costs, g = judged_rows(problem, full, program(problem))
    cost, values = costs[0], g[:, 0]
    if aim is not None:
        own = {k: v[: len(values)] if np.ndim(v) else v for k, v in aim.items()}
        cost, values = aimed(cost, values, own)
    none = np.full(len(exact_merit(problem).names), 0.5)
    good = bool(np.max(values) <= FEASIBLE)
    multipliers = np.zeros(len(values))
    return Polished(full, none, float(cost), values, multipliers, none, good, 1)


def placed(problem: Problem, columns: Columns) -> dict[str, Any]:
    """Return the data of an ordinary polish of one candidate."""
    arrays = as_arrays(complete(problem, columns), 1)
    rest = {"columns": arrays, "aim": aim_of(problem), "wanted": wish(problem)}
    names = exact_merit(problem).names
    return rest | axes_of(problem, names) | {"scenario": nameless(problem.scenario)}


def polish(
    problem: Problem,
    columns: Columns,
    point: NDArray,
    *,
    held: NDArray | None = None,
    aim: Any = None,
    data: dict[str, Any] | None = None,
    steps: int = _STEPS,
) -> Polished:
    """Polish one candidate with SLSQP until it is optimal and strictly feasible.

    Args:
      problem: what is asked.
      columns: the candidate, one row.
      point: where to start, in the unit box [n].
      held: which entries of `point` stay as they are.
      aim: what to minimise instead of the cost.
      data: of `placed`, where a candidate is polished more than once.
      steps: most steps of SLSQP from one start.
    """
    merit = exact_merit(problem)
    if not continuous(problem):
        return _as_is(problem, columns, aim)
    data = data or placed(problem, columns)
    vector, form = packed(data if aim is None else data | {"aim": aim})
    # On the device once, not at every call.
    given = jax.device_put(vector)
    program = _slopes(merit, form).ready(np.asarray(point, float), given)
    own = slice(0, 1 + len(forms(problem)))
    seen: dict[bytes, tuple[NDArray, NDArray]] = {}

    def look(x: NDArray) -> tuple[NDArray, NDArray]:
        key = x.tobytes()
        if key not in seen:
            values, slopes = program(x, given)
            seen[key] = np.asarray(values)[own], np.asarray(slopes)[own]
        return seen[key]

    def at(x: NDArray) -> NDArray:
        return look(x)[0]

    def slopes_at(x: NDArray) -> NDArray:
        return look(x)[1]

    point = np.clip(np.asarray(point, float), 0.0, 1.0)
    held = np.zeros(len(point), bool) if held is None else held
    moving = continuous(problem)
    held = held | np.array([name not in moving for name in merit.names])
    box = [(x, x) if h else (0.0, 1.0) for x, h in zip(point, held, strict=True)]
    margin = FEASIBLE
    for _ in range(0 if held.all() else 4):
        movable = np.any(slopes_at(point)[1:, ~held] != 0.0, axis=1)
        found = minimize(
            lambda x: at(x)[0],
            point,
            jac=lambda x: slopes_at(x)[0],
            bounds=box,
            constraints={
                "type": "ineq",
                "fun": lambda x, m=margin, w=movable: -at(x)[1:][w] - m,
                "jac": lambda x, w=movable: -slopes_at(x)[1:][w],
            },
            method="SLSQP",
            options={"ftol": 1e-13, "maxiter": steps},
        )
        if np.all(np.isfinite(found.x)):
            point = np.clip(found.x, 0.0, 1.0)
        excess = float(np.max(at(point)[1:][movable], initial=-1.0))
        if not 0.0 < excess < _MARGINAL:
            break
        margin = min(10.0 * margin + 2.0 * excess, _WIDEST)
    best = min(
        (x for x, (v, _) in seen.items() if np.max(v[1:]) <= FEASIBLE),
        key=lambda x: float(seen[x][0][0]),
        default=None,
    )
    # Where a kink stops the method short, the best point on the way is as good.
    if best is not None and not float(np.max(at(point)[1:])) <= FEASIBLE:
        point = np.frombuffer(best)
    values, slopes = at(point), slopes_at(point)
    counted(len(seen))
    multipliers = _multipliers(point, values[1:], slopes, ~held)
    return Polished(
        fill(problem, complete(problem, columns), point[None]),
        point,
        float(values[0]),
        values[1:],
        multipliers,
        slopes[0] + multipliers @ slopes[1:],
        bool(np.max(values[1:]) <= FEASIBLE),
        len(seen),
    )


def _multipliers(
    point: NDArray, values: NDArray, slopes: NDArray, moving: NDArray
) -> NDArray:
    """Return the multipliers that balance the slope of the cost best [m].

    Karush, Kuhn and Tucker's conditions, by least squares with no multiplier below
    zero: exact at an optimum, and where a kink or a degenerate corner stopped SLSQP as
    near as multipliers come.

    Args:
      point: in the unit box [n].
      values: normalised constraints [m].
      slopes: of the cost and the constraints [1 + m, n].
      moving: which entries of the point are free [n].
    """
    bearing = np.flatnonzero((values > -_BEARING) & np.isfinite(slopes[1:]).all(axis=1))
    walls = np.eye(len(point))
    low, high = walls[point < _BEARING], walls[point > 1.0 - _BEARING]
    forces = np.concatenate([slopes[1:][bearing], -low, high])[:, moving]
    found = np.zeros(len(values))
    if len(bearing) and moving.any() and np.isfinite(slopes[0]).all():
        found[bearing] = nnls(forces.T, -slopes[0][moving])[0][: len(bearing)]
    return found
