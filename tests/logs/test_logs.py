"""What is read of logs, each in the format of the program that writes it."""

import json
import struct
from pathlib import Path

import pytest

from supernode_opt.logs import events, files
from supernode_opt.logs.arguments import megatron, titan
from supernode_opt.logs.log import BadLog, steady

FILES = Path(__file__).parent / "files"


def test_steady_steps_are_those_after_a_fifth():
    slow, even = (9.0,) * 5, (2.0,) * 20
    found = steady(tuple(enumerate((*slow, *even))))
    assert (found.median, found.counted, found.skipped) == (2.0, 20, 5)
    # At least two, at most ten; the order of the file does not matter.
    assert steady(((3, 1.0), (1, 9.0), (2, 9.0))).median == 1.0
    assert steady(tuple((i, 1.0) for i in range(1000))).skipped == 10
    # A step that several ranks log counts once, as first logged.
    twice = tuple((i // 2, 1.0 + i % 2) for i in range(20))
    assert (steady(twice).counted, steady(twice).median) == (8, 1.0)
    with pytest.raises(BadLog, match="first 2 warm up, none is left"):
        steady(((1, 3.0), (2, 1.0)))


def test_a_log_of_torchtitan():
    log = files.read(FILES / "torchtitan.log")
    assert log.kind == "torchtitan log"
    assert dict(log.cells) == {
        "stack": "torchtitan",
        "tp": "2",
        "pp": "1",
        "cp": "1",
        "fsdp_or_zero": "FSDP2 x4",
        "n_accel": "8",
        "mbs": "2",
        "gbs": "8",
        "seq_len": "8192",
        "accelerator": "NVIDIA H100 80GB HBM3",
        "recompute": "selective op",
        "precision": "BF16",
        "other_config": "torch.compile",
    }
    assert (log.model, log.parameters) == ("llama3 8B", 8030261248.0)
    # Twenty-one lines of steps; that of an evaluation is none.
    assert len(log.rates) == 21
    assert (150, 21000.0) not in log.rates
    assert 6300.0 < steady(log.rates).median < 6400.0


def test_newer_logs_of_torchtitan_name_their_mesh_and_print_their_options(tmp_path):
    path = tmp_path / "new.log"
    options = {
        "model": {"name": "llama3", "flavor": "70B"},
        "training": {"seq_len": 4096, "local_batch_size": 4, "global_batch_size": -1},
        "activation_checkpoint": {"mode": "selective", "selective_ac_option": "2"},
    }
    head = "[titan] 2026-01-01 00:00:00,000 - root - INFO - "
    mesh = "pp=2, dp_replicate=2, dp_shard=8, cp=1, tp=2, ep=1, etp=1"
    batch = (
        "Trainer is initialized with local batch size 4, global batch size 64,"
        " gradient accumulation steps 1, sequence length 4096, total steps 10"
    )
    steps = [
        f"step: {i}  loss:  9.0  memory: 1GiB(2%)  tps: 1,0{i:02}  mfu: 1%"
        for i in range(1, 9)
    ]
    lines = [
        f"Running with args: {json.dumps(options, indent=2)}",
        f"Building device mesh with parallelism: {mesh}",
        "Float8 tensorwise scaled training active",
        batch,
        *steps,
    ]
    path.write_text("\n".join(f"{head}{line}" for line in lines))
    log = files.read(path)
    assert log.model == "llama3 70B"
    assert log.parameters is None
    assert log.cells["fsdp_or_zero"] == "HSDP group 8"
    assert (log.cells["n_accel"], log.cells["gbs"], log.cells["pp"]) == (
        "64",
        "64",
        "2",
    )
    assert (log.cells["recompute"], log.cells["precision"]) == (
        "selective layer",
        "FP8",
    )
    # With stages the local batch is cut further, nobody says into what.
    assert "mbs" not in log.cells


def test_a_log_of_megatron():
    log = files.read(FILES / "megatron.log")
    shape = {"layers": "32", "hidden": "4096", "heads": "32", "kv_heads": "8"}
    experts = {"n_experts": "8", "topk": "2", "moe_ffn": "14336"}
    split = {"tp": "1", "pp": "4", "vpp": "8", "cp": "1", "ep": "8", "n_accel": "64"}
    rest = {"gated": "true", "model.tied": "0", "recompute": "none", "gbs": "256"}
    for column, cell in (shape | experts | split | rest).items():
        assert log.cells[column] == cell, column
    assert log.cells["fsdp_or_zero"] == "distributed optimizer"
    # The batch ramps up for four steps, which are left out.
    assert len(log.seconds) == 26
    assert 7.6 < steady(log.seconds).median < 7.8


@pytest.mark.parametrize(
    ("options", "cells"),
    [
        ({"recompute_granularity": "full"}, {"recompute": "full"}),
        (
            {
                "recompute_granularity": "selective",
                "recompute_modules": "['moe', 'mlp']",
            },
            {"recompute": "selective:moe,mlp"},
        ),
        ({"fp8": "hybrid", "bf16": True}, {"precision": "FP8"}),
        ({"fp8": "e4m3", "fp8_recipe": "mxfp8"}, {"precision": "MXFP8"}),
        ({"fp16": True, "bf16": False}, {"precision": "FP16"}),
        # No chunks are asked for by None; a log that is silent leaves them open.
        ({"virtual_pipeline_model_parallel_size": None}, {"vpp": "1"}),
        ({"use_distributed_optimizer": False}, {"fsdp_or_zero": "none"}),
        (
            {"num_layers": 6.0, "num_experts": 4.0, "moe_layer_freq": "([0]*1+[1]*5)"},
            {"model.dense_layers": "1"},
        ),
        (
            {"num_layers": 6.0, "num_experts": 4.0, "moe_layer_freq": 2.0},
            {"model.dense_layers": "3"},
        ),
        (
            {
                "moe_shared_expert_intermediate_size": 4096.0,
                "moe_ffn_hidden_size": 2048.0,
            },
            {"shared_experts": "2"},
        ),
        (
            {
                "multi_latent_attention": True,
                "kv_lora_rank": 512.0,
                "q_lora_rank": None,
            },
            {"model.attention": "mla", "model.key_value_rank": "512"},
        ),
    ],
)
def test_options_of_megatron(options, cells):
    found = megatron(options)
    assert cells.items() <= found.items()


def test_options_of_torchtitan():
    cells, model = titan(
        {
            "model.name": "llama3",
            "model.flavor": "8B",
            "training.seq_len": 8192,
            "parallelism.tensor_parallel_degree": 8,
            "activation_checkpoint.mode": "full",
        }
    )
    assert model == "llama3 8B"
    assert cells == {"seq_len": "8192", "tp": "8", "recompute": "full"}


def varint(number):
    low, rest = number & 0x7F, number >> 7
    return bytes([low | (0x80 if rest else 0)]) + (varint(rest) if rest else b"")


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def record(event):
    return struct.pack("<Q", len(event)) + b"crc." + event + b"crc."


def scalar(step, tag, value, tensor=False):
    """Write an event by hand, as `event.proto` and `summary.proto` number it."""
    held = struct.pack("<f", value)
    if tensor:
        # A tensor of one float: type 1 is DT_FLOAT, content is field 4.
        number = field(8, varint(1 << 3) + varint(1) + field(4, held))
    else:
        number = varint(2 << 3 | 5) + held
    summary = field(5, field(1, field(1, tag.encode()) + number))
    clock = varint(1 << 3 | 1) + struct.pack("<d", 1.7e9)
    return record(clock + varint(2 << 3) + varint(step) + summary)


@pytest.mark.parametrize("tensor", [False, True])
def test_scalars_of_tensorboard(tmp_path, tensor):
    path = tmp_path / "events.out.tfevents.1.host"
    version = record(varint(1 << 3 | 1) + bytes(8) + field(3, b"brain.Event:2"))
    steps = [
        scalar(step, tag, 2.0 + step / 100.0, tensor)
        for step in range(300, 312)
        for tag in ("lm loss", "iteration-time")
    ]
    # The last record was being written when the job ended.
    path.write_bytes(version + b"".join(steps) + steps[0][:-9])
    log = files.read(path)
    assert log.kind == "TensorBoard (iteration-time)"
    assert len(log.seconds) == 12
    assert log.seconds[0] == (300, pytest.approx(5.0))
    with pytest.raises(BadLog, match="no step time or token rate among its series: lm"):
        events.read(path, version + scalar(1, "lm loss", 3.0))


def test_exports_of_wandb():
    history = files.read(FILES / "wandb_history.csv")
    assert history.kind == "wandb history (step time from _timestamp)"
    # Logged every ten steps, 26 seconds apart.
    assert steady(history.seconds).median == pytest.approx(2.6)
    run = files.read(FILES / "wandb_run.json")
    assert run.model == "llama3 8B"
    assert run.cells["gbs"] == "16"
    assert run.cells["mbs"] == "2"
    assert len(run.rates) == 24


def test_a_config_beside_a_history_is_read(tmp_path):
    path = tmp_path / "history.csv"
    rows = [f"{i},{1500.0 + i}" for i in range(12)]
    path.write_text("\n".join(["Step,run one - iteration-time (ms)", *rows]))
    options = {
        "num_layers": {"value": 24, "desc": None},
        "tensor_model_parallel_size": {"value": 4},
        "micro_batch_size": {"value": 2},
    }
    (tmp_path / "config.yaml").write_text(json.dumps(options))
    log = files.read(path)
    assert (log.cells["layers"], log.cells["tp"], log.cells["mbs"]) == ("24", "4", "2")
    assert log.seconds[0] == (0, pytest.approx(1.5))


def test_a_result_of_mlperf():
    log = files.read(FILES / "mlperf.txt")
    assert log.model == "llama3_405b"
    assert (log.cells["n_accel"], log.cells["accelerator"]) == ("512", "H100")
    # Forty steps of 120 s between evaluations, the first block a third slower.
    assert [value for _, value in log.seconds] == pytest.approx([156.0] + [120.0] * 5)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.log", "nothing of interest", "holds no steps that are known"),
        ("a.json", "{", "is no JSON"),
        ("a.json", '{"history": 3}', "must hold the rows of a history"),
        ("a.csv", "loss\n1.0\n", "no step time or token rate among its series: loss"),
        (
            "a.txt",
            ':::MLLOG {"key": "submission_benchmark", "value": "resnet"}',
            "is of the benchmark 'resnet', but known are llama31_405b",
        ),
        ("a.txt", ':::MLLOG {"key": "seed", "value": 1}', "says no global_batch_size"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(tmp_path, name, text, said):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(BadLog) as caught:
        files.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(BadLog, match="there is no such file"):
        files.read(tmp_path / "none.log")
