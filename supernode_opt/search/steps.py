"""Until where a price holds: the limit at which other lanes, or designs, are better.

The best design of every lane count, and of every other kind of design, gains from a
limit at its own rate.  Where one overtakes the design that is built, the price of the
limit changes.  That limit is found by Newton's method on the difference of the two
optima, whose slope is the difference of their multipliers, inside a bracket; of all
that overtake, the nearest counts.
"""

import math
from typing import NamedTuple

import numpy as np

from supernode_opt.search.nearby import Nearby, Widths

# A limit is looked at up to twice and half of itself.
_FAR = math.log(2.0)
# Costs are this good, and steps of a limit are wanted this exactly, as logarithms.
_EVEN, _EXACT = 1e-9, 1e-8
_TRIES = 40


class Challenger(NamedTuple):
    """What may overtake the design that is built.

    Attributes:
      near: solves around it: around the built design, or around another.
      widths: of its ports.
      rival: which other design it is; `None` for the built one with other lanes.
    """

    near: Nearby
    widths: Widths
    rival: int | None = None

    def changes(self) -> int:
        """Return how many ports have other lanes than the design around which it is."""
        return len({*self.widths} - {*self.near.widths})


class Step(NamedTuple):
    """Where the design that is built stops being the best.

    Attributes:
      moved: logarithm by which the limit is loosened there; negative if tightened.
      winner: what is better beyond; `None` if nothing that was looked at is possible.
      cost: of the design that is built, there.
      beyond: the least cost just beyond it, of the winner; infinite without one.
      price: multiplier of the limit beyond it.
    """

    moved: float
    winner: Challenger | None
    cost: float
    beyond: float
    price: float


def next_step(
    near: Nearby, index: int, sign: float, rivals: tuple[Nearby, ...] = ()
) -> Step | None:
    """Return the nearest step of a limit, `None` if there is none within `_FAR`.

    Args:
      near: solves around the design that is built.
      index: of the limit.
      sign: 1 where it is loosened, -1 where it is tightened.
      rivals: solves around other designs.
    """
    race = _Race(near, index, sign)
    end = _FAR
    if sign < 0.0:
        edge = near.least(index, near.widths)
        if edge is not None:
            end = min(end, max(-edge, 0.0))
    field = [Challenger(near, widths) for widths in near.variants()]
    field += [Challenger(other, other.widths, k) for k, other in enumerate(rivals)]
    first, winner = end, None
    for challenger in sorted(field, key=race.estimate):
        # What changes several ports at once overtakes by what each does alone.
        found = race.overtakes(challenger, first, challenger.changes() <= 1)
        if found is not None and found < first:
            first, winner = found, challenger
    if winner is None:
        if end >= _FAR:
            return None
        # The built design ends here; the best of what is possible beyond follows.
        beyond = [(race.cost(one, end + _EXACT, probe=True), one) for one in field]
        cost, winner = min(beyond, key=lambda one: one[0], default=(math.inf, None))
        winner = winner if math.isfinite(cost) else None
    return race.step(first, winner)


class _Race:
    """The built design against others, as one limit moves."""

    def __init__(self, near: Nearby, index: int, sign: float) -> None:
        self.near, self.index, self.sign = near, index, sign
        self.built = Challenger(near, near.widths)
        self._edges: dict[tuple[int, Widths], float] = {}

    def edge(self, one: Challenger) -> float:
        """Return from where on (loosened) or until where (tightened) it is possible."""
        key = (id(one.near), one.widths)
        if key not in self._edges:
            least = one.near.least(self.index, one.widths)
            never = math.inf * self.sign
            self._edges[key] = never if least is None else self.sign * least
        return self._edges[key]

    def cost(self, one: Challenger, far: float, probe: bool = False) -> float:
        """Return its least cost with the limit moved, infinite if not possible.

        Args:
          one: which design.
          far: how far the limit is moved, as a logarithm.
          probe: whether it may well not be possible, which is asked first then.
        """
        if probe and (self.edge(one) - far) * self.sign > 0.0:
            return math.inf
        found = one.near.at(self.index, self.sign * far, one.widths)
        return found.cost if found.feasible else math.inf

    def price(self, one: Challenger, far: float) -> float:
        found = one.near.at(self.index, self.sign * far, one.widths)
        return float(found.multipliers[self.index])

    def behind(self, one: Challenger, far: float, probe: bool = False) -> float:
        """Return how much more it costs than the built design."""
        cost = self.cost(one, far, probe)
        return cost if math.isinf(cost) else cost - self.cost(self.built, far)

    def gaining(self, one: Challenger, far: float) -> float:
        """Return how fast it gains on the built design."""
        return self.sign * (self.price(one, far) - self.price(self.built, far))

    def estimate(self, one: Challenger) -> float:
        """Return where it would overtake if prices stayed as they are."""
        behind = self.behind(one, 0.0)
        if math.isinf(behind):
            return math.inf
        gaining = self.gaining(one, 0.0)
        return max(behind, 0.0) / gaining if gaining > 0.0 else math.inf

    def overtakes(
        self, one: Challenger, end: float, probes: bool = True
    ) -> float | None:
        """Return where it overtakes before `end`, `None` if it does not.

        Args:
          one: which design.
          end: how far to look.
          probes: whether `end` is looked at where prices now say that it never does.
        """
        start = 0.0
        behind = self.behind(one, start)
        if math.isinf(behind):
            # Where it is not possible yet, it enters where it becomes so.
            start = self.edge(one) + _EXACT if self.sign > 0.0 else math.inf
            if not start < end:
                return None
            behind = self.behind(one, start)
        if behind <= 0.0:
            return start
        probed = False
        for _ in range(_TRIES):
            gaining = self.gaining(one, start)
            far = start + behind / gaining if gaining > 0.0 else math.inf
            if far >= end:
                if probed or not probes or end - start <= _EXACT:
                    return None
                # Prices change at kinks: it may overtake all the same.
                far, probed = end, True
            ahead = self.behind(one, far, probe=probed)
            if abs(ahead) <= _EVEN * 1e-2:
                return far
            if ahead < 0.0:
                return self._between(one, start, far, behind, ahead)
            if probed:
                return None
            start, behind = far, ahead
        return None

    def _between(
        self, one: Challenger, low: float, high: float, above: float, below: float
    ) -> float:
        """Return where the difference changes its sign, by the Illinois rule."""
        side = 0
        for _ in range(_TRIES):
            if high - low <= _EXACT:
                break
            share = above / (above - below) if np.isfinite(above - below) else 0.5
            middle = low + (high - low) * share
            value = self.behind(one, middle)
            if abs(value) <= _EVEN * 1e-2:
                return middle
            if value > 0.0:
                low, above = middle, value
                below, side = (0.5 * below, 1) if side == 1 else (below, 1)
            else:
                high, below = middle, value
                above, side = (0.5 * above, -1) if side == -1 else (above, -1)
        return high

    def step(self, far: float, winner: Challenger | None) -> Step:
        """Describe the step at `far`."""
        cost, beyond, price = self.cost(self.built, far), math.inf, math.nan
        if winner is not None:
            past = far + _EXACT
            beyond = self.cost(winner, past)
            price = self.price(winner, past)
        return Step(self.sign * far, winner, cost, beyond, price)
