"""Solving for a constant: closed forms, two machines, no solution, other splits."""

import jax
import jax.numpy as jnp
import pytest

from supernode_opt import evaluate
from supernode_opt.compare.inversion import config as condition
from supernode_opt.compare.inversion import report as found
from supernode_opt.compare.inversion import solve as inversion
from supernode_opt.compare.places import changed
from supernode_opt.compare.splits import best_split
from supernode_opt.problem.build import build_design
from supernode_opt.reading import document
from supernode_opt.record import replace

FILE = """\
systems:
  - cloudmatrix384
  - {name: dgx, system: dgx_h100, chips: 16}
model: llama3_8b
training: {sequence_length: 4096, global_batch: 768}
plan: {context_parallel: 1, micro_batch: {low: 1, high: 4}, interleave: 1}
"""


def solve(text):
    asked = condition.read(document.parse(FILE + text, "invert.yaml"), "small")
    return asked, inversion.solve(asked, lambda what, done: None)


def reports(asked, solution, name):
    """Return a quantity of each side as it is built."""

    def report(plan):
        return jax.jit(lambda s: getattr(evaluate(build_design(plan, s), s), name))

    return [
        float(report(plan)(side.problem.scenario))
        for side, plan in zip(asked.sides, solution.plans, strict=True)
    ]


def test_pue_for_a_facility_power():
    asked, solution = solve(
        "constant: facility.pue\n"
        "condition: {quantity: facility_power, of: cloudmatrix384, equals: 700 kW}\n"
        "bracket: {low: 1, high: 10}\n"
    )
    (power,) = reports(asked, solution, "power")
    assert solution.found
    assert solution.value == pytest.approx(700e3 / power, rel=1e-9)
    assert solution.elasticities[0] == pytest.approx(1.0, rel=1e-9)
    assert "known range" in found.sentence(asked, solution)


def test_pue_at_which_two_machines_are_equal():
    asked, solution = solve(
        "constant: facility.pue\nof: dgx\n"
        "condition: {quantity: facility_power, of: dgx, equals: cloudmatrix384}\n"
    )
    dgx, cloudmatrix = reports(asked, solution, "power")
    expected = cloudmatrix * float(asked.sides[1].problem.scenario.facility.pue) / dgx
    assert solution.found
    assert solution.value == pytest.approx(expected, rel=1e-9)
    assert solution.elasticities == pytest.approx((1.0, 0.0), abs=1e-9)
    assert solution.quantities[0] == pytest.approx(solution.quantities[1], rel=1e-9)


def test_capacity_for_a_share_of_memory():
    """The other direction: the quantity falls as the constant rises."""
    asked, solution = solve(
        "constant: chip.hbm_capacity\nreplan: false\n"
        "condition: {quantity: memory_fraction, of: dgx, equals: 0.25}\n"
    )
    (memory,) = reports(asked, solution, "memory")
    assert solution.value == pytest.approx(memory / 0.25, rel=1e-9)
    assert solution.elasticities[0] == pytest.approx(-1.0, rel=1e-9)


def test_optics_for_a_power():
    asked, solution = solve(
        "constant: links.lpo.energy\n"
        "condition: {quantity: power, of: cloudmatrix384, equals: 520 kW}\n"
    )
    side, plan = asked.sides[0], solution.plans[0]
    scenario = side.problem.scenario
    names = [link.name for link in scenario.links]
    path = f"links.{names.index('lpo')}.energy"

    @jax.jit
    @jax.vmap
    def power(energy):
        changed = replace(scenario, path, energy)
        return evaluate(build_design(plan, changed), changed).power

    now = asked.known[0]
    wanted, low, mid, high = power(
        jnp.array([solution.value, 0.9 * now, now, 1.1 * now])
    )
    assert wanted == pytest.approx(520e3, rel=1e-9)
    # Module power is linear in the energy, supplies aside.
    line = now + (520e3 - mid) / ((high - low) / (0.2 * now))
    assert solution.value == pytest.approx(float(line), rel=0.02)
    assert "pJ/b" in found.sentence(asked, solution)


def test_the_split_is_the_best_one_at_the_solution():
    asked, solution = solve(
        "constant: chip.scale_up_bandwidth\n"
        "condition: {quantity: tokens_per_s, of: dgx, equals: 60000}\n"
    )
    assert solution.found
    assert solution.settled
    assert solution.quantities[0] == pytest.approx(60e3, rel=1e-8)
    problem = changed(asked.sides[0], asked.places[0], solution.value)
    # The port follows the chip's data sheet.
    assert problem.fixed["scale_up_bandwidth"] == solution.value
    best = best_split(problem).values
    assert all(solution.plans[0][v.name] == best[v.name] for v in problem.variables)


def test_a_lower_limit_slows_a_clock_that_nobody_chose():
    asked = condition.read(
        document.parse(
            FILE + "constant: chip.power_cap\n"
            "condition: {quantity: tokens_per_s, of: dgx, equals: 60000}\n"
            "bracket: {low: 0.5, high: 1}\n",
            "invert.yaml",
        ),
        "small",
    )
    side, place = asked.sides[0], asked.places[0]
    sold = side.problem.fixed["clock"]
    assert sold == side.problem.scenario.chip.sustained_clock
    assert changed(side, place, 1.0).fixed["clock"] == sold
    slow = changed(side, place, 0.7)
    assert 0.5 * sold < slow.fixed["clock"] < sold
    report = jax.jit(lambda s: evaluate(build_design(plan, s), s).chip_power_fraction)
    plan = {**best_split(slow).values, **slow.fixed}
    assert float(report(slow.scenario)) == pytest.approx(1.0, abs=1e-9)


def test_no_solution_names_the_nearest():
    asked, solution = solve(
        "constant: facility.pue\n"
        "condition: {quantity: facility_power, of: dgx, equals: 1 W}\n"
        "bracket: {low: 1, high: 2}\n"
    )
    assert not solution.found
    assert solution.value == pytest.approx(1.0)
    sentence = found.sentence(asked, solution)
    assert "for no facility.pue from 1 to 2" in sentence
    assert "nearest at 1" in sentence


def test_numbers_are_told_in_the_units_of_the_catalog():
    asked = condition.read(
        document.parse(
            FILE + "constant: scale_up_bandwidth\n"
            "condition: {quantity: tokens_per_s, of: dgx, equals: 60000}\n",
            "invert.yaml",
        ),
        "small",
    )
    assert found.own(asked, 450e9) == "450 GB/s"
    assert asked.known == (450e9, 450e9, 450e9)
    warm = condition.read(
        document.parse(
            FILE + "constant: inlet_temperature\n"
            "condition: {quantity: junction_temperature, of: dgx, equals: 80 degC}\n"
            "bracket: {low: 10 degC, high: 60 degC}\n",
            "invert.yaml",
        ),
        "small",
    )
    assert found.own(warm, 298.15) == "25 degC"
