"""What to measure next: what narrows an open claim most, and whether that decides it.

Candidates are every uncertain constant of either machine and a measured step of either.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.calibration.step_time.fit import NOISE
from supernode_opt.uncertainty.constants import Identity
from supernode_opt.uncertainty.worth import (
    called,
    chance_of_sign,
    narrowed,
    removed,
)
from supernode_opt.words import figures

# What takes away less than this share of the variance is not worth a line: by chance
# alone one constant of a hundred does 1.5 % in 512 draws.
LEAST = 0.05


class Next(NamedTuple):
    """Something that could be measured.

    Attributes:
      what: in words.
      name: of the constant, or "step of" a machine, or "steps of" both.
      share: of the variance of the claim's log ratio that it would take away [1].
      ratio: 5-95 % range that the ratio would then have, where it is expected [1].
      true: share of draws in which the claim would then be true [1].
      chance: that the claim is then decided, whatever is measured [1].
    """

    what: str
    name: str
    share: float
    ratio: tuple[float, float]
    true: float
    chance: float

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, JSON's."""
        low, high = self.ratio
        return {
            "measure": self.name,
            "share": self.share,
            "low": low,
            "high": high,
            "true": self.true,
            "chance": self.chance,
        }


def worth_measuring(
    margin: NDArray,
    sign: float,
    machines: Sequence[tuple[str, NDArray]],
    normal: dict[Identity, NDArray],
) -> tuple[Next, ...]:
    """Return the step, both steps and the constant that narrow a claim most.

    Args:
      margin: logarithm of by how much the claim is true [draw].
      sign: 1 where that is the logarithm of the ratio, -1 where of its inverse.
      machines: name of both and tokens a second under every draw [draw].
      normal: standard normals behind the draws of every constant of either [draw].
    """
    steps = {name: np.log(rates) for name, rates in dict(machines).items()}
    runs = {
        (f"a measured step of {name}", f"step of {name}"): removed(margin, one, NOISE)
        for name, one in steps.items()
    }
    every = "steps of " + " and ".join(steps)
    both = {("both", every): removed(margin, np.stack([*steps.values()], 1), NOISE)}
    constants = {
        (called(identity), ".".join(identity)): removed(margin, drawn)
        for identity, drawn in normal.items()
    }
    found = []
    for shares in (runs, both, constants):
        if not shares:
            continue
        (what, name), share = max(shares.items(), key=lambda item: item[1])
        if share >= LEAST:
            found.append(_next(margin, sign, what, name, share))
    return tuple(found)


def _next(margin: NDArray, sign: float, what: str, name: str, share: float) -> Next:
    then = narrowed(margin, share)
    ends = np.exp(np.percentile(sign * then, (5.0, 95.0)))
    true = float(np.mean(then > 0.0))
    chance = chance_of_sign(margin, share)
    return Next(what, name, share, (float(ends[0]), float(ends[1])), true, chance)


def sentence(found: Sequence[Next]) -> str:
    """Say what would decide a claim, "" if nothing that is known of would."""
    if not found:
        return ""
    told = []
    for one in found:
        low, high = (figures(float(f"{x:.3g}")) for x in one.ratio)
        told.append(
            f"{one.what} ({100.0 * one.share:.0f} % of the variance; 5-95 % then {low}"
            f" to {high}; decides it in {100.0 * one.chance:.0f} % of outcomes)"
        )
    return f" Measure next: {', '.join(told)}."
