"""Fitting the constants of collectives: robust least squares in logarithms."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt.calibration.collectives.constants import (
    ABSENT,
    NAMES,
    Posterior,
    parameters,
    selection,
)
from supernode_opt.calibration.collectives.table import Measurement
from supernode_opt.hardware.collective import (
    OPERATIONS,
    Collective,
    collective_time,
)

# Expected residual of the logarithm, and degrees of freedom of its distribution: the
# steps where a library changes its protocol are outliers of any smooth curve.
NOISE, FREEDOM = 0.06, 4.0
_ITERATIONS, _ENOUGH = 200, 1e-7
_LARGEST_STEP, _STUCK = 1.0, 1e6


class Rows(NamedTuple):
    """Measurements as arrays [row]; see `Measurement` and `Operation`."""

    ranks: np.ndarray
    payload: np.ndarray
    rate: np.ndarray
    items: np.ndarray
    rounds: np.ndarray
    direct: np.ndarray
    tree: np.ndarray


def arrays(rows: Sequence[Measurement]) -> Rows:
    """Stack measurements."""
    kinds = [OPERATIONS[row.operation] for row in rows]
    sizes = [(row.ranks, row.payload, row.machine.rate, row.items) for row in rows]
    table = [(*size, *kind) for size, kind in zip(sizes, kinds, strict=True)]
    return Rows(*np.asarray(table, float).T)


_DEFAULT = np.asarray([ABSENT[name] for name in NAMES])
_LOCAL = NAMES.index("local_share")


def _times(logs: Array, present: Array, rows: Rows) -> Array:
    """Predict rows [s] from logarithms of constants, absent ones at no effect."""
    values = jnp.where(present, jnp.exp(logs), _DEFAULT)
    values = values.at[..., _LOCAL].min(1.0)
    fields: dict[str, Any] = dict(zip(NAMES, jnp.moveaxis(values, -1, 0), strict=True))
    fields |= {"rounds": rows.rounds, "direct": rows.direct, "tree": rows.tree}
    constants = Collective(**fields)
    return collective_time(constants, rows.ranks, rows.payload, rows.rate, rows.items)


@jax.jit
def _linear(logs: Array, present: Array, rows: Rows) -> tuple[Array, Array]:
    """Return log times [row] and their slopes in the logarithms [row, constant]."""

    def log_time(logs: Array) -> Array:
        return jnp.log(_times(logs, present, rows))

    # Rows do not mix, so that one tangent per constant gives the slopes of all.
    def slope(one: Array) -> tuple[Array, Array]:
        return jax.jvp(log_time, (logs,), (jnp.broadcast_to(one, logs.shape),))

    value, slopes = jax.vmap(slope, out_axes=(None, 1))(jnp.eye(len(NAMES)))
    return value, slopes


_predict = jax.jit(_times)


class Problem(NamedTuple):
    """Rows of one library with their parameters.

    Attributes:
      prior: of the parameters.
      rows: the measurements as arrays.
      matrix: from parameters to constants [row, constant, parameter].
      present: which constants mean something [row, constant].
      measured: logarithm of the times [row].
    """

    prior: Posterior
    rows: Rows
    matrix: np.ndarray
    present: np.ndarray
    measured: np.ndarray


def problem(library: str, rows: Sequence[Measurement]) -> Problem:
    """Set up the fit of one library."""
    keys = [(row.operation, row.machine.fabric) for row in rows]
    prior = parameters(library, sorted(set(keys)))
    matrices = {key: selection(prior, *key) for key in set(keys)}
    matrix = np.stack([matrices[key] for key in keys])
    measured = np.log([row.seconds for row in rows])
    present = np.asarray(matrix.any(axis=-1))
    return Problem(prior, arrays(rows), matrix, present, measured)


def fit(task: Problem, weights: np.ndarray) -> Posterior:
    """Fit all parameters by Levenberg and Marquardt's method.

    Rows that must not be seen have a weight of 0 [row].
    """
    prior = task.prior
    mean, damping = prior.centre.copy(), 1e-3
    loss, residual, jacobian = _loss(task, weights, mean)
    for _ in range(_ITERATIONS):
        hessian, gradient = _normal(task, weights, mean, residual, jacobian)
        before = loss
        while damping < _STUCK:
            scaled = hessian + damping * np.diag(np.diag(hessian))
            step = np.linalg.solve(scaled, gradient)
            step = step * min(1.0, _LARGEST_STEP / max(np.abs(step).max(), 1e-12))
            new = _loss(task, weights, mean + step)
            if new[0] < loss:
                mean, (loss, residual, jacobian) = mean + step, new
                damping /= 3.0
                break
            damping *= 4.0
        if before - loss < _ENOUGH * abs(loss):
            break
    hessian, _ = _normal(task, weights, mean, residual, jacobian)
    return prior._replace(mean=mean, covariance=np.linalg.inv(hessian))


def _loss(
    task: Problem, weights: np.ndarray, mean: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the negative log posterior, residuals [row] and their slopes."""
    logs = task.matrix @ mean
    value, slopes = (np.asarray(x) for x in _linear(logs, task.present, task.rows))
    residual = task.measured - value
    jacobian = np.einsum("rc,rcp->rp", slopes, task.matrix)
    heavy = np.log1p((residual / NOISE) ** 2 / FREEDOM)
    misfit = (FREEDOM + 1.0) / 2.0 * float(weights @ heavy)
    away = (mean - task.prior.centre) / task.prior.spread
    return misfit + 0.5 * float(away @ away), residual, jacobian


def _normal(
    task: Problem,
    weights: np.ndarray,
    mean: np.ndarray,
    residual: np.ndarray,
    jacobian: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrix and the right side of the normal equations."""
    robust = (FREEDOM + 1.0) / (FREEDOM + (residual / NOISE) ** 2)
    weight = weights * robust / NOISE**2
    prior = task.prior
    hessian = (jacobian * weight[:, None]).T @ jacobian
    hessian = hessian + np.diag(1.0 / prior.spread**2)
    away = (mean - prior.centre) / prior.spread**2
    return hessian, jacobian.T @ (weight * residual) - away


def predict(task: Problem, known: Posterior) -> np.ndarray:
    """Return the time of every row of `task` [s]."""
    logs = task.matrix @ known.mean
    return np.asarray(_predict(logs, task.present, task.rows))
