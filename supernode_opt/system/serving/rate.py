"""The peak at which a chip multiplies numbers of a format."""

from typing import Any

import jax.numpy as jnp

from supernode_opt.hardware.chip import Chip
from supernode_opt.workload.serving import FORMATS

# Arithmetic that multiplies two operands, by the wider of them; the field of the chip
# that has its rate, and what to fall back on where the chip has none.
ARITHMETIC: dict[str, tuple[str, ...]] = {
    "bf16": ("peak_bf16",),
    "fp8": ("peak_fp8", "peak_bf16"),
    "int8": ("peak_int8", "peak_bf16"),
    "mxfp8": ("peak_fp8", "peak_bf16"),
    "mxfp4": ("peak_fp4", "peak_fp8", "peak_bf16"),
    "nvfp4": ("peak_fp4", "peak_fp8", "peak_bf16"),
}


def rate_of(chip: Chip, arithmetic: Any) -> Any:
    """Nominal dense peak of a chip in the chosen arithmetic [flop/s].

    Where the chip has none of its own, that of the next wider one it has.
    """
    found = 0.0
    for weight, name in zip(arithmetic, FORMATS, strict=True):
        found = found + weight * _first(chip, ARITHMETIC[name])
    return found


def _first(chip: Chip, fields: tuple[str, ...]) -> Any:
    *wanted, last = (getattr(chip, name) for name in fields)
    rate = jnp.asarray(last)
    for peak in reversed(wanted):
        peak = jnp.asarray(peak)
        rate = jnp.where(peak > 0.0, peak, rate)
    return rate
