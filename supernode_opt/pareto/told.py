"""What is told of a front: its designs, how far each is shown, slopes, knee, ends."""

import dataclasses
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.pareto import exact
from supernode_opt.pareto.answers import Answer
from supernode_opt.pareto.between import Designs, in_whole_lanes, judged
from supernode_opt.pareto.dominance import hypervolume, knee
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.pareto.explore import Exploration
from supernode_opt.pareto.region import Region
from supernode_opt.pareto.section import Section
from supernode_opt.search.enumerate import take, whole_candidates
from supernode_opt.search.inner import complete, exact_merit, fill
from supernode_opt.search.settings import FOUND

# Designs of a front that are kept, evenly along it; more say nothing more.
_KEPT = 2_000
# What searches find and what is evaluated are the same design to this.
_SAME = 1e-9


class End(NamedTuple):
    """One objective sought by itself.

    Attributes:
      status: how far its optimum is shown.
      value: of it, SI; no number where there is no design.
      message: why there is none.
    """

    status: str
    value: float
    message: str


@dataclasses.dataclass(frozen=True)
class Front:
    """Designs of which none is better in everything.

    Attributes:
      designs: along the front, by the last objectives.
      status: of each, as of a search [design].
      gap: by what share the first objective of each could be better [design].
      slopes: change of the first objective per unit of each other [design, objective].
      searched: whether each is what a search found [design].
      knee: place of the knee, if there is one.
      knee_distance: from the chord, in normalised objectives [1].
      ends: of each objective.
      reference: as losses.
      hypervolume: of the designs, in the units of the objectives.
      unexplored: share of it [1].
      exact: whether every candidate was evaluated.
      cloud: losses of feasible designs that were evaluated [sample, objective].
      counts: what was done.
    """

    designs: Designs | None
    status: tuple[str, ...]
    gap: NDArray
    slopes: NDArray
    searched: NDArray
    knee: int | None
    knee_distance: float
    ends: tuple[End, ...]
    reference: NDArray
    hypervolume: float
    unexplored: float
    exact: bool
    cloud: NDArray
    counts: dict[str, int]


def ordered(designs: Designs) -> Designs:
    """Sort designs by the second objective, then by the others."""
    losses = designs.losses
    keys = [losses[:, k] for k in range(losses.shape[1])]
    return designs.take(np.lexsort((*keys[2:], keys[0], keys[1])))


def told(
    state: Exploration,
    section: Section,
    designs: Designs,
    region: Region,
    counts: dict[str, int],
) -> Front:
    """Put together what was found and what is shown of it."""
    epsilon = state.epsilon
    answers = [a for a in state.found if a.main == 0]
    designs = ordered(_kept(designs, state))
    losses = designs.losses
    # Of the designs that are kept: those left out are not claimed.
    covered, unexplored = (
        hypervolume(losses, region.reference),
        region.unexplored(losses),
    )
    gap = region.gap(losses) / np.abs(losses[:, 0])
    gap = np.where(np.isfinite(gap), gap, np.nan)
    slopes = _slopes(losses, epsilon.goals.signs)
    status, searched = [FOUND] * len(losses), []
    for answer in answers:
        own = judged(epsilon, answer.row, np.asarray(answer.point)[None]).losses
        if not len(own):
            continue
        away = np.abs(losses - own[0]) / np.abs(own[0])
        place = int(np.argmin(away.max(axis=1)))
        if away[place].max() > _SAME:
            continue
        searched.append(place)
        status[place] = answer.status
        slopes[place] = answer.slopes
        if answer.gap is not None:
            gap[place] = np.fmin(gap[place], answer.gap)
    mask = np.zeros(len(losses), bool)
    mask[searched] = True
    ends = []
    for k, answer in sorted(state.ends.items()):
        ends.append(End(answer.status, _end_value(state, answer, k), answer.message))
    place, far = knee(losses)
    return Front(
        designs,
        tuple(status),
        gap,
        slopes,
        mask,
        place,
        far,
        tuple(ends),
        region.reference,
        covered,
        unexplored,
        False,
        cloud(epsilon, section.cloud),
        counts
        | {
            "searches": len(state.answers),
            "evaluations": sum(a.evaluations for a in state.answers),
        },
    )


def _end_value(state: Exploration, answer: Answer, place: int) -> float:
    losses = state.losses[state.found.index(answer)]
    return float(state.goals.loss(losses)[place])


def _slopes(losses: NDArray, signs: NDArray) -> NDArray:
    """Return slopes by differences between neighbours; of two objectives alone."""
    slopes = np.full(losses.shape, np.nan)
    if losses.shape[1] == 2 and len(losses) > 2:
        first, second = (losses * signs).T
        slopes[:, 1] = np.gradient(first, second)
    return slopes


def _kept(designs: Designs, state: Exploration) -> Designs:
    """Return at most `_KEPT` designs, evenly along the front, those searched among."""
    count = len(designs.losses)
    if count <= _KEPT:
        return designs
    designs = ordered(designs)
    losses = designs.losses
    extent = np.ptp(losses, axis=0)
    shares = losses / np.where(extent > 0.0, extent, 1.0)
    step = np.abs(np.diff(shares, axis=0)).sum(axis=1)
    along = np.concatenate([[0.0], np.cumsum(step)])
    evenly = np.searchsorted(along, np.linspace(0.0, along[-1], _KEPT))
    keep = {*np.minimum(evenly, count - 1).tolist(), 0, count - 1}
    for own in state.losses:
        keep.add(int(np.argmin(np.abs(shares - own / extent).max(axis=1))))
    return designs.take(np.array(sorted(keep)))


def cloud(epsilon: Epsilon, most: int) -> NDArray:
    """Return the losses of feasible designs drawn from the whole space."""
    size = len(epsilon.goals.objectives)
    plans = epsilon.fitting
    if not most or plans is None or not len(plans["chips"]):
        return np.zeros((0, size))
    problem = epsilon.problem
    random = np.random.default_rng(epsilon.seed)
    some = take(plans, np.sort(random.integers(len(plans["chips"]), size=most)))
    rows = whole_candidates(problem, some)
    picked = np.sort(random.integers(len(rows["chips"]), size=4 * most))
    rows = complete(problem, take(rows, picked))
    points = random.random((4 * most, len(exact_merit(problem).names)))
    built = in_whole_lanes(epsilon, fill(problem, rows, points))
    good = judged(epsilon, built, points)
    return exact.sampled(good, most).losses
