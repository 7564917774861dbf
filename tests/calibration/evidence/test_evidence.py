"""What is told of the runs behind an answer, and what their distance costs."""

import math

import numpy as np
import pytest

from supernode_opt import load
from supernode_opt.calibration.data.interpret import interpret, interpret_all
from supernode_opt.calibration.data.runs import shipped as shipped_runs
from supernode_opt.calibration.evidence import known
from supernode_opt.calibration.evidence.distance import (
    DOUBLING,
    OTHER,
    SIZES,
    Point,
    distances,
    noise_at,
    points,
)
from supernode_opt.calibration.evidence.told import behind, evidence
from supernode_opt.calibration.step_time import shipped
from supernode_opt.calibration.step_time.intervals import noise_of, widened_noise
from supernode_opt.calibration.step_time.posterior import Posterior
from supernode_opt.config import rows
from supernode_opt.config.study import understand
from supernode_opt.reading import document
from tests.calibration.rows import run

STUDY = "experiments/pangu_ultra/as_trained.yaml"


def point(**changes):
    sizes = dict(zip(SIZES, (256.0, 8e9, 4096.0, 2.0, 1.0, 1.0, 1.0), strict=True))
    labels = {"chip": "h100_sxm", "family": "hopper", "stack": "nemo"}
    labels |= {"kind": "dense", "precision": "bf16", "adapters": False}
    own = {name: changes.pop(name) for name in list(changes) if name in labels}
    return Point(**(labels | own), sizes=tuple((sizes | changes).values()))


def apart(one, other):
    return distances(one, points(["other"], [other]))[0]


def test_doublings_of_sizes_add_up_in_squares():
    assert apart(point(), point()) == 0.0
    assert apart(point(), point(chips=1024.0)) == pytest.approx(2.0 * DOUBLING)
    # Three doublings of chips and four of tensor ranks: 3, 4, 5.
    far = point(chips=2048.0, tensor_parallel=32.0)
    assert apart(point(), far) == pytest.approx(0.075)
    assert apart(far, point()) == pytest.approx(0.075)


@pytest.mark.parametrize("label", ["stack", "kind", "precision", "adapters"])
def test_what_no_size_tells_adds_its_own(label):
    other = {"stack": "internevo", "kind": "moe", "precision": "fp8", "adapters": True}
    far = point(chips=512.0, **{label: other[label]})
    assert apart(point(), far) == pytest.approx(math.hypot(DOUBLING, OTHER[label]))


def test_another_chip_of_the_family_is_nearer_than_one_of_another():
    assert apart(point(), point(chip="h200_sxm")) == OTHER["chip"]
    away = apart(point(), point(chip="b200", family="blackwell"))
    assert away == OTHER["family"]


def test_noise_grows_with_distance():
    assert noise_at(0.1, 0.0) == pytest.approx(0.09)
    # The root of 0.09^2 + 0.2^2.
    assert noise_at(0.1, 0.2) == pytest.approx(0.2193, abs=1e-4)
    posterior = shipped.posterior()
    far = evidence(point(stack="dualpipe"), posterior)
    assert far.distance >= OTHER["stack"]
    assert far.grade == "untested"
    noise = noise_of(posterior, "dualpipe", "dense")
    told = widened_noise(posterior, point(stack="dualpipe"), "dualpipe")
    assert told == pytest.approx(noise_at(noise, far.distance))


def test_runs_are_those_of_the_shipped_table_and_of_the_fit():
    every = known.runs()
    names = set(every.names)
    seen = shipped.posterior().rows
    jobs = interpret_all(shipped_runs()).jobs
    assert {job.run.name for job in jobs} <= names
    # Tables that are not shipped are told of together.
    assert set(seen) & {job.run.name for job in jobs} <= names
    assert known.counts()[known.fitted(seen)].sum() == len(seen) == 1614
    place = {name: row for row, name in enumerate(every.names)}
    for job in jobs[::7]:
        told = known.of_job(job, job.plans[0])
        row = place[job.run.name]
        np.testing.assert_allclose(every.logs[row], np.log2(told.sizes), atol=1e-12)
        for name in OTHER:
            assert every.labels[name][row] == getattr(told, name), job.run.name


