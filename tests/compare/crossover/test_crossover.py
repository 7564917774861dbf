"""Maps: every cell is the exact model's, crossings are equal, limits are kept."""

import dataclasses

import jax
import numpy as np
import pytest

from supernode_opt import evaluate
from supernode_opt.compare.crossover import chances
from supernode_opt.compare.crossover import config as crossover
from supernode_opt.compare.crossover import report as mapped
from supernode_opt.compare.crossover import solve as surface
from supernode_opt.compare.places import changed
from supernode_opt.compare.splits import best_split
from supernode_opt.problem.build import build_design
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError

ASKED = """\
systems:
  - {name: light, system: gb200_nvl72, chips: 144, design: {scale_up_link: cpo}}
  - {name: metal, system: gb200_nvl72, chips: 144}
model: llama3_70b
training: {sequence_length: 4096, global_batch: 144}
plan: {context_parallel: 1, micro_batch: 1, interleave: 1}
across: {constant: scale_up_domain, values: [36, 72, 144]}
"""
ENERGY = """\
up: {constant: links.cpo.energy, low: 0.5 pJ/b, high: 50 pJ/b}
condition: {quantity: power, of: light, equals: metal}
"""


def read(text):
    return crossover.read(document.parse(text, "crossover.yaml"), "small")


def quiet(what, done):
    pass


@pytest.fixture(scope="module")
def energy():
    asked = read(ASKED + ENERGY)
    return asked, surface.solve(asked, quiet)


def report(cell, place, value):
    """Evaluate a machine with its best split and the constant, from the beginning."""
    problem = changed(cell, place, value)
    values = {**best_split(problem).values, **problem.fixed}
    compiled = jax.jit(lambda s: evaluate(build_design(values, s), s))
    return compiled(problem.scenario)


def test_a_cell_is_what_the_exact_model_says(energy):
    asked, found = energy
    side, place = asked.up.sides[0], asked.places[0]
    problem = changed(side, place, 144.0)
    cell = dataclasses.replace(side, problem=problem)
    power = found.first[2].logs
    for at in (0, 64, -1):
        expected = report(cell, asked.up.places[0], found.grid[at]).power
        assert np.exp(power[at]) == pytest.approx(float(expected), rel=1e-9)


def test_the_rival_is_the_best_one_that_can_be_built(energy):
    _, found = energy
    built = [step.value for step in found.second if step.kept.all()]
    # Copper ends at the rack.
    assert built == [36.0, 72.0]
    assert "scale_up_reach" in found.second[2].why[0]
    best = np.min([s.logs for s in found.second if s.kept.all()], axis=0)
    chosen = np.stack([s.logs for s in found.second])[
        found.best, np.arange(len(found.grid))
    ]
    assert np.array_equal(chosen, best)


def test_hot_optics_cannot_be_built(energy):
    """A rack that is one product cannot shed its heat by being built thinner."""
    _, found = energy
    kept = found.first[2].kept
    assert kept[0]
    assert not kept[-1]
    assert np.all(np.diff(kept.astype(int)) <= 0)


def test_power_rises_with_the_energy_and_never_meets_copper(energy):
    asked, found = energy
    assert found.exact
    for step, crossing in zip(found.first, found.crossing, strict=True):
        assert np.all(np.diff(step.logs) > 0.0)
        assert np.isnan(crossing[0])
    # Optics add power in every draw: equal at no energy at all.
    assert np.all(found.share == 0.0)
    assert np.all(found.crossing[:, 1:] == 0.0)
    text = " ".join(mapped.lines(asked, found))
    assert "equal at no links.cpo.energy from 0.5 pJ/b to 50 pJ/b" in text
    assert "metal, scale-up domain 144: cannot be built: scale_up_reach" in text


