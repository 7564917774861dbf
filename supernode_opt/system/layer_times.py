"""Time of the kernels of one layer pass on one chip, and of what is computed again."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from supernode_opt.smooth import combined, excess, maximum, rows, stack
from supernode_opt.system.kernels import cast_bytes, gemm_passes, memory_rate
from supernode_opt.system.scenario import Scenario, expert_imbalance
from supernode_opt.system.software import Software
from supernode_opt.workload.model import Model, attended_length, frozen
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
from supernode_opt.workload.products import GROUPED
from supernode_opt.workload.recompute import Again

# Attention efficiencies are stated for heads of 128 channels beside exponentials that
# take as long as 64 (Hopper).
USUAL_SOFTMAX = 64.0 / 128.0


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


def layer_times(
    scenario: Scenario,
    split: Split,
    modules: Again,
    clock: ArrayLike,
    sharpness: ArrayLike,
) -> tuple[LayerTimes, Array]:
    """Time the layers and the LM head of one micro-batch.

    Args:
      modules: what is computed again.

    Returns:
      The layer times, and forward plus backward time of the LM head and of the head and
      projection of a layer that predicts one token more [2, *batch] [s].
    """
    model, software = scenario.model, scenario.software
    gemms, parts = layer_gemms(model, split)
    forward, to_input, to_weights = gemm_passes(gemms, scenario, clock).time
    busiest = expert_imbalance(scenario, split)
    # Forward, and both gradients as one backward pass; frozen weights need none.
    both = to_input + to_weights * (1.0 - frozen(scenario.training))
    of_parts = [_by_part(one, gemms, parts) for one in (forward, both)]
    gemm = _by_layer(of_parts, busiest)
    cast = [_by_part(one, gemms, parts) for one in cast_bytes(gemms, scenario)]
    cast = _by_layer(cast, busiest)
    cast = cast * software.cast_traffic / memory_rate(scenario)
    width = 0.5 * (query_width(model) + value_width(model))
    softmax = scenario.chip.softmax_channels / width
    narrow = (1.0 + softmax) / (1.0 + USUAL_SOFTMAX)
    short = software.attention_tokens / attended_length(scenario.training)
    narrow = narrow * (1.0 + short)
    core = maximum(
        narrow
        * attention_flops(model, scenario.training, split)
        / (scenario.chip.peak_bf16 * software.attention_efficiency * clock),
        attention_bytes(model, split) / memory_rate(scenario),
        sharpness,
    )
    streamed = elementwise_bytes(model, split)
    scale = software.elementwise_traffic / memory_rate(scenario)
    norm, gates = scale * streamed.norm, scale * stack(streamed.dense, streamed.expert)
    # The busiest rank permutes what it receives.
    carried = software.routing_traffic * busiest
    moved = stack(0.0, carried / memory_rate(scenario))
    beside = (1,) * (gates.ndim - moved.ndim)
    moved = moved.reshape(2, *beside, *moved.shape[1:]) * streamed.routing
    elementwise = norm + gates + moved
    forward, backward = elementwise + cast[:, 0], elementwise * BACKWARD_ELEMENTWISE
    heads = model.heads / split.tensor
    scores = split.tokens * attended_length(scenario.training) * heads
    scores = software.score_traffic * scores / memory_rate(scenario)
    attention = stack(core + scores, core + scores)
    again = stack(*(2 * [BACKWARD_ATTENTION * core + scores]))
    zero = jnp.zeros_like(gemm[:, 0])
    repeated = modules.full * (gemm[:, 0] + attention + forward)
    repeated = repeated + _modules(
        modules,
        gemm[:, 0],
        of_parts[0],
        (norm, gates, moved),
        core + scores,
        model,
    )
    device = LayerTimes(
        gemm=gemm,
        attention=_passes(attention, again),
        elementwise=_passes(forward, backward + cast[:, 1]),
        launch=_passes(zero, zero),
        recompute=_passes(zero, repeated),
    )
    passes = device._replace(
        launch=_launch(software, device.compute, modules.full, sharpness)
    )
    head, ahead = (sum(one[name] for one in of_parts) for name in ("head", "ahead"))
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
    if software.eager:
        # The wait is told when communication is known, `eager.host_wait`.
        return jnp.broadcast_to(gaps + hosted, device.shape)
    return excess(device + gaps, issued, sharpness) + gaps + hosted


def _by_part(values: Array, gemms: Gemms, parts: dict[str, slice]) -> dict[str, Array]:
    """Add `values` [operator, *batch] up by part of the model, [*batch] each.

    Beside the parts, of which "grouped" is what experts' kernels have of theirs, "up"
    is what brings compressed attention to its width.  One product with ones, so that
    the values are computed once and backwards nothing is put together.
    """
    members = {part: set(gemms.names[place]) for part, place in parts.items()}
    members["grouped"] = set(GROUPED)
    members["expert"] -= members["grouped"]
    members["up"] = {name for name in members["attention"] if name.endswith(" up")}
    ones = [[name in those for name in gemms.names] for those in members.values()]
    return dict(zip(members, rows(combined(ones, values)), strict=True))


def _by_layer(passes: list[dict[str, Array]], busiest: ArrayLike) -> Array:
    """Return the (dense, expert) layer's of every pass [layer, pass, *batch].

    The rank with `busiest` times the mean decides how long expert kernels take; the
    router and shared experts are the same everywhere.
    """
    dense = [one["attention"] + one["dense"] for one in passes]
    experts = [
        one["attention"] + one["expert"] + one["grouped"] * busiest for one in passes
    ]
    return stack(stack(*dense), stack(*experts))


def _passes(forward: Array, backward: Array) -> Array:
    """Stack forward and backward as the second axis."""
    return jnp.stack([forward, backward], axis=1)


def _modules(
    modules: Again,
    layers: Array,
    parts: dict[str, Array],
    streamed: tuple[Array, Array, Array],
    attention: Array,
    model: Model,
) -> Array:
    """Time of computing single modules again [layer, *batch] [s].

    Args:
      modules: which of them.
      layers: times of all forward products [layer, *batch] [s].
      parts: of them, those of every part [*batch] [s].
      streamed: times of norms [*batch], gates and routing [layer, *batch] [s].
      attention: time of the attention core [s].
      model: says whether attention is compressed, and the FFN has a gate.
    """
    norm, gates, routing = streamed
    attending, up = parts["attention"], parts["up"]
    block = layers - attending
    common = modules.norm * norm + modules.core_attention * attention
    common = common + modules.mla_up * up
    whole = stack(modules.ffn, modules.experts)
    again = stack(modules.dense_activation, modules.expert_activation) * gates
    # Every second of the products: of queries, keys, values and output two of four, of
    # a gated FFN one of three, of the experts all.
    inner = modules.mla_up if model.attention == "mla" else 0.0
    half = jnp.maximum(modules.operators - inner, 0.0)
    half = half * 0.5 * attending
    second = stack(block[0] / (2.0 + model.gated), block[1] + routing[1])
    half = half + jnp.maximum(modules.operators - whole, 0.0) * second
    return common + half + whole * (block + gates + routing) + again