def test_a_fitted_row_is_measured_and_a_study_of_it_is_as_near():
    posterior = shipped.posterior()
    fitted = set(posterior.rows)
    every = [
        one
        for one in shipped_runs()
        if one.name in fitted and "910B" in one.text("accelerator")
    ]
    job = interpret(every[0])
    told = evidence(known.of_job(job, job.plans[0]), posterior)
    assert (told.grade, told.distance) == ("measured", 0.0)
    assert told.chip == len(every) >= told.stack >= told.kind
    assert 0 < told.scale < told.kind
    written = rows.text(rows.study_of(job, job.plans[0]))
    problem = understand(document.parse(written, "study.yaml")).problem
    again = behind(problem.scenario, problem.fixed)
    assert again == told


def test_counts_are_said_in_one_line():
    told = evidence(point(), shipped.posterior())
    assert told.sentence.startswith(f"{told.grade} - ")
    assert f"{told.chip} runs of h100_sxm, {told.stack} of nemo" in told.sentence
    assert f"({told.kind} dense, {told.scale} at this scale)" in told.sentence
    nothing = evidence(point(chip="abacus", family="abacus"), shipped.posterior())
    assert "no run of abacus" in nothing.sentence
    none = evidence(point(stack="pangu"), shipped.posterior())
    assert "none of pangu" in none.sentence
    assert set(told.plain()) >= {"grade", "distance", "nearest", "runs", "sentence"}


def test_ones_own_runs_are_counted_where_they_are_known():
    names = (("gemm_efficiency", "shared", ""),)
    lie = (point(stack="mine"), point(stack="mine", chips=1024.0))
    rows = ("first", "second")
    own = Posterior(names, np.zeros(1), np.eye(1), rows, {"dense": 0.1}, lie)
    told = evidence(point(stack="", chips=512.0, precision="bf16"), own)
    # A doubling from either; the first of them is named.
    assert (told.nearest, told.own) == ("first", True)
    assert told.distance == pytest.approx(DOUBLING)
    assert (told.chip, told.stack, told.kind, told.scale) == (2, 2, 2, 2)
    assert "2 own runs of h100_sxm" in told.sentence
    # Their noise is that of rows out of fold: distance widens it, nothing narrows it.
    assert told.noise(0.1) == pytest.approx(math.hypot(0.1, DOUBLING))
    far = evidence(point(chip="b200", family="blackwell"), own)
    assert far.grade == "untested"
    assert "no own run of b200" in far.sentence


def test_a_calibration_of_ones_own_knows_none_of_these_runs():
    names = (("gemm_efficiency", "shared", ""),)
    own = Posterior(names, np.zeros(1), np.eye(1), ("line 2",), {"dense": 0.1})
    told = evidence(point(), own)
    assert (told.nearest, told.noise(0.1), told.chip) == ("", 0.1, 0)
    assert told.plain()["distance"] is None
    assert "no run" in told.sentence
    # Nor does the shipped one know what software of one's own was fitted to.
    assert evidence(point(stack=""), shipped.posterior()) == told._replace(
        platform=("h100_sxm", "", "dense")
    )


def test_a_row_without_any_name_counts_like_others():
    job = interpret(run(stack="nemo"))
    told = evidence(known.of_job(job, job.plans[0]), shipped.posterior())
    assert told.chip > 200


def test_pangu_ultra_was_never_fitted():
    problem = load(STUDY).problem
    told = behind(problem.scenario, problem.fixed)
    assert told.grade == "untested"
    assert told.stack == 0
    assert told.noise(0.1) > 0.17
