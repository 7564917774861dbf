"""How hard to look, and what a run says while it looks."""

from dataclasses import dataclass
from typing import Any

from supernode_opt.search.rules import (
    LAST_SHARE,
    OPTIONS,
    RULES,
    Descent,
    Optimizer,
    Schedule,
)
from supernode_opt.units import Share

# How far an answer is shown; see `certificate`, and `solve` of what was stopped.
PROVED = "proved"
CONVEX = "optimal if log-convex"
FOUND = "best found"
INFEASIBLE = "infeasible"
UNKNOWN = "none found"
STOPPED = "stopped"
# The one setting that may be zero: it leaves the relaxed descent out.
_NO_DESCENT = ("outer", 0)
# Settings that are shares of something that is kept: at one, nothing new is learnt.
_SHARES = ("averages", "momentum", "weight_decay")
# No design comes with these.
UNANSWERED = (INFEASIBLE, UNKNOWN)


@dataclass(frozen=True)
class Settings:
    """Effort of the solver; the defaults suit a laptop.

    Attributes:
      starts: points of the relaxed descent, moved together [1].
      outer: rounds of the relaxed descent; 0 leaves it out [1].
      inner: steps per round [1].
      optimizer: rule that makes moves of slopes, as Optax has it.
      schedule: how steps shrink in the course of a round.
      rate: first step of a round, in unconstrained units; what suits the optimizer if
        not given [1].
      last_share: share of `rate` that is left at the end of a round; a tenth if not
        given [1].
      averages: shares of the past in the averages of slopes and of their squares; as
        Optax has them if not given [1].
      momentum: share of the past in a move; none if not given [1].
      weight_decay: pull towards the middle of boxes and mixtures; as Optax has it if
        not given [1].
      memory: moves that tell the curvature, 10 if not given [1].
      sharpness: first and last sharpness of the smoothed maxima [1].
      temperature: first and last temperature of the mixtures [1].
      tolerance: relative difference in the objective that does not matter [1].
      maximum_candidates: most splits to list; of those beyond, the families and their
        bounds are known, and the certificate says what is open [1].
      maximum_solves: most inner solves of the proof [1].
      whole_lanes: whether free bandwidths are built from whole lanes.
      prices: whether prices, elasticities, alternatives and extremes are worked out,
        which takes about a second after the search.
      alternatives_within: how much worse than the best a design of another kind, or at
        an extreme, may be to be told of [1].
      draws: of what is not known well, by which robust designs are compared, 256 if
        not given [1].
    """

    starts: int = 64
    outer: int = 8
    inner: int = 20
    optimizer: Optimizer = "lbfgs"
    schedule: Schedule = "constant"
    rate: float | None = None
    last_share: float | None = None
    averages: tuple[float, float] | None = None
    momentum: float | None = None
    weight_decay: float | None = None
    memory: int | None = None
    sharpness: tuple[float, float] = (5.0, 300.0)
    temperature: tuple[float, float] = (1.0, 0.05)
    tolerance: Share = 1e-4
    maximum_candidates: int = 20_000_000
    maximum_solves: int = 5_000
    whole_lanes: bool = True
    prices: bool = True
    alternatives_within: Share = 0.02
    draws: int | None = None

    @property
    def descent(self) -> Descent:
        """What of the descent's steps is part of its program."""
        named = Descent(self.optimizer, self.schedule)
        return named if self.memory is None else named._replace(memory=self.memory)

    @property
    def rates(self) -> tuple[float, float]:
        """First and last step of a round [1]."""
        first = RULES[self.optimizer].rate if self.rate is None else self.rate
        share = LAST_SHARE if self.last_share is None else self.last_share
        return first, share * first

    @property
    def options(self) -> dict[str, Any]:
        """Numbers that the optimizer reads, as far as given."""
        named = (name for name in OPTIONS if name != "memory")
        given = {name: getattr(self, name) for name in named}
        return {name: value for name, value in given.items() if value is not None}


def out_of_range(name: str, value: Any) -> str | None:
    """Say what a setting must be, if it is not; words and lengths aside."""
    if value is None or isinstance(value, bool | str):
        return None
    numbers = value if isinstance(value, tuple) else (value,)
    if not all(
        0.0 < one < float("inf") or (name, one) == _NO_DESCENT for one in numbers
    ):
        return "must be above zero"
    if name in _SHARES and max(numbers) >= 1.0:
        return "must be below 1"
    if name == "last_share" and value > 1.0:
        return "must be at most 1"
    return None


@dataclass(frozen=True)
class Progress:
    """One line of a running solve.

    Attributes:
      stage: what is being done.
      done: share of the stage [1].
      objective: best value so far, in the unit of the objective, or `None`.
      violation: largest normalised violation of that point [1].
      constraint: the constraint it belongs to, "" if none.
    """

    stage: str
    done: float
    objective: float | None = None
    violation: float = 0.0
    constraint: str = ""
