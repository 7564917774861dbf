"""Time of matrix products on one chip: a roofline over stacked shapes.

The time of a kernel is a smooth maximum of its FLOPs over the peak and its bytes over
the bandwidth (Williams, Waterman and Patterson 2009).
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.hardware.chip import Chip
from supernode_opt.smooth import maximum, stack
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import Precision, by_precision
from supernode_opt.workload.operators import (
    OPERAND_BYTES,
    Gemms,
)

# Exponent of the p-norm of arithmetic and memory time of one GEMM kernel.
KERNEL_OVERLAP = 4.0
# Tokens below which a tile takes no longer to fill.
_LEAST_ROWS = 1e-3


PEAKS = {
    "bf16": "peak_bf16",
    "fp8": "peak_fp8",
    "mxfp8": "peak_fp8",
    "nvfp4": "peak_fp4",
}


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


class Passes(NamedTuple):
    """What a forward pass and both gradients of stacked GEMMs take.

    Attributes:
      time, moved: of the forward pass, input gradient and weight gradient, each
        [operator, *batch] [s], [B].
      flops: of any of the three [operator, *batch] [flop].
    """

    time: tuple[Array, Array, Array]
    flops: Array
    moved: tuple[Array, Array, Array]


def gemm_passes(gemms: Gemms, scenario: Scenario, clock: ArrayLike) -> Passes:
    """Time every GEMM of the stacked table in its three passes.

    The passes are forward, input gradient and weight gradient: the same arithmetic, but
    each reads two of input, weights and output and writes the third.  Weight gradients
    are added to what earlier micro-batches left, when the arithmetic of a tile is done
    and nothing is left to hide behind; with few tokens this is longer than that.

    The arithmetic is slowed by `1 + a (1/N + 1/K) + b / M`, which stands for tile
    quantisation and pipeline fill; grouped expert kernels have their own `b`.  Filling
    takes its time at any precision, so it counts at the BF16 rate.  A kernel overlaps
    its arithmetic and its traffic well but not wholly: `KERNEL_OVERLAP`.
    """
    software, chip = scenario.software, scenario.chip
    width = by_precision(scenario.training, OPERAND_BYTES)
    width = gemms.kept * 2.0 + (1.0 - gemms.kept) * width
    columns, inner = gemms.columns, gemms.inner
    rows = gemms.rows * gemms.groups
    inputs, outputs = rows * inner, rows * columns
    each = columns * inner
    weights = gemms.groups * each
    flops = 2.0 * rows * each
    # Each piece of a GEMM that is cut to overlap its traffic has to be filled.
    pieces = 1.0 + software.tensor_pieces * (gemms.inputs * gemms.outputs - 1.0)
    per_token = gemms.grouped * software.expert_tokens
    per_token = per_token + (1.0 - gemms.grouped) * software.gemm_tokens * pieces
    # FLOPs times `1/N + 1/K` and over M, without a division; none of nothing.
    thin = inputs * jnp.minimum(columns, 1.0) + outputs * jnp.minimum(inner, 1.0)
    some = jnp.minimum(gemms.rows / _LEAST_ROWS, 1.0)
    filling = software.gemm_width * thin + per_token * some * weights
    fast = gemm_peak(scenario) * low_precision_efficiency(scenario)
    fast = gemms.kept / chip.peak_bf16 + (1.0 - gemms.kept) / fast
    rate = chip.array_efficiency * software.gemm_efficiency * clock
    arithmetic = flops * fast + filling * (2.0 / chip.peak_bf16)
    arithmetic = arithmetic * (1.0 / rate)
    moved = (
        width * (inputs + weights) + 2.0 * outputs,
        width * (outputs + weights) + 2.0 * inputs,
        width * (outputs + inputs),
    )
    each_byte = 1.0 / memory_rate(scenario)
    forward, to_input, to_weights = (
        maximum(arithmetic, one * each_byte, KERNEL_OVERLAP) for one in moved
    )
    added = 2.0 * scenario.training.gradient_bytes * weights
    to_weights = to_weights + software.gradient_traffic * added * each_byte
    return Passes(
        (forward, to_input, to_weights), flops, (*moved[:2], moved[2] + added)
    )


def gemm_roofline(
    gemms: Gemms, scenario: Scenario, clock: ArrayLike
) -> tuple[Array, Array, Array]:
    """Return what `gemm_passes` does as arrays.

    Returns:
      Time [s], FLOPs [flop] and bytes [B], each [pass, operator, *batch].
    """
    passes = gemm_passes(gemms, scenario, clock)
    time, moved = stack(*passes.time), stack(*passes.moved)
    return time, jnp.broadcast_to(passes.flops, moved.shape), moved


def cast_bytes(gemms: Gemms, scenario: Scenario) -> Array:
    """Traffic of quantising the operands of each GEMM [pass, operator, *batch] [B].

    What a GEMM receives, forward its input and backward its output's gradient, is read
    in BF16 and written twice, as it stands for one pass and transposed for the other,
    before tensor ranks gather it.  Nothing is cast in BF16.
    """
    moved = {name: 2.0 + 2.0 * width for name, width in OPERAND_BYTES.items()}
    low = by_precision(scenario.training, {**moved, "bf16": 0.0})
    rows = gemms.rows * gemms.groups * (1.0 - gemms.kept)
    if isinstance(low, float) and not low:
        # Known before anything runs.
        return jnp.zeros((2, *jnp.shape(rows)))
    return low * stack(
        rows * gemms.inner / gemms.inputs, rows * gemms.columns / gemms.outputs
    )
