"""Rows from logs are rows of the calibration table: complete, checked, told about."""

import csv
import dataclasses
import io
from pathlib import Path

import pytest

from supernode_opt import catalog
from supernode_opt.calibration.data import runs
from supernode_opt.calibration.data.interpret import fittable, interpret_all
from supernode_opt.logs import files
from supernode_opt.logs.log import BadLog, Log
from supernode_opt.logs.rows import row, shape_cells, text

FILES = Path(__file__).parent / "files"
STEPS = tuple((i, 2.0) for i in range(10))
SPLIT = {"tp": "1", "pp": "1", "fsdp_or_zero": "FSDP2 x8"}
CELLS = {"accelerator": "H100", "n_accel": "8", "gbs": "16", "seq_len": "8192", **SPLIT}


def made(log, model="llama3_8b", **given):
    return row(log, given, catalog.load("model", model) if model else None, "run")


def log(seconds=STEPS, cells=CELLS, **more):
    return Log(Path("run.log"), "some log", cells, seconds=seconds, **more)


def test_rows_go_through_the_table_as_they_are(tmp_path):
    found = [
        row(files.read(FILES / "torchtitan.log"), {}, None, "titan"),
        row(files.read(FILES / "megatron.log"), {"accelerator": "h100"}, None, "lm"),
    ]
    path = tmp_path / "runs.csv"
    path.write_text(text(found))
    table = runs.read(path)
    assert [run.name for run in table] == ["titan", "lm"]
    assert runs.kind_of(path) == "runs"
    read = interpret_all(table)
    assert not read.refused
    assert len(fittable(read)) == 2
    titan, lm = read.jobs
    assert titan.stack.name == "torchtitan"
    assert titan.machine == "dgx_h100"
    # Eight sequences of 8,192 tokens at 6,370 tokens a second of each of eight.
    assert titan.seconds == pytest.approx(8 * 8192 / (6370 * 8), rel=0.01)
    assert titan.plans[0].sizes["tensor_parallel"] == 2.0
    assert titan.plans[0].sharding == 3
    assert lm.model.experts == 8.0
    assert lm.model.dense_layers == 0.0
    assert lm.plans[0].sizes["interleave"] == 8.0


def test_what_was_read_and_assumed_is_told():
    found = row(files.read(FILES / "torchtitan.log"), {}, None, "titan")
    first, read, assumed = found.told
    assert "median of 17 steps after 4 that warm up" in first
    assert "gbs 8" in read
    assert "precision BF16" in assumed
    assert "'llama3 8B' is llama3_8b, by name and parameters" in assumed


def test_what_is_stated_takes_the_place_of_what_is_read():
    found = made(log(), n_accel="16", precision="FP8")
    assert (found.cells["n_accel"], found.cells["precision"]) == ("16", "FP8")


def test_a_shape_is_written_whole():
    cells = shape_cells(catalog.load("model", "deepseek_v3_671b"))
    assert cells["n_experts"] == "256"
    assert cells["model.attention"] == "mla"
    for name in ("llama3_8b", "deepseek_v3_671b", "mixtral_8x7b", "gpt3_175b"):
        shipped = catalog.load("model", name)
        slow = tuple((i, 60.0) for i in range(10))
        run = runs.Run(dict(made(log(slow), name).cells), 1)
        (job,) = interpret_all([run]).jobs
        same = dataclasses.replace(job.model, name=shipped.name)
        assert same == shipped, name


def test_ranks_of_a_package_are_counted_as_one():
    cells = CELLS | {"accelerator": "910C", "n_accel": "16"}
    found = made(log(cells=cells))
    assert found.cells["n_accel"] == "8"
    assert "a rank is one of 2 dies of a package" in found.assumed
    # Whoever states the number means packages.
    assert made(log(cells=cells), n_accel="8").cells["n_accel"] == "8"


def test_tokens_a_second_of_all_are_rows_too():
    found = made(log(seconds=(), totals=tuple((i, 6.4e4) for i in range(10))))
    (job,) = interpret_all([runs.Run(dict(found.cells), 1)]).jobs
    assert job.seconds == pytest.approx(16 * 8192 / 6.4e4)


@pytest.mark.parametrize(
    ("changes", "model", "said"),
    [
        (
            {"accelerator": ""},
            "llama3_8b",
            "does not say accelerator: add --accelerator",
        ),
        ({"gbs": ""}, "llama3_8b", "does not say gbs: add --set gbs=..."),
        ({}, None, "does not say the shape of the model: add --model NAME"),
        (
            dict.fromkeys(SPLIT, ""),
            "llama3_8b",
            "does not say the split: add --set tp=",
        ),
        ({"accelerator": "H1000"}, "llama3_8b", "unknown accelerator 'H1000'"),
        ({"tp": "3"}, "llama3_8b", "does not divide the chips"),
        ({"stack": "megatrn"}, "llama3_8b", "unknown stack 'megatrn'"),
        ({"gbs": "many"}, "llama3_8b", "gbs must be a number, but is 'many'"),
        (
            {"n_accel": "2", "fsdp_or_zero": "x2"},
            "llama3_70b",
            "is impossible: 2 would",
        ),
    ],
)
def test_what_is_missing_or_impossible_is_said_in_one_line(changes, model, said):
    with pytest.raises(BadLog) as caught:
        made(log(cells={**CELLS, **changes}), model)
    assert str(caught.value).startswith("run.log: ")
    assert said in str(caught.value)


def test_another_model_than_the_log_tells_is_refused():
    with pytest.raises(
        BadLog, match=r"says 8.03 B parameters, but llama3_70b has 70.55"
    ):
        made(files.read(FILES / "torchtitan.log"), "llama3_70b")


def test_columns_of_several_rows_are_joined():
    table = text([made(log()), made(log(), "mixtral_8x7b")])
    first, second = csv.DictReader(io.StringIO(table))
    assert first["n_experts"] == ""
    assert second["n_experts"] == "8"
    assert list(first)[:3] == ["run_id", "source", "model"]
