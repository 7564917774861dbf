"""Which precision a chip trains in when the one that was asked for is missing.

A chip without FP8 is compared with one that has it by training it in BF16; the answer
always names the precision that was used.
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp

from supernode_opt.hardware.chip import Chip
from supernode_opt.record import get, replace
from supernode_opt.system.kernels import PEAKS
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import Precision

# `best` is the fastest precision that large models are trained in everywhere: FP8 where
# it is faster than BF16.
BEST = "best"
Wanted = Literal["bf16", "fp8", "mxfp8", "nvfp4", "best"]

# What to fall back on, in this order.
_INSTEAD: dict[str, tuple[Precision, ...]] = {
    "bf16": ("bf16",),
    "fp8": ("fp8", "bf16"),
    "mxfp8": ("mxfp8", "bf16"),
    "nvfp4": ("nvfp4", "fp8", "bf16"),
}


def supports(chip: Chip, precision: Precision) -> bool:
    """Tell whether `chip` has arithmetic of its own for `precision`."""
    return bool(getattr(chip, PEAKS[precision]) > 0.0)


def settle(chip: Chip, wanted: Wanted) -> Precision:
    """Return the precision that `chip` trains in when `wanted` is asked for.

    >>> from supernode_opt import catalog
    >>> settle(catalog.load("chip", "ascend_910c"), "best")
    'bf16'
    >>> settle(catalog.load("chip", "gb200"), "best")
    'fp8'
    """
    if wanted == "best":
        return "fp8" if chip.peak_fp8 > chip.peak_bf16 else "bf16"
    return next(p for p in _INSTEAD[wanted] if supports(chip, p) or p == "bf16")


def settled(scenario: Scenario) -> Scenario:
    """Return `scenario` in a precision that its chip has.

    Where the chip's numbers are traced its precisions are not known; then the rate
    falls back on that of BF16, while operands keep the width that was asked for.
    Scenarios from the catalog and from study files are settled when they are made.
    """
    chip, wanted = scenario.chip, scenario.training.precision
    peaks = {name: getattr(chip, name) for name in set(PEAKS.values())}
    if not any(isinstance(peak, jax.core.Tracer) for peak in peaks.values()):
        training = dataclasses.replace(
            scenario.training, precision=settle(chip, wanted)
        )
        return dataclasses.replace(scenario, training=training)
    if wanted == BEST:
        raise ValueError("`training.precision` best must be settled before tracing")
    if wanted == "bf16":
        return scenario
    name, share = PEAKS[wanted], f"software.{wanted}_efficiency"
    missing = peaks[name] <= 0.0
    peak = jnp.where(missing, chip.peak_bf16, peaks[name])
    efficiency = jnp.where(missing, 1.0, get(scenario, share))
    return replace(replace(scenario, f"chip.{name}", peak), share, efficiency)
