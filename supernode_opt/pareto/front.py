"""From a study to its front: searches, designs between them, and what is shown."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.pareto import exact
from supernode_opt.pareto.answers import Answer
from supernode_opt.pareto.between import Designs, judged
from supernode_opt.pareto.closing import close, dense
from supernode_opt.pareto.dominance import hypervolume, knee
from supernode_opt.pareto.epsilon import Epsilon
from supernode_opt.pareto.explore import (
    Exploration,
    explore,
    usual_reference,
)
from supernode_opt.pareto.journal import Journal
from supernode_opt.pareto.region import Region
from supernode_opt.pareto.section import Section
from supernode_opt.search.enumerate import Columns, take, whole_candidates
from supernode_opt.search.inner import complete, exact_merit, fill
from supernode_opt.search.settings import (
    FOUND,
    PROVED,
    Progress,
)

# Searches before the boxes are cut.
_FIRST = 8
# Designs of a front that are kept, evenly along it; more say nothing more.
_KEPT = 2_000
# What searches find and what is evaluated are the same design to this.
_SAME = 1e-9

Show = Callable[[str, float], None]


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


def front_of(epsilon: Epsilon, section: Section, journal: Journal, show: Show) -> Front:
    """Find the front of a study.

    Raises:
      ValueError: there is no design to consider.
    """
    if exact.enumerable(epsilon):
        made = _tried(epsilon, section, show)
        if made is not None:
            return made
    return _searched(epsilon, section, journal, show)


def _tried(epsilon: Epsilon, section: Section, show: Show) -> Front | None:
    """Evaluate every candidate; `None` where none keeps every limit."""

    def tell(done: int, of: int) -> None:
        show(f"{done:,} of {of:,} candidates evaluated", done / of)

    found = exact.tried(epsilon, section.cloud, tell)
    if found is None or not len(found.front.losses):
        return None
    designs = _ordered(found.front)
    losses = designs.losses
    reference = _reference(epsilon, section, losses)
    best = losses.min(axis=0)
    ends = tuple(End(PROVED, float(v), "") for v in epsilon.goals.loss(best))
    count = len(losses)
    place, far = knee(losses)
    return Front(
        designs,
        (PROVED,) * count,
        np.zeros(count),
        np.full(losses.shape, np.nan),
        np.ones(count, bool),
        place,
        far,
        ends,
        reference,
        hypervolume(losses, reference),
        0.0,
        True,
        found.cloud.losses,
        {"candidates": found.tried, "feasible": found.feasible},
    )


def _searched(
    epsilon: Epsilon, section: Section, journal: Journal, show: Show
) -> Front:
    given = section.reference
    reference = None if given is None else epsilon.goals.loss(given)
    state = Exploration(epsilon, reference=reference)
    share = [0.0]

    def inner(now: Progress) -> None:
        said = f"search {len(state.answers) + 1}, {now.stage} {100.0 * now.done:.0f} %"
        show(said, share[0])

    def ask(
        main: int,
        limits: Sequence[float | None],
        known: Sequence[tuple[Columns, NDArray]],
    ) -> Answer:
        before = journal.answers.get((main, tuple(limits)))
        if before is not None:
            return before
        if known:
            answer = epsilon.next(main, limits, known, inner)
        else:
            answer = epsilon.first(main, limits, inner)
        journal.add(answer)
        return answer

    def tell(count: int, unexplored: float) -> None:
        share[0] = min(count / section.searches, 1.0)
        show(f"{count} searches, {100.0 * unexplored:.3g} % unexplored", share[0])

    explore(state, ask, section.gap, min(_FIRST, section.searches), tell)
    if len(state.ends) < len(epsilon.goals.objectives) or not state.found:
        return _nothing(epsilon, state)
    designs, floor, counts = _closed(state, section, show)
    region = _region(state, designs, floor)
    if region.unexplored(designs.losses) > section.gap:
        before = len(state.answers)
        explore(state, ask, section.gap, section.searches, tell)
        if len(state.answers) > before:
            designs, floor, counts = _closed(state, section, show)
            region = _region(state, designs, floor)
    return _told(state, section, designs, region, counts)


def _region(state: Exploration, designs: Designs, floor: NDArray | None) -> Region:
    return dataclasses.replace(state.region(designs.losses), floor=floor).coarse()


def _closed(
    state: Exploration, section: Section, show: Show
) -> tuple[Designs, NDArray | None, dict[str, int]]:
    show("building designs between", 0.0)
    front = dense(state)
    return close(
        state,
        front,
        section.gap,
        section.boxes,
        lambda done: show("excluding boxes", done),
    )


def _reference(epsilon: Epsilon, section: Section, losses: NDArray) -> NDArray:
    if section.reference is not None:
        return epsilon.goals.loss(section.reference)
    return usual_reference(losses)


def _nothing(epsilon: Epsilon, state: Exploration) -> Front:
    """Return the front of a study without a design."""
    count = len(epsilon.goals.objectives)
    first = state.answers[-1]
    ends = tuple(
        End(a.status, np.nan, a.message)
        for a in (state.ends.get(k, first) for k in range(count))
    )
    none = np.zeros((0, count))
    return Front(
        None,
        (),
        np.zeros(0),
        none,
        np.zeros(0, bool),
        None,
        0.0,
        ends,
        np.full(count, np.nan),
        0.0,
        np.nan,
        False,
        none,
        {"searches": len(state.answers)},
    )


def _ordered(designs: Designs) -> Designs:
    """Sort designs by the second objective, then by the others."""
    losses = designs.losses
    keys = [losses[:, k] for k in range(losses.shape[1])]
    return designs.take(np.lexsort((*keys[2:], keys[0], keys[1])))


def _told(
    state: Exploration,
    section: Section,
    designs: Designs,
    region: Region,
    counts: dict[str, int],
) -> Front:
    """Put together what was found and what is shown of it."""
    epsilon = state.epsilon
    unexplored = region.unexplored(designs.losses)
    answers = [a for a in state.found if a.main == 0]
    designs = _ordered(_kept(designs, state))
    losses = designs.losses
    covered = hypervolume(losses, region.reference)
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
    designs = _ordered(designs)
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
    good = judged(epsilon, fill(problem, rows, points), points)
    return exact.sampled(good, most).losses
