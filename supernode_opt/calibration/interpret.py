"""What a row of published figures means: model, training, machine, candidate splits."""

import dataclasses
import itertools
import math
import re
from typing import Any

from supernode_opt.calibration.counting import flops_per_token
from supernode_opt.calibration.runs import Run
from supernode_opt.calibration.stacks import MACHINES, Stack, stack_of
from supernode_opt.catalog import load, system
from supernode_opt.system.design import SHARDING
from supernode_opt.system.kernels import PEAKS
from supernode_opt.workload.model import Model, Precision, Training
from supernode_opt.workload.parameters import parameters
from supernode_opt.workload.split import divisors


class Refused(ValueError):
    """A row that the model can say nothing about, and why."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """One way the row may have been run.

    Attributes:
      sizes: parallel sizes, micro-batch and interleave by design field [1].
      recompute: shares of the layers with recompute none, selective, full [1].
      sharding: ZeRO level, 0 to 3.
      shard_ranks: most ranks one copy of sharded states is spread over, 0 for all [1].
      sequence_parallel: whether it is on.
    """

    sizes: dict[str, float]
    recompute: tuple[float, float, float]
    sharding: int
    shard_ranks: int
    sequence_parallel: bool


@dataclasses.dataclass(frozen=True)
class Job:
    """A row made ready for the model.

    Attributes:
      run: the row.
      model, training: what was trained.
      machine: catalog name of the system it ran on.
      stack: the software, with what its documentation says.
      plans: candidate plans; several where the row leaves something open.
      assumed: what the row does not say and was assumed.
    """

    run: Run
    model: Model
    training: Training
    machine: str
    stack: Stack
    plans: tuple[Plan, ...]
    assumed: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Measured time of one optimizer step [s]."""
        seconds = self.run.step_time
        assert seconds is not None, "interpret refuses rows without one"
        return seconds


_PRECISIONS: tuple[tuple[str, Precision], ...] = (
    ("nvfp4", "nvfp4"),
    ("mxfp8", "mxfp8"),
    ("fp8-mx", "mxfp8"),
    ("fp8", "fp8"),
    ("int8", "fp8"),
    ("bf16", "bf16"),
    ("fp16", "bf16"),
)
_LATENT = {"query_rank": 1536.0, "key_value_rank": 512.0, "rope_dim": 64.0}
# Layers with a sliding window: (model name, window, share of the layers).
_WINDOWS = (
    ("gpt-oss", 128.0, 0.5),
    ("gemma2", 4096.0, 0.5),
    ("gemma3", 1024.0, 5 / 6),
)
_MOST_PLANS = 48


def interpret(run: Run) -> Job:
    """Read a row as a training job.

    Raises:
      Refused: the row lacks what the model needs, or contradicts itself.
      BadRuns: a cell that must be a number is none.
    """
    task = run.text("task").lower()
    if task in ("lora", "sft"):
        raise Refused(f"{task.upper()} trains only a part of the model")
    if run.text("usable_for").startswith("exclude"):
        raise Refused("marked as inconsistent in the table")
    machine = MACHINES.get(run.text("accelerator").split(" (")[0])
    if machine is None:
        raise Refused(f"unknown accelerator {run.text('accelerator')!r}")
    if run.step_time is None:
        raise Refused("no step time or token rate")
    assumed: list[str] = []
    stack = stack_of(run)
    training = _training(run, machine, stack, assumed)
    model = _model(run, training, assumed)
    plans = _plans(run, model, training, stack, assumed)
    return Job(run, model, training, machine, stack, plans, tuple(assumed))


def _training(run: Run, machine: str, stack: Stack, assumed: list[str]) -> Training:
    written = run.text("precision").lower()
    precision = next((p for key, p in _PRECISIONS if key in written), None)
    chip = load("chip", system(machine).chip)
    if precision is None or not getattr(chip, PEAKS[precision]):
        precision = "bf16"
        assumed.append("precision bf16")
    batch, length = run.number("gbs"), run.number("seq_len")
    if not batch or not length:
        raise Refused("no global batch or sequence length")
    return Training(
        sequence_length=length,
        global_batch=batch,
        gradient_bytes=stack.gradient_bytes,
        precision=precision,
        attention_flops="full",
    )


