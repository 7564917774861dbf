"""Designs of another kind that are nearly as good as the best.

Each comes with what is more of it than of the best, the limits that it leans on, and
the smallest change of one constant that would put it ahead.
"""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.names import spelled
from supernode_opt.problem.constraints import all_constraints
from supernode_opt.problem.problem import Problem
from supernode_opt.search.enumerate import Columns, take
from supernode_opt.search.envelope import elasticities
from supernode_opt.search.inner import MENDABLE, continuous, exact_merit
from supernode_opt.search.merit import objective_value
from supernode_opt.search.nearby import Nearby
from supernode_opt.search.polish import Rival, finish
from supernode_opt.search.pursuit import Search
from supernode_opt.search.records import Alternative
from supernode_opt.search.slsqp import Polished
from supernode_opt.search.solution import kind_of, plain_report, values_of
from supernode_opt.search.winning import Changed, smallest_change, told
from supernode_opt.system.report import FACTS, Report
from supernode_opt.units import quantity_of
from supernode_opt.words import figures, spoken

MOST = 5
# What tells machines that serve apart.
_OF_SERVING = ("decode_tokens_per_s_per_chip", "prefill_tokens_per_s_per_chip")
_OF_SERVING += ("batch_per_chip", "tpot", "ttft")


def finished(search: Search, others: Columns | None = None) -> list[Rival]:
    """Finish the best candidates of other kinds than the winner, best first.

    Those within the stated share of the best, or the next one where there are none.

    Args:
      search: what was solved.
      others: feasible candidates, best first, where nothing had to be solved.
    """
    problem, best = search.problem, search.best
    if best is None:
        return []
    seen = {kind_of(best.built.columns, 0)}
    ours, found = values_of(problem, best.built.columns), []
    enough = best.built.cost + math.log1p(search.settings.alternatives_within)
    for columns, row, point, cost in promising(search, others):
        kind = kind_of(columns, row)
        if kind in seen or (found and cost > enough):
            continue
        seen.add(kind)
        made = finish(problem, search.settings, take(columns, [row]), point).built
        if found and made.cost > enough:
            if others is not None:
                # They come best first.
                break
            continue
        if made.feasible:
            words = differs(problem, values_of(problem, made.columns), ours)
            found.append(Rival(made, words))
        if len(found) == MOST:
            break
    return sorted(found, key=lambda one: one.built.cost)


def promising(
    search: Search, others: Columns | None
) -> Iterator[tuple[Columns, int, NDArray, float]]:
    """Yield candidates with a point and the cost of each, the most promising first."""
    if others is not None:
        middle = np.full(len(exact_merit(search.problem).names), 0.5)
        for row in range(len(others["chips"])):
            yield others, row, middle, -math.inf
        return
    rows = [
        (float(estimate), number, row)
        for number, block in enumerate(search.solved)
        for row, (estimate, violation) in enumerate(
            zip(block.estimate(), block.violation(), strict=True)
        )
        if violation <= MENDABLE
    ]
    for estimate, number, row in sorted(rows):
        block = search.solved[number]
        yield block.columns, row, block.points[row], estimate


def differs(
    problem: Problem, other: dict[str, float | str], ours: dict[str, float | str]
) -> str:
    """Say in which discrete choices a design differs from the best, in few words."""
    said = []
    for name, value in other.items():
        if name in continuous(problem) or name == "data_parallel":
            continue
        if value != ours.get(name):
            text = value if isinstance(value, str) else figures(float(value))
            said.append(f"{spelled(name)} {text}")
    return ", ".join(said) or "the same but for its numbers"


def alternatives(
    problem: Problem, best: Polished, others: Sequence[Rival]
) -> tuple[Alternative, ...]:
    """Say of each other design why it loses and what would make it win.

    Args:
      problem: what was asked.
      best: the best design as it is built.
      others: of `finished`.
    """
    if not others:
        return ()
    ours = elasticities(problem, best)
    report = _report(problem, best)
    here = Changed(Nearby(problem, best))
    found = []
    for other in others:
        made = Alternative(
            values_of(problem, other.built.columns),
            objective_value(other.built.cost, problem.objective),
            _loses(problem, report, _report(problem, other.built), other.built),
        )
        change = smallest_change(problem, here, other.built, ours)
        words, inside = told(problem, change)
        path, factor = change or ("", math.nan)
        found.append(
            dataclasses.replace(
                made, constant=path, factor=factor, inside=inside, wins=words
            )
        )
    return tuple(found)


def _report(problem: Problem, one: Polished) -> Report:
    return plain_report(values_of(problem, one.columns), problem.scenario)


def _loses(
    problem: Problem, best: Report, other: Report, built: Polished
) -> tuple[str, ...]:
    """Return what is more of a design than of the best, and what it leans on."""
    said = []
    serves = problem.scenario.serving is not None
    if serves:
        said += _served(best, other)
    for whole in () if serves else _totals(problem.objective.name):
        part = FACTS[whole].parts
        mine, theirs = (vars(getattr(one, part)) for one in (other, best))
        unit = quantity_of(Report, whole).unit
        more = {name: mine[name] - theirs[name] for name in mine}
        grown = sorted(more.items(), key=lambda one: -one[1])
        total = float(getattr(best, whole))
        named = [
            f"{spelled(name)} +{spoken(size, unit)}"
            for name, size in grown[:3]
            if size > 1e-3 * total
        ]
        away = float(getattr(other, whole)) / total - 1.0
        if named and abs(away) > 1e-4:
            said.append(f"{spelled(whole)} {100.0 * away:+.2g} %: {', '.join(named)}")
        elif named:
            said.append(f"{spelled(whole)}: {', '.join(named)}")
    every = all_constraints(problem)
    tight = np.argsort(-built.multipliers, kind="stable")
    leaned = [spelled(every[k].name) for k in tight[:2] if built.multipliers[k] > 1e-6]
    if leaned:
        said.append(f"leans on {' and '.join(leaned)}")
    return tuple(said)


def _served(best: Report, other: Report) -> list[str]:
    """Return what differs most of both phases: a batch fills what time is left it."""
    away = {
        name: float(getattr(other, name)) / max(float(getattr(best, name)), 1e-300) - 1
        for name in _OF_SERVING
    }
    told = [
        f"{spelled(name)} {100.0 * change:+.2g} %"
        for name, change in away.items()
        if abs(change) > 1e-3
    ]
    return [", ".join(told)] if told else []


def _totals(goal: str) -> list[str]:
    """Return the totals whose parts explain a quantity."""
    facts = FACTS[goal]
    if facts.parts:
        return [goal]
    found = ["step_time"] if facts.step_exponent else []
    if "joule" in goal or "power" in goal:
        found.append("power")
    if "dollar" in goal or "cost" in goal:
        found.append("cost")
    return found or ["step_time"]
