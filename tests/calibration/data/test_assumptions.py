import csv

import numpy as np
import pytest

from supernode_opt.calibration.data.interpret import interpret, interpret_all
from supernode_opt.calibration.data.practice import WORDS, words_of
from supernode_opt.calibration.data.runs import Refused, Run, read, shipped
from supernode_opt.calibration.data.stacks import named, stack_of, stacks
from supernode_opt.calibration.step_time import shipped as calibrations
from supernode_opt.calibration.step_time.batch import case
from supernode_opt.calibration.step_time.fit import predict, table
from supernode_opt.workload.flops import token_flops
from supernode_opt.workload.recompute import Recompute
from tests.calibration.rows import run

BRIDGE = {"source": "NVIDIA Megatron-Bridge", "release_or_date": "NeMo 26.04"}
EXPERTS = {"n_experts": "64", "topk": "4", "moe_ffn": "2048", "ffn": "", "ep": "8"}


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        ({"tokens_per_s": "599186.3"}, 7.0),
        ({"tokens_per_s_per_accel": "9362.286"}, 7.0),
        ({"tokens_per_s_per_accel_any": "9362.286", "tokens_per_s": "1"}, 7.0),
        ({"iteration_time_ms": "7000"}, 7.0),
    ],
)
def test_rates_of_tokens_are_step_times(cells, seconds):
    told = interpret(run(iter_time_s="", **cells)).measured
    assert told == pytest.approx(seconds, rel=1e-6)


@pytest.mark.parametrize(
    ("cells", "counted", "told"),
    [
        ({"flops_convention_detected": "causal-halved (-0.1%)"}, "causal", True),
        ({"mfu_definition": "full (not causal-halved) attention"}, "full", True),
        ({}, "full", False),
        (BRIDGE, "causal", False),
    ],
)
def test_a_rate_of_flops_is_a_step_time_by_its_convention(cells, counted, told):
    row = run(iter_time_s="", tflops_per_accel="400", **cells)
    job = interpret(row)
    halved = job.training.__class__(
        sequence_length=8192.0, global_batch=1.0, attention_flops=counted
    )
    flops = float(token_flops(job.model, halved)) * 512 * 8192
    assert job.measured == pytest.approx(flops / (400e12 * 64), rel=1e-6)
    assert job.converted
    assert told != any("attention behind its rate" in one for one in job.assumed)


def test_a_utilisation_is_a_share_of_the_peak_its_source_names():
    stated = {"mfu_reported_pct": "50", "peak_tflops_used_by_source": "800"}
    plain = interpret(run(iter_time_s="", **stated)).measured
    rate = interpret(run(iter_time_s="", tflops_per_accel="400")).measured
    assert plain == pytest.approx(rate)
    unsaid = interpret(run(iter_time_s="", mfu_reported_pct="50", precision="FP8"))
    assert any("FP8 peak" in one for one in unsaid.assumed)


def test_a_row_without_a_time_is_read_and_only_then_refused():
    job = interpret(run(iter_time_s=""))
    assert job.measured is None
    with pytest.raises(Refused, match="no step time"):
        _ = job.seconds
    (why,) = [why for _, why in interpret_all([run(iter_time_s="")]).refused]
    assert why == "no step time or token rate"


@pytest.mark.parametrize(
    ("cells", "rank"),
    [
        ({"task": "SFT"}, 0.0),
        ({"task": "full fine-tuning"}, 0.0),
        ({"task": "LoRA fine-tune"}, 16.0),
        ({"task": "peft", "lora_rank": "32"}, 32.0),
        ({"task": "lora", "other_config": "r=8"}, 8.0),
        ({"training.lora_rank": "4"}, 4.0),
    ],
)
def test_adapters_alone_are_trained_where_the_task_says_so(cells, rank):
    job = interpret(run(**cells))
    assert job.training.lora_rank == rank
    assert (rank == 16.0) == any("rank 16" in one for one in job.assumed)


@pytest.mark.parametrize(
    ("cells", "gated"),
    [
        ({"model": "Qwen2.5-7B"}, True),
        ({"model": "OPT-13B"}, False),
        ({"model": "GPT-3 175B"}, False),
        ({"model": "gpt-oss"}, True),
        ({"model": "mine", "gated": "true"}, True),
        ({"model": "Llama-2", "gated": "false"}, False),
    ],
)
def test_an_ffn_of_four_times_the_hidden_size_says_nothing_of_its_gate(cells, gated):
    job = interpret(run(ffn="16384", **cells))
    assert bool(job.model.gated) is gated
    assert not any("FFN" in one for one in job.assumed)
    counted = interpret(run(model="mine", ffn="16384", gflop_per_token_full_attn="60"))
    assert any("by the count of FLOPs" in one for one in counted.assumed)


