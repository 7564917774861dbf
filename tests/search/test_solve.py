"""The whole solver on a study small enough to search by force."""

import dataclasses

import numpy as np
import pytest

from supernode_opt.batch.exact import quantities
from supernode_opt.problem.constraints import normalised
from supernode_opt.problem.problem import Objective
from supernode_opt.problem.variables import Variable
from supernode_opt.search import relaxed
from supernode_opt.search.bounds import split_violations
from supernode_opt.search.enumerate import plans, take, with_domains, with_links
from supernode_opt.search.inner import solve
from supernode_opt.search.merit import forms, limits
from supernode_opt.search.outlook import look
from supernode_opt.search.settings import Settings
from supernode_opt.search.slsqp import polish
from supernode_opt.search.solve import optimize
from tests.search import studies

HARDWARE = ("scale_up_bandwidth", "scale_out_bandwidth", "clock", "coolant_flow")
SHOWN = ("proved", "optimal if log-convex")
PROOF_ONLY = Settings(outer=0, whole_lanes=False)


def study(power=70e3, tokens=5.0e5, **frozen):
    free = [
        name
        for name in (
            "tensor_parallel",
            "pipeline_parallel",
            "micro_batch",
            "recompute",
            "optimizer_sharding",
            "sequence_parallel",
            *HARDWARE,
        )
        if name not in frozen
    ]
    return studies.problem(
        free=free,
        constraints=(("power", power, True), ("tokens_per_s", tokens, False)),
        **frozen,
    )


@pytest.fixture(scope="module")
def solution():
    return optimize(study(), PROOF_ONLY)


def all_candidates(problem):
    every = plans(problem, 10**6)
    fits = split_violations(look(problem), every) <= 0.0
    return with_links(with_domains(take(every, fits), problem), problem)


def test_the_optimum_is_feasible_and_says_so(solution):
    assert solution.status in SHOWN
    assert all(state.margin >= 0.0 for state in solution.constraints)
    assert solution.objective == pytest.approx(solution.report.mfu)
    facts = solution.certificate
    assert facts["open"] == 0
    assert facts["candidates"] == (
        facts["excluded_by_memory"]
        + facts["excluded_by_bound"]
        + facts["dominated"]
        + facts["solved"]
    )
    assert f"{facts['candidates']:,}" in solution.message


def test_no_random_design_is_better(solution):
    problem = study()
    wide = all_candidates(problem)
    count, random = len(wide["chips"]), np.random.default_rng(5)
    rows = take(wide, np.repeat(np.arange(count), 300))
    size = len(rows["chips"])
    for name in HARDWARE:
        box = next(v for v in problem.variables if v.name == name)
        drawn = random.uniform(np.log(box.low), np.log(box.high), size)
        rows[name] = np.exp(drawn)
    for name in ("oversubscription", "inlet_temperature"):
        rows[name] = np.full(size, problem.fixed[name])
    # A program of the search, which computes all that is asked.
    seen = look(problem)
    values = quantities(rows, seen.scenario, seen.program)
    good = np.ones(size, bool)
    for (name, at_most), limit in zip(forms(problem), limits(problem), strict=True):
        good &= np.asarray(normalised(values[name], limit, at_most)) <= 0.0
    assert good.sum() > 100
    assert values["mfu"][good].max() <= solution.objective * (1.0 + 1e-6)


def test_solving_every_split_finds_nothing_better(solution):
    problem = study()
    every = solve(problem, all_candidates(problem))
    best = np.flatnonzero(every.violation() <= 1e-3)
    best = best[np.argsort(every.estimate()[best])][:20]
    polished = [
        polish(problem, take(every.columns, [k]), every.points[k]) for k in best
    ]
    cost = min(p.cost for p in polished if p.feasible)
    assert np.exp(-cost) == pytest.approx(solution.objective, rel=1e-4)


PLAN = (
    "tensor_parallel",
    "pipeline_parallel",
    "micro_batch",
    "recompute",
    "optimizer_sharding",
    "sequence_parallel",
)


def slope_of_optimum(problem, name):
    """Difference quotient of the optimum with the limit of one constraint."""
    ends = []
    for share in (1.0 - 2e-4, 1.0 + 2e-4):
        moved = tuple(
            dataclasses.replace(c, limit=c.limit * share) if c.name == name else c
            for c in problem.constraints
        )
        changed = dataclasses.replace(problem, constraints=moved)
        ends.append(optimize(changed, PROOF_ONLY).objective)
    limit = next(c.limit for c in problem.constraints if c.name == name)
    return (ends[1] - ends[0]) / (4e-4 * limit)


def test_price_of_a_budget_is_the_slope_of_the_optimum(solution):
    # The price is that of the winning split, which alone is solved again.
    frozen = {name: solution.design[name] for name in PLAN}
    slope = slope_of_optimum(study(**frozen), "power")
    state = next(s for s in solution.constraints if s.name == "power")
    assert slope > 0.0
    assert state.multiplier == pytest.approx(slope, rel=0.02)


