import dataclasses

import numpy as np
import pytest

from supernode_opt.calibration.data.interpret import interpret
from supernode_opt.calibration.data.platforms import made_of
from supernode_opt.calibration.data.practice import as_documented
from supernode_opt.calibration.data.stacks import stacks
from supernode_opt.calibration.step_time import (
    applied,
    batch,
    fit,
    intervals,
    posterior,
    shipped,
    user,
)
from supernode_opt.calibration.step_time import cross_validation as crossing
from supernode_opt.calibration.step_time.constants import CONSTANTS, INDEX
from supernode_opt.uncertainty.constants import Uncertain, drawn_value
from tests.calibration.rows import run

SHAPES = [
    {
        "tp": str(tp),
        "mbs": str(mbs),
        "layers": str(layers),
        "split_group": f"g{layers}",
        "weight": "4",  # made-up rows are exact
    }
    for tp in (1, 2, 4)
    for mbs in (1, 2, 4)
    for layers in (8, 16, 32)
]


def rows(seconds):
    """Make runs whose measured times are `seconds`."""
    return [
        interpret(run(run_id=f"r{i}", iter_time_s=f"{t:.9g}", **shape))
        for i, (shape, t) in enumerate(zip(SHAPES, seconds, strict=True))
    ]


@pytest.fixture(scope="module")
def truth():
    """Constants, and the table of rows that exactly those constants produce."""
    logs = np.log([constant.prior for constant in CONSTANTS])
    logs[INDEX["gemm_efficiency"]] = np.log(0.72)
    logs[INDEX["loss_traffic"]] = np.log(40.0)
    blank = fit.table(rows(np.ones(len(SHAPES))))
    told = batch.predict(blank.batches, np.tile(logs, (len(SHAPES), 1)))
    return logs, fit.table(rows(told[:, 0]))


@pytest.fixture(scope="module")
def fitted(truth):
    """A fit that starts from the priors."""
    prior = fit.parameters((), ())
    spread = np.full(len(prior.spread), 0.3)
    return fit.fit(truth[1], prior=prior._replace(spread=spread))


def test_known_constants_are_recovered_where_rows_identify_them(truth, fitted):
    column = fitted.names.index(("gemm_efficiency", "shared", ""))
    assert np.exp(fitted.mean[column]) == pytest.approx(0.72, rel=0.05)
    told, _ = fit.predict(truth[1], fitted)
    measured = [job.run.step_time for job in truth[1].jobs]
    np.testing.assert_allclose(told[:, 0], measured, rtol=5e-3)


def test_what_rows_cannot_tell_keeps_its_prior_spread(fitted):
    spread = np.sqrt(np.diag(fitted.covariance))
    for name in ("nvfp4_efficiency", "expert_tokens", "shard_latency"):
        assert spread[fitted.names.index((name, "shared", ""))] == pytest.approx(0.3)
    assert spread[fitted.names.index(("gemm_efficiency", "shared", ""))] < 0.15


def test_a_fit_is_deterministic(truth, fitted):
    again = fit.fit(
        truth[1],
        prior=fit.Prior(
            fitted.names,
            np.log([constant.prior for constant in CONSTANTS]),
            np.full(len(CONSTANTS), 0.3),
        ),
    )
    np.testing.assert_array_equal(again.mean, fitted.mean)


def test_one_wild_row_does_not_move_the_fit(truth, fitted):
    seconds = np.asarray([job.run.step_time for job in truth[1].jobs])
    seconds[3] *= 3.0
    prior = fit.parameters((), ())
    wild = fit.fit(
        fit.table(rows(seconds)),
        prior=prior._replace(spread=np.full(len(prior.spread), 0.3)),
    )
    column = fitted.names.index(("gemm_efficiency", "shared", ""))
    assert abs(wild.mean[column] - fitted.mean[column]) < 0.05


def test_exact_slopes_equal_differences(truth):
    logs = np.tile(truth[0], (len(SHAPES), 1))
    _, slopes = batch.linearize(truth[1].batches, logs)
    np.testing.assert_allclose(
        slopes, batch.differences(truth[1].batches, logs), atol=2e-4
    )
    assert np.isfinite(slopes).all()
    assert (slopes[:, INDEX["gemm_efficiency"]] < 0.0).all()
    assert (slopes[:, INDEX["loss_traffic"]] > 0.0).all()