def test_what_is_stated_is_taken_literally():
    job = interpret(run(**{**EXPERTS, "ep": "1"}, **BRIDGE))
    assert [plan.sizes["expert_parallel"] for plan in job.plans] == [1.0]
    unsaid = interpret(run(**{**EXPERTS, "ep": ""}, **BRIDGE))
    assert len(unsaid.plans) > 1


def test_an_unknown_source_is_said_and_a_column_names_the_stack():
    assert any("source says 'made up'" in one for one in interpret(run()).assumed)
    named = interpret(run(stack="Megatron-LM"))
    assert (named.stack.name, named.stack.fitted) == ("megatron_core", "nemo")
    assert named.training.gradient_bytes == 4.0
    assert not any("source" in one for one in named.assumed)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"accelerator": "Ascend-910B"}, {"flash_attention": "on"}),
        ({"accelerator": "Ascend-910B"}, {"tensor_overlap": "on"}),
        (
            {"accelerator": "Ascend-910B", "other_config": "use-mc2"},
            {"flash_attention": "off", "tensor_overlap": "on"},
        ),
        ({**EXPERTS, **BRIDGE}, {"dispatcher": "hybridep", "routing": "forced"}),
        (
            {**EXPERTS, **BRIDGE, "other_config": "cuda_graph=none:[]"},
            {"dispatcher": "all-to-all", "cuda_graphs": "none"},
        ),
        (
            {**EXPERTS, **BRIDGE, "practice.dispatcher": "all-to-all"},
            {"dispatcher": "all-to-all", "routing": "forced"},
        ),
        (EXPERTS, {"routing": "natural"}),
        ({**EXPERTS, "moe_balance": "token drop, capacity 1"}, {"routing": "dropped"}),
        ({"model": "Gemma2-9B", "other_config": "flash"}, {"flash_attention": "off"}),
        ({"stack": "dualpipe"}, {"schedule": "dualpipe", "expert_overlap": "on"}),
    ],
)
def test_an_empty_cell_is_the_usual_practice_never_off(cells, words):
    job = interpret(run(**cells))
    assert words_of(job.practice, words) == words


def test_every_usual_practice_is_in_words_that_are_known():
    for stack in stacks().values():
        for one in stack.usual:
            assert set(one) <= {"match", "says"}, stack.name
    assert all(meant for known in WORDS.values() for meant in known.values())


def mean_error(rows):
    jobs = interpret_all(rows).jobs
    told, _ = predict(table(jobs), calibrations.posterior())
    measured = np.asarray([job.seconds for job in jobs])
    return float(np.abs(told[:, 0] / measured - 1.0).mean())


@pytest.mark.parametrize(
    ("label", "experts"), [("Ascend", False), ("GB200", True), ("H100", True)]
)
def test_blanking_how_a_row_was_run_costs_little(label, experts):
    rows = [
        row
        for row in shipped()
        if row.text("accelerator").startswith(label)
        and row.text("other_config")
        and (not experts or "Bridge" in row.text("source"))
        and (not experts or row.text("n_experts"))
    ]
    blank = [Run({**row.cells, "other_config": ""}, row.line) for row in rows]
    assert mean_error(blank) < mean_error(rows) + 0.05


def test_one_process_of_pytorch_does_not_pay_the_overhead_of_a_cluster():
    cells = {"n_accel": "1", "tp": "1", "fsdp_or_zero": "none", "gbs": "4"}
    compiled = interpret(run(stack="pytorch", **cells))
    (plan,) = compiled.plans
    assert float(case(compiled, plan).stated.step_overhead) == 4e-3
    cluster = interpret(run(stack="torchtitan", **cells))
    assert np.isnan(case(cluster, cluster.plans[0]).stated.step_overhead)
    told, _ = predict(table([compiled, cluster]), calibrations.posterior())
    assert told[1, 0] - told[0, 0] == pytest.approx(0.044, abs=0.01)


@pytest.mark.parametrize(
    ("written", "name", "modules"),
    [
        ("selective: core_attn,mla_up_proj", "listed", ("core_attention", "mla_up")),
        ("selective:layernorm+moe_act", "listed", ("norm", "activation")),
        ("selective op (per-op SAC)", "listed", ("operators",)),
        ("selective:moe+layernorm", "listed", ("experts", "norm")),
        ("selective", "selective", ()),
        ("full recompute, save router gate", "full", ()),
        ("none (block, 30)", "none", ()),
    ],
)
def test_recompute_is_read_as_a_list_of_modules(written, name, modules):
    (plan,) = interpret(run(recompute=written)).plans
    listed = Recompute(**dict.fromkeys(modules, 1.0))
    assert (plan.recompute, plan.modules) == (name, listed)


