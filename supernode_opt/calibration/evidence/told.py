"""What is told of the evidence behind one answer: counts, distance, a word."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.calibration.evidence.distance import (
    OTHER,
    Point,
    Points,
    distances,
    noise_at,
    points,
)
from supernode_opt.calibration.evidence.known import (
    counts,
    fitted,
    of_scenario,
    runs,
    said,
)
from supernode_opt.calibration.step_time import own_platform, shipped
from supernode_opt.calibration.step_time.posterior import Posterior, is_own
from supernode_opt.system.scenario import Scenario

# Greatest distance from a fitted run at which a word holds: sizes within less than a
# doubling; within three; no other stack, chip family or kind of model.
GRADES = {"measured": 0.01, "near": 0.05, "extrapolated": 0.2, "untested": np.inf}
# Sizes within this factor are the same scale.
_SCALE = 2.0


class Evidence(NamedTuple):
    """The measured runs behind one answer.

    Attributes:
      grade: one of `GRADES`.
      distance: what the difference from the nearest fitted run leaves open of log step
        time, infinite without any [1].
      nearest: name of that run, "" without any.
      chip: fitted runs of the same chip.
      stack: fitted runs of the same chip and stack.
      kind: fitted runs of the same chip, stack and kind of model.
      scale: of these, those with as many chips within a factor of two.
      judged: runs of the same chip, stack and kind that were never fitted.
      platform: chip, stack and kind, for people.
      own: whether the runs are a user's, of a platform of their own.
    """

    grade: str
    distance: float
    nearest: str
    chip: int
    stack: int
    kind: int
    scale: int
    judged: int
    platform: tuple[str, str, str]
    own: bool = False

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        if not self.nearest:
            return f"{self.grade} - its software was calibrated on no run known here"
        return (
            f"{self.grade} - {self._counted()}; nearest {self.nearest}, whose"
            f" distance leaves {100.0 * self.distance:.0f} % of step time open"
        )

    def noise(self, noise: float) -> float:
        """Return the noise of a prediction, deviation of log step time [1].

        A calibration of one's own runs knows the noise beside them: it is that of rows
        out of fold.
        """
        if self.own:
            return math.hypot(noise, self.distance)
        return noise_at(noise, self.distance) if self.nearest else noise

    def _counted(self) -> str:
        chip, stack, kind = self.platform
        more = f", {self.judged} more held out" if self.judged else ""
        if not self.chip:
            return f"no {'own ' * self.own}run of {chip}{more}"
        runs = f"{'own ' * self.own}run{'s' * (self.chip != 1)}"
        counted = f"{self.chip} {runs} of {chip}"
        if not self.stack:
            return f"{counted}, none of {stack}{more}"
        counted += f", {self.stack} of {stack}"
        if not self.kind:
            return f"{counted}, none {kind}{more}"
        return f"{counted} ({self.kind} {kind}, {self.scale} at this scale){more}"

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, JSON's."""
        chip, stack, kind = self.platform
        return {
            "grade": self.grade,
            "distance": self.distance if self.nearest else None,
            "nearest": self.nearest,
            "of": {"chip": chip, "stack": stack, "kind": kind},
            "runs": {
                "chip": self.chip,
                "stack": self.stack,
                "kind": self.kind,
                "scale": self.scale,
                "judged": self.judged,
            },
            "sentence": self.sentence,
        }


def grade_of(distance: float) -> str:
    """Return the word for a distance.

    >>> [grade_of(x) for x in (0.0, 0.02, 0.19, 0.2)]
    ['measured', 'near', 'extrapolated', 'untested']
    """
    if distance <= GRADES["measured"]:
        return "measured"
    if distance <= GRADES["near"]:
        return "near"
    return "extrapolated" if distance < GRADES["extrapolated"] else "untested"


def behind(scenario: Scenario, split: Mapping[str, Any]) -> Evidence:
    """Return the runs behind what is said of a scenario with the sizes of a split."""
    own = own_platform.behind(scenario.software.name)
    return evidence(of_scenario(scenario, split), own or shipped.posterior())


def evidence(job: Point, posterior: Posterior) -> Evidence:
    """Return the runs behind what `posterior` says of a job."""
    if posterior.points:
        return _own(job, posterior)
    known = runs()
    # Rows of a platform of one's own are not among them, whatever they are called.
    own = is_own(posterior) or not job.stack
    seen, many = fitted(() if own else posterior.rows), counts()
    distance, nearest = np.inf, ""
    if seen.any():
        away = distances(job, known)
        first = int(np.argmin(np.where(seen, away, np.inf)))
        distance, nearest = float(away[first]), said()[first]
    counted = _alike(job, known)
    alike = counted[2]
    return Evidence(
        grade_of(distance),
        distance,
        nearest,
        *(int(many[seen & mask].sum()) for mask in counted),
        judged=int(many[alike & ~seen].sum()) if nearest else 0,
        platform=(job.chip, job.stack, job.kind),
    )


def _alike(job: Point, known: Points) -> tuple[NDArray, ...]:
    """Tell which runs share chip, stack, kind and scale, each with all before [run]."""
    same = {name: known.labels[name] == getattr(job, name) for name in OTHER}
    stack = same["chip"] & same["stack"]
    chips = known.logs[:, 0] - np.log2(job.sizes[0])
    near = np.abs(chips) <= np.log2(_SCALE) + 1e-9
    return same["chip"], stack, stack & same["kind"], stack & same["kind"] & near


def _own(job: Point, posterior: Posterior) -> Evidence:
    """Return the user's own runs behind what their platform says of a job."""
    # Whatever the job calls its stack, the platform's constants stand for it.
    job = job._replace(stack=posterior.points[0].stack)
    known = points(list(posterior.rows), list(posterior.points))
    away = distances(job, known)
    first = int(np.argmin(away))
    return Evidence(
        grade_of(float(away[first])),
        float(away[first]),
        posterior.rows[first],
        *(int(mask.sum()) for mask in _alike(job, known)),
        judged=0,
        platform=(job.chip, job.stack, job.kind),
        own=True,
    )
