"""Bounds never exceed what is attainable, and rest on directions that hold."""

import dataclasses

import numpy as np
import pytest

from supernode_opt.batch.exact import quantities
from supernode_opt.problem.constraints import normalised
from supernode_opt.problem.problem import Constraint
from supernode_opt.problem.variables import HARDWARE, Variable
from supernode_opt.record import replace
from supernode_opt.search import dependence, families, outlook
from supernode_opt.search.bounds import bounds, cell_bounds, split_violations
from supernode_opt.search.dominance import with_useful_links
from supernode_opt.search.ends import Ends, Leaf, end_of, leaves_of
from supernode_opt.search.enumerate import (
    cross,
    plans,
    take,
    with_domains,
    with_links,
)
from supernode_opt.search.merit import forms, limits
from supernode_opt.search.outlook import look
from supernode_opt.search.relaxations import kindest
from supernode_opt.system.report import FACTS
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
    every = take(every, split_violations(look(problem), every) <= 0.0)
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


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(
    "objective",
    [
        ("mfu", True),
        ("power", False),
        ("power", True),
        ("tokens_per_joule", True),
        ("tokens_per_dollar", True),
        ("cost", False),
        ("cost_per_megatoken", False),
        ("optics_temperature", False),
        ("mtbf", True),
    ],
)
def test_no_random_design_beats_its_bound(objective, deep):
    problem = study(objective, deep)
    candidates, random = sample(problem, 40, 1)
    seen = look(problem)
    exact = bounds(seen, candidates)
    kinder = bounds(seen, candidates, kindest(seen, {0, 1, 2}))
    anywhere = {k: v for k, v in candidates.items() if k != "scale_up_domain"}
    first = bounds(seen, families.anywhere(problem, anywhere), kindest(seen, {0, 1, 2}))
    drawn = hardware(problem, 100, random)
    wide = cross(candidates, drawn)
    # Small boxes around the designs, and the designs somewhere in them.
    cells = dict(wide)
    for name in HARDWARE:
        cells[f"{name}_low"], cells[f"{name}_high"] = (
            cells[name] / 1.05,
            cells.pop(name) * 1.03,
        )
    near = cell_bounds(seen, cells)
    # The program of the bounds, which computes all that is asked.
    values = quantities(wide, seen.scenario, seen.program)
    g = [
        np.asarray(normalised(values[name], limit, at_most))
        for (name, at_most), limit in zip(forms(problem), limits(problem), strict=True)
    ]
    cost = np.log(values[objective[0]]) * (-1.0 if objective[1] else 1.0)
    cost = np.where(np.max(g, axis=0) <= 0.0, cost, np.inf)
    assert np.isfinite(cost).sum() > 5
    assert np.all(near <= cost + 1e-12)
    best = cost.reshape(40, 100).min(axis=1)
    for bound in (first, kinder, exact):
        assert np.all(bound <= best + 1e-12)


def test_bounds_say_something():
    """Each objective that has a bound excludes most of what is hopeless."""
    problem = study(("mfu", True))
    candidates, _ = sample(problem, 40, 1)
    bound = bounds(look(problem), candidates)
    # Chips are provisioned for their TDP: two in five keep within the power.
    assert np.isfinite(bound).sum() > 10
    assert np.ptp(bound[np.isfinite(bound)]) > 0.1


def test_an_end_without_a_way_is_no_bound():
    problem = study(("mfu", True))
    seen = look(problem)
    assert seen.bounded(Leaf("mfu", "high"))
    assert not FACTS["bubble_fraction"].ways.signs
    limited = dataclasses.replace(
        problem, constraints=(Constraint("bubble_fraction", 0.2, at_most=True),)
    )
    assert not look(limited).bounded(Leaf("bubble_fraction", "low"))
    freed = dataclasses.replace(
        problem, variables=(*problem.variables, Variable("chip.dies", 1.0, 4.0))
    )
    # Power sees the dies of a package, but which way it moves with them is not said.
    assert not look(freed).bounded(Leaf("power", "low"))


def test_what_a_quantity_sees_is_read_from_the_program():
    given = studies.scenario()
    seen = dependence.inputs_of(given, ["links.1.case_resistance", "chip.tdp"])
    assert "links.1.case_resistance" in seen["optics_temperature"]
    assert "links.1.case_resistance" not in seen["power"]
    assert {"clock", "scale_up_domain"} <= seen["step_time"]
    assert not {"coolant_flow", "inlet_temperature"} & seen["step_time"]
    # Racks see heat only where they may be thinned.
    assert seen["racks"] == {"chips"}
    thin = replace(given, "rack.fewest_chips", 8.0)
    assert {"clock", "coolant_flow"} <= dependence.inputs_of(thin, [])["racks"]


@pytest.mark.parametrize("deep", [False, True])
def test_what_is_called_independent_does_not_move(deep):
    problem = study(("mfu", True), deep)
    candidates, random = sample(problem, 60, 2)
    rows = candidates | hardware(problem, 60, random)
    given = look(problem).scenario
    seen = dependence.inputs_of(given, [])
    # In the order of the programs that bounds compile.
    names = dependence.quantities_of(given)
    assert set(names) == set(seen)
    base = quantities(rows, given, names)
    assert any(len(inputs) < 5 for inputs in seen.values())
    for moved in (*HARDWARE, *FREE, "scale_up_domain", "chips"):
        other = quantities(rows | {moved: rows[moved] * 2.0}, given, names)
        for name in names:
            if moved not in seen[name]:
                np.testing.assert_array_equal(base[name], other[name], name)


