"""Dominance, hypervolume, knee and what is unexplored, worked by hand."""

import math

import numpy as np
import pytest

from supernode_opt.pareto.dominance import hypervolume, knee, undominated
from supernode_opt.pareto.goals import rounded
from supernode_opt.pareto.region import Excluded, Region


def test_of_equal_points_the_first_is_kept():
    points = np.array([[2.0, 2.0], [1.0, 3.0], [2.0, 2.0 * (1 + 1e-14)], [3.0, 2.5]])
    assert undominated(points).tolist() == [0, 1]
    # As good in one and worse in the other is beaten.
    assert undominated(np.array([[1.0, 1.0], [1.0, 2.0]])).tolist() == [0]
    assert undominated(np.zeros((0, 2))).tolist() == []


def test_three_objectives():
    points = np.array([[1, 1, 3], [1, 3, 1], [3, 1, 1], [3, 3, 3], [2, 2, 2]], float)
    assert undominated(points).tolist() == [0, 1, 2, 4]
    # Counted in unit cubes of the cube of four.
    whole = np.array([4.0, 4.0, 4.0])
    brute = np.stack(np.meshgrid(*[np.arange(0, 4) + 0.5] * 3), -1).reshape(-1, 3)
    covered = sum(any((p <= c).all() for p in points) for c in brute)
    assert hypervolume(points, whole) == pytest.approx(covered)


def test_rounding_is_relative():
    assert rounded(3.0e5 * (1 + 1e-13)) == rounded(3.0e5)
    assert rounded(1.0) != rounded(1.0 + 1e-9)
    assert rounded(0.0) == 0.0
    assert rounded(np.inf) == np.inf


def test_knee():
    # Ends (0, 1) and (1, 0): (0.1, 0.3) is 0.6 / sqrt 2 from the chord.
    place, far = knee(np.array([[0.0, 1.0], [0.1, 0.3], [0.5, 0.2], [1.0, 0.0]]))
    assert place == 1
    assert far == pytest.approx(0.6 / math.sqrt(2.0))
    # A front that bulges away from what is wanted has none.
    assert knee(np.array([[0.0, 1.0], [0.8, 0.8], [1.0, 0.0]]))[0] is None
    assert knee(np.array([[0.0, 1.0], [1.0, 0.0]]))[0] is None


def test_boxes_between_neighbours():
    # Ends (0, 4) and (4, 0), no search between them: the box of 4 x 4 is open, and two
    # strips beyond the ends, of a box that goes on to 5, are shut or covered.
    ends = np.array([[0.0, 4.0], [4.0, 0.0]])
    region = Region(
        np.zeros(2),
        np.full(2, 5.0),
        [Excluded((math.inf,), 0.0), Excluded((0.0,), 4.0)],
    )
    assert region.cells(ends).volume == pytest.approx(16.0)
    # 5 x 1 and 1 x 5 are covered, and counted once where they meet.
    assert region.unexplored(ends) == pytest.approx(16.0 / 9.0)
    # A search at a limit of two finds (1, 2): 1 x 2 and 3 x 2 are left.
    more = np.concatenate([ends, [[1.0, 2.0]]])
    region = Region(
        region.ideal, region.reference, [*region.excluded, Excluded((2.0,), 1.0)]
    )
    assert region.cells(more).volume == pytest.approx(2.0 + 6.0)
    assert region.gap(more).tolist() == [0.0, 0.0, 0.0]
    # What lies above the bound of its own limit could be better by the difference.
    assert region.gap(np.array([[2.5, 1.0]])).tolist() == [1.5]


def test_a_floor_leaves_what_lies_between_it_and_the_front():
    front = np.array([[0.0, 1.0], [1.0, 0.0]])
    floor = front - 0.1
    region = Region(np.full(2, -0.1), np.full(2, 2.0), [], floor)
    # In squares of 0.05: 0.41 lie above the floor and not above the front.
    grid = (np.arange(0, 42) + 0.5) * 0.05 - 0.1
    right, up = np.meshgrid(grid, grid)
    cells = np.stack([right.ravel(), up.ravel()], 1)

    def above(points):
        return np.any([(cells >= p).all(axis=1) for p in points], axis=0)

    expected = float((above(floor) & ~above(front)).sum()) * 0.05**2
    assert expected == pytest.approx(0.41)
    assert region.cells(front).volume == pytest.approx(expected)


def test_what_nothing_keeps_is_excluded():
    shown = [Excluded((math.inf, math.inf), 0.0), Excluded((math.inf, 1.0), math.inf)]
    region = Region(np.zeros(3), np.full(3, 2.0), shown)
    # Of 2 x 2 x 2 the half below one in the third is shut.
    assert region.cells(np.full((1, 3), 2.0)).volume == pytest.approx(4.0)


def test_what_is_not_shown_is_not_known():
    points = np.array([[0.0, 1.0], [1.0, 0.0]])
    region = Region(np.zeros(2), np.full(2, 2.0), [], shown=False)
    assert region.unexplored(points) == np.inf
    assert region.gap(points).tolist() == [np.inf, np.inf]


def test_a_coarse_floor_is_never_above_the_fine_one():
    random = np.random.default_rng(0)
    floor = random.random((500, 3))
    fine = Region(np.zeros(3), np.ones(3), [], floor)
    coarse = fine.coarse()
    at = random.random((200, 2))
    assert (coarse.bound(at) <= fine.bound(at)).all()
