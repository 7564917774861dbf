"""A fitted set of constants, and what it says of one chip family and stack."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from supernode_opt.calibration.data.stacks import stacks
from supernode_opt.calibration.evidence.distance import Point
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
      points: where the rows lie, of a platform of one's own [row]; its stack is the
        name of the platform.
    """

    names: tuple[Name, ...]
    mean: np.ndarray
    covariance: np.ndarray
    rows: tuple[str, ...]
    noise: dict[str, float]
    points: tuple[Point, ...] = ()


def selection(names: Sequence[Name], family: str, stack: str) -> np.ndarray:
    """Return the 0-1 matrix from parameters to one row's constants."""
    member = {"shared": "", "chip": family, "stack": stack}
    matrix = np.zeros((len(CONSTANTS), len(names)))
    for column, (name, scope, who) in enumerate(names):
        if member[scope] == who:
            matrix[INDEX[name], column] = 1.0
    return matrix


def _unseen(
    posterior: Posterior, one: tuple[str, str], other: tuple[str, str]
) -> np.ndarray:
    """Variance of deviations never fitted that two platforms share [constant].

    A chip family or a stack that no fitted row had keeps the whole spread of its prior,
    a constant that is younger than the fit that of its own.
    """
    seen = {(scope, member) for _, scope, member in posterior.names}
    variance = unfitted_priors(posterior.names)[1]
    if is_own(posterior):
        return variance
    for scope, mine, theirs in zip(("chip", "stack"), one, other, strict=True):
        if mine == theirs and (scope, mine) not in seen:
            spreads = [getattr(constant, scope) for constant in CONSTANTS]
            variance += np.asarray(spreads) ** 2
    if one[1] == other[1]:
        variance += kin_deviation(posterior, one[1])[1]
    return variance


def is_own(posterior: Posterior) -> bool:
    """Tell whether the constants of a platform of one's own are fitted.

    They stand for its chips and its stack already.
    """
    return all(scope == "shared" for _, scope, _ in posterior.names)


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


class Told(NamedTuple):
    """What kernels tell of the fitted constants of a stack.

    Attributes:
      rows: slopes of each observation by the logarithm of every constant
        [observation, constant] [1].
      values: `rows` times the logarithms that would agree with it [observation].
      spreads: standard deviation of each [observation] [1].
    """

    rows: np.ndarray
    values: np.ndarray
    spreads: np.ndarray


def measured_of(stack: str, logs: np.ndarray) -> Told:
    """Return what kernels of a stack tell, linear around `logs` [constant].

    An observation is of one constant; one of attention over short sequences is of its
    efficiency over 1 + attention_tokens / tokens, and so of two.
    """
    known = stacks().get(stack)
    told = () if known is None else known.kernels
    rows = np.eye(len(CONSTANTS))[[INDEX[name] for name, _ in told]]
    values = np.log([one.value for _, one in told])
    short = INDEX["attention_tokens"]
    for place, (_, one) in enumerate(told):
        if one.tokens:
            ratio = np.exp(logs[short]) / one.tokens
            rows[place, short] = -ratio / (1.0 + ratio)
            values[place] += np.log1p(ratio) + rows[place, short] * logs[short]
    return Told(rows, values, np.asarray([one.spread for _, one in told]))


# Rounds after which what kernels tell together no longer moves.
_ROUNDS = 8


def constants_of(
    posterior: Posterior, family: str, stack: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance of the logarithms of one row's constants.

    A stack of which no run was fitted is taken to be like its kin.  What its kernels
    tell counts as observations of its constants, by the rule of Gaussian conditioning.
    """
    (mean,), covariance = constants_together(posterior, [(family, stack)])
    return mean, covariance


def constants_together(
    posterior: Posterior, keys: Sequence[tuple[str, str]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `constants_of` says of several chip families and stacks at once.

    Means [key, constant], and one covariance of all of them, key by key.
    """
    matrix = np.concatenate([selection(posterior.names, *key) for key in keys])
    mean = matrix @ posterior.mean
    mean = mean + np.concatenate([kin_deviation(posterior, s)[0] for _, s in keys])
    mean = mean + np.tile(unfitted_priors(posterior.names)[0], len(keys))
    unseen = [[np.diag(_unseen(posterior, a, b)) for b in keys] for a in keys]
    covariance = matrix @ posterior.covariance @ matrix.T + np.block(unseen)
    stacks_heard = [s if told_by_kernels(posterior, s) else "" for _, s in keys]
    if not any(stacks_heard):
        return mean.reshape(len(keys), -1), covariance
    return _conditioned(mean, covariance, stacks_heard)


def _conditioned(
    mean: np.ndarray, covariance: np.ndarray, heard: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and covariance after what kernels tell of the stack of each key."""

    def told(logs: np.ndarray) -> Told:
        every = [measured_of(*one) for one in zip(heard, logs, strict=True)]
        wide, last = logs.shape[1], len(heard) - 1
        around = [(i * wide, (last - i) * wide) for i in range(len(heard))]
        rows = [
            np.pad(one.rows, ((0, 0), sides))
            for one, sides in zip(every, around, strict=True)
        ]
        _, values, spreads = map(np.concatenate, zip(*every, strict=True))
        return Told(np.concatenate(rows), values, spreads)

    def gain(said: Told) -> np.ndarray:
        seen = said.rows @ covariance @ said.rows.T + np.diag(said.spreads**2)
        return np.linalg.solve(seen, said.rows @ covariance).T

    found = mean.reshape(len(heard), -1)
    for _ in range(_ROUNDS):
        said = told(found)
        moved = gain(said) @ (said.values - said.rows @ mean)
        found = (mean + moved).reshape(found.shape)
    said = told(found)
    return found, covariance - gain(said) @ said.rows @ covariance


def told_by_kernels(posterior: Posterior, stack: str) -> bool:
    """Tell whether a stack's constants rest on its kernels, no run of it fitted."""
    scopes = {(scope, member) for _, scope, member in posterior.names}
    known = stacks().get(stack)
    measured = known is not None and bool(known.measured)
    return measured and not is_own(posterior) and ("stack", stack) not in scopes
