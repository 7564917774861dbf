"""Bounds never exceed what is attainable, and rest on directions that hold."""

import numpy as np
import pytest

from supernode_opt.problem.constraints import normalised
from supernode_opt.problem.variables import HARDWARE, Variable
from supernode_opt.search.bounder import make_bounder, plan_violations
from supernode_opt.search.bounds import bounds
from supernode_opt.search.branch_and_bound import _anywhere
from supernode_opt.search.dominance import with_useful_links
from supernode_opt.search.enumerate import (
    cross,
    plans,
    take,
    with_domains,
    with_links,
)
from supernode_opt.search.exact import quantities
from supernode_opt.search.merit import forms, limits
from supernode_opt.search.monotone import (
    HEAT_FIELDS,
    LOAD_FIELDS,
    MORE_IS_BETTER,
    PLAN_FIELDS,
    PUMPED_FIELDS,
    TIME_FIELDS,
    pump_factor,
)
from supernode_opt.search.relaxations import kindest_links, without_distance
from tests.search import studies

FREE = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "micro_batch")
CHOICES = ("recompute", "scale_up_link", "scale_out_link", "sequence_parallel")


def study(objective, deep=False):
    given = studies.scenario(studies.EXPERTS, 512.0)
    return studies.problem(
        given=studies.deep(given) if deep else given,
        free=(
            Variable("chips", 32.0, 128.0),
            *FREE,
            *CHOICES,
            "scale_up_domain",
            *HARDWARE,
        ),
        objective=objective,
        constraints=(("power", 90e3, True), ("tokens_per_s", 3e5, False)),
        context_parallel=1.0,
        interleave=1.0,
    )


def sample(problem, count, seed):
    """Draw legal candidates that fit in memory."""
    random = np.random.default_rng(seed)
    every = plans(problem, 10**7)
    every = take(every, plan_violations(make_bounder(problem), every) <= 0.0)
    some = take(every, random.choice(len(every["chips"]), count, replace=False))
    whole = with_links(with_domains(some, problem), problem)
    return take(whole, random.choice(len(whole["chips"]), count, replace=False)), random


def hardware(problem, count, random):
    """Draw continuous variables from their box."""
    by_name = {v.name: v for v in problem.variables}
    return {
        name: np.exp(
            random.uniform(np.log(by_name[name].low), np.log(by_name[name].high), count)
        )
        for name in HARDWARE
    }


@pytest.mark.parametrize(
    ("objective", "deep"),
    [
        (("mfu", True), False),
        (("power", False), False),
        (("tokens_per_joule", True), False),
        (("tokens_per_dollar", True), False),
        (("cost", False), False),
        (("mfu", True), True),
        (("power", False), True),
        (("tokens_per_dollar", True), True),
        (("cost_per_megatoken", False), True),
    ],
)
def test_no_random_design_beats_its_bound(objective, deep):
    problem = study(objective, deep)
    candidates, random = sample(problem, 60, 1)
    bounder = make_bounder(problem)
    exact = bounds(bounder, candidates)
    kind = kindest_links(bounder.scenario, {0, 1, 2})
    kinder = bounds(bounder, candidates, kind)
    anywhere = {k: v for k, v in candidates.items() if k != "scale_up_domain"}
    first = bounds(bounder, _anywhere(problem, anywhere), without_distance(kind))
    wide = cross(candidates, hardware(problem, 200, random))
    names = tuple(dict.fromkeys((objective[0], *(n for n, _ in forms(problem)))))
    values = quantities(wide, problem.scenario, names)
    g = [
        np.asarray(normalised(values[name], limit, at_most))
        for (name, at_most), limit in zip(forms(problem), limits(problem), strict=True)
    ]
    cost = np.log(values[objective[0]]) * (-1.0 if objective[1] else 1.0)
    cost = np.where(np.max(g, axis=0) <= 0.0, cost, np.inf).reshape(60, 200).min(axis=1)
    assert np.isfinite(cost).sum() > 5
    for bound in (first, kinder, exact):
        assert np.all(bound <= cost + 1e-12)
    assert np.all(first <= kinder + 1e-9)
    assert np.all(kinder <= exact + 1e-9)


