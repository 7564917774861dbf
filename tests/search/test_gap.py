"""The gap of a certificate, from the best cost and the least bound, on paper."""

import math
from types import SimpleNamespace

import pytest

from supernode_opt.search import certificate
from supernode_opt.search.branch_and_bound import Proof
from supernode_opt.search.polish import Finalist
from supernode_opt.search.settings import Settings
from tests.search import studies

# Costs are logarithms: an MFU of 0.4 costs -ln 0.4.
BEST = -math.log(0.4)


@pytest.fixture
def graded(monkeypatch):
    """Grade an MFU of 0.4 that is built with ports as they please."""
    # Restarting from elsewhere is another's test, and long.
    monkeypatch.setattr(certificate, "_restarted", lambda search: 0)

    def grade(cells, left=math.inf, ideal=BEST, complete=True, tolerance=1e-4):
        made = SimpleNamespace(cost=BEST, feasible=True)
        best = Finalist(SimpleNamespace(cost=ideal, feasible=True), made)
        search = SimpleNamespace(
            problem=studies.problem(),
            settings=Settings(tolerance=tolerance, whole_lanes=False),
            best=best,
            finalists=[best],
            solved=[],
        )
        proof = Proof(left, cells, convex=False, contenders={})
        return certificate.grade(search, proof, complete=complete)

    return grade


def test_what_bounds_leave_open_is_the_gap(graded):
    # Something promises an MFU of 0.5: a quarter more.
    found = graded(-math.log(0.5), -math.log(0.5))
    assert found.status == certificate.FOUND
    assert found.facts["gap"] == pytest.approx(0.25)
    assert found.facts["gap_by_bounds"] == pytest.approx(0.25)


def test_nothing_left_leaves_the_tolerance(graded):
    found = graded(math.inf)
    assert found.status == certificate.PROVED
    assert found.facts["gap"] == pytest.approx(math.expm1(1e-4), rel=1e-6)
    # Bounds less than the tolerance better are as good as closed.
    near = graded(BEST - 1e-6).facts["gap"]
    assert near == pytest.approx(math.expm1(1e-4), rel=1e-6)


def test_lanes_are_part_of_the_gap(graded):
    # With ports as they please 0.44: ten per cent more.
    found = graded(math.inf, ideal=-math.log(0.44))
    assert found.facts["whole_lanes_cost"] == pytest.approx(0.1)
    assert found.facts["gap"] == pytest.approx(1.1 * math.exp(1e-4) - 1.0)


def test_a_bound_that_promises_anything_proves_nothing(graded):
    found = graded(-math.inf, -math.inf)
    assert found.status == certificate.FOUND
    assert found.facts["gap"] is None


def test_what_was_not_enumerated_has_no_gap(graded):
    found = graded(math.inf, complete=False)
    assert found.status == certificate.FOUND
    assert found.facts["gap"] is None