def test_price_of_a_floor_is_the_slope_of_the_optimum(solution):
    frozen = {name: solution.design[name] for name in PLAN}
    asked = study(power=1e6, tokens=0.9 * solution.report.tokens_per_s, **frozen)
    asked = dataclasses.replace(asked, objective=Objective("power", maximize=False))
    state = next(
        s for s in optimize(asked, PROOF_ONLY).constraints if s.name == "tokens_per_s"
    )
    slope = slope_of_optimum(asked, "tokens_per_s")
    assert slope > 0.0
    assert state.tight
    assert state.multiplier == pytest.approx(slope, rel=0.02)


def test_a_freed_constant_moves_to_its_better_end(solution):
    freed = Variable("chip.hbm_bandwidth", 1.6e12, 6.4e12)
    frozen = {name: solution.design[name] for name in PLAN}
    asked = study(**frozen)
    asked = dataclasses.replace(asked, variables=(*asked.variables, freed))
    result = optimize(asked, PROOF_ONLY)
    assert result.scenario.chip.hbm_bandwidth == pytest.approx(6.4e12)
    assert result.objective > solution.objective


def test_power_has_a_price(solution):
    power = next(s for s in solution.constraints if s.name == "power")
    assert power.tight
    assert power.multiplier > 0.0
    assert any("kW of power" in price.sentence for price in solution.prices)


def test_ports_are_built_of_whole_lanes(solution):
    built = optimize(study(), Settings(outer=0))
    for name in ("scale_up_bandwidth", "scale_out_bandwidth"):
        lanes = built.design[name] / 14e9
        box = next(v for v in study().variables if v.name == name)
        leans = np.isclose(built.design[name], [box.low, box.high], rtol=1e-5).any()
        assert leans or lanes == pytest.approx(round(lanes), abs=1e-6)
    assert built.objective <= solution.objective * (1.0 + 1e-9)
    assert built.objective >= solution.objective * 0.97


def test_conflicting_limits_are_named_with_what_they_need(solution):
    result = optimize(study(tokens=9.0e5), PROOF_ONLY)
    assert result.status == "infeasible"
    moves = dict(result.relaxation)
    assert set(moves) >= {"tokens_per_s"}
    assert "tokens_per_s must fall by" in result.message
    # Giving way by that much, and not by less, makes it feasible.
    enough = 9.0e5 * (1.0 - (moves["tokens_per_s"] + 0.1) / 100.0)
    little = 9.0e5 * (1.0 - (moves["tokens_per_s"] - 0.3) / 100.0)
    assert optimize(study(tokens=enough), PROOF_ONLY).status in SHOWN
    assert optimize(study(tokens=little), PROOF_ONLY).status == "infeasible"


def test_too_little_memory_is_named():
    small = dataclasses.replace(studies.CHIP, hbm_capacity=4e9)
    given = dataclasses.replace(studies.scenario(), chip=small)
    problem = dataclasses.replace(study(), scenario=given)
    result = optimize(problem, PROOF_ONLY)
    assert result.status == "infeasible"
    assert result.relaxation[0][0] == "memory_fraction"
    assert "more memory" in result.message


def test_everything_frozen_is_an_evaluation():
    result = optimize(studies.problem(), PROOF_ONLY)
    assert result.status == "proved"
    assert result.certificate["candidates"] == 1
    assert result.design["clock"] == studies.FROZEN["clock"]


def test_an_illegal_frozen_split_is_refused_in_words():
    with pytest.raises(ValueError, match="attention heads"):
        optimize(studies.problem(tensor_parallel=3.0, chips=48.0), PROOF_ONLY)


def stopping(stage):
    def tell(now):
        if now.stage == stage:
            raise KeyboardInterrupt

    return tell


def test_a_search_that_is_stopped_keeps_its_best_if_asked(solution):
    stop = stopping("solving survivors")
    with pytest.raises(KeyboardInterrupt):
        optimize(study(), PROOF_ONLY, progress=stop)
    found = optimize(study(), PROOF_ONLY, progress=stop, keeps=True)
    # Its bounds were tried on designs, of which the best is kept.
    assert found.status == "stopped"
    assert all(state.margin > -1e-6 for state in found.constraints)
    assert 0.0 < found.objective <= solution.objective * (1.0 + 1e-3)


def test_a_descent_that_is_stopped_is_built_from_where_it_stood(monkeypatch, solution):
    # What a descent would move stands still, so that nothing has to be compiled.
    monkeypatch.setattr(relaxed, "descend", lambda state, data, **more: state)
    settings = dataclasses.replace(PROOF_ONLY, outer=2, starts=4)
    stop = stopping("relaxed descent")
    found = optimize(study(), settings, progress=stop, keeps=True)
    assert found.status == "stopped"
    assert all(state.margin > -1e-6 for state in found.constraints)
    assert 0.0 < found.objective <= solution.objective * (1.0 + 1e-3)
    assert found.prices == found.alternatives == ()
    assert found.evaluations > 0