def test_ends_of_a_formula_by_hand():
    """2 to 3 tokens/s over 5 to 10 W are 0.2 to 0.6 tokens/J."""
    values = {
        ("step_time", "low"): 1.0 / 3.0,
        ("step_time", "high"): 1.0 / 2.0,
        ("power", "low"): 5.0,
        ("power", "high"): 10.0,
    }
    given = replace(studies.scenario(), "training.global_batch", 1.0)
    given = replace(given, "training.sequence_length", 1.0)
    for side, value in (("low", 0.2), ("high", 0.6)):
        end = Leaf("tokens_per_joule", side)
        assert end_of(end, values.__getitem__, None, given) == pytest.approx(value)
        other = "high" if side == "low" else "low"
        assert leaves_of([end], given)[end] == {
            Leaf("step_time", other),
            Leaf("power", other),
        }
    assert (1.0 - Ends(lambda: 0.2, lambda: 0.3)).low() == pytest.approx(0.7)


@pytest.mark.parametrize("deep", [False, True])
def test_a_dominated_technology_is_never_better(deep):
    problem = study(("mfu", True), deep)
    candidates, random = sample(problem, 100, 6)
    place = {k: v for k, v in candidates.items() if not k.endswith("_link")}
    place |= hardware(problem, 100, random) | {"row": np.arange(100)}
    seen = look(problem)

    def best(rows):
        row = rows.pop("row")
        values = quantities(rows, seen.scenario, seen.program)
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
    useful, dominated = with_useful_links(place, problem, seen)
    most, least, count = best(useful)
    np.testing.assert_allclose(most, all_most, rtol=1e-12)
    np.testing.assert_allclose(least, all_least, rtol=1e-12)
    assert count + dominated <= everything
    if not deep:
        assert count < everything / 3


def pairs(problem):
    """Return the pairs of technologies left of one machine."""
    row = {"chips": np.array([64.0]), "scale_up_domain": np.array([32.0])}
    kept, _ = with_useful_links(row, problem, look(problem))
    return set(zip(kept["scale_up_link"], kept["scale_out_link"], strict=True))


def test_domination_looks_at_everything_that_is_asked():
    def asked(objective, *constraints):
        return studies.problem(
            given=studies.deep(studies.scenario()),
            free=("scale_up_link", "scale_out_link"),
            objective=objective,
            constraints=constraints,
        )

    # Light takes more power than copper where both reach, and LPO less than DSP.
    assert pairs(asked(("mfu", True))) == {(0, 1)}
    # Whoever wants more power wants it; so does whoever must stay above a floor.
    assert (2, 2) in pairs(asked(("power", True)))
    assert (2, 2) in pairs(asked(("mfu", True), ("power", 60e3, False)))
    # DSP modules lose their heat better, which matters once it is asked about.
    warm = asked(("mfu", True), ("optics_temperature", 330.0, True))
    assert pairs(warm) == {(0, 1), (0, 2)}


def test_the_oracle_of_directions_has_teeth(monkeypatch):
    """A wrong way excludes designs that exist."""
    problem = study(("mfu", True))
    candidates, random = sample(problem, 40, 1)
    wide = cross(candidates, hardware(problem, 100, random))
    loose = dataclasses.replace(problem, constraints=())
    seen = look(loose)
    values = quantities(wide, seen.scenario, seen.program)
    g = [
        np.asarray(normalised(values[name], limit, at_most))
        for (name, at_most), limit in zip(forms(loose), limits(loose), strict=True)
    ]
    cost = np.where(np.max(g, axis=0) <= 0.0, -np.log(values["mfu"]), np.inf)
    best = cost.reshape(40, 100).min(axis=1)
    assert np.all(bounds(look(loose), candidates) <= best)
    wrong = FACTS["step_time"].ways.reversed()
    monkeypatch.setattr(outlook, "ways_of", lambda name: wrong)
    assert not np.all(bounds(look(loose), candidates) <= best)


def test_a_clock_that_does_not_move_is_at_rest_for_nobody_else():
    # Mean power is bounded by what it is at rest; step time has its own clock.
    problem = studies.problem(
        given=studies.scenario(studies.EXPERTS, 512.0),
        free=(Variable("scale_up_bandwidth", 196e9, 784e9),),
        objective=("tokens_per_s", True),
        constraints=(("average_power", 1e9, True),),
    )
    seen = look(problem)
    rows = with_links(with_domains(plans(problem, 10), problem), problem)
    built = {n: np.array([float(problem.fixed.get(n, 784e9))]) for n in HARDWARE}
    found = quantities(rows | built, seen.scenario, seen.program)
    bound = cell_bounds(seen, rows | built)
    np.testing.assert_allclose(bound, -np.log(found["tokens_per_s"]), atol=1e-8)