MEMORY = {
    "id": "M-1",
    "model": "Llama-2-7B",
    "layers": "32",
    "hidden": "4096",
    "heads": "32",
    "ffn": "11008",
    "seq_len": "4096",
    "gbs": "",
    "mbs": "2",
    "chip": "H100",
    "chips": "8",
    "tp": "1",
    "pp": "1",
    "sharding": "zero1",
    "grad_dtype": "fp32",
    "optimizer": "precision-aware Adam, bf16 moments",
    "stack": "torchtune",
    "kind": "sft",
    "peak_bytes": "1e10",
    "outcome": "fits",
}


def test_a_table_of_peaks_of_memory_is_a_table_of_jobs(tmp_path):
    path = tmp_path / "memory.csv"
    offload = {"id": "M-2", "optimizer": "optimizer offload 25%", "grad_dtype": "bf16"}
    pure = {
        "id": "M-3",
        "optimizer": "8-bit AdamW, step fused into backward",
        "precision": "bf16 (params, grads, states)",
    }
    columns = [*MEMORY, "precision"]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows([MEMORY, {**MEMORY, **offload}, {**MEMORY, **pure}])
    first, second, third = map(interpret, read(path))
    assert (first.stack.name, first.machine) == ("torchtune", "dgx_h100")
    assert (first.training.gradient_bytes, first.training.optimizer_bytes) == (4.0, 8.0)
    assert first.training.global_batch == 16.0
    assert any("global batch of 16" in one for one in first.assumed)
    assert (second.training.optimizer_offload, second.training.gradient_bytes) == (
        0.25,
        2.0,
    )
    assert third.training.optimizer_bytes == 2.0
    assert third.training.gradient_bytes == pytest.approx(4.0 / 32.0)


# Of a table as people publish it, and as it is read.
NAMES = {
    "id": "run_id",
    "chip": "accelerator",
    "chips": "n_accel",
    "sharding": "fsdp_or_zero",
    "kind": "task",
}


def about_memory(**cells):
    return Run({NAMES.get(k, k): v for k, v in {**MEMORY, **cells}.items()}, 2)


def told(**cells):
    return interpret(about_memory(**cells))


def test_what_rows_about_memory_do_not_say_is_not_chosen_by_what_fits():
    silent = told(stack="megatron-lm", pp="4", chips="16")
    (plan,) = silent.plans
    assert (plan.recompute, plan.sizes["interleave"]) == ("none", 1.0)
    assert {"nothing recomputed", "no interleave"} <= set(silent.assumed)
    (plan,) = told(stack="nanotron").plans
    assert plan.recompute == "none"
    # What the stack does by itself it does here, too.
    (plan,) = told(stack="torchtitan", sharding="fsdp2").plans
    assert plan.modules.operators == 1.0


@pytest.mark.parametrize(
    ("cells", "logits", "copies"),
    [
        ({"stack": "litgpt", "note": "eager"}, 14.0, 1.5),
        ({"stack": "litgpt", "note": "thunder (torchcompile)"}, 12.0, 1.1),
        ({"stack": "litgpt", "note": "thunder (torchcompile_cat)"}, 14.0, 1.5),
        ({"stack": "torchtune", "note": "+ compile"}, 3.25, 1.1),
        ({"stack": "torchtitan", "note": "model compile"}, 4.0, 1.0),
        ({"stack": "torchtitan", "note": "compile", "tp": "8"}, 16.0, 1.0),
        ({"stack": "torchtitan", "tp": "16", "chips": "16"}, 16.0, 1.0),
        # Of a row that tells no memory no words are looked for.
        ({"stack": "litgpt", "note": "compile", "outcome": "", "peak_bytes": ""}, 0, 0),
    ],
)
def test_words_of_a_row_change_what_its_stack_holds(cells, logits, copies):
    if not logits:
        silent = about_memory(**cells)
        assert stack_of(silent, []).of(silent) is named("litgpt")
        return
    job = told(**cells)
    assert job.training.gradients == "made"
    assert job.training.logit_bytes == logits
    assert job.stack.software["activation_copies"] == copies


def test_pieces_of_a_loss():
    note = {"note": "Liger kernel (no full logits)"}
    assert told(stack="transformers", **note).training.loss_chunks == 8.0
    # torchtune keeps the logits of all pieces, which its bytes tell.
    chunked = told(note="chunked cross entropy").training
    assert (chunked.loss_chunks, chunked.logit_bytes) == (1.0, 3.25)


def test_inputs_that_nanotron_keeps_as_gathered():
    wide = {"stack": "nanotron", "tp": "8", "seq_parallel": "true"}
    assert told(**wide).training.gathered == "kept"
    assert told(**wide | {"tp": "4"}).training.gathered == "again"
    assert told(**wide | {"pp": "2", "chips": "16"}).training.gathered == "again"
