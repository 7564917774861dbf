"""What limits, bounds and lanes cost: a slope on both sides, and until where it holds.

Split, links and whole lanes are held as built; everything else moves.  A slope is the
multiplier of the limit where solves with the limit moved by a fiftieth of a per cent
agree with it, and the slope to these where they do not: at a corner of the optimum,
where the two sides differ.  Where other lanes, or another design that was solved, do
better is solved for, too.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.names import spelled
from supernode_opt.problem.constraints import all_constraints
from supernode_opt.problem.problem import Constraint, Problem
from supernode_opt.search.enumerate import variable
from supernode_opt.search.inner import continuous
from supernode_opt.search.merit import objective_value
from supernode_opt.search.nearby import Nearby
from supernode_opt.search.polish import Rival
from supernode_opt.search.records import Price
from supernode_opt.search.slsqp import Polished
from supernode_opt.search.solution import per_unit
from supernode_opt.search.steps import Step, next_step
from supernode_opt.system.design import Design
from supernode_opt.system.report import FACTS, Report
from supernode_opt.units import quantity_of
from supernode_opt.words import figures, spoken

# The step of a limit, in the unit of a quantity, and what people call it.
_STEPS = {"W": (1e3, "kW"), "K": (1.0, "K"), "B": (1e9, "GB"), "USD": (1e6, "MUSD")}
# A limit this near is leaned on, as a logarithm; a bound, as a share of its box.
_LEANING = 1e-6
# By how much a limit is moved to look at its slope, and how well slopes agree.
_MOVED, _AGREE = 2e-4, 0.01
# Per cents of the objective per per cent of a limit that are not worth a sentence.
_WORTH_SAYING = 1e-6
NOTHING = "no design with this split"


def prices(
    problem: Problem, chosen: Polished, rivals: Sequence[Rival] = ()
) -> tuple[tuple[Price, ...], NDArray]:
    """Price every limit, port and bound that the design leans on.

    Args:
      problem: what was asked.
      chosen: the design as it is built.
      rivals: other designs that were solved.

    Returns:
      The prices, limits by their weight first, and the multipliers of the normalised
      constraints, where solves did not confirm them put right.
    """
    multipliers = chosen.multipliers.copy()
    if not continuous(problem):
        return (), multipliers
    near = Nearby(problem, chosen)
    others = tuple(Nearby(problem, rival.built) for rival in rivals)
    every, found = all_constraints(problem), []
    leaned = (near.built.multipliers > _WORTH_SAYING) | (
        np.abs(near.built.values) <= _LEANING
    )
    for index in np.flatnonzero(leaned):
        if not every[index].limit > 0.0:
            continue
        sides = _slopes(near, int(index))
        multipliers[index] = np.clip(
            near.built.multipliers[index], min(sides), max(sides)
        )
        if max(sides) <= _WORTH_SAYING:
            continue
        own = index < len(problem.constraints)
        steps = [
            next_step(near, int(index), sign, others) if own else None
            for sign in (1.0, -1.0)
        ]
        price = _limit(near, every[index], sides, steps, rivals)
        found.append((-max(x for x in sides if math.isfinite(x)), price))
    found.sort(key=lambda one: one[0])
    limits = [price for _, price in found]
    return (*limits, *_ports(near), *_bounds(near)), multipliers


def _slopes(near: Nearby, index: int) -> tuple[float, float]:
    """Return minus d cost / d ln limit as a limit gives way, and as it is tightened."""
    said, cost = float(near.built.multipliers[index]), near.built.cost
    looser, tighter = (near.at(index, moved) for moved in (_MOVED, -_MOVED))
    # What is possible stays possible as a limit gives way.
    gain = max(cost - looser.cost, 0.0) / _MOVED if looser.feasible else 0.0
    loss = max(tighter.cost - cost, 0.0) / _MOVED if tighter.feasible else math.inf
    sides = (gain, loss)
    if all(abs(side - said) <= _AGREE * said for side in sides):
        return said, said
    return sides


def _limit(
    near: Nearby,
    constraint: Constraint,
    sides: tuple[float, float],
    steps: list[Step | None],
    rivals: Sequence[Rival],
) -> Price:
    problem, limit = near.problem, constraint.limit
    goal, unit = problem.objective, quantity_of(Report, constraint.name).unit
    best = objective_value(near.built.cost, goal)
    slope, back = (per_unit(best, goal, constraint, side) for side in sides)
    ends: list[tuple[float, float, str]] = []
    for step in steps:
        if step is None:
            ends.append((math.nan, math.nan, ""))
            continue
        ratio = math.exp(step.moved if constraint.at_most else -step.moved)
        change = objective_value(step.beyond, goal) - best
        words = _winner(near, step, rivals)
        ends.append((limit * ratio, change if step.winner else math.nan, words))
    price = Price(
        constraint.name, "limit", limit, unit, slope, back, *ends[0], *ends[1]
    )
    return _with(price, _limit_sentence(near, constraint, price))


def _winner(near: Nearby, step: Step, rivals: Sequence[Rival]) -> str:
    """Say what is better beyond a step."""
    if step.winner is None:
        return NOTHING
    if step.winner.rival is not None:
        return rivals[step.winner.rival].words
    changes = []
    for (place, width), (_, now) in zip(step.winner.widths, near.widths, strict=True):
        if width != now:
            lanes = _lanes(round(near.count(place, width), 6))
            changes.append(f"{lanes} of {spelled(near.names[place])}")
    return " and ".join(changes)


def _limit_sentence(near: Nearby, constraint: Constraint, price: Price) -> str:
    goal, limit = near.problem.objective, constraint.limit
    size, word = _STEPS.get(price.unit, (0.01 * limit, "per cent"))
    if size > 0.2 * limit:
        size, word = 0.01 * limit, "per cent"
    name, share = spelled(constraint.name), FACTS[constraint.name].share
    held = "split, links and lanes held" if near.lanes else "split and links held"
    # More of a floor is tighter.
    up, down = price.slope, price.slope_back
    if not constraint.at_most:
        up, down = down, up
    said = [f"one more {word} of {name}: {worth(up * size, goal.name)}"]
    if not abs(up - down) <= 2.0 * _AGREE * max(abs(up), abs(down)):
        said.append(f"one less: {worth(-down * size, goal.name)}")
    sentence = f"{', '.join(said)} ({held})"
    if price.step_to:
        at = spoken(price.step_value, price.unit, share)
        sentence += f", until {at}, {_then(price.step_to)}"
    if price.back_to:
        at = spoken(price.back_value, price.unit, share)
        side = "below" if constraint.at_most else "above"
        sentence += f"; {side} {at} {_then(price.back_to).removeprefix('where ')}"
    return sentence


def _then(words: str) -> str:
    """Say what happens at a step."""
    if words == NOTHING:
        return f"where {words} is possible"
    return f"where the best changes to {words}"


def _ports(near: Nearby) -> list[Price]:
    """Price one lane more and one less of every port that is built of whole lanes."""
    found = []
    goal = near.problem.objective
    best = objective_value(near.built.cost, goal)
    for place, width in near.widths:
        name, ends = near.names[place], near.ends(place)
        changes, said = [], []
        for end, word in ((ends.more, "more"), (ends.less, "less")):
            if end is None:
                changes.append(math.nan)
                continue
            widths = tuple((p, end if p == place else w) for p, w in near.widths)
            other = near.at(0, 0.0, widths)
            count = near.count(place, end) - near.count(place, width)
            change = math.nan
            words = "not possible within the limits"
            if other.feasible:
                change = objective_value(other.cost, goal) - best
                words = worth(change, goal.name)
            changes.append(change / count)
            said.append(f"one {word}: {words}")
        lanes = near.lanes[name]
        sentence = f"{_lanes(lanes)} of {spelled(name)}; {', '.join(said)}"
        price = Price(name, "lane", float(lanes), "", *changes)
        found.append(_with(price, sentence))
    return found


def _lanes(count: float) -> str:
    return f"{figures(count)} lane" + "s" * (count != 1)


def _bounds(near: Nearby) -> list[Price]:
    """Price the bounds of variables that the design leans on, by their slope."""
    problem, goal, found = near.problem, near.problem.objective, []
    best = objective_value(near.built.cost, goal)
    for place, name in enumerate(near.names):
        box = variable(problem, name)
        if box is None or near.held[place] or not box.low < box.high:
            continue
        at, slope = near.built.point[place], near.built.slopes[place]
        if min(at, 1.0 - at) > _LEANING or (slope > 0.0) == (at > 0.5):
            continue
        end = box.high if at > 0.5 else box.low
        log = box.scale == "log"
        width = end * math.log(box.high / box.low) if log else box.high - box.low
        # d objective / d end, from the slope of its logarithm along the whole box.
        steep = (-1.0 if goal.maximize else 1.0) * slope * best / width
        if abs(steep * end) < _WORTH_SAYING * abs(best):
            continue
        side, outwards = ("upper", 1.0) if at > 0.5 else ("lower", -1.0)
        gain = worth(outwards * steep * 0.01 * end, goal.name)
        unit = quantity_of(Design, name).unit if "." not in name else ""
        sentence = (
            f"{spelled(name)} is at its {side} bound; moving that one per cent"
            f" outwards: {gain}"
        )
        found.append(_with(Price(name, "bound", end, unit, steep, steep), sentence))
    return found


def _with(price: Price, sentence: str) -> Price:
    return Price(**(vars(price) | {"sentence": sentence}))


def worth(change: float, name: str) -> str:
    """Write a change of the objective."""
    if not math.isfinite(change):
        return "not possible"
    facts, unit = FACTS[name], quantity_of(Report, name).unit
    if facts.share:
        return f"{100.0 * change:+.3g} points of {facts.label or spelled(name)}"
    sign = "-" if change < 0.0 else "+"
    # A difference of temperatures has no zero of its own.
    size = f"{abs(change):.3g} K" if unit == "K" else spoken(abs(change), unit)
    return f"{sign}{size} of {facts.label or spelled(name)}"
