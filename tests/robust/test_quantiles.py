"""Quantiles of draws, their standard errors, and shares of draws that keep a limit."""

import numpy as np
import pytest

from supernode_opt.problem.constraints import chances, is_robust, nominal
from supernode_opt.problem.problem import Constraint, Objective
from supernode_opt.robust import chance, quantiles
from supernode_opt.robust.regret import standing
from supernode_opt.robust.sample import Sample
from tests.search.studies import problem


def sample_of(count, spread=0.1):
    none = np.zeros(count)
    return Sample({}, None, none, none, none + 1.0, none + spread, count)


def test_standard_error_is_that_of_a_normal_distribution():
    """sqrt(q (1 - q) / n) over the density, 0.1755 at the 10 % quantile."""
    drawn = np.random.default_rng(0).standard_normal(40_000)
    expected = np.sqrt(0.1 * 0.9 / 40_000) / 0.17550
    assert quantiles.standard_error(drawn, 0.1) == pytest.approx(expected, rel=0.1)


def test_standard_error_covers_the_true_quantile():
    """Of many samples 95 % lie within 1.96 of their errors of -1.2816."""
    samples = np.random.default_rng(1).standard_normal((400, 1000))
    away = [(np.quantile(x, 0.1) + 1.28155) for x in samples]
    errors = [quantiles.standard_error(x, 0.1) for x in samples]
    inside = np.mean(np.abs(away) < 1.96 * np.asarray(errors))
    assert 0.91 < inside < 0.98


def test_smooth_quantile_of_three_draws():
    """Harrell and Davis's median of three: beta(2, 2) over thirds is 7, 13, 7 of 27."""
    assert quantiles.smooth_quantile(np.array([3.0, 0.0, 1.0]), 0.5) == pytest.approx(
        (7.0 * 0.0 + 13.0 * 1.0 + 7.0 * 3.0) / 27.0
    )


def test_smooth_quantile_moves_with_the_draws():
    drawn = np.random.default_rng(2).standard_normal(512)
    plain, smooth = np.quantile(drawn, 0.9), quantiles.smooth_quantile(drawn, 0.9)
    assert smooth == pytest.approx(plain, abs=0.05)
    assert quantiles.smooth_quantile(drawn + 0.25, 0.9) == pytest.approx(smooth + 0.25)


def test_a_share_of_the_draws_keeps_a_limit():
    limit = Constraint("power", 100.0, at_most=True, probability=0.9)
    floor = Constraint("tokens_per_s", 2.0, at_most=False, probability=0.9)
    values = {
        "power": np.array([[90.0, 100.0, 101.0, 99.0]]),
        "tokens_per_s": np.array([[1.0, 2.0, 3.0, np.nan]]),
    }
    found = chance.chances_of((limit, floor), values, sample_of(4))
    # What is not a number keeps no limit.
    assert found.tolist() == [[0.75, 0.5]]


def test_memory_counts_by_the_odds_of_every_draw():
    """One deviation of room: 0.8413; exactly at the limit: 0.5."""
    limit = Constraint("memory_fraction", 1.0, at_most=True, probability=0.9)
    values = {"memory_fraction": np.array([[np.exp(-0.1), 1.0]])}
    found = chance.kept(limit, values, sample_of(2))
    assert found == pytest.approx([0.5 * (0.841345 + 0.5)], abs=1e-6)


def test_what_is_asked_of_draws():
    plain = problem(constraints=(("power", 60e3, True),))
    assert not is_robust(plain)
    assert chances(plain) == ()
    asked = problem(constraints=(("power", 60e3, True, 0.95),))
    assert is_robust(asked)
    assert [c.name for c in chances(asked)] == ["power"]
    assert nominal(asked) == plain
    assert is_robust(problem(objective=("mfu", True, 0.1)))


def test_side_of_a_quantile():
    assert Objective("mfu", True, 0.1).reached == pytest.approx(0.9)
    assert Objective("step_time", False, 0.9).reached == pytest.approx(0.9)
    assert Objective("mfu", True).reached is None
    with pytest.raises(ValueError, match=r"from 0\.01 to 0\.99, but is 0\.001"):
        Objective("mfu", True, 0.001)
    with pytest.raises(ValueError, match="probability of `power`"):
        Constraint("power", 1.0, at_most=True, probability=1.0)


def test_regret_of_three_draws():
    """Best in one draw of three; behind by 2 and 1: 1 of a mean of 9."""
    values = np.array([[10.0, 8.0, 9.0], [9.0, 10.0, 9.5], [1.0, 1.0, 10.0]])
    probability, better, loss = standing(values, maximize=True)
    assert probability == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert better == pytest.approx((0.0, 2 / 3, 1 / 3))
    assert loss == pytest.approx((0.0 + 2.0 + 1.0) / 3.0 / 9.0)
    # The same with less being better: behind by 9, 7 and 0.
    assert standing(values, maximize=False)[2] == pytest.approx(16.0 / 3.0 / 9.0)


def test_designs_that_are_equal_share_being_the_best():
    probability, better, loss = standing(np.ones((2, 5)), maximize=True)
    assert (probability, better, loss) == ((0.5, 0.5), (0.0, 0.0), 0.0)
