"""Time of the kernels of a layer, part by part, each worked by hand.

Arithmetic is judged where memory is endless, and memory where arithmetic is.
"""

import dataclasses

import jax.numpy as jnp
import pytest

from supernode_opt.smooth import ceiling, excess, maximum, root
from supernode_opt.system.kernels import (
    cast_bytes,
    gemm_peak,
    gemm_roofline,
    low_precision_efficiency,
    memory_rate,
)
from supernode_opt.system.layer_times import layer_times
from supernode_opt.workload.operators import Gemms, Split
from tests.plain import EXPERTS, TRAINING, repeated, same, scenario

ENDLESS = 1e30
FAST_MEMORY = {"chip__hbm_bandwidth": ENDLESS}
FAST_ARRAYS = {"chip__peak_bf16": ENDLESS, "chip__peak_fp8": ENDLESS}
FP8 = dataclasses.replace(TRAINING, precision="fp8")
WHOLE = Split(tensor=1.0, context=1.0, expert=1.0, sequence=0.0, tokens=16.0)
EXACT = jnp.inf


def test_norms_of_times():
    # 3 and 4 with exponent 2; ten over a base of eight.
    same(maximum(3.0, 4.0, 2.0), 5.0)
    same(maximum(3.0, 4.0, EXACT), 4.0)
    same(excess(3.0, 4.0, 2.0), 2.0)
    same([excess(8.0, 10.0, EXACT), excess(10.0, 8.0, EXACT)], [2.0, 0.0])
    same([root(9.0), root(0.0)], [3.0, 0.0])
    same([ceiling(2.1, False), ceiling(2.0 + 1e-12, False)], [3.0, 2.0])
    same(ceiling(2.1, True), 2.1)


def test_peaks_and_memory():
    peaks = {"bf16": 1000.0, "fp8": 2000.0, "mxfp8": 2000.0, "nvfp4": 4000.0}
    for precision, peak in peaks.items():
        training = dataclasses.replace(TRAINING, precision=precision)
        same(gemm_peak(scenario(training=training)), peak)
    same(memory_rate(scenario()), 80.0)


@pytest.mark.parametrize(
    ("precision", "share"),
    [("bf16", 1.0), ("fp8", 0.6), ("mxfp8", 0.5), ("nvfp4", 0.3)],
)
def test_each_precision_reaches_its_own_share(precision, share):
    where = scenario(
        training=dataclasses.replace(TRAINING, precision=precision),
        software__fp8_efficiency=0.6,
        software__mxfp8_efficiency=0.5,
        software__nvfp4_efficiency=0.3,
    )
    same(low_precision_efficiency(where), share)


def one_gemm(grouped=0.0, kept=0.0):
    """Two groups of ten tokens times 4 x 5, gathered from two ranks, left on three."""
    shape = (10.0, 5.0, 4.0, 2.0, grouped, kept, 2.0, 3.0)
    return Gemms(("one",), *jnp.asarray(shape)[:, None])


# 2 * 20 * 5 * 4 = 800 FLOPs, 80 values in, 100 out, 40 of weights.
def filled(**more):
    return scenario(
        training=FP8,
        software__fp8_efficiency=0.6,
        software__gemm_width=2.0,
        software__gemm_tokens=3.0,
        software__expert_tokens=4.0,
        software__tensor_pieces=0.5,
        software__gradient_traffic=0.0,
        **more,
    )


def times_of(where, gemms=None):
    return gemm_roofline(one_gemm() if gemms is None else gemms, where, 0.8)[0]


def test_arithmetic_of_a_gemm():
    # 800 / (0.8 * 0.5 * 0.8) = 2500, over 0.6 * 2000 flop/s.
    bare = scenario(training=FP8, software__fp8_efficiency=0.6, **FAST_MEMORY)
    same(times_of(bare), [[2500.0 / 1200.0]] * 3)
    # Filling counts at the BF16 rate: 2 (1/5 + 1/4) and 3 / 10 in 1 + (2 * 3 - 1) / 2
    # pieces.
    where = filled(**FAST_MEMORY)
    same(times_of(where), [[2500.0 * (1.0 / 1200.0 + 1.95e-3)]] * 3)
    # Experts' kernels have their own tokens, 4 / 10, and are not cut.
    grouped = [[2500.0 * (1.0 / 1200.0 + 1.3e-3)]] * 3
    same(times_of(where, one_gemm(grouped=1.0)), grouped)
    # What is kept in BF16 runs at its peak.
    same(times_of(where, one_gemm(kept=1.0)), [[2500.0 * (1e-3 + 1.95e-3)]] * 3)


