"""Time of the kernels of one layer pass on one chip: a roofline over stacked shapes.

The time of a kernel is a smooth maximum of its FLOPs over the peak and its bytes over
the bandwidth (Williams, Waterman and Patterson 2009).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.chip import Chip
from supernode_opt.smooth import excess, maximum, stack
from supernode_opt.system.scenario import Scenario
from supernode_opt.system.software import Software
from supernode_opt.workload.model import Precision, by_precision
from supernode_opt.workload.operators import (
    BACKWARD_ATTENTION,
    BACKWARD_ELEMENTWISE,
    BACKWARD_KERNELS,
    FORWARD_KERNELS,
    Gemms,
    Split,
    attention_bytes,
    attention_flops,
    elementwise_bytes,
    layer_gemms,
    query_width,
    value_width,
)

# Bytes of one operand; NVFP4 adds a one-byte scale per sixteen values.
OPERAND_BYTES = {"bf16": 2.0, "fp8": 1.0, "mxfp8": 1.03, "nvfp4": 0.56}
# Exponent of the p-norm of arithmetic and memory time of one GEMM kernel.
KERNEL_OVERLAP = 4.0
# Attention efficiencies are stated for heads of 128 channels beside exponentials that
# take as long as 64 (Hopper).
USUAL_SOFTMAX = 64.0 / 128.0


PEAKS = {
    "bf16": "peak_bf16",
    "fp8": "peak_fp8",
    "mxfp8": "peak_fp8",
    "nvfp4": "peak_fp4",
}


class LayerTimes(NamedTuple):
    """Kernel times of a (dense, expert) layer pass, forward and backward.

    Every array is [2 layers, 2 passes, *batch] [s]; `recompute` is zero forward.
    """

    gemm: Array
    attention: Array
    elementwise: Array
    launch: Array
    recompute: Array

    @property
    def compute(self) -> Array:
        """All kernel time of the pass [s]."""
        return (
            self.gemm + self.attention + self.elementwise + self.launch + self.recompute
        )


def peak(chip: Chip, precision: Precision) -> ArrayLike:
    """Nominal dense peak of one chip at a precision [flop/s]."""
    return getattr(chip, PEAKS[precision])


def gemm_peak(scenario: Scenario) -> ArrayLike:
    """Nominal dense peak of one chip at the scenario's GEMM precision [flop/s]."""
    chip = scenario.chip
    peaks = {precision: getattr(chip, field) for precision, field in PEAKS.items()}
    return by_precision(scenario.training, peaks)


def low_precision_efficiency(scenario: Scenario) -> ArrayLike:
    """Share of its own peak that a precision reaches, over BF16's share [1]."""
    software = scenario.software
    shares = {
        "bf16": 1.0,
        "fp8": software.fp8_efficiency,
        "mxfp8": software.mxfp8_efficiency,
        "nvfp4": software.nvfp4_efficiency,
    }
    return by_precision(scenario.training, shares)


def memory_rate(scenario: Scenario) -> ArrayLike:
    """Memory bandwidth that streaming kernels achieve on one chip [B/s]."""
    return scenario.chip.hbm_bandwidth * scenario.chip.hbm_efficiency


