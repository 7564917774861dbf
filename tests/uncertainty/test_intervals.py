import jax.numpy as jnp
import pytest

from supernode_opt import load
from supernode_opt.catalog.origins import assumed
from supernode_opt.problem.build import build_design
from supernode_opt.record import replace
from supernode_opt.system.evaluate import evaluate
from supernode_opt.uncertainty.constants import uncertain
from supernode_opt.uncertainty.intervals import report_intervals
from supernode_opt.uncertainty.narrowing import NOISE, narrows

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


def drawn_paths(problem):
    known = uncertain(problem.scenario, problem.origins)
    return {path for constant in known.values() for path in constant.paths}


def test_a_number_the_user_set_is_exact_even_if_it_is_the_catalogs():
    problem = load(STUDY).problem
    assert "chip.tdp" in drawn_paths(problem)
    tdp = problem.scenario.chip.tdp
    for name in ("scenario.chip", "design.chip"):
        own = load(STUDY, [f"{name}.tdp={tdp} W"]).problem
        assert own.scenario == problem.scenario
        assert drawn_paths(problem) - drawn_paths(own) == {"chip.tdp"}


def test_a_scenario_made_in_python_has_the_ranges_of_its_entries(study):
    _, scenario = study
    own = replace(scenario, "chip.tdp", 1.01 * scenario.chip.tdp)
    same, other = (uncertain(s, assumed(s)) for s in (scenario, own))
    assert {key[2] for key in same.keys() - other.keys()} == {"tdp"}


def test_known_constants_narrow_the_ranges(study, ranges):
    design, scenario = study
    software = scenario.software
    own = replace(scenario, "software", replace(software, "name", "mine"))
    low, high = report_intervals(design, own, seed=0)["mfu"]
    assert high / low < ranges["mfu"][1] / ranges["mfu"][0]
    assert jnp.isfinite(low)


def test_noise_of_a_stack_never_fitted_is_most_of_what_is_not_known(study):
    worth = narrows(*study, seed=0)
    assert next(iter(worth)) == NOISE
    assert 0.3 < worth[NOISE] < 1.0
    assert all(0.0 < share <= worth[NOISE] for share in worth.values())
    assert len(worth) > 1
