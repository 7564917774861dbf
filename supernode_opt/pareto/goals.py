"""What a front is about: two or three quantities, each wanted large or small.

Values are compared as *losses*: the value of what is minimised, minus the value of what
is maximised, in SI, so that less is always better.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from supernode_opt.problem.problem import Constraint, Objective, Problem
from supernode_opt.system.report import Report
from supernode_opt.units import quantity_of

# A limit that nothing reaches, of a ceiling; of a floor one over it.
_LOOSE = 1e30
# Values are one where they agree to so many significant digits: programs that compute
# them in another order differ in the last ones.
_DIGITS = 11


@dataclasses.dataclass(frozen=True)
class Goals:
    """Quantities that are wanted at once.

    Attributes:
      objectives: two or three.
    """

    objectives: tuple[Objective, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the quantities."""
        return tuple(goal.name for goal in self.objectives)

    @property
    def units(self) -> tuple[str, ...]:
        """SI unit of each quantity, "" for numbers."""
        return tuple(quantity_of(Report, name).unit for name in self.names)

    @property
    def maximize(self) -> tuple[bool, ...]:
        """Whether more of each is better."""
        return tuple(goal.maximize for goal in self.objectives)

    @property
    def signs(self) -> NDArray:
        """What turns values into losses [objective]: -1 where more is better."""
        return np.where(self.maximize, -1.0, 1.0)

    def loss(self, values: ArrayLike) -> NDArray:
        """Return values [..., objective] as losses, or losses as values."""
        return self.signs * np.asarray(values, float)

    def narrowed(
        self, problem: Problem, main: int, limits: Sequence[float | None]
    ) -> Problem:
        """Return `problem` with one objective sought and the others limited.

        Every quantity has its limit, if only one that nothing reaches, so that all
        such problems are one program.

        Args:
          problem: of the study.
          main: place of the objective that is sought.
          limits: of each objective, in its own unit; `None` where there is none, and
            for what is sought.
        """
        made = [
            Constraint(goal.name, _limit(goal, limit), at_most=not goal.maximize)
            for goal, limit in zip(self.objectives, limits, strict=True)
        ]
        return dataclasses.replace(
            problem,
            objective=self.objectives[main],
            constraints=(*problem.constraints, *made),
        )


def _limit(goal: Objective, limit: float | None) -> float:
    if limit is None or not math.isfinite(limit):
        return 1.0 / _LOOSE if goal.maximize else _LOOSE
    return limit


def rounded(values: ArrayLike) -> NDArray:
    """Return values to the digits that programs agree on."""
    values = np.asarray(values, float)
    size = np.abs(values)
    known = np.isfinite(values) & (size > 0.0)
    power = np.floor(np.log10(np.where(known, size, 1.0)))
    step = 10.0 ** (power - _DIGITS + 1)
    return np.where(known, np.round(values / step) * step, values)
