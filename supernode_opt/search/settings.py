"""How hard to look, and what a run says while it looks."""

from dataclasses import dataclass

# How far an answer is shown; see `certificate`, and `solve` of what was stopped.
PROVED = "proved"
CONVEX = "optimal if log-convex"
FOUND = "best found"
INFEASIBLE = "infeasible"
UNKNOWN = "none found"
STOPPED = "stopped"
# No design comes with these.
UNANSWERED = (INFEASIBLE, UNKNOWN)


@dataclass(frozen=True)
class Settings:
    """Effort of the solver; the defaults suit a laptop.

    Attributes:
      starts: points of the relaxed descent, moved together [1].
      outer: rounds of the relaxed descent; 0 leaves it out [1].
      inner: steps per round [1].
      rate: first step of the descents, in unconstrained units [1].
      sharpness: first and last sharpness of the smoothed maxima [1].
      temperature: first and last temperature of the mixtures [1].
      tolerance: relative difference in the objective that does not matter [1].
      maximum_candidates: most splits to enumerate; beyond, only the neighbourhood of
        relaxed points is searched, and the certificate says so [1].
      maximum_solves: most inner solves of the proof [1].
      whole_lanes: whether free bandwidths are built from whole lanes.
      gap: relative, at which the search for one machine of several jobs ends [1].
      maximum_boxes: most boxes of machines that it bounds [1].
      time_limit: most time that it takes; what it then says depends on the computer
        [s].
    """

    starts: int = 256
    outer: int = 15
    inner: int = 60
    rate: float = 0.15
    sharpness: tuple[float, float] = (5.0, 300.0)
    temperature: tuple[float, float] = (1.0, 0.05)
    tolerance: float = 1e-4
    maximum_candidates: int = 20_000_000
    maximum_solves: int = 5_000
    whole_lanes: bool = True
    gap: float = 0.005
    maximum_boxes: int = 400_000
    time_limit: float = 86_400.0


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