def test_traffic_of_a_gemm():
    # FP8 operands of one byte, results of two: 80 + 40 + 2 * 100; 100 + 40 + 2 * 80;
    # 100 + 80 and 40 gradients of 4 B read and written.
    where = scenario(training=FP8, software__gradient_traffic=1.5, **FAST_ARRAYS)
    time, flops, moved = gemm_roofline(one_gemm(), where, 0.8)
    same(flops, [[800.0]] * 3)
    same(moved, [[320.0], [300.0], [180.0 + 320.0]])
    same(time, [[4.0], [3.75], [2.25 + 1.5 * 4.0]])
    # Kept in BF16 every value has two bytes.
    kept = gemm_roofline(one_gemm(kept=1.0), where, 0.8)[2]
    same(kept, [[440.0], [440.0], [360.0 + 320.0]])


def test_a_kernel_overlaps_with_exponent_four():
    # 800 FLOPs at 0.32 * 625 flop/s are 4 s, as are 320 B at 80 B/s.
    where = scenario(training=FP8, chip__peak_fp8=625.0)
    same(times_of(where)[0], [4.0 * 2.0**0.25])


@pytest.mark.parametrize(
    ("precision", "each"),
    # Read in two bytes, written twice in the width of an operand.
    [("bf16", 0.0), ("fp8", 4.0), ("mxfp8", 4.06), ("nvfp4", 3.12)],
)
def test_casts(precision, each):
    where = scenario(training=dataclasses.replace(TRAINING, precision=precision))
    # 80 values from two ranks, and 100 gradients towards three.
    same(cast_bytes(one_gemm(), where), [[40.0 * each], [100.0 * each / 3.0]])
    same(cast_bytes(one_gemm(kept=1.0), where), [[0.0], [0.0]])


def layers(where, modules=None, split=WHOLE):
    modules = repeated() if modules is None else modules
    return layer_times(where, split, modules, 0.8, EXACT)


def test_arithmetic_of_layers():
    # 960 FLOPs a token of a dense layer's GEMMs, 16 tokens, at 320 flop/s; twice back.
    where = scenario(software__attention_tokens=8.0, **FAST_MEMORY)
    times, head = layers(where)
    same(times.gemm[0], [48.0, 96.0])
    # Heads of 2 channels beside exponentials worth 6: (1 + 3) / (1 + 1/2), half as much
    # again for 8 of 16 tokens: four times 4096 FLOPs at 1000 * 0.5 * 0.8 flop/s.
    same(times.attention[0], [40.96, 2.5 * 40.96])
    same(times.elementwise, [[0.0, 0.0]] * 2)
    # The head's 1600 FLOPs a token, three passes; to predict ahead 256 more.
    same(head, [3.0 * 80.0, 3.0 * 80.0 + 3.0 * 12.8])


def test_frozen_weights_have_no_gradients():
    # One pass back of 48 s instead of two, and two of the head's 80 s; to predict ahead
    # two of 12.8 s more.
    where = scenario(training__lora_rank=2.0, **FAST_MEMORY)
    times, head = layers(where)
    same(times.gemm[0], [48.0, 48.0])
    same(head, [2.0 * 80.0, 2.0 * (80.0 + 12.8)])
    # Attention has no weights.
    same(times.attention, layers(scenario(**FAST_MEMORY))[0].attention)


@pytest.mark.parametrize(
    ("documents", "length"), [(4.0, 4.0), (16.0, 16.0), (99.0, 16.0)]
)
def test_attention_inside_documents(documents, length):
    # 16 tokens of 16 channels at 400 flop/s, times 4 / 1.5 of narrow heads, and short
    # ones of 8 tokens; half a byte of 16 * 4 scores for each token that is seen.
    where = scenario(
        training__document_length=documents,
        software__attention_tokens=8.0,
        **FAST_MEMORY,
    )
    core = 4.0 / 1.5 * (1.0 + 8.0 / length) * 16.0 * length * 16.0 / 400.0
    same(layers(where)[0].attention[0], [core, 2.5 * core])
    where = scenario(
        training__document_length=documents,
        software__score_traffic=0.5,
        **FAST_ARRAYS,
    )
    # The core streams 2 * 16 * 24 B, whatever it sees.
    scores = 0.5 * 16.0 * length * 4.0 / 80.0
    same(layers(where)[0].attention[0], [9.6 + scores, 24.0 + scores])


def test_arithmetic_of_experts():
    # Attention's GEMMs 856, dense 576, router and shared expert 400, routed 288.
    where = scenario(EXPERTS, software__expert_imbalance=1.5, **FAST_MEMORY)
    times, _ = layers(where)
    dense, expert = (856.0 + 576.0) * 0.05, (856.0 + 400.0 + 1.5 * 288.0) * 0.05
    same(times.gemm, [[dense, 2.0 * dense], [expert, 2.0 * expert]])
    # Channels (3 + 4) / 2 = 3.5: (1 + 6 / 3.5) / 1.5 of 16 * 448 FLOPs.
    core = (1.0 + 6.0 / 3.5) / 1.5 * 16.0 * 448.0 / 400.0
    same(times.attention, [[core, 2.5 * core]] * 2)


