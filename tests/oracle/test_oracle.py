"""The search against brute force, on drawn studies; and whether the oracle sees faults.

More of the same, on every system and with anything free, is behind `make fuzz`.
"""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from supernode_opt.search import outlook
from supernode_opt.system.report import FACTS
from supernode_opt.system.ways import Ways
from tests.oracle import served, studies, truth
from tests.oracle.judge import judge
from tests.oracle.program import answer, read
from tests.oracle.truth import seek

AXES = ("clock", "coolant_flow")
# Drawing evaluates designs, and what is drawn is large: neither is a mistake.
DRAWN = settings(
    max_examples=4,
    suppress_health_check=list(HealthCheck),
    database=None,
    report_multiple_bugs=False,
)


@strategies.composite
def texts(draw, axes):
    choose = studies.Drawn(draw)
    for _ in range(20):
        text = studies.draw_alike(choose, axes)
        if text is not None:
            return text
    raise AssertionError("no study can be drawn")


def faults_of(text, **changes):
    study = read(text)
    truth = seek(study.problem, whole_lanes=study.settings.whole_lanes)
    return judge(study, answer(study, **changes), truth)


@DRAWN
@given(texts(()))
def test_answers_to_discrete_studies_are_the_truth(text):
    assert faults_of(text, outer=0) == []


@DRAWN
@given(texts(AXES))
def test_answers_to_continuous_studies_are_not_beaten(text):
    assert faults_of(text, outer=0) == []


# Two studies on which the program is right, until something is planted.  In the first
# the technology that needs more energy is the one that stays cooler; in the second the
# larger of two machines is the faster one, if its chips are clocked down.
PLAN = """
system: cloudmatrix384
model: llama3_70b
training: {sequence_length: 4096, global_batch: 768, precision: bf16}
design:
  {chips: 384, tensor_parallel: 8, pipeline_parallel: 4, context_parallel: 1,
  expert_parallel: 1, interleave: 1, micro_batch: 1, recompute: selective,
  optimizer_sharding: zero1, sequence_parallel: "on", scale_up_link: lpo,
  scale_out_link: lpo, clock: {low: 0.4, high: 0.8},
  coolant_flow: {low: 1.8e-5 m^3/s, high: 2e-5 m^3/s}}
"""
COOLEST = (
    PLAN.replace("link: lpo", "link: [lpo, dsp]")
    + """
objective: {minimize: optics_temperature}
constraints: {mfu: {at_least: 0.3}}
"""
)
FASTEST = (
    PLAN.replace("chips: 384", "chips: {low: 192, high: 384, step: 192}")
    + """
objective: {maximize: tokens_per_s}
constraints: {power: {at_most: 370 kW}}
"""
)


def forget_dependence(monkeypatch):
    """Let the search believe that modules do not see how well a case sheds heat."""
    honest = outlook.inputs_of

    def forgetful(scenario, free):
        found = dict(honest(scenario, free))
        seen = found["optics_temperature"]
        hidden = {name for name in seen if name.endswith("case_resistance")}
        assert hidden
        return found | {"optics_temperature": seen - hidden}

    monkeypatch.setattr(outlook, "inputs_of", forgetful)


def turn_direction(monkeypatch):
    """Let the search believe that a faster clock needs less power."""
    ways = FACTS["power"].ways
    assert ways.sign("clock") == 1
    turned = dataclasses.replace(ways, signs={**ways.signs, "clock": -1})
    assert isinstance(turned, Ways)
    facts = dataclasses.replace(FACTS["power"], ways=turned)
    monkeypatch.setitem(FACTS, "power", facts)


@pytest.mark.parametrize(
    ("text", "plant"), [(COOLEST, forget_dependence), (FASTEST, turn_direction)]
)
def test_planted_faults_are_caught(text, plant, monkeypatch):
    assert faults_of(text, outer=0) == []
    plant(monkeypatch)
    assert faults_of(text, outer=0) != []


@pytest.mark.parametrize(
    ("seed", "axes"),
    [(1, ()), (16, ()), (4, ("clock",))],
)
def test_answers_to_studies_that_serve_are_the_truth(seed, axes, monkeypatch):
    # A grid that a few seconds allow; more is behind the drawing of more seeds.
    for name, value in (("GRID_POINTS", 4_000), ("CENTRES", (12, 3)), ("ROUNDS", 8)):
        monkeypatch.setattr(truth, f"_{name}", value)
    text = served.draw(studies.Seeded(seed), axes)
    study = read(text)
    found = seek(study.problem, whole_lanes=study.settings.whole_lanes)
    said = answer(study, prices=False)
    assert judge(study, said, found) == []
    assert said.status in ("proved", "infeasible")
