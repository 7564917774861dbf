"""How far a joint answer is shown: what was excluded, and what is left open."""

import math
from typing import Any

import numpy as np

from supernode_opt.joint.machines import count_machines
from supernode_opt.joint.search import Course
from supernode_opt.joint.solve import Found, total_candidates
from supernode_opt.problem.variables import HARDWARE
from supernode_opt.search.settings import FOUND, INFEASIBLE, PROVED, UNKNOWN
from supernode_opt.words import figures

_RESTS = (
    "bounds that follow from the ways in which quantities move, at corners of boxes;"
    " nothing is assumed of convexity"
)
# Batches from which a rate is read.
_COURSE = 8


def status_of(found: Found) -> str:
    """Return how far the answer is shown."""
    if found.course.best is None:
        return UNKNOWN if len(found.course.boxes) else INFEASIBLE
    return PROVED if found.gap <= _tolerance(found) else FOUND


def facts(found: Found) -> dict[str, Any]:
    """Return what was counted, as plain values."""
    course, machines = found.course, count_machines(found.machines)
    candidates = total_candidates(found)
    fitting = sum(
        count * sum(_fitting(job, chips) for job in found.jobs)
        for chips, count in machines.items()
    )
    left, built = _open(found)
    return {
        "candidates": candidates,
        "machines": sum(machines.values()),
        "splits": sum(sum(job.legal.values()) for job in found.jobs),
        "excluded_by_memory": candidates - fitting,
        "excluded_by_bound": fitting - left,
        "open": left,
        "open_machines": built,
        "boxes": course.looked,
        "open_boxes": len(course.boxes),
        "gap": found.gap if math.isfinite(found.gap) else None,
        "seconds": found.seconds,
        "seconds_left": seconds_left(course, found.asked.settings.gap),
        "rests_on": _RESTS,
    }


def message(found: Found, told: dict[str, Any]) -> str:
    """Say in a sentence or two how far the answer is shown."""
    status, gap = status_of(found), told["gap"]
    if status == INFEASIBLE:
        return _why_not(found)
    if status == UNKNOWN:
        return (
            "No machine that keeps all limits was found, nor is that excluded:"
            f" {told['open_boxes']:,} boxes of machines are open. Raise maximum_boxes"
            " or narrow the boxes."
        )
    counted = (
        f"Best of {told['candidates']:,} candidates (machines times the splits of all"
        f" jobs): {told['excluded_by_memory']:,} do not fit in memory and"
        f" {told['excluded_by_bound']:,} are excluded by bounds."
    )
    if status == PROVED:
        return f"{counted} Nothing better is left."
    end = f" No machine is better by more than {figures(100.0 * gap, 2)} %."
    if gap > found.asked.settings.gap:
        left = told["seconds_left"]
        end += (
            " The search was ended before the gap that was asked for,"
            f" {figures(100.0 * found.asked.settings.gap, 2)} %: "
        )
        end += (
            "how long that takes cannot be told from its course."
            if left is None
            else f"at this rate that takes {_time(left)} more."
        )
    return counted + end


def seconds_left(course: Course, gap: float) -> float | None:
    """Return how long it takes until the gap is `gap`, `None` if that is not known.

    The gap is taken to fall as a power of the number of boxes, as it did over the
    second half of the search; zero where it is there.
    """
    known = [(n, g) for n, g in course.history if math.isfinite(g) and g > 0.0]
    if course.history and course.history[-1][1] <= gap:
        return 0.0
    part = known[len(known) // 2 :]
    if len(part) < _COURSE or not course.looked:
        return None
    boxes, gaps = np.log(np.asarray(part, float).T)
    if np.ptp(boxes) == 0.0:
        return None
    slope = float(np.polyfit(boxes, gaps, 1)[0])
    if slope >= -1e-3:
        return None
    more = math.log(part[-1][1] / gap) / -slope
    if more > 20.0:
        return None
    return course.seconds * math.expm1(more)


def _tolerance(found: Found) -> float:
    # What promises less than this beyond the best is not looked at.
    return math.expm1(found.asked.settings.tolerance) * (1.0 + 1e-9)


def _fitting(job: Any, chips: int) -> int:
    place = job.places.get(chips)
    return 0 if place is None else place.stop - place.start


def _open(found: Found) -> tuple[int, int]:
    """Count candidates in open boxes, and the discrete machines these are of."""
    boxes = found.course.boxes
    if not len(boxes):
        return 0, 0
    moving = {f"{n}_{end}" for n in HARDWARE for end in ("low", "high")}
    moving |= {f"{n}_{end}" for n in found.machines.names for end in ("low", "high")}
    kinds = np.stack([v for n, v in boxes.rows.items() if n not in moving], axis=1)
    best = found.course.best
    most = np.inf if best is None else best.cost
    counts = np.zeros(boxes.heads.shape, int)
    for j, job in enumerate(found.jobs):
        needs = found.wish.needed(boxes.costs, j, most)
        for i, head in enumerate(boxes.heads[:, j]):
            place = job.places[int(boxes.rows["chips"][i])]
            limit = min(float(needs[i]), head.ceiling)
            rest = np.searchsorted(job.costs[head.start : place.stop], limit)
            counts[i, j] = len(head.splits) + int(rest)
    _, owner = np.unique(kinds, axis=0, return_inverse=True)
    owner = owner.reshape(-1)
    most_of = np.zeros((int(owner.max()) + 1, len(found.jobs)), int)
    np.maximum.at(most_of, owner, counts)
    return int(most_of.sum()), len(most_of)


def _why_not(found: Found) -> str:
    """Say which job stands in the way."""
    alone = [
        job.name
        for job, cost in zip(found.jobs, found.alone, strict=True)
        if not math.isfinite(cost)
    ]
    if alone:
        names = ", ".join(alone)
        return (
            f"No machine within the bounds meets every limit: already {names} alone has"
            " none. `run` of a study of that model names the least relaxation."
        )
    return (
        "Each job alone has a machine that meets every limit, but no one machine within"
        " the bounds suits all of them."
    )


def _time(seconds: float) -> str:
    if seconds < 120.0:
        return f"{figures(seconds, 2)} s"
    if seconds < 7200.0:
        return f"{figures(seconds / 60.0, 2)} min"
    return f"{figures(seconds / 3600.0, 2)} h"
