import jax.numpy as jnp
import pytest

from supernode_opt import load
from supernode_opt.problem.build import build_design
from supernode_opt.record import replace
from supernode_opt.system.evaluate import evaluate
from supernode_opt.uncertainty.intervals import report_intervals, uncertain

STUDY = "experiments/pangu_ultra/as_trained.yaml"


@pytest.fixture(scope="module")
def study():
    problem = load(STUDY).problem
    return build_design(problem.fixed, problem.scenario), problem.scenario


@pytest.fixture(scope="module")
def ranges(study):
    return report_intervals(*study, seed=0)


def test_ranges_surround_the_value_where_something_is_uncertain(study, ranges):
    report = evaluate(*study)
    for name in ("step_time", "mfu", "power", "cost", "mtbf", "memory"):
        low, high = ranges[name]
        assert low < float(getattr(report, name)) < high, name


def test_what_is_given_has_no_range(ranges):
    for name in ("model_flops", "data_parallel", "micro_batches"):
        low, high = ranges[name]
        assert low == high, name


def test_draws_are_seeded(study, ranges):
    assert report_intervals(*study, seed=0) == ranges


def test_a_number_the_user_set_is_exact(study):
    _, scenario = study
    assert "chip.tdp" in {one.path for one in uncertain(scenario)}
    own = replace(scenario, "chip.tdp", 1.01 * scenario.chip.tdp)
    assert "chip.tdp" not in {one.path for one in uncertain(own)}


def test_known_constants_narrow_the_ranges(study, ranges):
    design, scenario = study
    software = scenario.software
    own = replace(scenario, "software", replace(software, "name", "mine"))
    low, high = report_intervals(design, own, seed=0)["mfu"]
    assert high / low < ranges["mfu"][1] / ranges["mfu"][0]
    assert jnp.isfinite(low)
