"""Results of benchmarks of servers become rows that can be read again."""

import json

import pytest

from supernode_opt.calibration.data.runs import Run
from supernode_opt.calibration.serving.tables import jobs_of
from supernode_opt.logs import serving
from supernode_opt.logs.log import BadLog

VLLM = {
    "backend": "vllm",
    "model_id": "meta-llama/Llama-3.1-70B-Instruct",
    "max_concurrency": 64,
    "completed": 640,
    "total_input_tokens": 655360,
    "total_output_tokens": 327680,
    "output_throughput": 3276.8,
    "mean_ttft_ms": 210.5,
    "mean_tpot_ms": 19.1,
}
INFERENCEX = {
    "hw": "gb200",
    "conc": 256,
    "model": "deepseek-ai/DeepSeek-R1-0528",
    "framework": "dynamo-trt",
    "precision": "fp4",
    "isl": 8192,
    "osl": 1024,
    "disagg": True,
    "decode_tp": 8,
    "decode_ep": 8,
    "decode_dp_attention": "true",
    "num_prefill_gpu": 8,
    "num_decode_gpu": 16,
    "tput_per_gpu": 5000.0,
    "mean_ttft": 0.5,
    "mean_tpot": 0.02,
}


def written(folder, *results):
    path = folder / "results.jsonl"
    path.write_text("\n".join(map(json.dumps, results)))
    return path


def test_vllm(tmp_path):
    path = written(tmp_path, VLLM)
    assert serving.fits(path)
    (row,) = serving.rows(path, {"chip": "H100", "chips": "8", "tp": "8"}, "mine")
    # 655,360 and 327,680 tokens of 640 requests; 3,276.8 tokens/s of eight chips.
    assert (row["input_len"], row["output_len"]) == ("1024", "512")
    assert row["tokens_per_s_per_chip"] == "409.6"
    (job,), _ = jobs_of([Run(row, 2)])
    assert (job.stack, job.under_way, job.called) == ("vllm", 64.0, "llama3_70b")


def test_sglang_writes_a_result_a_line_and_its_server(tmp_path):
    one = {**VLLM, "backend": "sglang", "random_input_len": 1024, "accept_length": 1.8}
    one["server_info"] = {"tp_size": 8, "dp_size": 8, "enable_dp_attention": True}
    path = written(tmp_path, one, one)
    rows = serving.rows(path, {"chip": "H200", "chips": "8"}, "mine")
    assert [row["id"] for row in rows] == ["mine-1", "mine-2"]
    assert (rows[0]["dp"], rows[0]["mtp"]) == ("8", "accept 1.8 tok/step")


def test_inferencex_counts_all_tokens_and_both_pools(tmp_path):
    (row,) = serving.rows(written(tmp_path, INFERENCEX), {}, "ix")
    assert (row["chip"], row["chips"], row["tok_kind"]) == ("gb200", "24", "total")
    assert (row["tpot_ms"], row["ttft_ms"]) == ("20", "500")
    (job,), _ = jobs_of([Run(row, 2)])
    layout = job.layouts[0]
    assert (layout.chips, layout.prefill_chips, layout.data) == (24.0, 8.0, 8.0)


def test_what_is_missing_is_named_with_the_option(tmp_path):
    with pytest.raises(BadLog, match="chips: add --accelerator NAME --chips COUNT"):
        serving.rows(written(tmp_path, VLLM), {}, "mine")
