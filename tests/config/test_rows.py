import random

import numpy as np
import pytest
import yaml

from supernode_opt.batch.case import case
from supernode_opt.batch.engine import Engine, grouped
from supernode_opt.calibration.data import runs
from supernode_opt.calibration.data.interpret import interpret, interpret_all
from supernode_opt.calibration.step_time import shipped
from supernode_opt.calibration.step_time.fit import predict, table
from supernode_opt.config import rows
from supernode_opt.config.study import understand
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.search.solution import plain_report
from supernode_opt.system.evaluate import evaluate
from tests.calibration.rows import run

CLOSE = 1e-9
STUDY = """
system: dgx_h100
model: llama3_8b
training: {sequence_length: 4096, global_batch: 1024, optimizer_bytes: 8 B}
scenario:
  stack: megatron-lm
  chip: {base: h200_sxm, hbm_bandwidth: 4 TB/s}
  software: {step_overhead: 10 ms}
  memory_headroom: 0.05
practice: {tensor_overlap: on, routing: natural, cuda_graphs: full_iteration}
design:
  chips: 64
  tensor_parallel: 2
  pipeline_parallel: 1
  context_parallel: 1
  expert_parallel: 1
  micro_batch: 2
  interleave: 1
  recompute: norm+activation
  optimizer_sharding: zero1
  sequence_parallel: on
  scale_up_domain: 4
  scale_out_bandwidth: 25 GB/s
objective: {maximize: mfu}
constraints: {power: {at_most: 1 MW}}
"""


def read(text):
    top = document.parse(text, "study.yaml")
    return understand(top), top


def predicted(jobs):
    """Return step time [s] and memory share [1] of jobs, and the plan each ran."""
    stacked = table(jobs)
    told, picked = predict(stacked, shipped.posterior())
    first = np.searchsorted(stacked.owner, np.arange(len(jobs)))
    plans = [
        job.plans[case - start]
        for job, case, start in zip(jobs, picked, first, strict=True)
    ]
    return told, plans


def _told(one, given):
    report = evaluate(one.design, one.scenario)
    return report.step_time, report.memory / one.scenario.chip.hbm_capacity


_TOLD = Engine(_told, 64)


def evaluated(cases):
    """Return step time [s] and memory share [1] of studies as cases."""
    found = np.zeros((len(cases), 2))
    for group in grouped(cases):
        found[group.rows] = np.stack(_TOLD(group.cases), axis=-1)
    return found


def test_rows_and_studies_of_the_same_job_tell_the_same():
    jobs = random.Random(4).sample(interpret_all(runs.shipped()).jobs, 50)
    told, plans = predicted(jobs)
    again, expected, cases = [], [], []
    for job, plan, one in zip(jobs, plans, told, strict=True):
        try:
            study, top = read(rows.text(rows.study_of(job, plan)))
        except StudyError:
            # A few layouts that were run no study may ask for, such as uneven stages.
            continue
        cases.append(case(study.problem.fixed, study.problem.scenario))
        again.append(interpret(runs.Run(rows.row_of(study, top), 2)))
        expected.append(one)
    assert len(again) > 40
    # Evaluated together, for machines by themselves would each be compiled.
    np.testing.assert_allclose(evaluated(cases), expected, rtol=CLOSE)
    assert all(len(job.plans) == 1 for job in again)
    np.testing.assert_allclose(predicted(again)[0], expected, rtol=CLOSE)


@pytest.mark.parametrize("entry", [False, True])
def test_a_row_can_say_everything_that_a_study_can(entry):
    written = yaml.safe_load(STUDY)
    if entry:
        del written["practice"], written["scenario"]["stack"]
        written["scenario"]["software"] = "fsdp_h100"
    study, top = read(yaml.safe_dump(written))
    report = plain_report(study.problem.fixed, study.problem.scenario)
    cells = rows.row_of(study, top)
    assert cells["scenario.chip.hbm_bandwidth"] == "4000000000000"
    assert cells["constraints.power.at_most"] == "1 MW"
    job = interpret(runs.Run(cells, 2))
    (told,), (plan,) = predicted([job])
    assert told[0] == pytest.approx(report.step_time, rel=CLOSE)
    back, _ = read(rows.text(rows.study_of(job, plan)))
    once = plain_report(back.problem.fixed, back.problem.scenario)
    assert once.step_time == pytest.approx(report.step_time, rel=CLOSE)
    assert back.problem.constraints == study.problem.constraints
    assert back.problem.scenario.memory_headroom == 0.05


def test_what_is_unsaid_is_the_practice_of_the_stack_and_told():
    study, _ = read(STUDY)
    assert study.problem.scenario.training.gradient_bytes == 4.0
    bridge = STUDY.replace("megatron-lm", "megatron-bridge")
    told, _ = read(bridge)
    assert told.problem.scenario.training.gradient_bytes == 2.0
    assert any("gradient bytes 2" in one for one in told.chosen.assumed)
    stated, _ = read(bridge.replace("optimizer_bytes: 8 B", "gradient_bytes: 4 B"))
    assert stated.problem.scenario.training.gradient_bytes == 4.0


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("megatron-lm", "megatron-ln", r"study.yaml:6: `scenario.stack`.*megatron-lm"),
        ("routing: natural", "routing: naturel", "`practice.routing`.*`natural`"),
        ("routing:", "rooting:", "practice.rooting.*routing"),
        ("{step_overhead: 10 ms}", "nemo_h100", "`scenario.software`.*stack"),
    ],
)
def test_words_that_are_not_known_are_named(old, new, why):
    with pytest.raises(StudyError, match=why):
        read(STUDY.replace(old, new))


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ({"scenario.chip.hbm": "1"}, "line 2: scenario.chip.hbm leads to no field"),
        ({"practice.routing": "x"}, "practice.routing must be a known word"),
        ({"trainin.lora_rank": "1"}, "did you mean `training`"),
        ({"training.optimizer_bytes": "1 W"}, "must be in B"),
        ({"design.chips": "8", "n_accel": "64"}, "say two things"),
    ],
)
def test_wrong_dotted_columns_are_named(cells, why):
    with pytest.raises(runs.BadRuns, match=why):
        interpret(run(**cells))
    with pytest.raises(runs.Refused, match=r"unknown stack 'nemoo'.*nemo"):
        interpret(run(stack="nemoo"))


def test_a_study_with_something_free_is_no_row():
    study, top = read(STUDY.replace("micro_batch: 2", "micro_batch: free"))
    with pytest.raises(StudyError, match="free are: micro_batch"):
        rows.row_of(study, top)
