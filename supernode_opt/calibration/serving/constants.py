"""The fitted constants of serving stacks, and their priors."""

import dataclasses
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax.typing import ArrayLike


class Constant(NamedTuple):
    """One fitted constant; all are positive and fitted as logarithms.

    Attributes:
      name: field of `ServingStack`.
      prior: centre of the prior, SI.
      spread: prior standard deviation of the logarithm of the shared value [1].
      stack: the same of a stack's deviation, 0 where all stacks share one [1].
      source: why the prior stands where it stands.
    """

    name: str
    prior: float
    spread: float
    stack: float
    source: str


_KERNELS = "kernel measurements"
_PLAIN = "engineering estimate"
CONSTANTS: tuple[Constant, ...] = (
    # What differs between stacks: six.
    Constant("memory_efficiency", 0.93, 0.08, 0.10, _KERNELS),
    Constant("gemm_efficiency", 0.87, 0.15, 0.12, _KERNELS),
    Constant("launch_time", 3e-6, 0.30, 0.25, "kernels of a captured graph"),
    Constant("kernel_time", 50e-6, 0.60, 0.50, "eager issue from Python"),
    Constant("collective_latency", 7e-6, 0.30, 0.30, "custom all-reduce kernels"),
    Constant("request_time", 15e-6, 0.40, 0.30, "scheduling and streaming"),
    # What all of them share.
    Constant("expert_efficiency", 0.5, 0.25, 0.0, "fused kernels gather and scatter"),
    Constant(
        "dispatched_efficiency", 0.95, 0.12, 0.0, "grouped INT8 of 910C, DeepGEMM"
    ),
    Constant("expert_tokens", 60.0, 0.70, 0.0, "tiles of 64 to 128 rows"),
    Constant("fp4_efficiency", 0.83, 0.15, 0.0, _KERNELS),
    Constant("fp4_memory_efficiency", 0.65, 0.15, 0.0, "products of few rows, FP4"),
    Constant("cache_efficiency", 0.88, 0.06, 0.0, "FlashMLA and arXiv:2506.12708 T9"),
    Constant("attention_efficiency", 0.60, 0.12, 0.0, "FlashMLA README, B200"),
    Constant("decode_attention_efficiency", 0.72, 0.08, 0.0, "arXiv:2506.12708 T8"),
    Constant("fp8_attention", 1.39, 0.15, 0.0, "FlashMLA with FP8 caches"),
    Constant("elementwise_traffic", 1.0, 0.30, 0.0, _PLAIN),
    Constant("routing_traffic", 1.0, 0.40, 0.0, _PLAIN),
    Constant("dispatched_share", 0.5, 0.40, 0.0, "one of two permutations is left"),
    Constant("expert_popularity", 0.20, 0.20, 0.0, "default over perfect balancing"),
    Constant("exchange_scale", 1.0, 0.15, 0.0, "DeepEP docs/legacy.md"),
    Constant("gathered_efficiency", 1.2, 0.15, 0.0, "DeepEP docs/legacy.md"),
    Constant("dual_batch_overlap", 0.6, 0.25, 0.0, "LMSYS 2025-05-05, CloudMatrix"),
    Constant("interference", 0.3, 0.50, 0.0, _PLAIN),
    Constant("scale_up_efficiency", 0.65, 0.15, 0.0, "collective benchmarks"),
    Constant("step_time", 0.3e-3, 1.0, 0.0, _PLAIN),
    Constant("draft_time", 2.5e-3, 0.7, 0.0, "CloudMatrix: 0.6-0.8 ms per graph"),
    Constant("first_time", 20e-3, 0.5, 0.0, _PLAIN),
)
# What the fitted value must not exceed: shares, and the bounds of `ServingStack`.
CEILINGS = {
    "dual_batch_overlap": 1.0,
    "interference": 1.0,
    "cache_efficiency": 1.0,
    "dispatched_share": 1.0,
    "attention_efficiency": 1.0,
    "decode_attention_efficiency": 1.0,
    "memory_efficiency": 1.6,
    "gemm_efficiency": 1.6,
    "expert_efficiency": 1.2,
    "dispatched_efficiency": 1.4,
}
NAMES = tuple(constant.name for constant in CONSTANTS)
INDEX = {name: position for position, name in enumerate(NAMES)}


def stack_of(base: Any, logs: ArrayLike) -> Any:
    """Return `base` with the constants that are fitted, by their logarithms."""
    values = dict(zip(NAMES, jnp.exp(jnp.asarray(logs)), strict=True))
    for name, most in CEILINGS.items():
        values[name] = jnp.minimum(values[name], most)
    return dataclasses.replace(base, **values)
