"""Practices that a study and a row say alike: routing, links, graphs, gathering."""

import dataclasses

import numpy as np
import pytest

from supernode_opt.calibration.data.graphs import in_layers
from supernode_opt.calibration.data.interpret import interpret
from supernode_opt.calibration.data.practice import (
    as_documented,
    changed,
    stated,
    words_of,
)
from supernode_opt.calibration.data.runs import BadRuns, Run
from supernode_opt.calibration.data.stacks import stacks
from supernode_opt.calibration.step_time.batch import case
from supernode_opt.calibration.step_time.constants import CONSTANTS, INDEX, software
from supernode_opt.config import resolve, rows
from supernode_opt.config.study import understand
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.workload.recompute import Recompute
from supernode_opt.workload.routing import Routing
from tests.calibration.rows import run
from tests.plain import SOFTWARE

STUDY = """
system: dgx_h100
model: mixtral_8x7b
training: {sequence_length: 4096, global_batch: 256}
scenario:
  stack: megatron-lm
  routing: {popularity: 0.2, spread: 0.3}
  links: [{base: copper, latency: 20 ns}, dsp, lpo]
design: {chips: 64, tensor_parallel: 4, pipeline_parallel: 1, context_parallel: 1,
  expert_parallel: 8, interleave: 1, micro_batch: 1, recompute: none,
  optimizer_sharding: zero1, sequence_parallel: on}
objective: {maximize: mfu}
"""


def read(text):
    top = document.parse(text, "study.yaml")
    return understand(top), top


def job_of(text):
    """Return the row that a study is, read as a job, and its one case."""
    study, top = read(text)
    job = interpret(Run(rows.row_of(study, top), 2))
    (plan,) = job.plans
    return job, plan, case(job, plan)


def test_routing_and_links_of_a_study_are_those_of_its_row():
    study, _ = read(STUDY)
    job, plan, one = job_of(STUDY)
    routing = Routing(popularity=0.2, spread=0.3)
    assert study.problem.scenario.routing == routing
    assert job.given.constants["routing.popularity"] == 0.2
    scenario = one.scenario
    assert (scenario.routing.popularity, scenario.routing.spread) == (0.2, 0.3)
    assert scenario.routing.imbalance is None
    # The link of the domain is changed, that of the network is not.
    assert job.given.constants["links.copper.latency"] == 20e-9
    assert float(scenario.links[0].latency) == 20e-9
    assert float(scenario.links[1].latency) != 20e-9
    back, _ = read(rows.text(rows.study_of(job, plan)))
    assert back.problem.scenario.routing == routing
    assert [link.name for link in back.problem.scenario.links] == ["copper", "dsp"]
    assert back.problem.scenario.links[0].latency == 20e-9
    # Written out with every default, it is the same.
    again, _ = read(resolve.text(study))
    assert again.problem.scenario.routing == routing


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("popularity: 0.2", "imbalance: 0.5", "`imbalance` must be at least 1"),
        ("popularity", "popularty", "scenario.routing.popularty.*popularity"),
    ],
)
def test_what_no_routing_says_is_refused(old, new, why):
    with pytest.raises(StudyError, match=why):
        read(STUDY.replace(old, new))


def test_links_of_no_catalog_have_no_column():
    own = STUDY.replace("base: copper,", "base: copper, name: mine,")
    study, top = read(own.replace("design: {", "design: {scale_up_link: mine, "))
    with pytest.raises(StudyError, match="'mine', which is no link of the catalog"):
        rows.row_of(study, top)
    with pytest.raises(BadRuns, match=r"line 2: .*mine"):
        interpret(run(**{"scenario.links.mine.latency": "1 s"}))
    assert np.isfinite(case(*_plain()).scenario.links[0].latency)


def _plain():
    """A row that changes a link it does not use."""
    job = interpret(run(**{"scenario.links.cpo.latency": "1 s"}))
    return job, job.plans[0]


def changed_by(**words):
    """Return the fields of a stack's software that words move, before and after."""
    stack, base = stacks()["megatron_core"], SOFTWARE
    logs = np.log([constant.prior for constant in CONSTANTS])
    usual = software(base, logs, as_documented(stack))
    told = software(base, logs, changed(as_documented(stack), words))
    pairs = {
        field.name: (getattr(usual, field.name), getattr(told, field.name))
        for field in dataclasses.fields(usual)
    }
    return {k: tuple(map(float, v)) for k, v in pairs.items() if v[0] != v[1]}


