"""What a study of several models may say, and how it is refused what it may not."""

import copy

import jsonschema
import pytest
import yaml

import supernode_opt as so
from supernode_opt.cli.app import check, evaluate
from supernode_opt.config import schema
from supernode_opt.config.study import asks_for_several
from supernode_opt.joint.question import load, understood
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError

GIVEN = {
    "name": "two",
    "system": "cloudmatrix384",
    "models": [
        {"model": "llama3_8b", "weight": 3, "training": {"global_batch": 256}},
        {"model": "mixtral_8x7b", "constraints": {"tokens_per_s": {"at_least": 1e5}}},
    ],
    "training": {"sequence_length": 4096, "global_batch": 512, "precision": "bf16"},
    "design": {"chips": 64, "clock": "free", "TP": {"low": 1, "high": 4}},
    "objective": {"maximize": "tokens_per_s"},
    "constraints": {"power": {"at_most": "100 kW"}},
}


def made(change=None):
    given = copy.deepcopy(GIVEN)
    if change:
        change(given)
    return understood(document.value(yaml.safe_dump(given), "two.yaml", lines=False))


def test_every_entry_is_the_study_that_it_would_be_alone():
    asked = made()
    first, second = (job.study.problem for job in asked.jobs)
    assert [job.weight for job in asked.jobs] == [0.75, 0.25]
    assert [job.name for job in asked.jobs] == ["llama3_8b", "mixtral_8x7b"]
    assert first.scenario.training.global_batch == 256.0
    assert second.scenario.training.global_batch == 512.0
    assert [c.name for c in first.constraints] == ["power"]
    assert [c.name for c in second.constraints] == ["power", "tokens_per_s"]
    # The written text is the question once more.
    again = understood(document.value(asked.text, "again", lines=False))
    assert again.jobs == asked.jobs
    assert asked.over == "weighted"


def test_an_entry_may_bound_its_own_split():
    def change(given):
        given["models"][0]["design"] = {"tensor_parallel": 2}

    one, other = (job.study.problem for job in made(change).jobs)
    assert one.fixed["tensor_parallel"] == 2.0
    assert "tensor_parallel" not in other.fixed


def test_names_of_models_will_do_and_equal_ones_are_told_apart():
    def change(given):
        given["models"] = ["llama3_8b", {"model": "llama3_8b"}]
        given["objective"] = {"maximize": "mfu", "over": "worst"}

    asked = made(change)
    assert [job.name for job in asked.jobs] == [
        "llama3_8b bf16 (1)",
        "llama3_8b bf16 (2)",
    ]
    assert asked.over == "worst"


def entry(**fields):
    return lambda given: given["models"][1].update(fields)


WRONG = {
    "model": lambda given: given.update(model="llama3_8b"),
    "sweep": lambda given: given.update(sweep={"axes": {"clock": [0.5, 0.6]}}),
    "weight": entry(weight=0),
    "target": entry(target=-1),
    "models.1.design.chips": entry(design={"chips": 32}),
    "over": lambda given: given["objective"].update(over="best"),
    "solver.starts": lambda given: given.update(solver={"starts": 8}),
    "solver.gap": lambda given: given.update(solver={"gap": 0}),
    "models.0": lambda given: given["models"][0].pop("model"),
    "models.1.speed": entry(speed=1),
    "models": lambda given: given.update(models=[]),
}


@pytest.mark.parametrize("field", WRONG)
def test_what_it_may_not_say_is_refused_in_one_line(field):
    with pytest.raises(StudyError) as found:
        made(WRONG[field])
    assert field.rpartition(".")[2] in str(found.value)
    assert "\n" not in str(found.value)


def test_the_schema_knows_it():
    judge = jsonschema.Draft202012Validator(schema.schema())
    assert judge.is_valid(GIVEN | {"design": {"chips": 64}})
    assert not judge.is_valid({n: v for n, v in GIVEN.items() if n != "models"})
    assert not judge.is_valid(GIVEN | {"models": [{"weight": 1}]})


def test_python_reads_it_as_well(tmp_path):
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump(GIVEN))
    asked = so.load(file)
    with pytest.raises(so.StudyError, match="`start` must be an earlier answer"):
        asked.optimize(start=3)
    with pytest.raises(so.StudyError, match="`gap` must be a valid number"):
        asked.optimize(gap="small")
    file.write_text(yaml.safe_dump(GIVEN | {"model": "llama3_8b"}))
    with pytest.raises(so.StudyError, match="`model` must be left out"):
        so.load(file)


def test_other_commands_say_that_it_is_for_run(tmp_path, capsys):
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump(GIVEN))
    assert load(file).name == "two"
    assert asks_for_several(document.read(file))
    with pytest.raises(StudyError, match="`run` answers"):
        evaluate(file)
    assert check(file) == 0
    told = capsys.readouterr()
    assert yaml.safe_load(told.out)["models"][0]["weight"] == 3
    assert "one machine for llama3_8b, mixtral_8x7b" in told.err
