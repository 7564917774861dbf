"""From a study to its front: searches, designs between them, and what is shown."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt.pareto import batches, exact
from supernode_opt.pareto.answers import Answer
from supernode_opt.pareto.between import Designs
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
from supernode_opt.pareto.told import End, Front, ordered, told
from supernode_opt.search.enumerate import Columns
from supernode_opt.search.settings import (
    PROVED,
    Progress,
)

# Searches before the boxes are cut.
_FIRST = 8
# So many times the boxes are spent where the first ones left some open.
_AGAIN = 4

Show = Callable[[str, float], None]


def front_of(epsilon: Epsilon, section: Section, journal: Journal, show: Show) -> Front:
    """Find the front of a study.

    Raises:
      ValueError: there is no design to consider.
    """
    if exact.enumerable(epsilon) or batches.suits(epsilon):
        made = _tried(epsilon, section, show)
        if made is not None:
            return made
    return _searched(epsilon, section, journal, show)


def _tried(epsilon: Epsilon, section: Section, show: Show) -> Front | None:
    """Evaluate every candidate; `None` where none keeps every limit."""

    def tell(done: int, of: int) -> None:
        show(f"{done:,} of {of:,} candidates evaluated", done / of)

    way = batches.tried if batches.suits(epsilon) else exact.tried
    found = way(epsilon, section.cloud, tell)
    if found is None or not len(found.front.losses):
        return None
    designs = ordered(found.front)
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
        _counts(found),
    )


def _counts(found: exact.Tried) -> dict[str, int]:
    made = {"candidates": found.tried, "feasible": found.feasible}
    return made | ({"evaluated": found.evaluated} if found.evaluated else {})


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
        if floor is None:
            # Searches are all there is where the objectives have no bounds.
            explore(state, ask, section.gap, section.searches, tell)
            designs, floor, counts = _closed(state, section, show)
        elif counts["open_boxes"] and len(epsilon.goals.objectives) == 2:
            done = counts["boxes"]
            designs, floor, counts = _cut(state, section, designs, _AGAIN, show)
            counts["boxes"] += done
        region = _region(state, designs, floor)
    return told(state, section, designs, region, counts)


def _region(state: Exploration, designs: Designs, floor: NDArray | None) -> Region:
    return dataclasses.replace(state.region(designs.losses), floor=floor).coarse()


def _closed(
    state: Exploration, section: Section, show: Show
) -> tuple[Designs, NDArray | None, dict[str, int]]:
    show("building designs between", 0.0)
    return _cut(state, section, dense(state), 1, show)


def _cut(
    state: Exploration, section: Section, front: Designs, times: int, show: Show
) -> tuple[Designs, NDArray | None, dict[str, int]]:
    return close(
        state,
        front,
        section.gap,
        times * section.boxes,
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