def _shard_ranks(run: Run, replicas: float, assumed: list[str]) -> list[int]:
    sharded = run.text("fsdp_or_zero")
    if "not given" in sharded:
        assumed.append("sharding group chosen by the model")
        return [0, *(g for g in (8, 16, 32, 64, 128, 256) if g < replicas)]
    return [_shard_group(run, sharded)]


def _shard_group(run: Run, sharded: str) -> int:
    found = re.search(r"(?:group |FSDP=|x|ici_fsdp=|ici=)(\d+)", sharded)
    slices = re.search(r"across (\d+) slice", sharded)
    chips = run.number("n_accel") or 1.0
    if slices and not (found and int(found[1]) > 1):
        return int(chips / int(slices[1]))
    if not found:
        return 0
    return int(found[1]) if int(found[1]) > 1 or "x1" in sharded else 0


def _model(run: Run, training: Training, assumed: list[str]) -> Model:
    layers, hidden = run.number("layers"), run.number("hidden")
    heads = run.number("heads")
    if not layers or not hidden or not heads:
        raise Refused("no model shape")
    if "ssm" in run.text("arch"):
        raise Refused("state-space layers are not modelled")
    name = run.text("model").lower()
    experts = run.number("n_experts") or 0.0
    ffn = run.number("ffn")
    if not ffn and not experts:
        ffn = 4.0 * hidden
        assumed.append("FFN of four times the hidden size")
    expert_ffn = run.number("moe_ffn") or 0.0
    if experts and not expert_ffn:
        expert_ffn, ffn = ffn or 4.0 * hidden, 0.0
        assumed.append(f"experts of width {expert_ffn:g}")
    vocabulary = run.number("vocab")
    window = next((w for w in _WINDOWS if w[0] in name), ("", 0.0, 0.0))
    base = Model(
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=run.number("kv_heads") or heads,
        head_dim=run.number("head_dim") or hidden / heads,
        ffn=ffn or 0.0,
        vocabulary=vocabulary or 51200.0,
        dense_layers=0.0 if experts else layers,
        experts=experts,
        top_k=run.number("topk") or 0.0,
        shared_experts=run.number("shared_experts") or 0.0,
        expert_ffn=expert_ffn,
        mtp_layers=1.0 if "mtp" in run.text("flops_convention_detected").lower() else 0,
        window=window[1],
        windowed_share=window[2],
        node_limit=4 if "deepseek-v3" in name else 0,
        name="row",
    )
    if not vocabulary:
        assumed.append("vocabulary of 51,200")
    return _best_shape(run, base, training, assumed)


def _best_shape(run: Run, base: Model, training: Training, assumed: list[str]) -> Model:
    """Choose what columns do not say by the FLOPs per token, or by the parameters."""
    name = run.text("model").lower()
    latent = bool(re.search(r"deepseek|kimi|panguultramoe", name))
    if latent:
        base = dataclasses.replace(
            base, attention="mla", value_dim=base.head_dim, **_LATENT
        )
    dense = [base.dense_layers]
    if base.experts and base.ffn:
        dense = [0.0, 1.0, 2.0, 3.0, base.layers / 2.0]
    plain = base.ffn == 4.0 * base.hidden and not base.experts
    gates = [not plain, plain]
    shapes = [
        dataclasses.replace(base, dense_layers=d, gated=float(g))
        for g, d in itertools.product(gates, dense)
    ]
    wanted = run.number("gflop_per_token_full_attn")
    billions = run.number("params_b") or 0.0
    if not wanted and not billions:
        if len(shapes) > 2:
            assumed.append("no dense layers before the experts")
        return shapes[0]

    def miss(shape: Model) -> float:
        bare = dataclasses.replace(shape, mtp_layers=0.0)
        if wanted:
            counted = flops_per_token(bare, training.sequence_length) / 1e9
        else:
            counted = float(parameters(bare)) / 1e9
        return abs(math.log(counted / (wanted or billions)))

    return min(shapes, key=miss)


def _size(run: Run, column: str) -> float:
    return run.number(column) or 1.0


