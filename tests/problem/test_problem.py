"""Boxes, bijections, constraints and building."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from supernode_opt.problem.box import default_variable, usual_options
from supernode_opt.problem.build import build_design
from supernode_opt.problem.constraints import (
    all_constraints,
    always,
    normalised_values,
    per_cent,
)
from supernode_opt.problem.problem import Constraint, Objective
from supernode_opt.problem.variables import (
    CHOICE_NAMES,
    NUMBER_NAMES,
    Choice,
    Variable,
    from_unit,
    to_unit,
    weights,
)
from supernode_opt.system.evaluate import evaluate
from supernode_opt.system.scenario import apply
from tests.search import studies


@pytest.mark.parametrize("name", [*NUMBER_NAMES, *CHOICE_NAMES])
def test_every_design_field_has_a_default_box_that_holds_a_usual_value(name):
    given = studies.scenario()
    made = default_variable(name, given, {})
    usual = studies.FROZEN[name]
    if isinstance(made, Choice):
        assert usual in made.options
        assert made.options == usual_options(name, given)
    else:
        assert made.low <= usual <= made.high


def test_the_domain_fits_frozen_chips():
    made = default_variable("scale_up_domain", studies.scenario(), {"chips": 32.0})
    assert made.high == 32.0


def test_a_constant_gets_an_octave_each_way():
    made = default_variable("chip.hbm_bandwidth", studies.scenario(), {})
    assert (made.low, made.high) == (1.6e12, 6.4e12)
    with pytest.raises(ValueError, match="give it bounds"):
        default_variable("chip.peak_fp8", studies.scenario(), {})
    with pytest.raises(ValueError, match="no design variable"):
        default_variable("colour", studies.scenario(), {})


@pytest.mark.parametrize("log", [True, False])
def test_unit_interval_and_box_are_a_bijection(log):
    unit = jnp.linspace(0.0, 1.0, 11)
    value = from_unit(unit, 2.0, 32.0, log)
    assert value[0] == pytest.approx(2.0)
    assert value[-1] == pytest.approx(32.0)
    assert value[5] == pytest.approx(8.0 if log else 17.0)
    np.testing.assert_allclose(to_unit(value, 2.0, 32.0, log), unit, atol=1e-12)
    assert float(to_unit(3.0, 3.0, 3.0, log)) == 0.5
    slope = jax.grad(lambda u: from_unit(u, 2.0, 32.0, log))(0.3)
    assert np.isfinite(slope)


def test_weights_harden_as_they_cool():
    warm, cold = weights([0.0, 1.0], 1.0), weights([0.0, 1.0], 0.05)
    assert warm.sum() == pytest.approx(1.0)
    assert cold[1] > 0.999 > warm[1]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Variable("clock", 1.0, 0.5), "low <= high"),
        (lambda: Variable("clock", 0.0, 0.5), "log scale"),
        (lambda: Choice("clock", ("a",)), "no choice of a design"),
        (lambda: Choice("recompute", ()), "at least one option"),
        (lambda: Objective("speed", True), "no reported quantity"),
        (lambda: Objective("step", True), "no reported quantity"),
        (lambda: Constraint("power", -1.0, True), "must not be"),
        (lambda: Constraint("power", float("nan"), True), "must not be"),
    ],
)
def test_misuse_is_refused_in_words(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_problem_names_every_field_once():
    good = studies.problem(free=("clock",))
    fixed = {k: v for k, v in good.fixed.items() if k != "chips"}
    with pytest.raises(ValueError, match="neither frozen nor free: chips"):
        dataclasses.replace(good, fixed=fixed)
    with pytest.raises(ValueError, match="named twice"):
        dataclasses.replace(good, fixed={**good.fixed, "clock": 1.0})
    with pytest.raises(ValueError, match="no design variable"):
        dataclasses.replace(good, fixed={**good.fixed, "colour": 1.0})
    with pytest.raises(ValueError, match="no constant of"):
        dataclasses.replace(good, variables=(Variable("chip.colour", 1.0, 2.0),))


def report():
    given = studies.scenario()
    return evaluate(build_design(studies.FROZEN, given), given), given


def values_of(found, constraints):
    forms = [(c.name, c.at_most) for c in constraints]
    return normalised_values(found, forms, [c.limit for c in constraints])


def test_normalised_constraints_are_logarithms_of_what_is_too_much():
    found, _ = report()
    power = float(found.power)
    wanted = (
        Constraint("power", power / 1.1, at_most=True),
        Constraint("tokens_per_s", float(found.tokens_per_s) * 2.0, at_most=False),
        Constraint("optical_modules", 0.0, at_most=True),
    )
    g = values_of(found, wanted)
    assert g.shape == (3,)
    assert g[0] == pytest.approx(np.log(1.1))
    assert g[1] == pytest.approx(np.log(2.0))
    assert g[2] == pytest.approx(float(found.optical_modules))
    assert per_cent(float(g[0]), wanted[0]) == pytest.approx(10.0)
    assert per_cent(float(g[1]), wanted[1]) == pytest.approx(50.0)


def test_constraints_keep_the_batch():
    found, given = report()
    batch = jax.tree.map(lambda x: jnp.full((2, 3), x), found)
    assert values_of(batch, always(given)).shape == (len(always(given)), 2, 3)


def test_physical_limits_are_always_added():
    problem = studies.problem(constraints=(("power", 1e5, True),))
    names = [c.name for c in all_constraints(problem)]
    assert names[0] == "power"
    assert {"memory_fraction", "junction_fraction", "scale_up_reach"} <= set(names)
    memory = next(c for c in all_constraints(problem) if c.name == "memory_fraction")
    assert memory.limit == pytest.approx(0.92)


def test_design_is_built_from_names():
    given = studies.scenario()
    design = build_design(studies.FROZEN, given)
    assert design.scale_up_link.tolist() == [1.0, 0.0, 0.0]
    assert float(design.chips) == 64.0
    with pytest.raises(ValueError, match="a design must have clock"):
        build_design({k: v for k, v in studies.FROZEN.items() if k != "clock"}, given)
    with pytest.raises(ValueError, match="`recompute` must be one of"):
        build_design({**studies.FROZEN, "recompute": "some"}, given)


def test_freed_constants_reach_the_scenario():
    changed = apply(studies.scenario(), {"chip.tdp": 900.0, "clock": 1.0})
    assert changed.chip.tdp == 900.0
