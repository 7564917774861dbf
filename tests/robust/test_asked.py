"""Quantiles and probabilities as studies write them, read, refused and written out."""

import jsonschema
import pytest
import yaml

from supernode_opt import Study
from supernode_opt.config import resolve, schema
from supernode_opt.config.study import refuse_draws, understand
from supernode_opt.problem.constraints import chances, is_robust
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.sweep.solve import _wanted

BASE = (
    "system: cloudmatrix384\n"
    "model: pangu_ultra_moe_718b\n"
    "training: {sequence_length: 4096, global_batch: 4608}\n"
)
PLAIN = "objective: {maximize: mfu}\n"


def read(text):
    return understand(document.parse(BASE + text, "study.yaml"))


def test_a_quantile_and_probabilities():
    problem = read(
        "objective: {minimize: step_time, quantile: 90 %}\n"
        "constraints:\n"
        "  probability: 95 %\n"
        "  power: {at_most: 559 kW}\n"
        "  memory_fraction: {at_most: 90 %, probability: 99 %}\n"
    ).problem
    assert (problem.objective.maximize, problem.objective.quantile) == (False, 0.9)
    assert [c.probability for c in problem.constraints] == pytest.approx([0.95, 0.99])
    # The study's limit on memory, and all that the device has.
    memory = [c for c in chances(problem) if c.name == "memory_fraction"]
    assert [c.limit for c in memory] == pytest.approx([0.9, 1.0])
    assert [c.probability for c in memory] == pytest.approx([0.99, 0.95])
    asked = {c.name: c.probability for c in chances(problem)}
    assert asked["chip_power_fraction"] == asked["power"] == pytest.approx(0.95)


def test_one_limit_alone():
    problem = read(
        f"{PLAIN}constraints: {{power: {{at_most: 1 MW, probability: 0.9}},"
        " mfu: {at_least: 30 %}}\n"
    ).problem
    assert [c.name for c in chances(problem)] == ["power"]
    assert problem.chance is None


def test_nothing_is_asked_of_draws_by_default():
    assert not is_robust(read(PLAIN).problem)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("objective: {maximize: mfu, quantile: 0.1 %}", "`objective.quantile` must be"),
        ("objective: {maximize: mfu, quantile: 10}", "write 10 % if that is meant"),
        ("objective: {quantile: 10 %}", "must be one of {maximize: ...}"),
        (f"{PLAIN}constraints: {{probability: 99.9 %}}", "must be from 1 to 99 %"),
        (
            f"{PLAIN}constraints: {{power: {{probability: 95 %}}}}",
            "must have `at_least`",
        ),
        (f"{PLAIN}constraints: {{probabilty: 95 %}}", "did you mean `probability`"),
        (f"{PLAIN}solver: {{draws: 64}}", "`solver.draws` has no effect"),
    ],
)
def test_refusals_name_the_field_and_its_line(text, said):
    with pytest.raises(StudyError) as refused:
        read(f"{text}\n")
    told = str(refused.value)
    assert said in told
    assert told.startswith("study.yaml:")
    assert "\n" not in told


def test_a_robust_study_is_written_out_and_read_again():
    text = (
        "objective: {maximize: mfu, quantile: 10 %}\n"
        "constraints: {probability: 95 %, power: {at_most: 559 kW}}\n"
        "solver: {draws: 64}\n"
    )
    study = read(text)
    told = resolve.text(study)
    jsonschema.Draft202012Validator(schema.schema()).validate(yaml.safe_load(told))
    again = understand(document.parse(told, "study.yaml"))
    assert again.problem == study.problem
    assert again.settings == study.settings


def test_what_draws_nothing_refuses():
    text = "objective: {maximize: mfu, quantile: 10 %}\n"
    with pytest.raises(StudyError, match=r"quantile` has no effect on verify"):
        refuse_draws(read(text), "verify")
    with pytest.raises(StudyError, match=r"study.yaml:4: .*has no effect on a sweep"):
        _wanted(document.parse(BASE + text, "study.yaml"))
    text = f"{PLAIN}constraints: {{mfu: {{at_least: 30 %, probability: 95 %}}}}\n"
    with pytest.raises(StudyError, match=r"probability` has no effect on a sweep"):
        _wanted(document.parse(BASE + text, "study.yaml"))


def test_keywords_of_python():
    study = Study(
        system="cloudmatrix384",
        model="pangu_ultra_moe_718b",
        sequence_length=4096,
        global_batch=4608,
        maximize="mfu",
        quantile=0.1,
        constraints={"probability": "95 %"},
    )
    assert study.problem.objective.quantile == pytest.approx(0.1)
    assert study.problem.chance == pytest.approx(0.95)
    again = study.set(minimize="step_time", quantile=0.9)
    assert again.problem.objective.reached == pytest.approx(0.9)
