"""The fitted constants: their priors, who shares them, and how a row applies them."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.calibration.data.practice import Practice
from supernode_opt.system.software import Software


class Constant(NamedTuple):
    """One fitted constant; all are positive and fitted as logarithms.

    Attributes:
      name: of the constant.
      prior: centre of the prior, in the constant's unit.
      spread: prior standard deviation of the logarithm of the shared value [1].
      chip, stack: the same of a chip's and of a stack's deviation, 0 for none [1].
      source: why the prior stands where it stands.
    """

    name: str
    prior: float
    spread: float
    chip: float
    stack: float
    source: str


_KERNEL = "kernel measurements"
_PLAIN = "engineering estimate"
_EAGER = "engineering estimate, of eager stacks alone"
CONSTANTS: tuple[Constant, ...] = (
    Constant("gemm_efficiency", 0.90, 0.07, 0.07, 0.07, _KERNEL),
    Constant("fp8_efficiency", 0.90, 0.15, 0.05, 0.07, _KERNEL),
    Constant("mxfp8_efficiency", 0.85, 0.15, 0.05, 0.07, _KERNEL),
    Constant("nvfp4_efficiency", 0.65, 0.25, 0.10, 0.10, _KERNEL),
    Constant("attention_efficiency", 0.50, 0.25, 0.15, 0.25, "flash attention papers"),
    Constant("attention_tokens", 500.0, 0.3, 0.7, 0.7, "FlashAttention-2 and 3 papers"),
    Constant("sink_factor", 0.2, 0.6, 0.0, 0.0, "known regression: fallback kernels"),
    Constant("unfused_efficiency", 0.35, 0.30, 0.0, 0.0, "two full GEMMs per score"),
    Constant("score_traffic", 16.0, 0.2, 0.0, 0.0, "13 forward, 19 backward"),
    Constant("gemm_tokens", 100.0, 0.25, 0.0, 0.35, _KERNEL),
    Constant("tensor_pieces", 0.5, 0.4, 0.0, 0.0, "userbuffers: one piece per rank"),
    Constant("expert_tokens", 150.0, 0.7, 0.0, 0.3, _KERNEL),
    Constant("gradient_traffic", 1.0, 0.3, 0.0, 0.2, "one read and one write"),
    Constant("cast_traffic", 1.0, 0.5, 0.0, 0.3, "one read and two writes, unfused"),
    Constant("elementwise_traffic", 1.2, 0.3, 0.1, 0.3, "one pass per fused kernel"),
    Constant("kernel_time", 12e-6, 0.7, 0.2, 0.7, "framework dispatch rates"),
    Constant("expert_layer_time", 1e-3, 1.0, 0.0, 0.5, _PLAIN),
    Constant("drop_factor", 0.3, 0.5, 0.0, 0.0, "no host round trip with a capacity"),
    Constant("graph_factor", 0.1, 0.7, 0.0, 0.0, "captured: nothing left to issue"),
    Constant("dispatch_factor", 0.5, 0.7, 0.0, 0.0, "one kernel instead of many"),
    Constant("routing_traffic", 1.0, 0.7, 0.0, 0.4, "permute, pad and quantise"),
    Constant("dispatch_scale_up", 0.57, 0.1, 0.0, 0.1, "NVL72 all-to-all, two-sided"),
    Constant("dispatch_scale_out", 0.70, 0.20, 0.0, 0.1, "all-to-all over the NIC"),
    Constant("fused_speed", 1.25, 0.08, 0.0, 0.0, "NVL72 one-sided over two-sided"),
    Constant("scale_up_efficiency", 0.75, 0.20, 0.10, 0.10, "collective benchmarks"),
    Constant("scale_out_efficiency", 0.75, 0.30, 0.0, 0.30, "collective benchmarks"),
    Constant("tensor_exposed", 0.40, 0.6, 0.0, 0.4, _PLAIN),
    Constant("expert_exposed", 0.35, 0.6, 0.0, 0.4, _PLAIN),
    Constant("data_exposed", 0.15, 0.8, 0.0, 0.5, _PLAIN),
    Constant("pipeline_exposed", 0.6, 0.7, 0.0, 0.5, _PLAIN),
    Constant("shard_window", 0.30, 0.3, 0.0, 0.3, "prefetch of the next layer"),
    Constant("loss_traffic", 26.0, 0.25, 0.1, 0.45, "logits in FP32, six passes"),
    Constant("step_overhead", 50e-3, 0.3, 0.0, 0.35, _PLAIN),
    Constant("straggler", 0.010, 0.5, 0.0, 0.3, "real training 1-1.5 % a doubling"),
    Constant("shard_latency", 50e-6, 0.7, 0.0, 0.0, "one broadcast per rank and layer"),
    Constant("ring_latency", 20e-6, 1.0, 0.0, 0.5, _EAGER),
    Constant("staged_latency", 0.3e-3, 1.0, 0.0, 0.5, _EAGER),
    Constant("exchange_wait", 20e-3, 1.5, 0.0, 1.0, _EAGER),
    Constant("wait_growth", 2.0, 0.5, 0.0, 0.5, _EAGER),
    Constant("bucket_latency", 50e-6, 1.0, 0.0, 0.5, _EAGER),
    Constant("thrash", 1.0, 1.0, 0.0, 0.5, _EAGER),
    Constant("imbalance", 1.15, 0.1, 0.0, 0.0, "learned routers cost 8-20 %"),
)
# Chip families of which kernel measurements say more than the prior does: mean and
# spread of the logarithm of the deviation [1].
KNOWN_CHIPS: Mapping[tuple[str, str], tuple[float, float]] = {
    # MLA prefill uses 0.654 of a 910C die (arXiv:2506.12708v2, Table 8), backward less.
    ("attention_efficiency", "ascend_910b"): (0.35, 0.08),
}
NAMES = tuple(constant.name for constant in CONSTANTS)
INDEX = {name: position for position, name in enumerate(NAMES)}

# Fields of `Software` that follow one fitted constant of another name, and whether they
# grow with it.
FOLLOWED: Mapping[str, tuple[str, float]] = {
    "expert_imbalance": ("imbalance", 1.0),
    "tensor_overlapped": ("tensor_exposed", -1.0),
    "expert_overlapped": ("expert_exposed", -1.0),
}


def fitted_as(field: str) -> tuple[int, float] | None:
    """Return which constant a field of `Software` follows, and +1 or -1 for its way."""
    name, way = FOLLOWED.get(field, (field, 1.0))
    return (INDEX[name], way) if name in INDEX else None


# Fitted constants that count in eager stacks alone.
EAGER = tuple(constant.name for constant in CONSTANTS if constant.source == _EAGER)

# Share of the compute that expert traffic hides behind where forward passes of one
# micro-batch run beside backward passes of another [1].
PAIRED_WINDOW = 0.6


def shared_windows(
    base: Software, shard_window: ArrayLike, paired: ArrayLike = 0.0
) -> dict[str, Array]:
    """Narrow the other windows of `base` so that all of them share one compute [1].

    `shard_window` is that of the exchange of sharded parameters [1]; `paired` is 1
    where expert traffic has its own, wide window, else 0 [1].
    """
    names = ("tensor_window", "context_window", "expert_window")
    paired = jnp.asarray(paired)
    left = 1.0 - jnp.minimum(shard_window, 1.0)
    expert = paired * jnp.maximum(PAIRED_WINDOW * left, base.expert_window)
    own = {name: jnp.asarray(getattr(base, name)) for name in names}
    own["expert_window"] = expert + (1.0 - paired) * own["expert_window"]
    factor = jnp.minimum(1.0, left / sum(own.values()))
    return {name: window * factor for name, window in own.items()}


def software(base: Software, logs: Array, practice: Practice) -> Software:
    """Return the software of a row.

    It is `base` with the constants that are fitted, given by the logarithms of
    `CONSTANTS` [constant], as they apply to how the row was run.
    """
    value = dict(zip(NAMES, jnp.exp(logs), strict=True))

    def overlapped(exposed: str, flag: ArrayLike) -> Array:
        return jnp.asarray(flag) * (1.0 - jnp.minimum(value[exposed], 1.0))

    def where(flag: ArrayLike, name: str) -> Array:
        return jnp.where(jnp.asarray(flag) > 0.0, value[name], 1.0)

    hosted = value["expert_layer_time"] * where(practice.token_drop, "drop_factor")
    hosted = hosted * where(practice.fused_dispatch, "dispatch_factor")
    faster = where(practice.fused_dispatch, "fused_speed")
    captured = where(practice.full_graph, "graph_factor")
    left = 1.0 - value["graph_factor"]
    launched = captured * (1.0 - practice.captured * left)
    hosted = hosted * (1.0 - practice.captured_experts * left)
    window = value["shard_window"] * practice.prefetch
    unfused = jnp.asarray(practice.unfused)
    attention = jnp.where(
        unfused > 0.0, value["unfused_efficiency"], value["attention_efficiency"]
    )
    exposed = jnp.minimum(value["data_exposed"], 1.0)
    uneven = 1.0 + practice.real_routing * (value["imbalance"] - 1.0)
    eager = practice.eager is not None
    changed: dict[str, Any] = dict(
        {} if eager else dict.fromkeys(EAGER, 0.0),
        eager=eager,
        **shared_windows(base, window, practice.expert_overlap),
        shard_window=window,
        gathered_layers=1.0 + practice.prefetch * (base.gathered_layers - 1.0),
        attention_efficiency=attention * where(practice.sink_attention, "sink_factor"),
        tensor_pieces=value["tensor_pieces"] * practice.tensor_overlap,
        score_bytes=5.0 * unfused,
        score_traffic=unfused * value["score_traffic"],
        kernel_time=value["kernel_time"] * launched,
        expert_layer_time=hosted * captured,
        dispatch_scale_up=value["dispatch_scale_up"] * faster,
        dispatch_scale_out=value["dispatch_scale_out"] * faster,
        tensor_overlapped=overlapped("tensor_exposed", practice.tensor_overlap),
        expert_overlapped=overlapped("expert_exposed", practice.expert_overlap),
        data_exposed=1.0 - practice.data_overlap * (1.0 - exposed),
        expert_imbalance=uneven + practice.token_drop * (practice.capacity - 1.0),
        rank_deduplication=jnp.maximum(base.rank_deduplication, practice.once_per_rank),
        shard_latency=value["shard_latency"] * practice.rank_by_rank,
        bubble_share=practice.bubble,
        pipeline_exposed=jnp.where(
            jnp.asarray(practice.stage_exposed) > 0.0, 1.0, value["pipeline_exposed"]
        ),
        pipeline_copies=jnp.asarray(practice.copies),
        warmup_hidden=jnp.asarray(practice.warmup_hidden),
    )
    fields = {field.name for field in dataclasses.fields(Software)}
    same = {name: value[name] for name in NAMES if name in fields}
    return dataclasses.replace(base, **same | changed)
