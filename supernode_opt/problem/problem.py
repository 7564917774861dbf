"""One question: what is given, what is frozen, what is free, what is wanted."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from supernode_opt.catalog.origins import Origins
from supernode_opt.problem.box import options
from supernode_opt.problem.build import check_built
from supernode_opt.problem.variables import Choice, Variable
from supernode_opt.reading.node import did_you_mean, shown
from supernode_opt.record import get, leaves
from supernode_opt.system.design import design_choices, design_numbers
from supernode_opt.system.report import SERVING_SCALARS, scalars
from supernode_opt.system.scenario import Scenario

# What is drawn ends at 2.5 standard deviations: it says nothing of what is rarer.
RAREST = 0.01


def _scalar(name: str) -> None:
    if name not in SERVING_SCALARS:
        near = did_you_mean(str(name), SERVING_SCALARS)
        raise ValueError(f"`{name}` is no reported quantity{near}")


def _share(what: str, value: float | None) -> None:
    if value is not None and not RAREST <= value <= 1.0 - RAREST:
        said = f"must be from {RAREST:g} to {1.0 - RAREST:g}, but is {value}"
        raise ValueError(f"the {what} {said}")


@dataclass(frozen=True)
class Objective:
    """The reported quantity to make large or small.

    Attributes:
      name: scalar field of `Report`.
      maximize: whether more is better.
      quantile: share of the draws of what is not known well that lie below the value
        which is sought; `None` for the value that the catalog's constants give [1].
    """

    name: str
    maximize: bool
    quantile: float | None = None

    def __post_init__(self) -> None:
        """Refuse a name that is not reported and a quantile that draws cannot tell.

        Raises:
          ValueError: `name` is no scalar field of `Report`, or `quantile` is rarer
            than what is drawn.
        """
        _scalar(self.name)
        _share("quantile", self.quantile)

    @property
    def reached(self) -> float | None:
        """The probability with which the value is reached or bettered [1]."""
        if self.quantile is None:
            return None
        return 1.0 - self.quantile if self.maximize else self.quantile


@dataclass(frozen=True)
class Constraint:
    """A limit on a reported quantity.

    Attributes:
      name: scalar field of `Report`.
      limit: in the SI unit of that field.
      at_most: true for a ceiling, false for a floor.
      probability: with which it must be kept under the draws of what is not known
        well, beside the catalog's constants; `None` for these alone [1].
    """

    name: str
    limit: float
    at_most: bool
    probability: float | None = None

    def __post_init__(self) -> None:
        """Refuse a name that is not reported and a limit below zero.

        Raises:
          ValueError: `name` is no scalar field of `Report`, `limit` is negative or
            `probability` beyond what is drawn.
        """
        _scalar(self.name)
        _share(f"probability of `{self.name}`", self.probability)
        if isinstance(self.limit, str | Mapping | list | tuple | None):
            limit = shown(self.limit)
            raise TypeError(f"the limit of `{self.name}` must be SI, but is {limit}")
        if not 0.0 <= self.limit < math.inf:
            raise ValueError(f"the limit of `{self.name}` must not be {self.limit}")


@dataclass(frozen=True)
class Problem:
    """A scenario and every design field either frozen or free.

    Attributes:
      scenario: what is given.
      fixed: frozen design fields, numbers in SI and choices by name.
      variables: free numbers and freed scenario constants.
      choices: free choices.
      objective: what is wanted.
      constraints: the limits of this study; physical limits are always added.
      origins: where the values of `scenario` and `fixed` come from, as far as told.
      chance: with which the physical limits must be kept under the draws of what is
        not known well; `None` for the catalog's constants alone [1].
    """

    scenario: Scenario
    fixed: dict[str, float | str]
    variables: tuple[Variable, ...]
    choices: tuple[Choice, ...]
    objective: Objective
    constraints: tuple[Constraint, ...] = ()
    origins: Origins = field(default_factory=Origins)
    chance: float | None = None

    def __post_init__(self) -> None:
        """Check that every design field is frozen or free, and none is both.

        Raises:
          ValueError: a field is missing, unknown or named twice, or its value cannot
            be built.
          TypeError: something stands where a record belongs.
        """
        for what, kind, items in (
            ("scenario", Scenario, (self.scenario,)),
            ("variables", Variable, self.variables),
            ("choices", Choice, self.choices),
            ("objective", Objective, (self.objective,)),
            ("constraints", Constraint, self.constraints),
        ):
            for item in items:
                if not isinstance(item, kind):
                    said = f"must be {kind.__name__}, but is {shown(item)}"
                    raise TypeError(f"`{what}` {said}")
        _share("chance", self.chance)
        serves = self.scenario.serving is not None
        known = (*design_numbers(serves), *design_choices(serves))
        free = [v.name for v in self.variables] + [c.name for c in self.choices]
        named = [*self.fixed, *free]
        for name in named:
            if named.count(name) > 1:
                raise ValueError(f"`{name}` must be frozen or free, but is named twice")
            if "." in name:
                self._constant(name)
            elif name not in known:
                near = did_you_mean(name, known)
                raise ValueError(f"`{name}` is no design variable{near}")
        check_built(self.fixed)
        for choice in self.choices:
            for option in choice.options:
                every = options(choice.name, self.scenario)
                if option not in every:
                    near = did_you_mean(option, every)
                    raise ValueError(f"`{choice.name}` has no {shown(option)}{near}")
        missing = [n for n in known if n not in named]
        if missing:
            raise ValueError(f"neither frozen nor free: {', '.join(missing)}")
        reported = scalars(self.scenario)
        for one in (self.objective, *self.constraints):
            if one.name not in reported:
                raise ValueError(
                    f"`{one.name}` is reported of machines that serve, not of training"
                )

    def _constant(self, name: str) -> None:
        """Refuse a dotted path that leads to no constant."""
        try:
            get(self.scenario, name)
        except (AttributeError, ValueError, IndexError):
            near = did_you_mean(name, [path for path, _ in leaves(self.scenario)])
            raise ValueError(f"`{name}` is no constant of the scenario{near}") from None
