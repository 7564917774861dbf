"""What may move: numbers in a box and choices among names, and how a descent sees them.

A `Variable` is a number between two bounds, a `Choice` one of several names.  A descent
walks in unconstrained space: a sigmoid maps it onto the box, a softmax with a
temperature onto mixture weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jax import Array
from jax.typing import ArrayLike
from numpy.typing import NDArray

from supernode_opt.reading.node import did_you_mean, shown
from supernode_opt.smooth import namespace
from supernode_opt.system.design import CHOICE_NAMES as CHOICE_NAMES
from supernode_opt.system.design import EVERY_CHOICE as EVERY_CHOICE
from supernode_opt.system.design import NUMBER_NAMES, SERVING_NUMBERS

Scale = Literal["log", "linear"]

PLAN = (
    "tensor_parallel",
    "pipeline_parallel",
    "context_parallel",
    "expert_parallel",
    "interleave",
    "micro_batch",
)
# How a machine that serves is divided, beside what the two have in common.
POOLS = tuple(SERVING_NUMBERS)
_OF_TRAINING = ("chips", *PLAN, "scale_up_domain")
COUNTS = (*_OF_TRAINING, *POOLS)
HARDWARE = tuple(name for name in NUMBER_NAMES if name not in _OF_TRAINING)


@dataclass(frozen=True)
class Variable:
    """A free number, or a scenario constant freed by its dotted path.

    Attributes:
      name: `Design` field, or dotted path below `Scenario`.
      low: lower bound, SI.
      high: upper bound, SI.
      scale: the axis on which a descent takes equal steps.
      step: for counts, the spacing of legal values from `low`; `None` for the rule's.
    """

    name: str
    low: float
    high: float
    scale: Scale = "log"
    step: float | None = None

    def __post_init__(self) -> None:
        """Refuse an empty box and a log scale that touches zero.

        Raises:
          ValueError: the bounds are not in order, or not positive on a log scale.
        """
        for value in (self.low, self.high):
            if isinstance(value, str | Mapping | list | tuple | None):
                said = f"must have numbers for bounds, but has {shown(value)}"
                raise TypeError(f"`{self.name}` {said}")
        if not self.low <= self.high:
            raise ValueError(
                f"`{self.name}` must have low <= high, but is {self.low} to {self.high}"
            )
        if self.scale == "log" and self.low <= 0.0:
            raise ValueError(
                f"`{self.name}` must be above zero on a log scale, but starts at"
                f" {self.low}"
            )


@dataclass(frozen=True)
class Choice:
    """A free choice among named alternatives.

    Attributes:
      name: a mixture field of `Design`.
      options: the names to choose from.
    """

    name: str
    options: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse an unknown field or nothing to choose from.

        Raises:
          ValueError: `name` is no mixture field or `options` is empty.
        """
        if self.name not in EVERY_CHOICE:
            known = ", ".join(EVERY_CHOICE)
            near = did_you_mean(str(self.name), EVERY_CHOICE) or f" (known: {known})"
            raise ValueError(f"`{self.name}` is no choice of a design{near}")
        if isinstance(self.options, str) or not isinstance(self.options, Sequence):
            raise TypeError(f"the options of `{self.name}` must be several names")
        if not self.options:
            raise ValueError(f"`{self.name}` must have at least one option")


def axes(variables: tuple[Variable, ...]) -> dict[str, NDArray]:
    """Return the low and high ends and the log flags of `variables` as arrays."""
    return {
        "low": np.asarray([v.low for v in variables], float),
        "high": np.asarray([v.high for v in variables], float),
        "log": np.asarray([v.scale == "log" for v in variables], bool),
    }


def from_unit(
    unit: ArrayLike, low: ArrayLike, high: ArrayLike, log: ArrayLike
) -> Array:
    """Map the unit interval onto a box, evenly in the logarithm where `log` is true."""
    xp = namespace(unit, low, high, log)
    start = xp.where(log, xp.log(xp.where(log, low, 1.0)), low)
    end = xp.where(log, xp.log(xp.where(log, high, 1.0)), high)
    place = start + xp.asarray(unit) * (end - start)
    return xp.where(log, xp.exp(xp.where(log, place, 0.0)), place)


def to_unit(value: ArrayLike, low: ArrayLike, high: ArrayLike, log: ArrayLike) -> Array:
    """Invert `from_unit`; a box without width maps to one half."""
    xp = namespace(value, low, high, log)

    def bend(x: ArrayLike) -> Array:
        return xp.where(log, xp.log(xp.where(log, x, 1.0)), x)

    width = bend(high) - bend(low)
    place = (bend(value) - bend(low)) / xp.where(width > 0.0, width, 1.0)
    return xp.where(width > 0.0, place, 0.5)


def weights(logits: ArrayLike, temperature: ArrayLike) -> Any:
    """Return mixture weights over the last axis; they harden as temperature falls.

    An option with a logit of minus infinity has no weight.
    """
    xp = namespace(logits, temperature)
    scaled = xp.asarray(logits) / temperature
    grown = xp.exp(scaled - xp.max(scaled, axis=-1, keepdims=True))
    return grown / xp.sum(grown, axis=-1, keepdims=True)
