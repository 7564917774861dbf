"""One set of draws that every design of a study is judged on: common random numbers.

Designs differ by less than what is drawn moves them all; the same draws for all of them
leave what tells them apart (Law, Simulation Modeling and Analysis, 2015, section 11.2).
The draws are those of the ranges of every answer: constants of the catalog, fitted ones
with what a fit says they have in common, and what no constant explains of step time.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.system.scenario import Scenario
from supernode_opt.uncertainty import draws
from supernode_opt.uncertainty.constants import drawn_value, uncertain

# Draws by which an answer is judged at last, and what sets them apart from those that
# it was chosen by: it must not be praised for luck that it was chosen for.
JUDGED, APART = 16_384, 2**32


class Sample(NamedTuple):
    """Draws of what is not known well.

    Attributes:
      constants: drawn values by dotted path [draw].
      held: the same with a calibrated chip as its catalog entry has it, which tells the
        time of a step; `None` where that is all the same [draw].
      noise: standard normal of what no constant explains of step time [draw].
      memory: standard normal of log memory, measured over predicted [draw].
      longer: how much longer a step takes on a cluster of one's own [draw] [1].
      spread: deviation of log memory, measured over predicted [draw] [1].
      count: of the draws.
    """

    constants: Mapping[str, NDArray]
    held: Mapping[str, NDArray] | None
    noise: NDArray
    memory: NDArray
    longer: NDArray
    spread: NDArray
    count: int

    def rows(self, index: Any) -> "Sample":
        """Return the draws that `index` selects."""
        held = self.held
        return Sample(
            {path: drawn[index] for path, drawn in self.constants.items()},
            None if held is None else {path: held[path][index] for path in held},
            self.noise[index],
            self.memory[index],
            self.longer[index],
            self.spread[index],
            len(self.noise[index]),
        )


def sample(problem: Problem, seed: int, count: int) -> Sample:
    """Draw what is not known well of a study.

    Args:
      problem: the study.
      seed: of the draws.
      count: of the draws.
    """
    scenario = problem.scenario
    known = uncertain(scenario, problem.origins)
    if not known:
        return _of({}, None, scenario, seed, count)
    normal = draws.normals([known], seed, count)
    calm = draws.as_calibrated(scenario, normal)
    tables: list[dict[str, NDArray]] = []
    for one in (normal, calm):
        tables.append(
            {
                path: drawn_value(held, one[key])
                for key, held in known.items()
                for path in held.paths
            }
        )
    constants, calibrated = tables
    same = not draws.calibrated(scenario)
    return _of(constants, None if same else calibrated, scenario, seed, count)


def _of(
    constants: Mapping[str, NDArray],
    held: Mapping[str, NDArray] | None,
    scenario: Scenario,
    seed: int,
    count: int,
) -> Sample:
    usual = np.full(count, float(scenario.software.memory_spread))
    return Sample(
        constants,
        held,
        draws.noise_normal(scenario, seed, count),
        draws.standard_normal(seed, count, "memory"),
        draws.installation(scenario, seed, count),
        constants.get("software.memory_spread", usual),
        count,
    )