def gemm_roofline(
    gemms: Gemms, scenario: Scenario, clock: ArrayLike
) -> tuple[Array, Array, Array]:
    """Time every GEMM of the stacked table in its three passes.

    The passes are forward, input gradient and weight gradient: the same arithmetic, but
    each reads two of input, weights and output and writes the third.  Weight gradients
    are added to what earlier micro-batches left, when the arithmetic of a tile is done
    and nothing is left to hide behind; with few tokens this is longer than that.

    The arithmetic is slowed by `1 + a (1/N + 1/K) + b / M`, which stands for tile
    quantisation and pipeline fill; grouped expert kernels have their own `b`.  Filling
    takes its time at any precision, so it counts at the BF16 rate.  A kernel overlaps
    its arithmetic and its traffic well but not wholly: `KERNEL_OVERLAP`.

    Returns:
      Time [s], FLOPs [flop] and bytes [B], each [pass, operator, *batch].
    """
    software, chip = scenario.software, scenario.chip
    width = by_precision(scenario.training, OPERAND_BYTES)
    width = gemms.kept * 2.0 + (1.0 - gemms.kept) * width
    rows = gemms.rows * gemms.groups
    inputs, outputs = rows * gemms.inner, rows * gemms.columns
    weights = gemms.groups * gemms.columns * gemms.inner
    flops = 2.0 * rows * gemms.columns * gemms.inner
    moved = stack(
        width * (inputs + weights) + 2.0 * outputs,
        width * (outputs + weights) + 2.0 * inputs,
        width * (outputs + inputs),
    )
    added = 2.0 * scenario.training.gradient_bytes * weights
    # Each piece of a GEMM that is cut to overlap its traffic has to be filled.
    pieces = 1.0 + software.tensor_pieces * (gemms.inputs * gemms.outputs - 1.0)
    per_token = gemms.grouped * software.expert_tokens
    per_token = per_token + (1.0 - gemms.grouped) * software.gemm_tokens * pieces
    thin = 1.0 / jnp.maximum(gemms.columns, 1.0) + 1.0 / jnp.maximum(gemms.inner, 1.0)
    filling = software.gemm_width * thin + per_token / jnp.maximum(gemms.rows, 1e-3)
    fast = gemm_peak(scenario) * low_precision_efficiency(scenario)
    fast = gemms.kept * chip.peak_bf16 + (1.0 - gemms.kept) * fast
    rate = chip.array_efficiency * software.gemm_efficiency * clock
    arithmetic = flops / rate * (1.0 / fast + filling / chip.peak_bf16)
    time = maximum(arithmetic, moved / memory_rate(scenario), KERNEL_OVERLAP)
    adding = software.gradient_traffic * added / memory_rate(scenario)
    time, moved = time.at[2].add(adding), moved.at[2].add(added)
    return time, jnp.broadcast_to(flops, moved.shape), moved


def cast_bytes(gemms: Gemms, scenario: Scenario) -> Array:
    """Traffic of quantising the operands of each GEMM [pass, operator, *batch] [B].

    What a GEMM receives, forward its input and backward its output's gradient, is read
    in BF16 and written twice, as it stands for one pass and transposed for the other,
    before tensor ranks gather it.  Nothing is cast in BF16.
    """
    moved = {name: 2.0 + 2.0 * width for name, width in OPERAND_BYTES.items()}
    low = by_precision(scenario.training, {**moved, "bf16": 0.0})
    rows = gemms.rows * gemms.groups * (1.0 - gemms.kept)
    return low * stack(
        rows * gemms.inner / gemms.inputs, rows * gemms.columns / gemms.outputs
    )


