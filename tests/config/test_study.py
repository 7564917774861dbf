"""What a study file means once it is read."""

import jsonschema
import pytest
import yaml

from supernode_opt import catalog
from supernode_opt.config import resolve, schema, study
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.search.solution import plain_report

BASE = """\
name: question
system: cloudmatrix384
model: pangu_ultra_moe_718b
training: {sequence_length: 4096, global_batch: 4608}
objective: {maximize: mfu}
"""


def read(text="", base=BASE):
    return study.understand(document.parse(base + text, "study.yaml"))


def variables(found):
    return {v.name: v for v in (*found.problem.variables, *found.problem.choices)}


def test_hardware_is_frozen_and_the_plan_is_free_by_default():
    found = read()
    fixed = found.problem.fixed
    assert fixed["chips"] == 384.0
    assert (
        fixed["scale_up_link"]
        == catalog.system("cloudmatrix384").design["scale_up_link"]
    )
    assert set(found.free) == {
        "tensor_parallel",
        "pipeline_parallel",
        "context_parallel",
        "expert_parallel",
        "interleave",
        "micro_batch",
        "recompute",
        "optimizer_sharding",
        "sequence_parallel",
    }


def test_a_clock_that_nobody_names_gives_way_to_a_lower_limit():
    sold = catalog.load("chip", "ascend_910c").sustained_clock
    assert read().problem.fixed["clock"] == sold
    capped = "scenario: {chip: {power_cap: 0.8}}\n"
    slower = read(capped).problem.fixed["clock"]
    assert 0.5 * sold < slower < sold
    plan = dict(
        tensor_parallel=8,
        pipeline_parallel=6,
        context_parallel=1,
        expert_parallel=32,
        interleave=1,
        micro_batch=1,
        recompute="full",
        optimizer_sharding="zero1",
        sequence_parallel="on",
    )
    problem = read(capped).problem
    report = plain_report({**problem.fixed, **plan}, problem.scenario)
    assert report.chip_power_fraction == pytest.approx(1.0, abs=1e-9)
    # One that is named is kept, and breaks the limit.
    named = read(capped + "design: {clock: 0.8}\n").problem
    assert named.fixed["clock"] == 0.8
    report = plain_report({**named.fixed, **plan}, named.scenario)
    assert report.chip_power_fraction > 1.01


def test_units_become_si():
    found = read(
        "design:\n"
        "  scale_up_bandwidth: 1.6 Tbit/s\n"
        "  inlet_temperature: {low: 20 degC, high: 30 degC}\n"
        "scenario: {chip: {tdp: 1.1 kW}, memory_headroom: 10 %}\n"
        "constraints: {power: {at_most: 559 kW}, mfu: {at_least: 30 %}}\n"
    )
    assert found.problem.fixed["scale_up_bandwidth"] == pytest.approx(200e9)
    inlet = variables(found)["inlet_temperature"]
    assert (inlet.low, inlet.high) == pytest.approx((293.15, 303.15))
    assert found.problem.scenario.chip.tdp == 1100.0
    assert found.problem.scenario.memory_headroom == pytest.approx(0.1)
    limits = [(c.name, c.limit, c.at_most) for c in found.problem.constraints]
    assert limits == [("power", 559e3, True), ("mfu", pytest.approx(0.3), False)]


def test_frozen_free_and_chosen():
    found = read(
        "design:\n"
        "  chips: {low: 128, high: 512, step: 32}\n"
        "  tensor_parallel: {value: 8}\n"
        "  scale_up_link: [lpo, copper]\n"
        "  recompute: [full]\n"
        "  sequence_parallel: true\n"
        "  clock: free\n"
    )
    free = variables(found)
    assert (free["chips"].low, free["chips"].high, free["chips"].step) == (128, 512, 32)
    # In the order of the scenario, which is that of the mixture weights.
    assert free["scale_up_link"].options == ("copper", "lpo")
    assert free["clock"].high == found.problem.scenario.chip.maximum_clock
    fixed = found.problem.fixed
    assert fixed["tensor_parallel"] == 8.0
    assert (fixed["recompute"], fixed["sequence_parallel"]) == ("full", "on")


def test_a_constant_of_the_scenario_can_be_freed_and_fixed():
    found = read(
        "design:\n"
        "  chip.hbm_bandwidth: {low: 1 TB/s, high: 4 TB/s}\n"
        "  links.cpo.energy: free\n"
        "  chip.tdp: 1 kW\n"
    )
    free = variables(found)
    assert free["chip.hbm_bandwidth"].high == 4e12
    names = [link.name for link in found.problem.scenario.links]
    assert f"links.{names.index('cpo')}.energy" in free
    assert found.problem.scenario.chip.tdp == 1000.0


def test_a_box_without_width_is_frozen():
    found = read("design: {chips: {low: 256, high: 256}}\n")
    assert found.problem.fixed["chips"] == 256.0
    # The domain of a smaller machine is the machine.
    assert found.problem.fixed["scale_up_domain"] == 256.0


