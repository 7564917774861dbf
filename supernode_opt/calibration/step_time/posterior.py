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


def unfitted_priors(names: Sequence[Name]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of constants that a posterior does not name.

    They are younger than it and keep their priors [constant].
    """
    named = {name for name, scope, _ in names if scope == "shared"}
    left = [constant.name not in named for constant in CONSTANTS]
    mean = np.log([constant.prior for constant in CONSTANTS]) * left
    return mean, np.asarray([constant.spread for constant in CONSTANTS]) ** 2 * left


def kin_of(names: Sequence[Name], stack: str) -> tuple[str, ...]:
    """Return the fitted stacks of the same kind of maker as a stack never fitted.

    None for a stack that was fitted itself, or whose maker is not declared.
    """
    known = stacks()
    seen = dict.fromkeys(member for _, scope, member in names if scope == "stack")
    maker = known[stack].maker if stack in known and stack not in seen else ""
    if not maker:
        return ()
    return tuple(one for one in seen if one in known and known[one].maker == maker)


def kin_deviation(posterior: Posterior, stack: str) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of what the kin of an unseen stack have in common.

    Of each constant [constant]: deviations of stacks scatter around the mean of their
    kind as they scatter around zero, which is that mean's own prior; what runs told of
    them, one less the posterior over the prior variance, weighs them.
    """
    kin = kin_of(posterior.names, stack)
    prior = np.asarray([constant.stack for constant in CONSTANTS]) ** 2
    total, weight = np.zeros(len(CONSTANTS)), np.zeros(len(CONSTANTS))
    variance = np.diag(posterior.covariance)
    for column, (name, scope, who) in enumerate(posterior.names):
        if scope == "stack" and who in kin:
            place = INDEX[name]
            total[place] += posterior.mean[column]
            weight[place] += max(1.0 - variance[column] / prior[place], 0.0)
    left = prior / (weight + 1.0) if kin else np.zeros(len(CONSTANTS))
    return total / (weight + 1.0), left


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

    A stack of which no run was fitted is taken to be like its kin.  What its kernels
    tell counts as observations of its constants, by the rule of Gaussian conditioning.
    """
    matrix = selection(posterior.names, family, stack)
    mean = matrix @ posterior.mean
    covariance = matrix @ posterior.covariance @ matrix.T
    scopes = {(scope, member) for _, scope, member in posterior.names}
    # Constants of a platform of one's own stand for its chips and its stack already.
    alone = all(scope == "shared" for scope, _ in scopes)
    if not alone:
        covariance = covariance + np.diag(prior_deviation(posterior, family, stack))
    common, unsure = kin_deviation(posterior, stack)
    mean, covariance = mean + common, covariance + np.diag(unsure)
    unnamed, known = unfitted_priors(posterior.names)
    mean, covariance = mean + unnamed, covariance + np.diag(known)
    rows, values, spreads = measured_of(stack)
    if alone or ("stack", stack) in scopes or not len(values):
        return mean, covariance
    seen = rows @ covariance @ rows.T + np.diag(spreads**2)
    gain = np.linalg.solve(seen, rows @ covariance).T
    mean = mean + gain @ (values - rows @ mean)
    return mean, covariance - gain @ rows @ covariance
