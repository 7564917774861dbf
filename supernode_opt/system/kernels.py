"""Time of matrix products on one chip: a roofline over stacked shapes.

The time of a kernel is a smooth maximum of its FLOPs over the peak and its bytes over
the bandwidth (Williams, Waterman and Patterson 2009).
"""

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
