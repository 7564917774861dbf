"""Where the operators of a design sit under the roofs of its chip."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from supernode_opt.system.design import Design
from supernode_opt.system.evaluate import rank_share
from supernode_opt.system.kernels import gemm_roofline, memory_rate
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.operators import (
    attention_bytes,
    attention_flops,
    layer_gemms,
)


class Operators(NamedTuple):
    """Forward operators of one micro-batch on one chip, exact model.

    Attributes:
      name: of each operator.
      flops: [operator] [flop].
      bytes: moved to and from memory [operator] [B].
      time: [operator] [s].
    """

    name: tuple[str, ...]
    flops: Array
    bytes: Array
    time: Array


def operators(design: Design, scenario: Scenario) -> Operators:
    """Return the GEMMs and the attention core that the design's model has.

    An operator of a layer kind that the model lacks is left out.
    """
    split, *_ = rank_share(design, scenario, relaxed=False)
    model = scenario.model
    gemms, parts = layer_gemms(model, split)
    time, flops, moved = gemm_roofline(gemms, scenario, design.clock, jnp.inf)
    core = attention_flops(model, scenario.training, split)
    streamed = attention_bytes(model, split)
    rate = scenario.chip.peak_bf16 * scenario.software.attention_efficiency
    slowest = jnp.maximum(core / (rate * design.clock), streamed / memory_rate(scenario))
    absent = set()
    if model.dense_layers == 0.0:
        absent |= set(gemms.names[parts["dense"]])
    if model.top_k == 0.0:
        absent |= set(gemms.names[parts["expert"]])
    if model.shared_experts == 0.0:
        absent |= {"shared up", "shared down"}
    kept = [row for row, name in enumerate(gemms.names) if name not in absent]
    return Operators(
        name=(*(gemms.names[row] for row in kept), "attention"),
        flops=jnp.append(flops[jnp.asarray(kept)], core),
        bytes=jnp.append(moved[jnp.asarray(kept)], streamed),
        time=jnp.append(time[jnp.asarray(kept)], slowest),
    )
