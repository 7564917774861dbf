"""Step times of rows that print a FLOP rate or a utilisation alone."""

import re

import jax
import numpy as np

from supernode_opt.calibration.data.runs import Run
from supernode_opt.calibration.data.shapes import flops_per_token
from supernode_opt.calibration.data.stacks import Stack
from supernode_opt.hardware.chip import Chip
from supernode_opt.system.kernels import peak
from supernode_opt.workload.flops import token_flops
from supernode_opt.workload.model import Model, Training

_causal = jax.jit(token_flops)


def converted_step(
    run: Run,
    model: Model,
    training: Training,
    chip: Chip,
    stack: Stack,
    assumed: list[str],
) -> float | None:
    """Return the step time behind a FLOP rate or a utilisation [s], `None` without.

    What is counted is as the columns `mfu_definition` or `flops_convention_detected`
    say, else as the tables of the stack count; that is added to `assumed`.
    """
    rate, utilisation = run.number("tflops_per_accel"), run.number("mfu_reported_pct")
    chips = run.number("n_accel")
    if rate:
        each = 1e12 * rate
    elif utilisation:
        each = utilisation / 100.0 * _peak(run, training, chip, assumed)
    else:
        return None
    if not chips:
        return None
    convention, told = _convention(run, stack)
    if not told:
        assumed.append(f"FLOPs of {convention} attention behind its rate")
    length = training.sequence_length
    tokens = training.global_batch * length
    return tokens * _counted(model, length, convention) / (each * chips)


def _peak(run: Run, training: Training, chip: Chip, assumed: list[str]) -> float:
    """Return the peak that a utilisation is a share of [flop/s]."""
    stated = run.number("peak_tflops_used_by_source")
    if stated:
        return 1e12 * stated
    precision = training.precision.upper()
    assumed.append(f"utilisation of the chip's {precision} peak")
    return float(np.asarray(peak(chip, training.precision))) or float(chip.peak_bf16)


def _convention(run: Run, stack: Stack) -> tuple[str, bool]:
    """Return "full", "causal" or "recomputed", and whether the row tells."""
    for column in ("mfu_definition", "flops_convention_detected"):
        said = run.text(column).lower()
        if re.search(r"sc21|incl\w*\.? .*recomput|hfu-like|4/3", said):
            return "recomputed", True
        if re.search(r"full", said):
            return "full", True
        if "causal" in said:
            return "causal", True
    return ("causal" if stack.name.startswith("megatron_bridge") else "full"), False


def _counted(model: Model, length: float, convention: str) -> float:
    """Return what a convention counts for one token [flop]."""
    if convention == "causal":
        halved = Training(
            sequence_length=length, global_batch=1.0, attention_flops="causal"
        )
        return float(_causal(model, halved))
    full = flops_per_token(model, length)
    return full * 4.0 / 3.0 if convention == "recomputed" else full
