"""What knowing something better takes away of a spread, on sums of two Gaussians."""

import numpy as np
import pytest
from scipy.stats import norm

from supernode_opt.uncertainty.worth import chance_of_sign, narrowed, removed

RANDOM = np.random.default_rng(1)
ONE, OTHER = RANDOM.standard_normal((2, 200_000))


def test_a_term_takes_its_share_of_the_variance_away():
    # 3² of 3² + 4² is 0.36.
    total = 3.0 * ONE + 4.0 * OTHER
    assert removed(total, ONE) == pytest.approx(0.36, abs=5e-3)
    assert removed(total, OTHER) == pytest.approx(0.64, abs=5e-3)
    both = np.stack([ONE, OTHER], axis=1)
    assert removed(total, both) == pytest.approx(1.0, abs=1e-9)
    twice = removed(total, np.stack([ONE, ONE], axis=1))
    assert twice == pytest.approx(removed(total, ONE), rel=1e-9)


def test_what_constants_share_counts_in_full():
    """(Sigma g)² / Sigma_ii / g' Sigma g, of a gradient by the first constant alone."""
    # Correlated by 0.6: to know the second takes 0.36 of what the first spreads.
    second = 0.6 * ONE + 0.8 * OTHER
    assert removed(5.0 * ONE, second) == pytest.approx(0.36, abs=5e-3)


def test_a_poor_measurement_takes_less_away():
    # With an error as large as the spread, half of it.
    assert removed(ONE, ONE, error=1.0) == pytest.approx(0.5, abs=5e-3)
    assert removed(0.0 * ONE, ONE) == 0.0
    assert removed(ONE, 0.0 * ONE) == 0.0


def test_a_narrower_range_keeps_its_middle():
    then = narrowed(2.0 + ONE, 0.75)
    assert np.median(then) == pytest.approx(2.0, abs=0.02)
    assert then.std() == pytest.approx(0.5, rel=0.01)


def test_chance_that_a_sign_is_known_after_a_measurement():
    # Nothing is left open by a perfect one, and nothing settled by none.
    assert chance_of_sign(0.3 + ONE, 1.0) == pytest.approx(1.0)
    assert chance_of_sign(0.3 + ONE, 0.0) == 0.0
    assert chance_of_sign(2.0 + ONE, 0.0) == 1.0
    # Mean zero, half the variance gone: beyond 1.645 on either side.
    half = chance_of_sign(ONE - ONE.mean(), 0.5)
    assert half == pytest.approx(2.0 * norm.sf(1.645), abs=2e-3)