WORSE_WHEN_GREATER = {
    "scale_up_bandwidth": (TIME_FIELDS, LOAD_FIELDS),
    "scale_out_bandwidth": (TIME_FIELDS, LOAD_FIELDS),
    "clock": (TIME_FIELDS, LOAD_FIELDS),
    "oversubscription": (LOAD_FIELDS, TIME_FIELDS),
    "inlet_temperature": ((), LOAD_FIELDS),
    "coolant_flow": (HEAT_FIELDS, ()),
}


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("name", HARDWARE)
def test_directions(name, deep):
    problem = study(("mfu", True), deep)
    candidates, random = sample(problem, 300, 2)
    rows = candidates | hardware(problem, 300, random)
    box = next(v for v in problem.variables if v.name == name)
    more = rows[name] ** 0.7 * box.high**0.3
    every = tuple(dict.fromkeys((*TIME_FIELDS, *LOAD_FIELDS, *PLAN_FIELDS)))
    low = quantities(rows, problem.scenario, every)
    high = quantities(rows | {name: more}, problem.scenario, every)
    improves, worsens = WORSE_WHEN_GREATER[name]
    for field in every:
        sign = -1.0 if field in MORE_IS_BETTER else 1.0
        change = sign * (high[field] - low[field]) / np.maximum(np.abs(low[field]), 1.0)
        if field in PLAN_FIELDS:
            np.testing.assert_array_equal(change, 0.0)
        if field in improves:
            assert np.all(change <= 1e-12), field
        if field in worsens:
            assert np.all(change >= -1e-12), field


@pytest.mark.parametrize("deep", [False, True])
def test_energy_is_least_at_idle_and_pumping_is_the_stated_factor(deep):
    problem = study(("mfu", True), deep)
    candidates, random = sample(problem, 100, 3)
    rows = candidates | hardware(problem, 100, random)
    bounder = make_bounder(problem)
    names = ("cost_parts.energy", *PUMPED_FIELDS[:-1])
    busy = quantities(rows, problem.scenario, names)
    idle = quantities(rows | {"clock": np.full(100, 1e-6)}, problem.scenario, names)
    assert np.all(idle["cost_parts.energy"] <= busy["cost_parts.energy"])
    more = rows["coolant_flow"] * 1.3
    upper = quantities(rows | {"coolant_flow": more}, problem.scenario, names)
    factor = pump_factor(bounder.scenario, rows["coolant_flow"], more)
    for field in names:
        assert np.all(upper[field] * factor <= busy[field] * (1.0 + 1e-12)), field


@pytest.mark.parametrize("deep", [False, True])
def test_loads_do_not_see_the_plan(deep):
    problem = study(("mfu", True), deep)
    candidates, random = sample(problem, 50, 4)
    chips = candidates["chips"]
    other = take(candidates, random.permutation(50)) | {"chips": chips}
    shared = {
        name: candidates[name]
        for name in ("scale_up_domain", "scale_up_link", "scale_out_link")
    } | hardware(problem, 50, random)
    mine = quantities(candidates | shared, problem.scenario, LOAD_FIELDS)
    theirs = quantities(other | shared, problem.scenario, LOAD_FIELDS)
    for field in LOAD_FIELDS:
        np.testing.assert_allclose(mine[field], theirs[field], rtol=1e-12)


@pytest.mark.parametrize("deep", [False, True])
def test_a_dominated_technology_is_never_better(deep):
    problem = study(("mfu", True), deep)
    candidates, random = sample(problem, 100, 6)
    place = {k: v for k, v in candidates.items() if not k.endswith("_link")}
    place |= hardware(problem, 100, random) | {"row": np.arange(100)}
    names = tuple(dict.fromkeys(("mfu", *(n for n, _ in forms(problem)))))

    def best(rows):
        row = rows.pop("row")
        values = quantities(rows, problem.scenario, names)
        # Power and the network's reach decide; an infeasible design is worth nothing.
        good = np.ones(len(row), bool)
        for name in ("scale_up_reach", "scale_out_reach"):
            good &= values[name] <= 0.0
        mfu = np.where(good, values["mfu"], 0.0)
        power = np.where(good, values["power"], np.inf)
        most, least = np.zeros(100), np.full(100, np.inf)
        np.maximum.at(most, row, mfu)
        np.minimum.at(least, row, power)
        return most, least, len(row)

    all_most, all_least, everything = best(with_links(place, problem))
    most, least, useful = best(with_useful_links(place, problem))
    np.testing.assert_allclose(most, all_most, rtol=1e-12)
    np.testing.assert_allclose(least, all_least, rtol=1e-12)
    assert useful < everything / 3
