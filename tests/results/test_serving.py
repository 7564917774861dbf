"""What a result of a machine that serves says, from its dataset alone."""

import json

import pytest

from supernode_opt.reading.node import StudyError
from supernode_opt.results import kinds, outcome, served, store, table
from supernode_opt.results.served import batch_limit, most_in_memory, pools
from supernode_opt.system.design import TRAINING_ALONE
from supernode_opt.system.report import SERVING_PARTS, SERVING_SCALARS, Report
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.serving.forward import PassTime
from supernode_opt.system.serving.held import ServingMemory
from supernode_opt.system.serving.stack import ServingStack
from supernode_opt.workload.serving import Serving
from tests.results import serving
from tests.results.test_store import filled


def told(dataset):
    return {part.name: part for part in kinds.told(dataset)}


def changed(dataset, **asked):
    return dataset.assign_attrs(serving=json.dumps({**serving.ASKED, **asked}))


def test_it_is_told_within_eighty_columns_and_without_training():
    for dataset in (serving.served(), serving.shared()):
        text = table.render(dataset)
        assert max(map(len, text.splitlines())) <= 80
        words = ("optimizer", "recompute", "micro", "sequences", "interleave", "bubble")
        assert not [word for word in words if word in text.lower()]


def test_requests_promises_and_precisions_are_what_was_asked():
    rows = dict(row.cells for row in told(serving.served())["asked"].grids[0].rows)
    assert rows["requests"] == "4096 tokens in, 1024 out; as many as can be served"
    assert rows["promised"] == "TPOT at most 50 ms on average"
    assert rows["precision"] == "INT8 weights, BF16 cache"
    other = changed(
        serving.served(),
        arrival_rate=2.0,
        cached_share=0.56,
        ttft_limit=1.0,
        ttft_percentile=0.95,
        expert_precision="nvfp4",
    )
    rows = dict(row.cells for row in told(other)["asked"].grids[0].rows)
    assert rows["requests"].endswith("56 % of a prompt cached; 2 arrive a second")
    assert rows["promised"].startswith("TTFT at most 1 s for 95 %, TPOT")
    assert rows["precision"] == "INT8 weights, NVFP4 experts, BF16 cache"


def test_pools_are_in_the_words_of_the_field():
    rows = {row.cells[0]: row.cells[1:] for row in _phases(serving.served())}
    assert rows["chips"] == ("96", "160")
    # 96 packages of two ranks are six times 32 ranks.
    assert rows["instances"] == ("6", "1")
    assert rows["chips of an instance"] == ("16", "160")
    assert rows["its split"] == ("ADP 32 EP 32", "ADP 320 EP 320")
    assert rows["experts per rank"] == ("8", "0.8")
    assert rows["requests per rank"] == ("", "30")
    assert rows["tokens/s per chip"] == ("6525", "1216")
    assert rows["  5-95 %"] == ("", "1010 to 1405")
    # 1,216 tokens/s of 1,504 TFLOP/s, and 6,525.
    assert rows["tokens/s per TFLOP/s"] == ("4.34", "0.809")
    # 6,525 x 96 over 4,096 tokens, 1,216 x 160 over 1,024.
    assert rows["requests/s it can serve"] == ("152.9", "190")
    shared = {row.cells[0]: row.cells[1:] for row in _phases(serving.shared())}
    assert shared["chips"] == ("all 256", "all 256")
    assert "requests/s it can serve" not in shared


def _phases(dataset):
    return told(dataset)["answer"].grids[1].rows


def test_why_names_the_limit_of_the_batch_and_the_slower_pool():
    lines = told(serving.served())["why"].lines
    assert lines[0] == (
        "The limit on TPOT decides the batch: 30 requests in decode per rank, a TPOT"
        " of 49.3 ms, at most 50 ms; memory holds 110."
    )
    assert lines[1] == (
        "Prefill decides how many requests are served, 152.9 a second; decode could"
        " serve 190 and is idle 20 % of the time."
    )
    assert lines[2].startswith("Step of decode goes to attention 29 %, projections")
    assert lines[3].startswith("Full pass of prefill goes to experts 33 %, elementwise")
    limits = [row.cells[0] for row in told(serving.served())["why"].grids[0].rows]
    # Nobody asked for a limit on TTFT.
    assert limits == ["memory fraction", "TPOT of the least batch"]


@pytest.mark.parametrize(
    ("dataset", "asked", "limit"),
    [
        (serving.served, {}, "time"),
        (serving.shared, {}, "memory"),
        (serving.served, {"concurrency": 9600.0}, "requests"),
        (serving.served, {"tpot_limit": 0.0}, ""),
    ],
)
def test_what_decides_the_batch(dataset, asked, limit):
    made = changed(dataset(), **asked)
    assert batch_limit(made) == limit
    assert most_in_memory(made) == pytest.approx(110.0 * _groups(made) ** -1 * 320.0)
    given = made.assign(design_decode_batch=((), 30.0, {"units": "1"}))
    assert batch_limit(given) == "given"
    assert "The batch is given" in told(given)["why"].lines[1]


def _groups(dataset):
    decode = pools(dataset)[1]
    return decode.instances * decode.sizes["attention_data_parallel"]


def test_the_design_shows_no_field_that_decides_nothing():
    rows = {row.cells[0]: row.cells[1] for row in _design(serving.shared())}
    assert rows["prefill chips"] == "none of its own"
    assert rows["decode batch"] == "as many as limits allow"
    assert "prefill expert parallel" not in rows
    apart = {row.cells[0] for row in _design(serving.served())}
    assert "prefill expert parallel" in apart


def _design(dataset):
    return told(dataset)["design"].grids[0].rows


def test_json_has_both_passes_and_comes_back_from_a_file(tmp_path):
    dataset = serving.served()
    file = store.save(dataset, tmp_path / "design.nc")
    found = outcome.summary(outcome.load(file))
    assert found == outcome.summary(dataset)
    assert found["tpot_s"] == 0.0493
    assert found["prefill_breakdown"]["experts"] == pytest.approx(0.8312)
    assert found["breakdown"]["experts"] == pytest.approx(0.0095)
    assert found["design"]["prefill_chips"] == 96.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"serving": "[]"},
        {"serving": "no json"},
        {"serving": json.dumps({**serving.ASKED, "ranks_per_chip": 0.0})},
        {"serving": json.dumps({**serving.ASKED, "input_length": "long"})},
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, wrong):
    made = serving.served().assign_attrs(wrong)
    with pytest.raises(StudyError, match="what it serves") as caught:
        kinds.load(store.save(made, tmp_path / "design.nc"))
    assert "\n" not in str(caught.value)


def test_what_is_stored_is_what_the_model_reports():
    asked = Serving(input_length=100.0, output_length=10.0, weight_precision="fp8")
    scenario = filled(Scenario, training=None, serving=asked, software=ServingStack)
    numbers = {name: float(k + 2) for k, name in enumerate(SERVING_SCALARS)}
    passes = {"step": PassTime, "prefill_step": PassTime, "memory_parts": ServingMemory}
    report = filled(Report, **{**numbers, **passes})
    design = {"chips": 8.0, "decode_batch": 0.0, **TRAINING_ALONE}
    made = store.to_dataset("", design, scenario, report)
    assert {*SERVING_SCALARS, *SERVING_PARTS} <= {*made.data_vars}
    assert not [name for name in TRAINING_ALONE if f"design_{name}" in made]
    assert made.attrs["precision"] == "fp8"
    known = served.requests(made)
    assert known["input_length"] == 100.0
    assert known["experts"] == scenario.model.experts
    assert made["ttft"].attrs["units"] == "s"