def layer_times(
    scenario: Scenario,
    split: Split,
    recompute: Array,
    clock: ArrayLike,
    sharpness: ArrayLike,
) -> tuple[LayerTimes, Array]:
    """Time the layers and the LM head of one micro-batch.

    Args:
      recompute: mixture weights over none, selective, full [3, *batch].

    Returns:
      The layer times, and forward plus backward time of the LM head and of the head and
      projection of a layer that predicts one token more [2, *batch] [s].
    """
    model, software = scenario.model, scenario.software
    gemms, parts = layer_gemms(model, split)
    times, _, _ = gemm_roofline(gemms, scenario, clock)
    # Forward, and both gradients as one backward pass.
    times = stack(times[0], times[1] + times[2])
    gemm = _by_layer(times, gemms, parts, software)
    cast = _by_layer(cast_bytes(gemms, scenario), gemms, parts, software)
    cast = cast * software.cast_traffic / memory_rate(scenario)
    width = 0.5 * (query_width(model) + value_width(model))
    softmax = scenario.chip.softmax_channels / width
    narrow = (1.0 + softmax) / (1.0 + USUAL_SOFTMAX)
    short = software.attention_tokens / scenario.training.sequence_length
    narrow = narrow * (1.0 + short)
    core = maximum(
        narrow
        * attention_flops(model, scenario.training, split)
        / (scenario.chip.peak_bf16 * software.attention_efficiency * clock),
        attention_bytes(model, split) / memory_rate(scenario),
        sharpness,
    )
    plain, mixed, routing = elementwise_bytes(model, split)
    traffic = stack(plain, mixed) * software.elementwise_traffic
    # The busiest rank permutes what it receives.
    routing = routing * software.routing_traffic * software.expert_imbalance
    traffic = traffic + stack(0.0, routing)
    elementwise = traffic / memory_rate(scenario)
    forward, backward = elementwise + cast[:, 0], elementwise * BACKWARD_ELEMENTWISE
    heads = model.heads / split.tensor
    scores = split.tokens * scenario.training.sequence_length * heads
    scores = software.score_traffic * scores / memory_rate(scenario)
    attention = stack(core + scores, core + scores)
    again = stack(*(2 * [BACKWARD_ATTENTION * core + scores]))
    zero = jnp.zeros_like(gemm[:, 0])
    unfused = jnp.where(jnp.asarray(software.score_bytes) > 0.0, 1.0, 0.0)
    selective = unfused * attention + (1.0 - unfused) * elementwise
    repeated = recompute[1] * selective
    repeated = repeated + recompute[2] * (gemm[:, 0] + attention + forward)
    device = LayerTimes(
        gemm=gemm,
        attention=_passes(attention, again),
        elementwise=_passes(forward, backward + cast[:, 1]),
        launch=_passes(zero, zero),
        recompute=_passes(zero, repeated),
    )
    passes = device._replace(
        launch=_launch(software, device.compute, recompute[2], sharpness)
    )
    head, ahead = (jnp.sum(times[:, parts[p]], axis=(0, 1)) for p in ("head", "ahead"))
    logits = split.tokens * model.vocabulary / split.tensor
    head = head + software.loss_traffic * logits / memory_rate(scenario)
    return passes, stack(head, head + ahead)


def _launch(
    software: Software, device: Array, full: Array, sharpness: ArrayLike
) -> Array:
    """Time that launching adds to `device` time [layer, pass, *batch] [s].

    A gap between kernels, the host's own time in expert layers, and, where the host
    cannot issue kernels as fast as the device runs them, the wait for the host: the
    longer of the two decides (measured on small models and eager stacks).
    """
    kernels = stack(FORWARD_KERNELS, BACKWARD_KERNELS + FORWARD_KERNELS * full)
    hosted = stack(0.0, software.expert_layer_time)
    issued = jnp.broadcast_to(software.kernel_time * kernels[None], device.shape)
    gaps = software.launch_time * kernels[None]
    hosted = hosted.reshape(2, 1, *(1,) * (device.ndim - 2))
    return excess(device + gaps, issued, sharpness) + gaps + hosted


def _by_layer(
    values: Array, gemms: Gemms, parts: dict[str, slice], software: Software
) -> Array:
    """Add `values` [pass, operator, *batch] up to [layer, pass, *batch].

    The busiest rank decides how long expert kernels take; the router and shared experts
    are the same everywhere.
    """
    grouped = gemms.grouped[parts["expert"]]
    uneven = 1.0 + grouped * (software.expert_imbalance - 1.0)
    common = jnp.sum(values[:, parts["attention"]], axis=1)
    dense = jnp.sum(values[:, parts["dense"]], axis=1)
    experts = jnp.sum(values[:, parts["expert"]] * uneven, axis=1)
    return stack(common + dense, common + experts)


def _passes(forward: Array, backward: Array) -> Array:
    """Stack forward and backward as the second axis."""
    return jnp.stack([forward, backward], axis=1)
