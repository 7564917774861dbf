"""Robust designs where nothing continuous is free: every candidate is raced."""

from collections.abc import Callable
from typing import Any

import numpy as np

from supernode_opt.problem.constraints import chances
from supernode_opt.problem.problem import Problem
from supernode_opt.robust.chance import asked_of
from supernode_opt.robust.exhaust import Race, race
from supernode_opt.robust.found import TOLD_APART, Found, told_apart
from supernode_opt.robust.judged import Judged
from supernode_opt.robust.sample import Sample
from supernode_opt.search import settings as grades
from supernode_opt.search.settings import Progress, Settings


def by_race(
    problem: Problem,
    settings: Settings,
    drawn: Sample,
    seed: int,
    tell: Callable[[Progress], None],
) -> Found:
    """Race every candidate; tell the best apart by more draws."""

    def say(done: float, best: Judged | None) -> None:
        tell(Progress("racing candidates under draws", done))

    raced = race(problem, settings, drawn, say)
    counted: dict[str, Any] = {
        "complete": raced.raced == raced.candidates,
        "candidates": raced.candidates,
        "draws": drawn.count,
        "judged_on_every_draw": raced.full,
        "excluded_by_probability": raced.unlikely,
        "open": raced.candidates - raced.raced,
    }
    if not len(raced.judged.loss):
        return _unkept(problem, raced, counted)
    found = told_apart(problem, raced.judged.columns, seed)
    complete = counted["complete"]
    status = grades.PROVED if complete else grades.FOUND
    message = (
        f"Best of {raced.raced:,} candidates that keep every limit at the catalog's"
        f" constants, on the same {drawn.count:,} draws: {raced.full:,} were judged on"
        " all of them, the others on as many as exclude them."
    )
    if len(found.loss) > 1:
        message += (
            f" The {len(found.loss)} best were told apart by {TOLD_APART:,} draws."
        )
    if not complete:
        message += f" {counted['open']:,} others were not judged."
    facts = counted | {"gap": 0.0 if complete else None}
    facts["rests_on"] = "a sample: other draws may order designs that are near anew"
    return Found(found, status, message, facts)


def _unkept(problem: Problem, raced: Race, counted: dict[str, Any]) -> Found:
    """Say that no candidate keeps its limits as probably as asked."""
    nearest = raced.nearest
    if nearest is None:
        raise ValueError("there is no design to consider: none was judged")
    limits = chances(problem)
    short = asked_of(limits) - nearest.chance[0]
    worst = limits[int(np.argmax(short))]
    chance = 100.0 * float(nearest.chance[0][int(np.argmax(short))])
    message = (
        "No candidate keeps every limit as probably as asked; the one that comes"
        f" nearest keeps {worst.name} with {chance:.3g} %, where"
        f" {100.0 * (worst.probability or 0.0):.3g} % are asked."
    )
    complete = counted["complete"]
    status = grades.INFEASIBLE if complete else grades.UNKNOWN
    facts = counted | {"gap": None, "rests_on": "a sample of draws"}
    return Found(nearest, status, message, facts)
