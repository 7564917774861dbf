import numpy as np
import pytest

from supernode_opt.calibration.data.interpret import interpret
from supernode_opt.calibration.step_time import score
from tests.calibration.rows import run


def test_errors_are_counted_as_named():
    found = score.errors(
        np.asarray([1.1, 1.8, 3.0]), np.asarray([1.0, 2.0, 3.0]), ["a", "b", "c"]
    )
    assert found.rows == 3
    assert found.mape == pytest.approx(0.2 / 3)
    assert found.median == pytest.approx(0.1)
    assert found.bias == pytest.approx(0.0)
    assert (found.worst, abs(found.worst_error)) == ("a", pytest.approx(0.1))


@pytest.fixture(scope="module")
def plans():
    """Eight plans of one job."""
    return [interpret(run(run_id=str(i), mbs="1")) for i in range(8)]


def test_ranking_and_regret(plans):
    measured = np.arange(1.0, 9.0)
    (perfect,) = score.rankings(plans, 2.0 * measured, measured)
    assert (perfect.spearman, perfect.regret) == (pytest.approx(1.0), 0.0)
    (reverse,) = score.rankings(plans, -measured, measured)
    assert (reverse.spearman, reverse.regret) == (pytest.approx(-1.0), 7.0)
    assert score.rankings(plans[:7], measured[:7], measured[:7]) == ()


def test_scaling_is_relative_to_the_smallest_run():
    jobs = [interpret(run(n_accel=n, gbs=g)) for n, g in (("8", "64"), ("64", "512"))]
    # Measured: perfect weak scaling.  Predicted: a tenth slower at scale.
    found = score.scaling_errors(jobs, np.asarray([2.0, 2.2]), np.asarray([1.0, 1.0]))
    assert found == pytest.approx([1.0 / 1.1 - 1.0])


def test_a_constant_utilisation_is_exact_on_rows_of_one_utilisation():
    jobs = [
        interpret(run(gbs=g, iter_time_s=t)) for g, t in (("512", "7"), ("1024", "14"))
    ]
    told = score.baseline(jobs, [True, False], by_stack=False)
    np.testing.assert_allclose(told, [7.0, 14.0])
    reached = score.utilisation(jobs[0])
    assert 0.2 < reached < 0.7


def test_a_chip_without_fitted_rows_takes_the_median_of_all():
    jobs = [interpret(run()), interpret(run(accelerator="B200"))]
    told = score.baseline(jobs, [True, False], by_stack=True)
    # B200 has 2250 / 989.4 of the peak.
    assert told[1] == pytest.approx(7.0 * 989.4 / 2250.0, rel=1e-6)


def test_the_interval_score_is_the_width_and_twenty_times_the_miss():
    # A range of 2 x 1.645 x 0.1 = 0.329: held, and missed by 0.5 - 0.1645 = 0.3355.
    found = score.interval_score(np.asarray([0.1, -0.5]), np.asarray([0.1, 0.1]))
    np.testing.assert_allclose(found, [0.329, 0.329 + 20.0 * 0.3355])


def test_no_range_scores_better_than_the_true_one():
    errors = np.random.default_rng(0).standard_normal(200_000)
    wide = [
        score.interval_score(errors, np.full(1, s)).mean() for s in (0.8, 1.0, 1.25)
    ]
    assert min(wide) == wide[1]