def _plans(
    run: Run, model: Model, training: Training, stack: Stack, assumed: list[str]
) -> tuple[Plan, ...]:
    chips = run.number("n_accel") or 0.0
    sharded = run.text("fsdp_or_zero")
    if not run.text("tp") and not run.text("pp") and not sharded and chips > 1:
        raise Refused("no parallel layout")
    tensor, pipeline, context = (_size(run, c) for c in ("tp", "pp", "cp"))
    replicas = chips / (tensor * pipeline * context)
    if replicas < 1.0 or replicas != int(replicas):
        raise Refused("tensor x pipeline x context parallel does not divide the chips")
    batch = training.global_batch / replicas
    if batch < 1.0:
        raise Refused("global batch smaller than data parallel")
    sequence = run.text("seq_parallel") == "true"
    if not run.text("seq_parallel"):
        sequence = tensor > 1.0 and stack.sequence_parallel
    choices: list[list[Any]] = [
        _expert_parallels(run, model, stack, chips / pipeline, assumed),
        _micro_batches(run, batch, assumed),
        _interleaves(run, model, pipeline, stack, batch, assumed),
        _recomputes(run, model, pipeline, stack, assumed),
        _shard_ranks(run, replicas, assumed),
    ]
    plans = [
        Plan(
            sizes={
                "chips": chips,
                "tensor_parallel": tensor,
                "pipeline_parallel": pipeline,
                "context_parallel": context,
                "expert_parallel": expert,
                "micro_batch": micro,
                "interleave": interleave,
            },
            recompute=recompute,
            sharding=_sharding(sharded, stack, replicas * context, pipeline),
            shard_ranks=group,
            sequence_parallel=sequence and tensor > 1.0,
        )
        for expert, micro, interleave, recompute, group in itertools.product(*choices)
    ]
    return tuple(plans[:_MOST_PLANS])


def _expert_parallels(
    run: Run, model: Model, stack: Stack, stage_ranks: float, assumed: list[str]
) -> list[float]:
    if not model.experts:
        return [1.0]
    inner = run.number("etp") or (_size(run, "tp") if stack.expert_tensor else 1.0)
    expert = run.number("ep")
    if not expert or (expert == 1.0 and model.experts >= 32 and stage_ranks >= 8):
        # So many experts on every rank would not fit; tables leave the cell at 1.
        assumed.append("expert parallel chosen by the model")
        options = [float(d) for d in divisors(int(model.experts)) if d >= 8]
        return [d for d in options if d <= stage_ranks] or [stage_ranks]
    return [min(expert * inner, stage_ranks)]


def _micro_batches(run: Run, batch: float, assumed: list[str]) -> list[float]:
    written = run.number("mbs")
    if written:
        if written > batch:
            assumed.append(f"micro-batch {batch:g} instead of {written:g}")
        return [min(written, batch)]
    assumed.append("micro-batch chosen by the model")
    options = [m for m in divisors(max(int(batch), 1)) if m <= 16]
    return [float(option) for option in options]


def _interleaves(
    run: Run,
    model: Model,
    pipeline: float,
    stack: Stack,
    batch: float,
    assumed: list[str],
) -> list[float]:
    if pipeline == 1.0:
        return [1.0]
    written = run.number("vpp")
    if written and not (written == 1.0 and stack.interleave_unreliable):
        return [written]
    if not stack.interleaves:
        return [1.0]
    assumed.append("interleave chosen by the model")
    stage = math.ceil(model.layers / pipeline)
    return [float(option) for option in divisors(stage)]


def _recomputes(
    run: Run, model: Model, pipeline: float, stack: Stack, assumed: list[str]
) -> list[tuple[float, float, float]]:
    written = run.text("recompute").lower().replace("remat_policy=", "")
    none, selective, full = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
    if not written:
        assumed.append("recompute chosen by the model")
        return [none, selective, full] if stack.full_recompute else [none, selective]
    if written.startswith("none"):
        return [none]
    partial = re.search(r"full.*?(?:block, |x)(\d+)", written)
    if partial:
        share = min(int(partial[1]) * pipeline / model.layers, 1.0)
        return [(1.0 - share, 0.0, share)]
    if written.startswith(("full", "yes")):
        return [full]
    return [selective]


def _sharding(written: str, stack: Stack, replicas: float, pipeline: float) -> int:
    text = written.lower()
    if replicas <= 1.0:
        return 0
    if not text:
        return SHARDING.index(stack.sharding)
    if "grad_op" in text:
        return 2
    if "fsdp" in text or "zero-3" in text:
        # With pipeline stages parameters stay gathered over the step's micro-batches.
        return 3 if pipeline == 1.0 else 1
    if text.startswith("none") or text in ("dp", "ddp"):
        return 0
    return 1


def machine_of(job: Job) -> str:
    """Return the chip's catalog name."""
    return system(job.machine).chip
