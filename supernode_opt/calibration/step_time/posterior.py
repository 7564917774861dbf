"""A fitted set of constants, and what it says of one chip family and stack."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from supernode_opt.calibration.data.stacks import Measured, stacks
from supernode_opt.calibration.step_time.constants import CONSTANTS, INDEX

Name = tuple[str, str, str]


@dataclasses.dataclass(frozen=True)
class Posterior:
    """A fitted set of constants.

    Attributes:
      names: (constant, scope, member) of every parameter; the scope is "shared",
        "chip" or "stack", the member "" or a family or stack.
      mean: fitted logarithm or deviation of each parameter.
      covariance: of the parameters, from the Hessian at the optimum.
      rows: names of the rows that were fitted.
      noise: residual standard deviation of log step time by kind of model [1].
    """

    names: tuple[Name, ...]
    mean: np.ndarray
    covariance: np.ndarray
    rows: tuple[str, ...]
    noise: dict[str, float]


def selection(names: Sequence[Name], family: str, stack: str) -> np.ndarray:
    """Return the 0-1 matrix from parameters to one row's constants."""
    member = {"shared": "", "chip": family, "stack": stack}
    matrix = np.zeros((len(CONSTANTS), len(names)))
    for column, (name, scope, who) in enumerate(names):
        if member[scope] == who:
            matrix[INDEX[name], column] = 1.0
    return matrix


def prior_deviation(posterior: Posterior, family: str, stack: str) -> np.ndarray:
    """Variance of deviations that were never fitted, of each constant [constant].

    A chip family or a stack that no fitted row had keeps the whole spread of its prior.
    """
    seen = {(scope, member) for _, scope, member in posterior.names}
    variance = np.zeros(len(CONSTANTS))
    if ("chip", family) not in seen:
        variance += np.asarray([constant.chip for constant in CONSTANTS]) ** 2
    if ("stack", stack) not in seen:
        variance += np.asarray([constant.stack for constant in CONSTANTS]) ** 2
    return variance


def measured_of(stack: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which constants kernels of a stack tell, their logarithms and spreads."""
    known = stacks().get(stack)
    told: list[tuple[str, Measured]] = (
        [] if known is None else [(n, Measured(**m)) for n, m in known.measured.items()]
    )
    rows = np.eye(len(CONSTANTS))[[INDEX[name] for name, _ in told]]
    values = np.log([one.value for _, one in told])
    spreads = np.asarray([one.spread for _, one in told])
    return rows, values, spreads


def constants_of(
    posterior: Posterior, family: str, stack: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the logarithms of one row's constants.

    What kernels of a stack tell counts where no run of it was fitted: as observations
    of its constants, by the rule of Gaussian conditioning.
    """
    matrix = selection(posterior.names, family, stack)
    mean = matrix @ posterior.mean
    covariance = matrix @ posterior.covariance @ matrix.T
    covariance = covariance + np.diag(prior_deviation(posterior, family, stack))
    scopes = {(scope, member) for _, scope, member in posterior.names}
    rows, values, spreads = measured_of(stack)
    # Constants of a platform of one's own stand for its stack already.
    alone = all(scope == "shared" for scope, _ in scopes)
    if alone or ("stack", stack) in scopes or not len(values):
        return mean, covariance
    seen = rows @ covariance @ rows.T + np.diag(spreads**2)
    gain = np.linalg.solve(seen, rows @ covariance).T
    mean = mean + gain @ (values - rows @ mean)
    return mean, covariance - gain @ rows @ covariance
