"""How a design stands to what it must respect, and what is said of it."""

import dataclasses

from supernode_opt.hardware.reach import bridged
from supernode_opt.names import spelled
from supernode_opt.problem.constraints import (
    all_constraints,
    normalised,
    per_cent,
)
from supernode_opt.problem.problem import Problem
from supernode_opt.search.solution import ConstraintState
from supernode_opt.system.footprint import memory_verdict
from supernode_opt.system.report import Report, is_share
from supernode_opt.units import quantity_of
from supernode_opt.words import figures, spoken

# A limit is kept when it is exceeded by no more than rounding.
ROUNDING = 1e-9
# A clock this much slower than asked for is worth a sentence.
NOTICEABLE = 1e-4

_SHORT = (
    " An allocator that runs short there gives back and asks anew in every micro-batch:"
    " such runs can take several times as long as this step."
)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a design respects its limits.

    Attributes:
      message: one sentence and more, for people.
      memory: how likely it fits, in a word or two.
      broken: (limit, per cent by which it must give way) of all that are not kept.
    """

    message: str
    memory: str
    broken: tuple[tuple[str, float], ...]


def verdict(problem: Problem, report: Report, states: list[ConstraintState]) -> Verdict:
    """Judge the frozen design of `problem` by its limits.

    Args:
      problem: what was asked; nothing in it is free.
      report: of its design, plain floats.
      states: of all limits, as `constraint_states` has them.
    """
    broken = _broken(problem, states)
    chance = float(report.fit_probability)
    memory = memory_verdict(chance)
    thin = False
    asked_for = {limit.name for limit in problem.constraints}
    if memory != "does not fit" and "memory_fraction" not in asked_for:
        # Headroom is for designs that are chosen; whether one runs is a matter of odds.
        kept = [(name, move) for name, move in broken if name != "memory_fraction"]
        thin, broken = len(kept) < len(broken), kept
    message = f"Every constraint{' but the headroom of memory' * thin} holds."
    if broken:
        told = "; ".join(_told(problem, report, states, *item) for item in broken)
        message = f"The design violates {told}."
    message += (
        f" Memory {memory}: {_odds(chance)} % likely to suffice,"
        f" {spoken(float(report.memory), 'B', False)} of"
        f" {spoken(float(problem.scenario.chip.hbm_capacity), 'B', False)}."
    )
    if memory == "on the edge":
        message += _SHORT
    asked, clock = float(problem.fixed["clock"]), float(report.clock)
    if clock < asked * (1.0 - NOTICEABLE):
        message += (
            f" Power limit and cooling sustain a clock of {clock:.3g} instead of"
            f" {asked:.3g}, at which it runs."
        )
    return Verdict(message, memory, tuple(broken))


def _odds(chance: float) -> str:
    """Write a probability in per cent.

    >>> _odds(5e-56), _odds(0.8067), _odds(1.0)
    ('under 0.01', '80.7', '100')
    """
    return "under 0.01" if chance < 1e-4 else figures(100.0 * chance, 3)


def _broken(problem: Problem, states: list[ConstraintState]) -> list[tuple[str, float]]:
    """Return (name, per cent by which the limit must move) of every broken limit."""
    found = []
    for limit, state in zip(all_constraints(problem), states, strict=True):
        excess = float(normalised(state.value, limit.limit, limit.at_most))
        # Written so that a value that is not a number counts as broken.
        if not excess <= ROUNDING:
            found.append((limit.name, per_cent(excess, limit)))
    return found


def _told(
    problem: Problem,
    report: Report,
    states: list[ConstraintState],
    name: str,
    move: float,
) -> str:
    """Say of one broken limit what the design has and what is allowed."""
    side = name.removesuffix("_reach")
    if side != name:
        scenario, chosen = problem.scenario, problem.fixed[f"{side}_link"]
        link = next(link for link in scenario.links if link.name == chosen)
        carried = float(bridged(link, getattr(scenario, f"{side}_switch")))
        span = float(getattr(report, f"{side}_span"))
        if span > carried:
            return (
                f"{spelled(name)}: the longest link is {span:.3g} m,"
                f" but {chosen} carries {carried:.3g} m"
            )
        return f"{spelled(name)}: exceeded by {figures(move)} %"
    state = next(state for state in states if state.name == name)
    unit, sense = quantity_of(Report, name).unit, "most" if state.at_most else "least"
    value, limit = (spoken(x, unit, is_share(name)) for x in (state.value, state.limit))
    return f"{spelled(name)}: {value}, where at {sense} {limit} is allowed"
