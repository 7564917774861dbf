"""Robust designs are the best of all on their draws, and what is said of them is so."""

import dataclasses

import numpy as np
import pytest

from supernode_opt import load
from supernode_opt.batch.precise import precise
from supernode_opt.problem.build import build_design
from supernode_opt.problem.constraints import nominal
from supernode_opt.problem.problem import Constraint
from supernode_opt.robust import found, regret, solve
from supernode_opt.robust.exhaust import feasible, race
from supernode_opt.robust.judged import judge, losses
from supernode_opt.robust.program import asked, drawn_values
from supernode_opt.robust.sample import sample
from supernode_opt.robust.shifted import columns_of
from supernode_opt.search.solve import optimize
from supernode_opt.uncertainty import draws, intervals

STUDY = "experiments/gpt3_175b_plans/cautious.yaml"
# 60 of the splits, tight ones among them.
SMALL = (
    "design.tensor_parallel=4",
    "design.pipeline_parallel=8",
    "design.context_parallel=1",
    "design.micro_batch={low: 1, high: 4}",
    "design.optimizer_sharding=zero1",
    "design.sequence_parallel=on",
)


@pytest.fixture(scope="module", autouse=True)
def fewer_draws():
    """Judge by an eighth of the draws that answers are judged by."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solve, "JUDGED", 2048)
        patch.setattr(found, "TOLD_APART", 512)
        yield


@pytest.fixture(scope="module")
def study():
    return load(STUDY, SMALL)


@pytest.fixture(scope="module")
def answer(study):
    return solve.optimize(study.problem, study.settings, study.seed)


@pytest.fixture(scope="module")
def plain(study):
    return optimize(nominal(study.problem), study.settings, study.seed)


def test_racing_finds_the_best_of_all(study):
    """Against all draws of all candidates, judged without racing."""
    problem = study.problem
    with precise():
        drawn = sample(problem, 3, 128)
        columns, cost = feasible(problem, study.settings)
        every = judge(problem, columns, drawn)
        raced = race(problem, study.settings, drawn, lambda done, best: None)
        values = np.quantile(-every.loss, 0.1, axis=1)
    best = np.max(values[every.enough])
    assert 20 < len(cost) < 200
    assert not every.enough.all()
    assert np.quantile(-raced.judged.loss[0], 0.1) == pytest.approx(best, rel=1e-12)
    assert raced.raced == raced.candidates == len(cost)


def test_quantile_is_that_of_independent_draws(study, answer):
    """Within three standard errors of draws with another seed, as many."""
    told = answer.robustness
    problem, solution = study.problem, answer.solution
    row = columns_of(problem, solution.design, solution.scenario)
    with precise():
        loss = losses(problem, row, sample(problem, 7, 2048))[0]
    ours = told["robust"]
    away = abs(ours["quantile"] - np.quantile(-loss, 0.1))
    assert away < 3.0 * np.sqrt(2.0) * ours["standard_error"]
    assert 0.0 < ours["standard_error"] < 0.01 * ours["quantile"]


def test_robust_design_has_room_in_memory(study, answer, plain):
    """A cautious engineer's plan: the best one is likely to run short of memory."""
    told, limits = answer.robustness, answer.robustness["limits"]
    place = [one["name"] for one in limits].index("memory_fraction")
    assert limits[place]["limit"] == 1.0
    assert told["robust"]["chance"][place] >= 0.95
    assert told["nominal"]["chance"][place] < 0.9
    assert answer.solution.report.memory_fraction < 0.85
    assert answer.solution.objective < plain.objective == told["nominal"]["nominal"]
    assert answer.solution.status == "proved"
    assert "standard error" in told["sentences"][0]
    assert "Robustness costs" in told["sentences"][1]


def test_draws_are_those_of_the_ranges(study, plain):
    """Every quantity under every draw as the ranges of an answer have it."""
    problem = study.problem
    given, count = plain.scenario, 32
    design = build_design(plain.design, given)
    made = intervals.drawn_reports(design, given, 5, count, problem.origins)
    slower = draws.noise(given, vars(design), 5, count)
    slower = slower * draws.installation(given, 5, count) * made.calibrated
    with precise():
        row = columns_of(problem, plain.design, given)
        names = asked(problem)
        ours = drawn_values(problem, row, sample(problem, 5, count), names)
    for name in ("mfu", "step_time", "memory_fraction", "power", "junction_fraction"):
        expected = np.asarray(getattr(made.report, name)) * slower ** draws.TIMED[name]
        assert ours[name][0] == pytest.approx(expected, rel=1e-9), name


def test_no_candidate_keeps_a_limit_as_probably_as_asked(study, plain):
    """A floor that the best of all just reaches, when nothing is drawn."""
    floor = Constraint("mfu", 0.999 * plain.objective, False, probability=0.95)
    problem = dataclasses.replace(study.problem, constraints=(floor,))
    solution = solve.optimize(problem, study.settings, study.seed).solution
    assert solution.status == "infeasible"
    assert "nearest keeps mfu with" in solution.message
    assert "95 % are asked" in solution.message


def test_chances_alone_seek_the_best_at_the_catalogs_constants(study, plain):
    goal = dataclasses.replace(study.problem.objective, quantile=None)
    problem = dataclasses.replace(study.problem, objective=goal)
    answer = solve.optimize(problem, study.settings, study.seed)
    assert answer.robustness["quantile"] is None
    assert answer.solution.objective < plain.objective
    assert min(answer.robustness["robust"]["chance"]) >= 0.95 - 0.01


def test_regret_of_an_answer(study, plain):
    problem = nominal(study.problem)
    made, told = regret.distrusted(problem, plain, study.seed)
    assert len(told.probability) == 1 + len(plain.alternatives)
    assert sum(told.probability) == pytest.approx(1.0)
    assert 0.0 < told.probability[0] < 1.0
    assert 0.0 < told.loss < 0.1
    assert f"{told.probability[0]:.0%}".rstrip("%") in told.sentence
    # The same seed gives the same answer, and the draws are those of the ranges.
    again = regret.distrusted(problem, plain, study.seed)
    assert again[1] == told
    design = build_design(plain.design, plain.scenario)
    ranges = intervals.drawn_reports(
        design, plain.scenario, study.seed, origins=problem.origins
    )
    assert np.array_equal(made.report.step_time, ranges.report.step_time)


def test_same_seed_same_answer(study, answer):
    again = solve.optimize(study.problem, study.settings, study.seed)
    assert again.solution.design == answer.solution.design
    assert again.robustness == answer.robustness


def test_a_quantile_of_what_is_certain(study):
    goal = dataclasses.replace(study.problem.objective, name="model_flops")
    problem = dataclasses.replace(study.problem, objective=goal)
    with pytest.raises(solve.Certain, match=r"objective\.quantile: has no effect"):
        solve.optimize(problem, study.settings, study.seed)


def test_the_search_at_the_catalogs_constants_refuses_draws(study):
    with pytest.raises(ValueError, match="draws are asked about"):
        optimize(study.problem, study.settings, study.seed)
