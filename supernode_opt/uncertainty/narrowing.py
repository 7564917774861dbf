"""What to know better of one design: shares of the variance of its step time."""

import numpy as np

from supernode_opt.catalog.origins import Origins
from supernode_opt.system.design import Design
from supernode_opt.system.scenario import Scenario
from supernode_opt.uncertainty import draws
from supernode_opt.uncertainty.intervals import (
    Drawn,
    drawn_reports,
    slower_steps,
    split_of,
)
from supernode_opt.uncertainty.worth import called, removed

# By chance alone one of many constants takes up to 3 % away in 512 draws.
LEAST, MOST = 0.03, 3
NOISE = "noise that no constant explains"


def narrows(
    design: Design,
    scenario: Scenario,
    seed: int,
    origins: Origins | None = None,
    made: Drawn | None = None,
) -> dict[str, float]:
    """Return what takes most of the variance of log step time away if it is known [1].

    Of a machine that serves it is the variance of the logarithm of what it generates.

    The noise that a measured run of the job itself would tell, and the constants that
    are worth most, the best first.

    Args:
      design: one design.
      scenario: what is given; its constants are drawn around their values.
      seed: of the draws, as of the ranges.
      origins: whose the values are; without them, as `assumed` has it.
      made: what `drawn_reports` gave for these, if it was asked already.
    """
    made = made or drawn_reports(design, scenario, seed, origins=origins)
    noise = np.log(draws.noise(scenario, split_of(design), seed))
    slower = slower_steps(made, design, scenario, seed)
    # Where a limit on time decides the batch, time is the same in every draw.
    name = "step_time" if scenario.serving is None else "output_tokens_per_s"
    drawn = np.asarray(getattr(made.report, name))
    step = np.log(drawn * slower ** draws.TIMED[name])
    shares = {
        called(identity): removed(step, made.normal[identity])
        for identity in made.known
    }
    best = sorted(shares.items(), key=lambda item: -item[1])[:MOST]
    found = {NOISE: removed(step, noise)} | dict(best)
    return {name: share for name, share in found.items() if share >= LEAST}