def test_cross_validation_predicts_every_row_from_other_groups(truth):
    prior = fit.parameters((), ())
    crossed = crossing.cross_validate(truth[1], prior=prior)
    measured = np.asarray([job.run.step_time for job in truth[1].jobs])
    assert np.isfinite(crossed).all()
    assert np.abs(crossed / measured - 1.0).max() < 0.1
    alone = dataclasses.replace(truth[1], jobs=truth[1].jobs)
    single = [dataclasses.replace(j, run=run(split_group="one")) for j in alone.jobs]
    assert np.isnan(
        crossing.cross_validate(dataclasses.replace(alone, jobs=tuple(single)))
    ).all()


def test_an_unseen_stack_has_wider_intervals_than_a_known_one():
    known = shipped.posterior()
    seen = posterior.constants_of(known, "hopper", "nemo")[1]
    unseen = posterior.constants_of(known, "hopper", "somebody_elses")[1]
    assert np.diag(unseen).sum() > np.diag(seen).sum()
    assert np.linalg.eigvalsh(seen).min() > -1e-3


def test_ten_rows_of_a_cluster_improve_on_the_shipped_constants(truth):
    slow = [1.25 * job.run.step_time for job in truth[1].jobs][:10]
    jobs = [
        interpret(run(run_id=f"u{i}", iter_time_s=f"{t:.9g}", **shape))
        for i, (shape, t) in enumerate(zip(SHAPES[:10], slow, strict=True))
    ]
    heard = []
    result = user.calibrate(
        jobs, shipped.posterior(), 0, lambda what, done: heard.append((what, done))
    )
    assert result.inside.mape < 0.05
    assert result.identified[INDEX["gemm_efficiency"]] < 1.0
    assert heard[-1] == ("cross-validating", 1.0)


def test_an_unseen_stack_of_a_user_is_like_other_users_stacks():
    known = shipped.posterior()
    place = INDEX["gemm_efficiency"]
    mean, covariance = posterior.constants_of(known, "hopper", "user")
    blank, wide = posterior.constants_of(known, "hopper", "somebody_elses")
    assert posterior.kin_of(known.names, "user") == (
        *("deepspeed_zero3", "internevo", "llm_foundry", "megatron_deepspeed"),
        *("simumax", "torchtitan"),
    )
    # Deviations of the six in the table of the fit, and how much of the prior's
    # variance 0.07^2 runs have taken from each:
    deviations = (0.012, -0.098, -0.065, 0.047, -0.173, -0.013)
    spreads = (0.067, 0.041, 0.031, 0.038, 0.038, 0.057)
    weight = sum(1.0 - (one / 0.07) ** 2 for one in spreads)
    assert mean[place] - blank[place] == pytest.approx(
        sum(deviations) / (weight + 1.0), abs=1e-3
    )
    assert covariance[place, place] > wide[place, place]
    # Nothing is taken from users by who was fitted, or whose maker nobody declared.
    assert posterior.kin_of(known.names, "nemo") == ()
    assert posterior.kin_of(known.names, "dualpipe") == ()
    common = intervals.noise_of(known, "somebody_elses", "dense")
    assert intervals.noise_of(known, "user", "dense") == pytest.approx(0.2304, abs=1e-3)
    assert common == pytest.approx(0.1099, abs=1e-3)
    assert intervals.noise_of(known, "pangu", "dense") == common
    assert posterior.kin_of(known.names, "pangu") == ()


def test_a_range_holds_its_value_where_the_fit_leaves_what_may_be_stated():
    stack = stacks()["mindspeed"]
    platform = made_of(stack, "ascend_910b", stack.base)
    found = applied.ranges(platform, as_documented(stack))
    assert found["gemm_efficiency"].value > 1.0
    for name, number in found.items():
        assert number.low <= number.value <= number.high, name
    rate = found["gemm_efficiency"]
    drawn = drawn_value(
        Uncertain((), rate.value, rate.low, rate.high, max(1.0, rate.high)),
        np.asarray([-1.0, 0.0, 1.0]),
    )
    assert (np.diff(drawn) > 0.0).all()
