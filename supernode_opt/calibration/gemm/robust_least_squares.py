"""The least sum of sizes of errors: reweighted Levenberg-Marquardt on exact slopes."""

from collections.abc import Callable

import jax
import numpy as np

# Errors below this, over their noise, count squared [1].
_ROUND = 0.5
_ITERATIONS, _TRIES, _LARGEST_STEP, _ENOUGH = 40, 10, 0.4, 1e-2


def minimise(
    residuals: Callable[[jax.Array], jax.Array], prior: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the optimum and the standard deviations of its parts (sandwich).

    Args:
      residuals: errors over their noise at a point [row].
      prior: centre of the Gaussian prior, where the search starts.
      spread: its standard deviations.
    """
    value, slopes = jax.jit(residuals), jax.jit(jax.jacfwd(residuals))

    def total(x: np.ndarray) -> float:
        errors = np.asarray(value(x))
        size = np.sqrt(errors**2 + _ROUND**2) - _ROUND
        return float(size.sum() + 0.5 * (((x - prior) / spread) ** 2).sum())

    x, damping, cost = prior.copy(), 1e-2, total(prior)
    hessian = scores = np.eye(len(prior))
    for _ in range(_ITERATIONS):
        errors, rows = np.asarray(value(x)), np.asarray(slopes(x))
        weight = 1.0 / np.sqrt(errors**2 + _ROUND**2)
        hessian = rows.T @ (weight[:, None] * rows) + np.diag(spread**-2)
        scores = rows.T @ ((weight * errors)[:, None] ** 2 * rows)
        downhill = -rows.T @ (weight * errors) - (x - prior) / spread**2
        gained, trial = 0.0, x
        for _ in range(_TRIES):
            damped = hessian + damping * np.diag(np.diag(hessian))
            change = np.linalg.solve(damped, downhill)
            trial = x + np.clip(change, -_LARGEST_STEP, _LARGEST_STEP)
            gained = cost - total(trial)
            if gained > 0.0:
                break
            damping *= 4.0
        if gained <= 0.0:
            break
        x, cost, damping = trial, cost - gained, max(damping / 4.0, 1e-8)
        if gained < _ENOUGH:
            break
    inverse = np.linalg.inv(hessian)
    middle = scores + np.diag(spread**-2)
    return x, np.sqrt(np.diag(inverse @ middle @ inverse))
