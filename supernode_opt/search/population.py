"""Built designs near good ones: whole candidates bred by exact evaluation alone.

A generation is a table of candidates with a point each.  Children take each decision
from one of two parents; one or two sizes then step to the next value that is allowed,
and the point moves a little.  Illegal ones are dropped, the others are evaluated in one
call, and the best of parents and children, no two alike, are the next generation.  It
proposes; it bounds nothing.  Everything is drawn from the seed.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.problem.problem import Problem
from supernode_opt.problem.variables import PLAN
from supernode_opt.search.enumerate import (
    LINKS,
    Columns,
    chip_counts,
    domains,
    ends,
    join,
    positions,
    take,
    wholes,
)
from supernode_opt.search.inner import FEASIBLE, at_points
from supernode_opt.workload.sizes import options
from supernode_opt.workload.split import SIZES, SWITCHES, first_broken

GENERATIONS, CHILDREN, PARENTS = 40, 1024, 128
# Of the unit box, by which points move at first and at last.
_STEP = 0.25, 0.01
_DOMAIN = "scale_up_domain"


class Population(NamedTuple):
    """Candidates with a point of each, best first.

    Attributes:
      columns: the candidates.
      points: in the unit box [candidate, n].
      score: of each; below zero if feasible.
    """

    columns: Columns
    points: NDArray
    score: NDArray

    def rows(self, index: NDArray | slice) -> "Population":
        """Return the members that `index` selects."""
        return Population(
            take(self.columns, index), self.points[index], self.score[index]
        )


def breed(
    problem: Problem, columns: Columns, points: NDArray, seed: int, most: int = 16
) -> Population:
    """Return the best designs that grow from some candidates by small steps.

    Args:
      problem: what is asked.
      columns: legal candidates, at least one.
      points: one of each, in the unit box [candidate, n].
      seed: of all draws.
      most: designs to return.
    """
    random = np.random.default_rng(seed)
    allowed = _allowed(problem)
    now = _judged(problem, {n: columns[n] for n in (*allowed, _DOMAIN)}, points)
    now = _fittest(now)
    for turn in range(GENERATIONS):
        share = turn / max(GENERATIONS - 1, 1)
        step = _STEP[0] * (_STEP[1] / _STEP[0]) ** share
        rows, places = _children(problem, now, allowed, step, random)
        if not len(places):
            continue
        made = _judged(problem, rows, places)
        both = Population(
            join([now.columns, made.columns]),
            np.concatenate([now.points, made.points]),
            np.concatenate([now.score, made.score]),
        )
        now = _fittest(both)
    return now.rows(slice(0, most))


def _allowed(problem: Problem) -> dict[str, NDArray]:
    """Return the values of every decision but the domain, in rising order."""
    sizes = options(problem.scenario.model, problem.scenario.training)
    found = {"chips": np.asarray(chip_counts(problem))}
    for name in PLAN:
        low, high = ends(problem, name)
        kept = [o for o in sizes[name] if low - 1e-9 <= o <= high + 1e-9]
        found[name] = np.asarray(kept)
    for name in (*SWITCHES, *LINKS):
        found[name] = np.asarray(positions(problem, name))
    return found | wholes(problem)


def _children(
    problem: Problem,
    parents: Population,
    allowed: dict[str, NDArray],
    step: float,
    random: np.random.Generator,
) -> tuple[Columns, NDArray]:
    """Cross and change parents; return what is legal."""
    count = len(parents.score)
    # The better half is drawn more often.
    drawn = (count * random.random((2, CHILDREN)) ** 2.0).astype(int)
    rows: Columns = {}
    for name, column in parents.columns.items():
        which = drawn[(random.random(CHILDREN) < 0.3).astype(int), np.arange(CHILDREN)]
        rows[name] = column[which].copy()
    names = [name for name, values in allowed.items() if len(values) > 1]
    for _ in range(2 if names else 0):
        chosen = random.integers(0, len(names), CHILDREN)
        moves = np.where(random.random(CHILDREN) < 0.7, 1, 3)
        moves = moves * random.choice([-1, 1], CHILDREN)
        for order, name in enumerate(names):
            who = np.flatnonzero(chosen == order)
            place = np.searchsorted(allowed[name], rows[name][who]) + moves[who]
            if name in (*SWITCHES, *LINKS):
                place = place % len(allowed[name])
            place = np.clip(place, 0, len(allowed[name]) - 1)
            rows[name][who] = allowed[name][place]
    rows[_DOMAIN] = _tiled(problem, rows, random)
    points = parents.points[drawn[0]]
    moved = random.random(points.shape) < 0.5
    points = points + np.where(moved, step * random.normal(size=points.shape), 0.0)
    given, ranks = problem.scenario, problem.scenario.chip.ranks_per_chip
    split = {name: rows[name] for name in (*SIZES, *SWITCHES)}
    good = first_broken(split, given.model, given.training, ranks) < 0
    good &= rows[_DOMAIN] > 0.0
    return take(rows, good), np.clip(points[good], 0.0, 1.0)


def _tiled(problem: Problem, rows: Columns, random: np.random.Generator) -> NDArray:
    """Return domains that tile the chips, near those of the parents; 0 for none."""
    made = np.zeros(len(rows["chips"]))
    move = random.choice([-1, 0, 0, 1], len(made))
    for chips in np.unique(rows["chips"]):
        who = rows["chips"] == chips
        sizes = np.asarray(domains(problem, int(chips)), float)
        if len(sizes):
            place = np.searchsorted(sizes, rows[_DOMAIN][who] * (1.0 - 1e-9))
            made[who] = sizes[np.clip(place + move[who], 0, len(sizes) - 1)]
    return made


def _judged(problem: Problem, columns: Columns, points: NDArray) -> Population:
    cost, values = at_points(problem, columns, points)
    violation = np.nan_to_num(np.max(values, axis=1), nan=np.inf)
    # Any feasible design is better than any other.
    good = (violation <= FEASIBLE) & np.isfinite(cost)
    score = np.where(good, np.arctan(cost) - 4.0, np.arctan(violation))
    return Population(columns, points, score)


def _fittest(both: Population) -> Population:
    """Return the best of each candidate, best first, as many as are kept."""
    order = np.argsort(both.score, kind="stable")
    table = np.stack([both.columns[n] for n in sorted(both.columns)]).astype(float)
    _, first = np.unique(table[:, order], axis=1, return_index=True)
    return both.rows(order[np.sort(first)[:PARENTS]])


def seeds(parts: Sequence[tuple[Columns, NDArray]]) -> tuple[Columns, NDArray]:
    """Put candidates and their points together; only what all have in common."""
    names = set.intersection(*(set(columns) for columns, _ in parts))
    columns = join([{n: c[n] for n in sorted(names)} for c, _ in parts])
    return columns, np.concatenate([points for _, points in parts])