def test_memory_of_layers():
    where = scenario(
        software__elementwise_traffic=1.5,
        software__score_traffic=0.5,
        software__loss_traffic=3.0,
        software__gradient_traffic=0.0,
        **FAST_ARRAYS,
    )
    times, head = layers(where)
    # 28 * 8 + 6 * 12 = 296 B a token, 16 tokens, half as much again, at 80 B/s.
    same(times.elementwise[0], [88.8, 1.6 * 88.8])
    # Two bytes of 16 + 8 channels: 9.6 s, repeated 2.5 times backward; half a byte of
    # 16 * 16 * 4 scores: 6.4 s in both passes.
    same(times.attention[0], [16.0, 30.4])
    # Head: 2 (128 + 800) + 2 * 1600 = 5056 B, 2 (1600 + 800) + 2 * 128 = 5056 B and 2
    # (1600 + 128) = 3456 B; 3 B of 1600 logits for the loss.
    head_bytes = 5056.0 + 5056.0 + 3456.0 + 4800.0
    # Ahead: 2 (256 + 128) + 2 * 128 B, 2 (128 + 128) + 2 * 256 B, 2 (128 + 256) B.
    same(head, [head_bytes / 80.0, (head_bytes + 1024.0 + 1024.0 + 768.0) / 80.0])
    # Of two ranks each has half of the logits and of the head's columns: 2 (128 + 400)
    # + 2 * 800 B, 2 (800 + 400) + 2 * 128 B and 2 (800 + 128) B.
    _, half = layers(where, split=WHOLE._replace(tensor=2.0))
    same(half[0], (2656.0 + 2656.0 + 1856.0 + 2400.0) / 80.0)


def test_memory_of_experts():
    where = scenario(
        EXPERTS,
        software__elementwise_traffic=1.5,
        software__routing_traffic=2.0,
        software__expert_imbalance=1.5,
        **FAST_ARRAYS,
    )
    times, _ = layers(where)
    # 224 + 6 * 9 = 278 B a token half as much again; 8 * 2 * 8 = 128 B routed, twice,
    # and half as many again on the busiest rank.
    expert = 16.0 * (1.5 * 278.0 + 2.0 * 1.5 * 128.0) / 80.0
    same(times.elementwise[1], [expert, 1.6 * expert])
    same(times.elementwise[0, 0], 16.0 * 1.5 * 296.0 / 80.0)


def test_casts_of_layers():
    # Inputs of 8 + 8 + 8 + 12 and gradients of 16 + 8 + 24 + 8 channels, 4 B, twice.
    where = scenario(
        training=FP8,
        software__elementwise_traffic=0.0,
        software__cast_traffic=2.0,
        **FAST_ARRAYS,
    )
    times, _ = layers(where)
    same(times.elementwise[0], [2.0 * 4.0 * 576.0 / 80.0, 2.0 * 4.0 * 896.0 / 80.0])
    # Full recompute casts again, selective only repeats elementwise kernels.
    again, _ = layers(where, repeated("full"))
    forward = times.gemm[0, 0] + times.attention[0, 0] + times.elementwise[0, 0]
    same(again.recompute[0], [0.0, forward])
    same(layers(where, repeated("selective"))[0].recompute, jnp.zeros((2, 2)))


def test_selective_recompute():
    # With flash elementwise kernels; unfused attention, core and scores.
    where = scenario(**FAST_ARRAYS)
    found = layers(where, repeated("selective"))[0].recompute
    same(found[0], [0.0, 16.0 * 296.0 / 80.0])
    unfused = scenario(
        software__score_bytes=5.0, software__score_traffic=0.5, **FAST_ARRAYS
    )
    found = layers(unfused, repeated("selective", 5.0))[0].recompute
    same(found[0], [0.0, 16.0])


def test_launching():
    # 20 kernels forward and 34 backward, issued every 10 s and a second apart: forward
    # 88.96 s of work and 20 s of gaps are less than 200 s of issuing.
    usual = {"software__attention_tokens": 8.0, **FAST_MEMORY}
    where = scenario(software__kernel_time=10.0, software__launch_time=1.0, **usual)
    times, _ = layers(where)
    same(times.launch[0], [200.0 - 88.96, 340.0 - (96.0 + 102.4)])
    # Full recompute issues the forward kernels again.
    again, _ = layers(where, repeated("full"))
    same(again.compute[0], [200.0, 540.0])
    # Where the device is slower only the gaps are left, and the host's expert layers.
    where = scenario(
        software__kernel_time=1.0,
        software__launch_time=1.0,
        software__expert_layer_time=7.0,
        **usual,
    )
    same(layers(where)[0].launch, [[20.0, 34.0], [27.0, 41.0]])
