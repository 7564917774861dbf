"""Rooflines of `system.kernels` fitted to measured GEMMs and attention.

The forms are the same, so that what is fitted here means the same there.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from supernode_opt.measure.fits import Fit, Numbers, Parameter, Times, fit
from supernode_opt.system.kernels import KERNEL_OVERLAP
from supernode_opt.system.layer_times import USUAL_SOFTMAX
from supernode_opt.workload.operators import BACKWARD_ATTENTION


def gemm_times(
    sides: tuple[Numbers, Numbers, Numbers],
    moved: Numbers,
    peak: float,
    bandwidth: float,
    constants: Mapping[str, float],
    filling_peak: float | None = None,
) -> Numbers:
    """Time of GEMMs as `system.kernels.gemm_roofline` has it, plus an offset [s].

    Args:
      sides, moved: M, N and K, and bytes [point].
      peak, bandwidth: of the precision [flop/s], and of memory [B/s].
      constants: `efficiency`, `width`, `tokens`, `offset` and, for a precision below
        BF16, its `share` of its own peak over BF16's.
      filling_peak: BF16 rate, at which filling the pipeline counts; by default `peak`.
    """
    m, n, k = sides
    filling = constants["width"] * (1.0 / n + 1.0 / k) + constants["tokens"] / m
    slow = 1.0 / (peak * constants.get("share", 1.0)) + filling / (filling_peak or peak)
    arithmetic = 2.0 * m * n * k * slow / constants["efficiency"]
    streaming = moved / bandwidth
    longer = np.maximum(arithmetic, streaming)
    shorter = np.minimum(arithmetic, streaming) / longer
    overlapped = longer * (1.0 + shorter**KERNEL_OVERLAP) ** (1.0 / KERNEL_OVERLAP)
    return overlapped + constants["offset"]


def fit_gemm(
    sides: tuple[Numbers, Numbers, Numbers],
    moved: Numbers,
    peak: float,
    bandwidth: float,
    measured: Times,
    given: Mapping[str, float] | None = None,
    filling_peak: float | None = None,
) -> Fit:
    """Fit `efficiency`, `width`, `tokens` and `offset`; see `gemm_times`.

    Of a precision for which BF16 has decided what is `given` only `share` is fitted.
    """
    fixed = given or {}
    parameters = {"share": Parameter(0.9, 0.01, 1.5)}
    if not fixed:
        parameters = {
            "efficiency": Parameter(0.9, 0.01, 1.0),
            "width": Parameter(50.0, 0.0, 3000.0),
            "tokens": Parameter(100.0, 1.0, 5000.0),
            "offset": Parameter(0.0, 0.0, float(np.min(measured.seconds))),
        }

    def model(constants: Mapping[str, float]) -> Numbers:
        both = {**fixed, **constants}
        return gemm_times(sides, moved, peak, bandwidth, both, filling_peak)

    return fit(model, parameters, measured)


class Attentions(NamedTuple):
    """Causal attention that was timed, every field an array [point].

    Attributes:
      flops: causal, forward [flop].
      scores: attention scores, masked ones included [1].
      moved: bytes of queries, keys, values and results, forward [B].
      length: of the sequence [1].
      channels: of a head [1].
      backward: whether the time holds the backward pass as well.
    """

    flops: Numbers
    scores: Numbers
    moved: Numbers
    length: Numbers
    channels: Numbers
    backward: NDArray[np.bool_]


def attention_times(
    seen: Attentions,
    peak: float,
    bandwidth: float,
    softmax: float,
    constants: Mapping[str, float],
) -> Numbers:
    """Time of attention as `system.kernels.layer_times` has it [s].

    Args:
      peak, bandwidth: BF16 rate [flop/s], and of memory [B/s].
      softmax: channels whose products take as long as one exponential [1].
      constants: `efficiency`, `tokens` at which a sequence takes twice its ideal time
        and, unless fused, bytes per score and pass `traffic` [B].
    """
    slow = (1.0 + softmax / seen.channels) / (1.0 + USUAL_SOFTMAX)
    slow = slow * (1.0 + constants["tokens"] / seen.length)
    core = slow * seen.flops / (peak * constants["efficiency"])
    core = np.maximum(core, seen.moved / bandwidth)
    touched = constants.get("traffic", 0.0) * seen.scores / bandwidth
    passes = np.where(seen.backward, 1.0 + BACKWARD_ATTENTION, 1.0)
    return passes * core + np.where(seen.backward, 2.0, 1.0) * touched


def fit_attention(
    seen: Attentions,
    peak: float,
    bandwidth: float,
    softmax: float,
    measured: Times,
    fused: bool,
    tokens: float = 0.0,
) -> Fit:
    """Fit `efficiency`, `tokens` and, unless fused, `traffic`; see `attention_times`.

    The given `tokens` hold where the points are too few, or all of one length.
    """
    parameters = {"efficiency": Parameter(0.4, 0.005, 1.0)}
    if not fused:
        # Scores are written and read once at least, in two bytes.
        parameters["traffic"] = Parameter(12.0, 4.0, 1000.0)
    fixed = {"tokens": tokens}
    if len(measured.seconds) > len(parameters) + 1 and len(set(seen.length)) > 1:
        parameters["tokens"] = Parameter(100.0, 1.0, 5000.0)

    def model(constants: Mapping[str, float]) -> Numbers:
        return attention_times(seen, peak, bandwidth, softmax, {**fixed, **constants})

    return fit(model, parameters, measured)
