"""Time of the kernels of one layer pass on one chip: a roofline over stacked shapes."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import maximum, stack
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.operators import (
    BACKWARD_ATTENTION,
    BACKWARD_ELEMENTWISE,
    BACKWARD_GEMM,
    BACKWARD_KERNELS,
    FORWARD_KERNELS,
    Gemms,
    Split,
    attention_bytes,
    attention_flops,
    elementwise_bytes,
    layer_gemms,
)


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


def gemm_peak(scenario: Scenario) -> ArrayLike:
    """Nominal dense peak of one chip at the scenario's GEMM precision [flop/s]."""
    chip = scenario.chip
    fp8 = scenario.training.precision == "fp8"
    return chip.peak_fp8 if fp8 else chip.peak_bf16


def memory_rate(scenario: Scenario) -> ArrayLike:
    """Memory bandwidth that streaming kernels achieve on one chip [B/s]."""
    return scenario.chip.hbm_bandwidth * scenario.chip.hbm_efficiency


def gemm_roofline(
    gemms: Gemms, scenario: Scenario, clock: ArrayLike, sharpness: ArrayLike
) -> tuple[Array, Array, Array]:
    """Time every GEMM of the stacked table.

    The arithmetic branch is slowed by `1 + a (1/N + 1/K) + b / M`, which stands for
    tile quantisation and pipeline fill; grouped expert kernels have their own `b`.

    Returns:
      Time [s], FLOPs [flop] and bytes [B] of each row, one forward pass.
    """
    software, chip = scenario.software, scenario.chip
    width = 1.0 if scenario.training.precision == "fp8" else 2.0
    tiles = gemms.rows * gemms.groups
    flops = 2.0 * tiles * gemms.columns * gemms.inner
    weights = gemms.groups * gemms.columns * gemms.inner
    moved = width * (tiles * gemms.inner + weights) + 2.0 * tiles * gemms.columns
    per_token = gemms.grouped * software.expert_tokens
    per_token = per_token + (1.0 - gemms.grouped) * software.gemm_tokens
    thin = 1.0 / jnp.maximum(gemms.columns, 1.0) + 1.0 / jnp.maximum(gemms.inner, 1.0)
    shape = 1.0 + software.gemm_width * thin
    shape = shape + per_token / jnp.maximum(gemms.rows, 1e-3)
    rate = gemm_peak(scenario) * chip.array_efficiency * software.gemm_efficiency
    arithmetic = flops * shape / (rate * clock)
    return maximum(arithmetic, moved / memory_rate(scenario), sharpness), flops, moved


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
      The layer times and the head's forward plus backward time [s].
    """
    model, software = scenario.model, scenario.software
    gemms, parts = layer_gemms(model, split)
    times, _, _ = gemm_roofline(gemms, scenario, clock, sharpness)
    common = jnp.sum(times[parts["attention"]], axis=0)
    experts = jnp.sum(times[parts["expert"]] * _imbalance(gemms, parts, software), 0)
    gemm = stack(common + jnp.sum(times[parts["dense"]], axis=0), common + experts)
    core = maximum(
        attention_flops(model, scenario.training, split)
        / (scenario.chip.peak_bf16 * software.attention_efficiency * clock),
        attention_bytes(model, split) / memory_rate(scenario),
        sharpness,
    )
    traffic = stack(*elementwise_bytes(model, split)) * software.elementwise_traffic
    elementwise = traffic / memory_rate(scenario)
    attention = stack(core, core)
    zero = jnp.zeros_like(gemm)
    launched = stack(
        FORWARD_KERNELS * software.launch_time, BACKWARD_KERNELS * software.launch_time
    )
    hosted = stack(0.0, software.expert_layer_time)
    launch = launched[None, :] + hosted[:, None]
    unfused = 1.0 if software.score_bytes > 0.0 else 0.0
    selective = unfused * attention + (1.0 - unfused) * elementwise
    repeated = recompute[1] * selective
    repeated = repeated + recompute[2] * (gemm + attention + elementwise)
    passes = LayerTimes(
        gemm=_passes(gemm, BACKWARD_GEMM * gemm),
        attention=_passes(attention, BACKWARD_ATTENTION * attention),
        elementwise=_passes(elementwise, BACKWARD_ELEMENTWISE * elementwise),
        launch=launch.reshape(2, 2, *(1,) * (gemm.ndim - 1)) + _passes(zero, zero),
        recompute=_passes(zero, repeated),
    )
    head = jnp.sum(times[parts["head"]], axis=0) * (1.0 + BACKWARD_GEMM)
    return passes, head * software.head_factor


def _imbalance(gemms: Gemms, parts: dict[str, slice], software: object) -> Array:
    """Factor on expert kernels for the busiest rank; 1 for the router and shared."""
    grouped = gemms.grouped[parts["expert"]]
    return 1.0 + grouped * (software.expert_imbalance - 1.0)  # pyrefly: ignore


def _passes(forward: Array, backward: Array) -> Array:
    """Stack forward and backward as the second axis."""
    return jnp.stack([forward, backward], axis=1)
