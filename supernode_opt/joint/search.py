"""Branch and bound over boxes of machines: best first, until the gap is closed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from supernode_opt.joint.bounding import bounded
from supernode_opt.joint.boxes import Boxes, Head, halved, points_in
from supernode_opt.joint.incumbent import Incumbent, evaluated, moved, tried
from supernode_opt.joint.jobs import Job
from supernode_opt.joint.machines import Machines, built_from
from supernode_opt.joint.wish import Wish
from supernode_opt.search.enumerate import take

# Boxes that are cut together, and of their halves those whose middle is evaluated.
BATCH, _LOOKED = 256, 24
# What a new best must gain in the logarithm before its surroundings are searched.
_WORTH = 2e-3
# A gap of which so many batches leave this share is given up.
_PATIENCE, _FALLS = 200, 0.98


@dataclass
class Course:
    """How a search stands.

    Attributes:
      boxes: open ones.
      best: the best machine so far.
      heads: splits of every job worth trying on it [job].
      looked: boxes bounded so far.
      stuck: the least cost that a box which cannot be cut any more promises.
      searched: cost of the best whose surroundings were searched.
      history: (boxes, gap) after every batch.
      seconds: spent so far, in this process and before [s].
    """

    boxes: Boxes
    best: Incumbent | None = None
    heads: list = field(default_factory=list)
    looked: int = 0
    stuck: float = np.inf
    searched: float = np.inf
    history: list[tuple[int, float]] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class Effort:
    """When a search may end.

    Attributes:
      gap: relative, of what is promised over what is found [1].
      tolerance: relative difference that does not matter [1].
      boxes: most of them to bound.
      seconds: most of them to spend [s].
      lanes: whether ports are built of whole lanes.
      seed: of the steps around the best machine.
    """

    gap: float
    tolerance: float
    boxes: int
    seconds: float
    lanes: bool
    seed: int


def _stalled(course: Course) -> bool:
    """Tell whether the gap hardly moves any more: what is not known does not close."""
    known = course.history
    return (
        len(known) > _PATIENCE
        and np.isfinite(known[-_PATIENCE][1])
        and known[-1][1] > _FALLS * known[-_PATIENCE][1]
    )


@dataclass(frozen=True)
class Joint:
    """One question: jobs, the machine they share, and what is wanted."""

    machines: Machines
    jobs: Sequence[Job]
    wish: Wish

    def begun(self) -> Course:
        """Return a search in which no box was looked at yet."""
        shared = set.intersection(*(set(job.places) for job in self.jobs))
        chips = sorted(shared)
        count = len(self.jobs)
        if not chips:
            empty = np.zeros(0)
            heads = np.zeros((0, count), object)
            rows = {"chips": np.zeros(0, np.int32)}
            return Course(Boxes(rows, empty, np.zeros((0, count)), heads, empty > 0))
        rows = built_from(self.machines, self.jobs, chips)
        owner = [int(c) for c in rows["chips"]]
        starts = [[job.places[c].start for c in owner] for job in self.jobs]
        costs = np.stack(
            [
                job.costs[np.asarray(s)]
                for job, s in zip(self.jobs, starts, strict=True)
            ],
            axis=1,
        )
        heads = np.empty((len(owner), count), object)
        none = np.zeros(0, np.int64), np.zeros(0)
        for j, own in enumerate(starts):
            for i, start in enumerate(own):
                heads[i, j] = Head(*none, start, np.inf)
        fresh = np.ones(len(owner), bool)
        return Course(Boxes(rows, self.wish.cost(costs), costs, heads, fresh))

    def gap(self, course: Course) -> float:
        """Return by how much a machine could be better yet, relatively [1]."""
        if course.best is None:
            return np.inf
        least = min(float(np.min(course.boxes.bound, initial=np.inf)), course.stuck)
        return float(np.expm1(max(course.best.cost - least, 0.0)))

    def searched(
        self,
        course: Course,
        effort: Effort,
        told: Callable[[Course, float], None],
    ) -> Course:
        """Cut boxes until the gap is closed or the effort is spent.

        Args:
          course: where to begin; goes on from there exactly.
          effort: when to end.
          told: is told of the course and its gap after every batch.
        """
        began = time.monotonic() - course.seconds
        while len(course.boxes) and course.looked < effort.boxes:
            self._step(course, effort)
            gap = max(self.gap(course), 0.0)
            course.history.append((course.looked, gap))
            course.seconds = time.monotonic() - began
            told(course, gap)
            if gap <= effort.gap or course.seconds > effort.seconds:
                break
            if _stalled(course):
                break
        return course

    def offer(
        self,
        course: Course,
        found: tuple[Incumbent, list] | None,
        effort: Effort,
    ) -> None:
        """Take a machine that was found elsewhere, if it is the best so far."""
        if found is None or (course.best and found[0].cost >= course.best.cost):
            return
        course.best, course.heads = found
        self.polish(course, effort)

    def finish(self, course: Course, effort: Effort) -> None:
        """Search around the best machine a last time; drop boxes it excludes."""
        if course.best is None or course.searched == course.best.cost:
            return
        self.polish(course, effort)
        keep = course.boxes.bound < self._most(course, effort)
        course.boxes = course.boxes.take(np.flatnonzero(keep))

    def _most(self, course: Course, effort: Effort) -> float:
        cost = course.best.cost if course.best else np.inf
        return cost - effort.tolerance

    def _step(self, course: Course, effort: Effort) -> None:
        """Cut the most promising boxes, bound their halves, try their middles."""
        boxes, most = course.boxes, self._most(course, effort)
        order = np.argsort(boxes.bound, kind="stable")
        order = order[boxes.bound[order] < most]
        chosen, rest = boxes.take(order[:BATCH]), boxes.take(order[BATCH:])
        halves, whole = halved(self.machines, chosen, effort.lanes)
        course.stuck = min(
            course.stuck, float(np.min(chosen.bound[whole], initial=np.inf))
        )
        course.looked += len(halves)
        if len(halves):
            made, _ = bounded(self.machines, self.jobs, self.wish, halves, most)
            self._try(course, made, effort)
            rest = rest.joined(made)
        most = self._most(course, effort)
        course.boxes = rest.take(np.flatnonzero(rest.bound < most))

    def _try(self, course: Course, made: Boxes, effort: Effort) -> None:
        """Evaluate the middles of the best boxes; search around a better machine."""
        if not len(made):
            return
        order = np.argsort(made.bound, kind="stable")[:_LOOKED]
        points = points_in(self.machines, take(made.rows, order), effort.lanes)
        heads = [tried(made.heads[i]) for i in order]
        found = evaluated(self.machines, self.jobs, self.wish, points, heads)
        if found is None or (course.best and found.cost >= course.best.cost):
            return
        course.best, course.heads = found, heads[found.place]
        if found.cost < course.searched - _WORTH:
            self.polish(course, effort)

    def polish(self, course: Course, effort: Effort) -> None:
        """Search around the best machine."""
        if course.best is None:
            return
        seed = (effort.seed, course.looked)
        course.best = moved(
            self.machines,
            self.jobs,
            self.wish,
            course.best,
            course.heads,
            effort.lanes,
            seed,
        )
        course.searched = course.best.cost