def test_entries_may_be_changed_or_replaced():
    found = read(
        "scenario:\n"
        "  chip: {base: gb200, scale_up_bandwidth: 800 GB/s}\n"
        "  links: [copper, {base: cpo, reach: 90 m}, lpo]\n",
        base=BASE.replace(
            "pangu_ultra_moe_718b", "{base: llama3_8b, layers: 30, tied: yes}"
        ),
    )
    scenario = found.problem.scenario
    assert scenario.chip.peak_bf16 == catalog.load("chip", "gb200").peak_bf16
    # What follows the chip by default follows the changed chip.
    assert found.problem.fixed["scale_up_bandwidth"] == 800e9
    assert [link.name for link in scenario.links] == ["copper", "cpo", "lpo"]
    assert scenario.links[1].reach == 90.0
    assert (scenario.model.layers, scenario.model.dense_layers) == (30.0, 30.0)
    assert scenario.model.tied


@pytest.mark.parametrize(
    "text",
    [
        "",
        "question: Why?\nseed: 3\nsolver: {starts: 8, sharpness: [2, 9]}\n",
        "solver: {optimizer: sgd, momentum: 0.9, schedule: constant, rate: 0.3}\n",
        "solver: {optimizer: Adam, averages: [0.8, 0.9], schedule: linear}\n",
        "solver: {schedule: cosine, last_share: 0.5, memory: 5}\n",
        "solver: {outer: 0, tolerance: 1e-5}\n",
        "solver: {alternatives_within: 5 %, tolerance: 0.1 %}\n",
        "design: {chips: {low: 128, high: 384, step: 128}, recompute: [none, full]}\n",
        "design: {chip.tdp: {low: 500 W, high: 1 kW}, links.cpo.energy: free}\n",
        "scenario: {chip: gb200, links: [copper, {base: cpo, reach: 90 m}, lpo]}\n",
        "constraints: {power: {at_least: 1 kW, at_most: 0.6 MW}}\n",
    ],
)
def test_a_resolved_study_is_the_same_study(text):
    found = read(text)
    written = resolve.text(found)
    again = study.understand(document.parse(written, "resolved.yaml"))
    assert again == found
    assert resolve.text(again) == written


def test_overrides_are_read_like_the_file(tmp_path):
    path = tmp_path / "my question.yaml"
    path.write_text(BASE.replace("name: question\n", ""))
    found = study.load(
        path, ["design.chips=256", "scenario.chip.tdp=1 kW", "seed=1"], seed=5
    )
    assert found.problem.fixed["chips"] == 256.0
    assert found.problem.scenario.chip.tdp == 1000.0
    assert found.seed == 5
    assert found.name == "my_question"


def test_an_error_names_line_and_field():
    with pytest.raises(StudyError) as caught:
        read("design:\n  tensor_parallel: 8\n  clock: fast\n")
    assert str(caught.value).startswith("study.yaml:8: `design.clock` ")


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        (
            "design: {chips: {low: 128, high: 384}, clock: free, recompute: [full]}",
            True,
        ),
        ("design: {chip.tdp: {low: 500 W, high: 1 kW}, tensor_parallel: 8}", True),
        ("model: {base: llama3_8b, layers: 30}", True),
        ("scenario: {chip: gb200, links: [copper, {base: cpo, reach: 90 m}]}", True),
        ("constraints: {power: {at_most: 559 kW}}\nsolver: {starts: 8}", True),
        ("design: {clok: 1}", False),
        ("design: {recompute: [none, norm+mla_up, mla_norm]}", True),
        ("design: {recompute: ful}", False),
        ("scenario: {chip: {tpd: 1}}", False),
        ("system: cloudmatrix383", False),
        ("constraints: {power: {at_mst: 1}}", False),
        ("solver: {strats: 8}", False),
        ("solver: {alternatives_within: 5 %, tolerance: 0.1 %}", True),
        ("solver: {optimizer: adamw, averages: [0.8, 0.99]}", True),
        ("solver: {schedule: sine}", False),
    ],
)
def test_the_schema_accepts_what_can_be_read(text, accepted):
    plain = document.parse(BASE, "study.yaml").plain()
    plain |= document.parse(text, "study.yaml").plain()
    judge = jsonschema.Draft202012Validator(schema.schema())
    assert judge.is_valid(plain) == accepted


def test_the_schema_accepts_a_resolved_study():
    judge = jsonschema.Draft202012Validator(schema.schema())
    judge.validate(yaml.safe_load(resolve.text(read())))


def test_half_a_plan_is_checked_as_far_as_it_goes():
    read("design: {chips: 384, tensor_parallel: 8, pipeline_parallel: 16}\n")
    with pytest.raises(StudyError, match="tensor_parallel x pipeline_parallel = 80"):
        read("design: {chips: 384, tensor_parallel: 8, pipeline_parallel: 10}\n")
