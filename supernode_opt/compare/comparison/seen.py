"""Machines as they were evaluated, and what is to be said of claims about them."""

from collections.abc import Mapping
from typing import NamedTuple

from numpy.typing import NDArray

from supernode_opt.batch.case import Case
from supernode_opt.calibration.evidence.told import Evidence
from supernode_opt.compare.comparison.next import Next
from supernode_opt.compare.program import rate_of
from supernode_opt.uncertainty.constants import Identity, Uncertain


class Seen(NamedTuple):
    """A machine as it was evaluated.

    Attributes:
      case: its best design at the catalog's values.
      names: of the quantities.
      known: its uncertain constants.
      value: quantities at the catalog's values [quantity].
      drawn: quantities of every draw [draw, quantity].
      normal: standard normals behind the draws, of its constants among others [draw].
      ends: quantities at the low and the high end of each constant alone [2, quantity].
      precision: it trains or serves in.
      evidence: the measured runs behind it; none of serving.
    """

    case: Case
    names: tuple[str, ...]
    known: Mapping[Identity, Uncertain]
    value: NDArray
    drawn: NDArray
    normal: Mapping[Identity, NDArray]
    ends: Mapping[Identity, NDArray]
    precision: str
    evidence: Evidence | None

    def rates(self) -> NDArray:
        """Return what a run would measure: tokens a second of every draw [draw]."""
        return self.drawn[:, self.names.index(rate_of(self.case.scenario))]


class Turn(NamedTuple):
    """A constant that turns a claim alone.

    Attributes:
      identity: of the constant.
      value: at which both machines are equal, base SI unit.
      known: the constant.
      above: whether the claim is true above `value`, not below.
    """

    identity: Identity
    value: float
    known: Uncertain
    above: bool


class Verdict(NamedTuple):
    """What is to be said of a claim.

    Attributes:
      word: "holds", "fails", "depends", "equal" or "not comparable".
      share: of draws in which it is true [1].
      ratio: of the better one to the other at the catalog's values, and its 5-95 %.
      turns: constants that turn it alone, where it depends.
      next: what would narrow it most if it were measured, where it depends.
      sentence: all that in words.
    """

    word: str
    share: float
    ratio: tuple[float, float, float]
    turns: tuple[Turn, ...]
    next: tuple[Next, ...]
    sentence: str


Pair = tuple[Seen, Seen]
