import numpy as np
import pytest

from supernode_opt import Training, catalog, load
from supernode_opt.batch.case import case_of
from supernode_opt.batch.reports import REPORTS
from supernode_opt.calibration.step_time import shipped
from supernode_opt.calibration.step_time.constants import CONSTANTS
from supernode_opt.calibration.step_time.posterior import (
    constants_of,
    constants_together,
)
from supernode_opt.problem.build import build_design
from supernode_opt.record import replace
from supernode_opt.uncertainty import draws
from supernode_opt.uncertainty.constants import Uncertain, uncertain

STUDY = "experiments/pangu_ultra/as_trained.yaml"


@pytest.fixture(scope="module")
def problem():
    return load(STUDY).problem


@pytest.fixture(scope="module")
def known(problem):
    return uncertain(problem.scenario, problem.origins)


def test_a_constant_more_moves_no_draw_of_another(known):
    fixed = {key: one for key, one in known.items() if key[0] != "software"}
    fewer = dict(list(fixed.items())[1:])
    all_of_them, others = (draws.normals([one], 3, 64) for one in (fixed, fewer))
    for key in fewer:
        np.testing.assert_array_equal(all_of_them[key], others[key])
    assert len({one[0] for one in all_of_them.values()}) == len(fixed)


def test_a_calibrated_chip_moves_power_and_no_time(problem, known):
    """The fit knows clock times share: the time of a step, whatever the clock is."""
    chip = {key: one for key, one in known.items() if key[0] == "chip"}
    normal = draws.normals([chip], 0, 32)
    held = draws.as_calibrated(problem.scenario, normal)
    design = build_design(problem.fixed, problem.scenario)
    one = case_of(design, problem.scenario, problem.origins.following())
    free, as_fitted = (
        REPORTS(draws.rows_of(one, chip, drawn, np.ones(32)))
        for drawn in (normal, held)
    )
    assert np.ptp(np.asarray(as_fitted.step_time)) == 0.0
    assert np.std(np.log(np.asarray(free.step_time))) > 0.05
    assert np.std(np.log(np.asarray(free.power))) > 0.02


def test_a_chip_that_nobody_ran_is_drawn_in_time_too(problem):
    assert draws.calibrated(problem.scenario)
    other = replace(
        problem.scenario, "chip", replace(problem.scenario.chip, "name", "x")
    )
    assert not draws.calibrated(other)
    job = Training(sequence_length=4096.0, global_batch=2048.0)
    for system, told in (("cloudmatrix384", True), ("atlas_950_superpod", False)):
        found = catalog.scenario(system, "llama3_70b", job)
        assert draws.calibrated(found) is told
    normal = {("chip", "x", "tdp"): np.ones(2), ("link", "y", "power"): np.ones(2)}
    assert draws.as_calibrated(other, normal) == normal
    held = draws.as_calibrated(problem.scenario, normal)
    assert [one.sum() for one in held.values()] == [0.0, 2.0]


def test_what_platforms_share_is_told_once():
    known = shipped.posterior()
    keys = [
        ("ascend_910c", "mindspeed_910c"),
        ("ascend_910c", "nobody's"),
        ("blackwell", "megatron_bridge_26"),
    ]
    means, covariance = constants_together(known, keys)
    wide = len(CONSTANTS)
    blocks = covariance.reshape(3, wide, 3, wide).transpose(0, 2, 1, 3)
    mean, alone = constants_of(known, *keys[2])
    # Kernels of a 910C tell next to nothing of Blackwell.
    np.testing.assert_allclose(means[2], mean, atol=0.05)
    np.testing.assert_allclose(np.diag(blocks[2, 2]), np.diag(alone), rtol=0.1)
    # Nobody ran a 910C: what is unknown of the chip is one thing for both stacks.
    names = [constant.name for constant in CONSTANTS]
    place = names.index("kernel_time")
    chip, shared = CONSTANTS[place].chip, alone[place, place]
    assert blocks[0, 1][place, place] > chip**2
    assert abs(blocks[0, 2][place, place]) < shared
    np.testing.assert_allclose(covariance, covariance.T, atol=1e-12)


def test_a_cluster_of_ones_own_is_slower_than_its_makers(problem):
    """Median exp(0.2 x 0.674) = 1.144, never below one; unseen stacks have it all."""
    job = Training(sequence_length=4096.0, global_batch=2048.0)
    fitted = catalog.scenario("dgx_h100", "llama3_70b", job)
    slower = draws.installation(fitted, 0, 4096)
    assert slower.min() >= 1.0
    assert np.median(slower) == pytest.approx(1.144, abs=0.01)
    assert draws.installation(problem.scenario, 0, 8).tolist() == [1.0] * 8
    users = replace(fitted, "software.name", "fsdp_a100")
    assert draws.installation(users, 0, 8).tolist() == [1.0] * 8


def test_what_all_stacks_share_is_drawn_once_under_every_name():
    """One imbalance of learned routers, whatever stack; exposed is one less hidden."""
    names = ("mindspeed_910c", "bridge_nvl72")
    fields = ("expert_imbalance", "expert_overlapped", "step_overhead")
    known = [
        {("software", n, f): Uncertain(("",), 1.0, 0.5, 2.0, np.inf) for f in fields}
        for n in names
    ]
    drawn = draws.normals(known, 0, 4096)

    def alike(field):
        return np.corrcoef(*(drawn["software", n, field] for n in names))[0, 1]

    assert alike("expert_imbalance") > 0.99
    assert 0.1 < alike("expert_overlapped") < 0.95
    assert abs(alike("step_overhead")) < 0.6