def test_where_both_are_equal():
    """A price has a closed form: cost is linear in it."""
    asked = read(
        ASKED.replace("[36, 72, 144]", "[36, 72]")
        + "up: {constant: chip.price, of: light, low: 2 kUSD, high: 100 kUSD}\n"
        "condition: {quantity: cost_per_megatoken, of: light, equals: metal}\n"
    )
    found = surface.solve(asked, quiet)
    assert found.exact
    assert found.grid[surface.today(asked, found.grid)] == asked.up.known[0]
    rival = np.exp(min(step.logs[0] for step in found.second))
    for step, (value, low, high) in zip(found.first, found.crossing, strict=True):
        ends = np.exp(step.logs[[0, -1]])
        slope = (ends[1] - ends[0]) / (found.grid[-1] - found.grid[0])
        expected = found.grid[0] + (rival - ends[0]) / slope
        assert value == pytest.approx(expected, rel=1e-6)
        assert low < value < high
    summary = mapped.summary(asked, found)
    assert summary["rival"]["across"] == 72.0
    assert summary["steps"][0]["crossing"] == found.crossing[0, 0]
    # Dearer chips than the rival's are never better.
    assert np.all(np.diff(found.share, axis=1) <= 0.0)


def test_splits_are_found_anew_along_a_constant_that_enters_their_times():
    asked = read(
        ASKED.replace("[36, 72, 144]", "[72]").replace(
            "interleave: 1}", "interleave: 1, pipeline_parallel: 1, recompute: full}"
        )
        + "up: {constant: chip.hbm_bandwidth, of: light, low: 1 TB/s, high: 10 TB/s}\n"
        "condition: {quantity: tokens_per_s, of: light, equals: metal}\n"
    )
    found = surface.solve(asked, quiet)
    assert not found.exact
    (step,) = found.first
    side, place = asked.up.sides[0], asked.up.places[0]
    # Beyond today's bandwidth the memory's heat would slow the clock down, too.
    for at in (0, surface.today(asked, found.grid)):
        expected = report(side, place, found.grid[at]).tokens_per_s
        assert np.exp(step.logs[at]) == pytest.approx(float(expected), rel=1e-9)
    # Same machine otherwise: equal where the bandwidth is the same, and surely so.
    bandwidth = float(asked.up.sides[1].problem.scenario.chip.hbm_bandwidth)
    assert found.crossing[0] == pytest.approx([bandwidth] * 3, rel=0.05)


def test_a_rival_that_can_be_built_nowhere_is_said():
    """Optics as hot as these overheat every rack of a machine that uses them, too."""
    asked = read(
        ASKED.replace("[36, 72, 144]", "[72]").replace(
            "name: metal, system: gb200_nvl72, chips: 144}",
            "name: metal, system: gb200_nvl72, chips: 144,"
            " design: {scale_up_link: cpo}}",
        )
        + ENERGY
    )
    with pytest.raises(StudyError, match=r"metal can be built nowhere with links\.cpo"):
        surface.solve(asked, quiet)


def test_a_draw_without_a_crossing_counts_as_beyond_an_end():
    at = np.array([1.0, 10.0, 100.0])
    drawn = np.array([[1.0, 1.0, -1.0], [0.0 - 1e-12, 2.0, -2.0], [-1.0, 3.0, -3.0]])
    low, high = chances.crossings(drawn, at)
    assert (low, high) == (0.0, np.inf)
    turned = chances.crossings(drawn[:, :1], at)
    assert turned == pytest.approx((10.0, 10.0), rel=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("values: [36, 72, 144]", "values: [36, 70]", "70 is not of whole boards"),
        ("values: [36, 72, 144]", "values: [72, 36]", "must be above 72"),
        ("scale_up_domain, values", "scale_up_doman, values", "`scale_up_domain`"),
        ("constant: links.cpo.energy", "constant: links.cpo.enrgy", "cpo.energy"),
        ("0.5 pJ/b", "0.5 kW", "0.5 kW"),
        ("equals: metal", "equals: 5 kW", "one machine against another"),
        ("quantity: power", "quantity: memory", "quantity of a comparison"),
        ("links.cpo.energy, low", "scale_up_domain, low", "it runs across"),
        ("up: {", "upp: {", "`up`"),
    ],
)
def test_what_cannot_be_mapped_is_one_line(old, new, part):
    text = ASKED + ENERGY
    assert old in text
    with pytest.raises(StudyError, match=r"crossover\.yaml:") as caught:
        read(text.replace(old, new))
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
