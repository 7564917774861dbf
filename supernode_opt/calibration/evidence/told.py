"""What is told of the evidence behind one answer: counts, distance, a word."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from supernode_opt.calibration.evidence.distance import (
    OTHER,
    Point,
    distances,
    widening,
)
from supernode_opt.calibration.evidence.known import (
    fitted,
    of_scenario,
    runs,
    said,
)
from supernode_opt.calibration.step_time import shipped
from supernode_opt.calibration.step_time.posterior import Posterior
from supernode_opt.system.scenario import Scenario
from supernode_opt.words import figures

# Most doublings from a fitted run at which a word holds.  At two a range is as wide as
# the calibration has it; from six on, no run shares stack, chip family and kind.
GRADES = {"measured": 0.5, "near": 2.0, "extrapolated": 6.0, "untested": np.inf}
# Sizes within this factor are the same scale.
_SCALE = 2.0


class Evidence(NamedTuple):
    """The measured runs behind one answer.

    Attributes:
      grade: one of `GRADES`.
      distance: doublings from the nearest fitted run, infinite without any [1].
      nearest: name of that run, "" without any.
      widening: what the noise of the prediction is multiplied by [1].
      chip: fitted runs of the same chip.
      stack: fitted runs of the same chip and stack.
      kind: fitted runs of the same chip, stack and kind of model.
      scale: of these, those with as many chips within a factor of two.
      judged: runs of the same chip, stack and kind that were never fitted.
      platform: chip, stack and kind, for people.
    """

    grade: str
    distance: float
    nearest: str
    widening: float
    chip: int
    stack: int
    kind: int
    scale: int
    judged: int
    platform: tuple[str, str, str]

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        if not self.nearest:
            return f"{self.grade} - no run that its software was fitted to is known"
        return (
            f"{self.grade} - {self._counted()}; nearest {self.nearest}"
            f" {figures(self.distance, 2)} doublings away, its noise times"
            f" {figures(self.widening, 3)}"
        )

    def _counted(self) -> str:
        chip, stack, kind = self.platform
        more = f", {self.judged} more judged" if self.judged else ""
        if not self.chip:
            return f"no run of {chip}{more}"
        counted = f"{self.chip} run{'s' * (self.chip != 1)} of {chip}"
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
            "widening": self.widening,
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
    """Return the word for a distance in doublings.

    >>> [grade_of(x) for x in (0.0, 0.6, 5.9, 6.0)]
    ['measured', 'near', 'extrapolated', 'untested']
    """
    if distance <= GRADES["measured"]:
        return "measured"
    if distance <= GRADES["near"]:
        return "near"
    return "extrapolated" if distance < GRADES["extrapolated"] else "untested"


def behind(scenario: Scenario, split: Mapping[str, Any]) -> Evidence:
    """Return the runs behind what is said of a scenario with the sizes of a split."""
    return evidence(of_scenario(scenario, split), shipped.posterior())


def evidence(job: Point, posterior: Posterior) -> Evidence:
    """Return the runs behind what `posterior` says of a job."""
    known = runs()
    # Rows of a platform of one's own are not among them, whatever they are called.
    own = all(scope == "shared" for _, scope, _ in posterior.names) or not job.stack
    seen = fitted(() if own else posterior.rows)
    away = distances(job, known)
    same = {name: known.labels[name] == getattr(job, name) for name in OTHER}
    alike = same["chip"] & same["stack"] & same["kind"]
    chips = known.logs[:, 0] - np.log2(job.sizes[0])
    near = np.abs(chips) <= np.log2(_SCALE) + 1e-9
    distance, nearest = np.inf, ""
    if seen.any():
        first = int(np.argmin(np.where(seen, away, np.inf)))
        distance, nearest = float(away[first]), said()[first]
    counted = (same["chip"], same["chip"] & same["stack"], alike, alike & near)
    return Evidence(
        grade_of(distance),
        distance,
        nearest,
        # A calibration of runs that are not known here knows its own noise.
        widening(distance) if nearest else 1.0,
        *(int((seen & mask).sum()) for mask in counted),
        judged=int((alike & ~seen).sum()) if nearest else 0,
        platform=(job.chip, job.stack, job.kind),
    )
