"""A joint study answered: each job alone, then all of them on one machine."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.batch.precise import precisely
from supernode_opt.joint.incumbent import Incumbent, started
from supernode_opt.joint.jobs import Job, prepared
from supernode_opt.joint.journal import Journal
from supernode_opt.joint.machines import Machines, count_machines, machines_of
from supernode_opt.joint.question import WORST, JointStudy
from supernode_opt.joint.search import Course, Effort, Joint
from supernode_opt.joint.wish import Wish
from supernode_opt.problem.box import options
from supernode_opt.problem.problem import Problem
from supernode_opt.reading.node import StudyError
from supernode_opt.search.merit import objective_value
from supernode_opt.search.settings import Progress
from supernode_opt.system.design import CHOICE_NAMES
from supernode_opt.workload.split import TooManySplits

# The search of all jobs on one machine, among those of each alone.
TOGETHER = "together"
# Of the boxes of the whole search, what each job alone may have.
_ALONE_SHARE = 0.25

Values = Mapping[str, Any]


class Found(NamedTuple):
    """What is known at the end.

    Attributes:
      asked: the question.
      machines: what was free of the machine.
      jobs: what runs on it, with its splits.
      wish: what was wanted.
      course: how the search of all together ended.
      gap: of it [1].
      alone: best cost of every job alone [job], infinite where none was found.
      alone_gap: how much better it could be yet [job].
      seconds: of everything, in this process and before [s].
    """

    asked: JointStudy
    machines: Machines
    jobs: tuple[Job, ...]
    wish: Wish
    course: Course
    gap: float
    alone: NDArray
    alone_gap: NDArray
    seconds: float

    def value(self, cost: float) -> float:
        """Return what is sought, in SI, that belongs to the cost of one job."""
        return objective_value(cost, self.jobs[0].problem.objective)

    def design(self, job: int) -> dict[str, float | str] | None:
        """Return the machine and the split of one job by name, `None` without any."""
        best = self.course.best
        if best is None:
            return None
        own = {n: v[int(best.splits[job])] for n, v in self.jobs[job].splits.items()}
        machine = {name: value[0] for name, value in best.machine.items()}
        return named(self.jobs[job].problem, own | machine)


@precisely
def solve(
    asked: JointStudy,
    journal: Journal,
    tell: Callable[[Progress], None],
    resume: bool = False,
    start: Values | None = None,
) -> Found:
    """Find the best machine for all jobs, and say how much better one could be.

    Args:
      asked: the question.
      journal: where the state is kept.
      tell: is told how things stand.
      resume: whether to go on from what the journal holds.
      start: a machine to begin with, by name.

    Raises:
      StudyError: no design is legal, there are too many, or bounds know nothing of
        what is sought.
    """
    began, settings = time.monotonic(), asked.settings
    before = journal.read() if resume else {}
    jobs = _prepared(asked, tell)
    machines = machines_of(jobs)
    effort = Effort(
        settings.gap,
        settings.tolerance,
        settings.maximum_boxes,
        settings.time_limit,
        settings.whole_lanes,
        asked.seed,
    )
    spent = sum(course.seconds for course in before.values())

    def searched(
        name: str, joint: Joint, effort: Effort, starts: Sequence[Values]
    ) -> Course:
        course = before.get(name)
        if name in journal.done and course is not None:
            return course
        if course is None:
            course = joint.begun()
            for machine in starts:
                best = started(joint.machines, joint.jobs, joint.wish, machine)
                joint.offer(course, best, effort)

        def told(course: Course, gap: float) -> None:
            journal.keep(name, course)
            tell(_progress(name, joint, course, gap, effort))

        course = joint.searched(course, effort, told)
        joint.finish(course, effort)
        journal.keep(name, course, finished=True)
        return course

    given = [] if start is None else [start]
    alone: list[Course] = []
    gaps = np.full(len(jobs), np.nan)
    neutral = np.zeros(len(jobs))
    weights = np.asarray([one.weight for one in asked.jobs])
    small = dataclasses.replace(effort, boxes=int(_ALONE_SHARE * effort.boxes))
    for j, job in enumerate(jobs):
        joint = Joint(machines, (job,), Wish(np.ones(1), np.zeros(1), False))
        alone.append(searched(f"{job.name} alone", joint, small, given))
        gaps[j] = joint.gap(alone[-1])
    costs = np.asarray([c.best.cost if c.best else np.inf for c in alone])
    targets = np.asarray(
        [
            _cost(job.problem, one.target)
            for job, one in zip(jobs, asked.jobs, strict=True)
        ]
    )
    targets = np.where(
        np.isnan(targets), np.where(np.isfinite(costs), costs, 0.0), targets
    )
    wish = Wish(
        weights, targets if asked.over == WORST else neutral, asked.over == WORST
    )
    joint = Joint(machines, jobs, wish)
    own = [_machine(c.best) for c in alone if c.best is not None]
    course = searched(TOGETHER, joint, effort, [*given, *own])
    seconds = time.monotonic() - began + spent
    wish = dataclasses.replace(wish, targets=targets)
    return Found(
        asked,
        machines,
        jobs,
        wish,
        course,
        joint.gap(course),
        costs,
        gaps,
        seconds,
    )


def named(problem: Problem, values: Values) -> dict[str, float | str]:
    """Return values of a design with positions of choices as names."""
    made: dict[str, float | str] = dict(problem.fixed)
    for name, value in values.items():
        if name in CHOICE_NAMES:
            made[name] = options(name, problem.scenario)[int(value)]
        else:
            made[name] = float(value)
    return made


def total_candidates(found: Found) -> int:
    """Count machines times the splits of all jobs on them."""
    machines = count_machines(found.machines)
    return sum(
        count * sum(job.legal.get(chips, 0) for job in found.jobs)
        for chips, count in machines.items()
    )


def _prepared(asked: JointStudy, tell: Callable[[Progress], None]) -> tuple[Job, ...]:
    made = []
    for one in asked.jobs:

        def told(stage: str, done: float) -> None:
            tell(Progress(stage, done))

        try:
            job = prepared(
                one.name, one.study.problem, asked.settings.maximum_candidates, told
            )
        except (TooManySplits, ValueError) as error:
            raise StudyError(f"{asked.name}: {error}") from None
        wanted = job.promise.wanted
        if not job.promise.bounded(wanted):
            raise StudyError(
                f"{asked.name}: `objective` {wanted.name} has no bound over machines of"
                " which several numbers are free: seek one that has, such as"
                " tokens_per_s or mfu, with limits on the rest"
            )
        made.append(job)
    return tuple(made)


def _cost(problem: Problem, target: float | None) -> float:
    """Return the cost at which a target is met, no number without one."""
    if target is None:
        return float("nan")
    return float(-np.log(target) if problem.objective.maximize else np.log(target))


def _machine(best: Incumbent) -> Values:
    return {name: value[0] for name, value in best.machine.items()}


def _progress(
    name: str, joint: Joint, course: Course, gap: float, effort: Effort
) -> Progress:
    """Return one line: what is searched, how far, the best and what is open."""
    value = None
    if course.best is not None:
        value = objective_value(course.best.cost, joint.jobs[0].problem.objective)
    known = f", gap {100.0 * gap:.2g} %" if np.isfinite(gap) else ""
    stage = f"{name}: {course.looked:,} boxes of machines{known}"
    return Progress(stage, min(course.looked / effort.boxes, 1.0), value)
