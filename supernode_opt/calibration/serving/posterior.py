"""A fitted set of constants of serving stacks, and what it says of one of them."""

import dataclasses
import functools
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from supernode_opt.calibration.serving.constants import CONSTANTS, INDEX
from supernode_opt.calibration.serving.job import Job

Name = tuple[str, str, str]
SHIPPED, JUDGED = "posterior", "posterior_judged"
QUANTITIES = ("tpot", "ttft", "rate")
# Spread of residuals of a quantity where no fit tells it [1].
USUAL_NOISE = {"tpot": 0.16, "ttft": 0.33, "rate": 0.16}


@dataclasses.dataclass(frozen=True)
class Posterior:
    """A fitted set of constants.

    Attributes:
      names: (constant, scope, member) of every parameter; the scope is "shared" or
        "stack", the member "" or a stack.
      mean: fitted logarithm or deviation of each parameter.
      covariance: of the parameters, from the Hessian at the optimum.
      rows: digests of the rows that were fitted; the rows may not be published.
      noise: standard deviation of the logarithm of what is left of rows whose model or
        machine was held out, by "quantity kind phase" [1].
    """

    names: tuple[Name, ...]
    mean: NDArray
    covariance: NDArray
    rows: frozenset[str]
    noise: dict[str, float]


def prior_of(stacks: Sequence[str]) -> tuple[tuple[Name, ...], NDArray, NDArray]:
    """Return names, means and standard deviations of all parameters of some stacks."""
    found: dict[Name, tuple[float, float]] = {}
    for one in CONSTANTS:
        found[one.name, "shared", ""] = float(np.log(one.prior)), one.spread
        for stack in stacks if one.stack else ():
            found[one.name, "stack", stack] = 0.0, one.stack
    mean, spread = np.asarray(list(found.values())).T
    return tuple(found), mean, spread


def selection(names: Sequence[Name], stack: str) -> NDArray:
    """Return the 0-1 matrix from parameters to the constants of one stack."""
    matrix = np.zeros((len(CONSTANTS), len(names)))
    for column, (name, scope, who) in enumerate(names):
        if scope == "shared" or who == stack:
            matrix[INDEX[name], column] = 1.0
    return matrix


def constants_of(posterior: Posterior, stack: str) -> tuple[NDArray, NDArray]:
    """Return mean and covariance of the logarithms of the constants of a stack.

    Of a stack that no fitted row had, deviations keep the whole spread of their prior.
    """
    matrix = selection(posterior.names, stack)
    covariance = matrix @ posterior.covariance @ matrix.T
    if not any(who == stack for _, scope, who in posterior.names if scope == "stack"):
        covariance = covariance + np.diag([one.stack**2 for one in CONSTANTS])
    return matrix @ posterior.mean, covariance


def kind_of(job: Job, quantity: str) -> str:
    """Return under which name the residual spread of a row's quantity is kept."""
    return f"{quantity} {job.kind} {job.phase}"


def noise_of(posterior: Posterior, job: Job, quantity: str) -> float:
    """Return the standard deviation of what is left of a quantity of a row [1]."""
    usual = posterior.noise.get(quantity, USUAL_NOISE[quantity])
    return posterior.noise.get(kind_of(job, quantity), usual)


def unfitted() -> Posterior:
    """Return the priors, as if nothing had been measured."""
    names, mean, spread = prior_of(())
    return Posterior(names, mean, np.diag(spread**2), frozenset(), {})


def shipped() -> Posterior:
    """Return the calibration that predictions use."""
    return _load(SHIPPED)


def judged() -> Posterior:
    """Return the calibration that has seen no model or machine it is judged on."""
    return _load(JUDGED)


@functools.cache
def _load(name: str) -> Posterior:
    file = resources.files("supernode_opt.calibration.serving") / f"{name}.json"
    if not file.is_file():
        return unfitted()
    return parsed(json.loads(file.read_text(encoding="utf-8")))


def parsed(written: dict[str, Any]) -> Posterior:
    """Return what `plain` wrote."""
    names = tuple((n, scope, who) for n, scope, who, _ in written["constants"])
    size = len(names)
    lower = np.zeros((size, size))
    lower[np.tril_indices(size)] = written["covariance"]
    covariance = lower + lower.T - np.diag(np.diag(lower))
    return Posterior(
        names=names,
        mean=np.asarray([row[3] for row in written["constants"]]),
        covariance=covariance,
        rows=frozenset(written["rows"]),
        noise=written["noise"],
    )


def plain(posterior: Posterior) -> dict[str, Any]:
    """Return a posterior as plain values."""
    size = np.tril_indices(len(posterior.names))
    return {
        "constants": [
            [*name, float(f"{mean:.6g}")]
            for name, mean in zip(posterior.names, posterior.mean, strict=True)
        ],
        "covariance": [float(f"{x:.4g}") for x in posterior.covariance[size]],
        "rows": sorted(posterior.rows),
        "noise": {k: round(v, 4) for k, v in sorted(posterior.noise.items())},
    }
