"""Parameters of a fit of collectives: who shares which, and what came out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from supernode_opt.calibration.collectives.constants import (
    NAMES,
    Constant,
    applies,
    constants_of,
    label,
    sharing,
)

# (constant, scope, member)
Name = tuple[str, str, str]


class Posterior(NamedTuple):
    """A fitted library.

    Attributes:
      library: its name.
      names: (constant, scope, member) of every parameter.
      centre, spread: prior mean and standard deviation [parameter].
      mean: fitted logarithm or deviation [parameter].
      covariance: from the Hessian at the optimum [parameter, parameter].
    """

    library: str
    names: tuple[Name, ...]
    centre: np.ndarray
    spread: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray


def parameters(library: str, keys: Sequence[tuple[str, str]]) -> Posterior:
    """Return the prior of all parameters of some (operation, fabric) pairs."""
    found: dict[Name, tuple[float, float]] = {}
    for operation, fabric in keys:
        who = sharing(operation, fabric)
        for constant in constants_of(library, operation):
            if not applies(constant, operation, fabric):
                continue
            for order, (scope, spread) in enumerate(constant.spreads.items()):
                centre = 0.0 if order else float(np.log(constant.prior))
                name = (constant.name, scope, label(scope, who))
                found.setdefault(name, (centre, spread))
    numbers = np.asarray(list(found.values()), float).reshape(-1, 2)
    centre, spread = numbers.T
    covariance = np.diag(spread**2)
    return Posterior(library, tuple(found), centre, spread, centre.copy(), covariance)


def selection(known: Posterior, operation: str, fabric: str) -> np.ndarray:
    """Return the 0-1 matrix from parameters to `NAMES`; a row of zeros is absent."""
    who = sharing(operation, fabric)
    order = {name: column for column, name in enumerate(known.names)}
    matrix = np.zeros((len(NAMES), len(known.names)))
    for constant in constants_of(known.library, operation):
        if applies(constant, operation, fabric):
            for scope in constant.spreads:
                column = order.get((constant.name, scope, label(scope, who)))
                if column is not None:
                    matrix[NAMES.index(constant.name), column] = 1.0
    return matrix


class Fitted(NamedTuple):
    """A constant of one operation on some links, with what is known of it.

    Attributes:
      value: in the field's unit.
      deviation: standard deviation of its logarithm [1].
      prior: centre of its prior, in the field's unit.
      share: of the prior's standard deviation that is left [1].
    """

    value: float
    deviation: float
    prior: float
    share: float


def constants_at(known: Posterior, operation: str, fabric: str) -> dict[str, Fitted]:
    """Return the fitted constants of an operation, those it has.

    On links that were not fitted the deviation contains how much links differ.
    """
    matrix = selection(known, operation, fabric)
    found = {}
    for constant in constants_of(known.library, operation):
        if not applies(constant, operation, fabric):
            continue
        row = matrix[NAMES.index(constant.name)]
        missing = _unseen(constant, known, operation, fabric)
        variance = row @ known.covariance @ row + missing
        before = row @ (known.spread**2 * row) + missing
        value = float(np.exp(row @ known.mean))
        if constant.name == "local_share":
            value = min(value, 1.0)
        found[constant.name] = Fitted(
            value,
            float(np.sqrt(variance)),
            float(np.exp(row @ known.centre)),
            float(np.sqrt(variance / before)),
        )
    return found


def _unseen(constant: Constant, known: Posterior, operation: str, fabric: str) -> float:
    """Return the prior variance of deviations that no row could tell [1]."""
    who = sharing(operation, fabric)
    return sum(
        spread**2
        for scope, spread in constant.spreads.items()
        if (constant.name, scope, label(scope, who)) not in known.names
    )