@pytest.mark.parametrize(
    ("modules", "launches", "hosted"),
    [
        # Seven of twelve kernels, five of twelve.
        ("attn", 7.0 / 12.0, 0.0),
        ("mlp", 5.0 / 12.0, 0.0),
        ("attn+mlp", 1.0, 0.0),
        # Three of 15 behind attention, and six.
        ("moe_router", 5.0 / 12.0 / 5.0, 0.2),
        ("attn+moe_router+moe_preprocess", 7.0 / 12.0 + 2.0 / 12.0, 0.4),
        ("attn+moe", 1.0, 1.0),
    ],
)
def test_captured_modules_save_their_share_of_launches(modules, launches, hosted):
    left = 1.0 - CONSTANTS[INDEX["graph_factor"]].prior
    found = changed_by(cuda_graphs=modules)
    assert set(found) == {"kernel_time"} | ({"expert_layer_time"} if hosted else set())
    before, after = found["kernel_time"]
    assert after == pytest.approx(before * (1.0 - launches * left))
    before, after = found.get("expert_layer_time", (1.0, 1.0))
    assert after == pytest.approx(before * (1.0 - hosted * left))


def test_other_words_move_their_own():
    assert changed_by(parameter_gather="on_demand") == {
        # Nothing hides, and no second layer is held; others have its window, too.
        "shard_window": (pytest.approx(0.3), 0.0),
        "gathered_layers": (2.0, 1.0),
    }
    # A third of the bubble; parameters are held once, unlike DualPipe's.
    assert changed_by(schedule="dualpipev") == {"bubble_share": (1.0, 0.35)}
    assert set(changed_by(schedule="dualpipe")) == {"bubble_share", "pipeline_copies"}
    exposed = {"pipeline_exposed": (pytest.approx(0.6), 1.0)}
    assert changed_by(stage_exchange="exposed") == exposed
    # Expert exchanges hide in 1F1B, and half of them where a pipeline fills and drains.
    alone = changed_by(expert_overlap="half_in_warmup")
    assert alone["warmup_hidden"] == (1.0, 0.5)
    assert set(alone) == {*changed_by(expert_overlap="on"), "warmup_hidden"}
    # Tensor traffic hides behind pieces of a product (MC2, asynchronous TP).
    overlapped = changed_by(tensor_overlap="on")
    assert set(overlapped) == {"tensor_overlapped", "tensor_pieces"}
    assert overlapped["tensor_overlapped"] == (0.0, pytest.approx(0.6))


WORDS = {
    "stage_exchange": "exposed",
    "cuda_graphs": "attn+mlp+moe_router",
    "parameter_gather": "on_demand",
    "schedule": "dualpipev",
    "tensor_overlap": "on",
}


def test_words_of_a_study_are_those_of_its_row():
    said = ", ".join(f"{field}: {word}" for field, word in WORDS.items())
    text = STUDY.replace("objective", f"practice: {{{said}}}\nobjective")
    study, _ = read(text)
    job, _, _ = job_of(text)
    assert job.practice == study.chosen.practice
    words = words_of(job.practice, WORDS)
    # Of a model of experts alone there is no dense FFN to capture.
    assert words == {**WORDS, "cuda_graphs": "attn+moe_router"}
    assert in_layers("attn+moe", "dense") == "attn"
    assert in_layers("moe", "dense") == "none"


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("mla_norm", {"norm": 1.0, "mla_up": 1.0}),
        ("fine_grained", {"norm": 1.0, "activation": 1.0, "mla_up": 1.0}),
    ],
)
def test_lists_of_modules_have_names(name, modules):
    text = STUDY.replace("recompute: none", f"recompute: {name}")
    study, _ = read(text)
    assert study.problem.fixed["recompute"] == "listed"
    assert study.problem.scenario.recompute == Recompute(**modules)
    _, plan, _ = job_of(text)
    assert (plan.recompute, plan.modules) == ("listed", Recompute(**modules))
    (said,) = interpret(run(recompute=name)).plans
    assert said.modules == plan.modules
    # One among what a search may choose, if it is asked for; "free" is as before.
    asked, _ = read(STUDY.replace("recompute: none", f"recompute: [none, {name}]"))
    (choice,) = asked.problem.choices
    assert choice.options == ("none", "listed")


@pytest.mark.parametrize(
    ("cell", "field", "word"),
    [
        ("async TP", "tensor_overlap", "on"),
        ("use-mc2", "tensor_overlap", "on"),
        ("dualpipev", "schedule", "dualpipev"),
        ("dualpipe", "schedule", None),
    ],
)
def test_cells_of_a_row_say_them(cell, field, word):
    assert stated(cell).get(field) == word
