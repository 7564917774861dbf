"""Rows of serving tables are read as people write them, or refused with a reason."""

import csv

import pytest

from supernode_opt.calibration.data.runs import Run, kind_of
from supernode_opt.calibration.serving.stacks import stack_named
from supernode_opt.calibration.serving.tables import jobs_of, read
from supernode_opt.calibration.serving.words import acceptance_of, drafts_of
from supernode_opt.logs.serving import COLUMNS

ROW = {
    "id": "one",
    "source": "lm-sys blog",
    "model": "DeepSeek-R1",
    "weight_precision": "FP8",
    "kv_precision": "BF16",
    "phase": "decode",
    "chip": "H100",
    "chips": "72",
    "domain": "8",
    "tp": "1",
    "ep": "72",
    "dp": "72",
    "batch_per_chip": "256",
    "input_len": "2000",
    "output_len": "100",
    "tokens_per_s_per_chip": "2785.2",
    "tok_kind": "out",
}


def job(**cells):
    jobs, refused = jobs_of([Run({**ROW, **cells}, 2)])
    assert not refused, refused
    return jobs[0]


def why(**cells):
    jobs, refused = jobs_of([Run({**ROW, **cells}, 2)])
    assert not jobs
    return refused[0][1]


def test_attention_data_parallel_over_all_expert_ranks():
    one = job()
    layout = one.layouts[0]
    assert (layout.tensor, layout.data, layout.expert) == (1.0, 72.0, 72.0)
    # Decode alone has a pool of its own, and as large a one of prefill beside it.
    assert (layout.chips, layout.prefill_chips) == (144.0, 72.0)
    assert layout.batch == 256.0
    # Taken at the engine, without clients.
    assert one.stack == "sglang_large_scale"
    # 72 ranks on boards of eight: halves of 256 requests take turns.
    assert layout.dual
    assert one.serving.weight_precision == "fp8"


def test_batches_of_two_dies_are_of_a_package():
    one = job(
        chip="Ascend 910C",
        chips="160",
        domain="384",
        ep="320",
        dp="320",
        batch_per_chip="96",
        weight_precision="INT8",
        mtp="1 draft, 70% accept (1.7 tok/step)",
    )
    assert one.layouts[0].batch == 48.0
    assert one.layouts[0].redundant == 64.0
    assert one.serving.acceptance == pytest.approx(0.7)
    assert one.machine == "cloudmatrix384"


def test_what_a_row_does_not_say_is_assumed_and_doubted():
    one = job(tp="", ep="", dp="", batch_per_chip="", input_len="")
    assert len(one.layouts) > 1
    assert any("split" in said for said in one.assumed)
    assert one.doubt > 0.3
    assert one.trusted == ()


def test_a_stack_of_which_no_row_was_fitted_is_doubted():
    assert job(source="a report").doubt > job().doubt


def test_rows_that_cannot_be_read_are_refused_with_a_reason():
    assert "no machine" in why(chip="abacus")
    assert "phase" in why(phase="thinking")
    assert "precision" in why(weight_precision="seven bits")
    assert "params_total_b is empty" in why(model="Nobody-1T")


def test_a_model_known_by_its_size_alone_is_like_the_nearest():
    one = job(model="Nobody-1T", params_total_b="1000", params_active_b="32")
    assert any("shaped like" in said for said in one.assumed)
    assert float(one.model.experts) % 8.0 == 0.0
    assert one.doubt >= 0.3


@pytest.mark.parametrize(
    ("text", "count", "tokens"),
    [
        ("", 0, 1.0),
        ("none (single-token)", 0, 1.0),
        ("1 draft step(s), accept 1.8-1.9 tok/step", 1, 1.85),
        # Half of the drafts accepted: 1 + 1/2 + 1/4.
        ("2 draft, accept 50%", 2, 1.75),
        ("on", 1, 1.8),
    ],
)
def test_drafts(text, count, tokens):
    found = drafts_of(text)
    assert (found.count, found.tokens) == (count, pytest.approx(tokens))


def test_acceptance_is_the_root_of_the_tokens_of_a_step():
    assert acceptance_of(drafts_of("2 draft, accept 50%")) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("source", "remarks", "chip", "stack"),
    [
        ("SemiAnalysis", "dynamo-trt; concurrency 64", "B200", "tensorrt_llm"),
        ("SemiAnalysis", "vllm; concurrency 64", "MI300X", "vllm_rocm"),
        ("arXiv:2506.12708", "", "Ascend 910C", "cloudmatrix_infer"),
        ("a report", "", "Ascend 910B", "mindie"),
        ("a report", "", "H100", "generic"),
    ],
)
def test_stacks(source, remarks, chip, stack):
    assert stack_named(source, remarks, chip) == stack


def test_an_engine_whose_table_has_products_of_ranks():
    cells = {
        "id": "x",
        "silicon_data_source": "source_file=2026-04-06.csv; silicon_concurrency=64",
        "backend": "trtllm",
        "model_path": "deepseek-ai/DeepSeek-R1",
        "system": "b200_sxm",
        "precision": "fp8",
        "mode": "agg",
        "isl": "1024",
        "osl": "1024",
        "batch_size": "1",
        "tp_size": "64",
        "attention_dp_size": "1",
        "moe_tp_size": "8",
        "moe_ep_size": "8",
        "silicon_ttft_ms": "200",
        "silicon_tpot_ms": "20",
    }
    (one,), _ = jobs_of([Run(cells, 2)])
    layout = one.layouts[0]
    assert (layout.chips, layout.data, layout.expert) == (8.0, 1.0, 8.0)
    assert one.under_way == 64.0


def test_tables_are_recognised_by_their_columns(tmp_path):
    path = tmp_path / "runs.csv"
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerow(ROW)
    assert kind_of(path) == "serving"
    assert read(path)[0].text("id") == "one"
