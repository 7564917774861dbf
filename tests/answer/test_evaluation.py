"""A study in which nothing is free: what is said of it, and what saying it costs."""

import numpy as np
import pytest

from supernode_opt.answer import operators
from supernode_opt.answer.evaluation import evaluate_study, evaluated
from supernode_opt.config.study import load
from supernode_opt.reading.node import StudyError
from supernode_opt.results import store
from supernode_opt.results.telling.design import told
from supernode_opt.search import solution

STUDY = "experiments/pangu_ultra/as_trained.yaml"


@pytest.fixture(scope="module")
def evaluation():
    return evaluated(load(STUDY))


def test_an_evaluation_is_light_and_its_dataset_says_the_same(evaluation):
    assert isinstance(evaluation.report.mfu, float)
    dataset = evaluation.dataset()
    assert float(dataset.mfu) == evaluation.report.mfu == evaluation.objective
    assert store.note(dataset, "status") == evaluation.status == "feasible"
    assert store.note(dataset, "message") == evaluation.message
    assert dataset.constraint.values.tolist() == [
        state.name for state in evaluation.constraints
    ]
    assert evaluation.feasible
    assert evaluation.design["data_parallel"] == evaluation.report.data_parallel


def test_what_a_study_leaves_to_the_machine_is_told_as_its_own(evaluation):
    (part,) = (one for one in told(evaluation.dataset()) if one.name == "design")
    origin = {row.cells[0]: row.cells[2] for row in part.grids[0].rows}
    assert origin["tensor parallel"] == origin["chips"] == "given"
    assert origin["clock"] == origin["scale-up link"] == "as the machine has it"
    assert origin["data parallel"] == "follows from the rest"


def test_what_is_free_cannot_be_evaluated():
    with pytest.raises(StudyError, match="free are: interleave"):
        evaluate_study(load(STUDY, ["design.interleave={low: 1, high: 2}"]))


def test_another_number_is_evaluated_by_the_same_program(evaluation):
    programs = solution._evaluate._plain, operators._TABLE._plain
    evaluation.dataset()
    before = [program._cache_size() for program in programs]
    other = evaluated(load(STUDY, ["design.scale_up_bandwidth=150 GB/s"]))
    other.dataset()
    assert other.report.step_time != evaluation.report.step_time
    assert [program._cache_size() for program in programs] == before


def test_operators_are_named_in_order_and_lie_under_the_roof(evaluation):
    table = evaluation.operators
    assert table["name"] == (
        *("query key value", "attention out", "ffn up", "ffn down", "lm head"),
        *("attention core", "elementwise"),
    )
    chip = evaluation.study.problem.scenario.chip
    dataset = evaluation.dataset()
    compute = table["flops"] / float(dataset.chip_peak)
    memory = table["bytes"] / chip.hbm_bandwidth
    assert np.all(table["time"] >= np.maximum(compute, memory))
    # 94 layers of 12,288 channels with an FFN of 28,672 on 8 stages of 8 ranks.
    flops = 2.0 * 4096 * 12288 * 28672 / 8 * 94 / 8
    at = table["name"].index("ffn down")
    assert table["flops"][at] == pytest.approx(flops, rel=1e-12)
