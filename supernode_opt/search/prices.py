"""What limits, bounds and lanes cost: every price is the answer to a solve of its own.

Split, links and whole lanes are held as built; everything else moves.  A limit is moved
by one step and the design polished anew, so a price says what the step is worth, not
what a slope promises, and a step that cannot be taken is said to be impossible.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.constraints import all_constraints
from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import to_unit
from supernode_opt.search.inner import continuous, exact_merit
from supernode_opt.search.lanes import lane_rates
from supernode_opt.search.merit import aim_of, box_data, objective_value
from supernode_opt.search.slsqp import Polished, polish
from supernode_opt.search.solution import ConstraintState
from supernode_opt.system.report import FACTS, Report
from supernode_opt.units import quantity_of

# The step of a limit, in the unit of a quantity, and what people call it.
_STEPS = {"W": (1e3, "kW"), "K": (1.0, "K"), "B": (1e9, "GB"), "USD": (1e6, "M USD")}
_LEANING = 1e-6
_WHOLE = 1e-6
# A price below this share of the objective per per cent is not worth a sentence.
_WORTH_SAYING = 1e-6


class _Built(NamedTuple):
    """The design as it is built.

    Attributes:
      polished: at its optimum.
      held: which entries of the point are whole lanes.
      lanes: lane counts of the ports that are held.
    """

    polished: Polished
    held: NDArray
    lanes: dict[str, int]


def prices(
    problem: Problem, states: list[ConstraintState], chosen: Polished
) -> list[str]:
    """Say what one more step of every tight limit, bound or port is worth.

    Args:
      problem: what was asked.
      states: of the limits at the design.
      chosen: the design as it is built.
    """
    if not continuous(problem):
        return []
    built = _built(problem, chosen)
    kept = ["split", "links", *(f"{n} lanes" for n in built.lanes.values())]
    held = ", ".join(kept[:-1]) + f" and {kept[-1]} held"
    found = []
    for index, state in enumerate(states):
        # In logarithms: per cent of the objective for a per cent of the limit.
        if not chosen.multipliers[index] > _WORTH_SAYING:
            continue
        said = _limit(problem, built, index, state)
        if said:
            found.append(f"{said} ({held})")
    found += _ports(problem, built)
    return found + _leaning(problem, chosen)


def _built(problem: Problem, chosen: Polished) -> _Built:
    names = exact_merit(problem).names
    held, lanes = np.zeros(len(names), bool), {}
    for name, rate in lane_rates(problem).items():
        count = float(chosen.columns[name][0]) / rate
        if abs(count - round(count)) <= _WHOLE * count:
            held[names.index(name)] = True
            lanes[name] = round(count)
    return _Built(chosen, held, lanes)


def _limit(
    problem: Problem, built: _Built, index: int, state: ConstraintState
) -> str | None:
    """Price one more unit of a limit; more of a floor is tighter."""
    unit = quantity_of(Report, state.name).unit
    step, word = _STEPS.get(unit, (0.01 * (state.limit or 1.0), "per cent"))
    if word != "per cent" and step > 0.2 * state.limit:
        step, word = 0.01 * state.limit, "per cent"
    more = f"one more {word} of {state.name.replace('_', ' ')}"
    offset = np.zeros(len(all_constraints(problem)))
    if not state.limit > 0.0:
        return None
    moved = math.log1p(step / state.limit)
    offset[index] = -moved if state.at_most else moved
    aim = aim_of(problem, offset=offset)
    polished = polish(
        problem, built.polished.columns, built.polished.point, held=built.held, aim=aim
    )
    if not polished.feasible:
        return f"{more}: not possible"
    return f"{more}: {_change(problem, polished.cost, built.polished.cost)}"


def _ports(problem: Problem, built: _Built) -> list[str]:
    """Price one more lane of every port that is built of whole lanes."""
    names = exact_merit(problem).names
    box = box_data(problem, names)
    found = []
    for name, count in built.lanes.items():
        place = names.index(name)
        width = (count + 1) * lane_rates(problem)[name]
        axis = [box[key][place] for key in ("low", "high", "log")]
        if width > axis[1]:
            continue
        point = built.polished.point.copy()
        point[place] = float(to_unit(width, *axis))
        more = polish(problem, built.polished.columns, point, held=built.held)
        said = "not possible within the limits"
        if more.feasible:
            said = _change(problem, more.cost, built.polished.cost)
        words = name.replace("_", " ")
        found.append(f"one more lane of {words} ({count} to {count + 1}): {said}")
    return found


def _leaning(problem: Problem, chosen: Polished) -> list[str]:
    """Price the bounds of variables that the design leans on, by their slope."""
    goal, found = problem.objective, []
    variables = {v.name: v for v in problem.variables}
    best = objective_value(chosen.cost, goal)
    for place, name in enumerate(exact_merit(problem).names):
        if name not in variables:
            continue
        at, slope = chosen.point[place], chosen.slopes[place]
        if min(at, 1.0 - at) > _LEANING or (slope > 0.0) == (at > 0.5):
            continue
        box = variables[name]
        width = math.log(box.high / box.low) if box.scale == "log" else 0.0
        end = box.high if at > 0.5 else box.low
        share = 0.01 / width if width else 0.01 * end / (box.high - box.low)
        change = (-1.0 if goal.maximize else 1.0) * slope * share * best
        if abs(change) < _WORTH_SAYING * abs(best):
            continue
        side = "upper" if at > 0.5 else "lower"
        gain = change if at > 0.5 else -change
        found.append(
            f"{name.replace('_', ' ')} is at its {side} bound; moving that one per"
            f" cent outwards: {_worth(gain, goal.name)}"
        )
    return found


def _change(problem: Problem, new: float, old: float) -> str:
    goal = problem.objective
    return _worth(objective_value(new, goal) - objective_value(old, goal), goal.name)


def _worth(change: float, name: str) -> str:
    """Write a change of the objective."""
    facts = FACTS[name]
    if facts.share:
        return f"{100.0 * change:+.3g} points of {facts.label or name}"
    unit = quantity_of(Report, name).unit
    return f"{change:+.3g} {unit}".rstrip() + f" {name.replace('_', ' ')}"
