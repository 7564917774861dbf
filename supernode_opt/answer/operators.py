"""Where the kernels of a design stand under the roof of its chip."""

from collections import OrderedDict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from supernode_opt.batch.case import nameless
from supernode_opt.batch.kept import Kept
from supernode_opt.batch.precise import precisely
from supernode_opt.system.design import Design
from supernode_opt.system.job import rank_share
from supernode_opt.system.kernels import gemm_roofline
from supernode_opt.system.layer_times import layer_times
from supernode_opt.system.ranks import as_ranks
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.operators import (
    attention_bytes,
    attention_flops,
    elementwise_bytes,
    layer_gemms,
)
from supernode_opt.workload.recompute import RECOMPUTE, again


@precisely
def operators(design: Design, scenario: Scenario) -> dict[str, Any]:
    """Return the operators of one forward pass of one micro-batch on an average chip.

    The result has the arrays `name`, `flops` [flop], `bytes` [B] and `time` [s]; an
    operator of several layers is counted in all of them.
    """
    if scenario.serving is not None:
        # Passes of serving are told by their parts.
        return {}
    table = jax.device_get(_TABLE(design, nameless(scenario)))
    kept = {name: row for name, row in table.items() if row[2] > 0.0}
    flops, moved, times = np.stack(list(kept.values()), axis=1)
    return {"name": tuple(kept), "flops": flops, "bytes": moved, "time": times}


def _table(design: Design, scenario: Scenario) -> OrderedDict[str, Array]:
    """Return (flops, bytes, time) of every operator by name, in their order."""
    design, scenario = as_ranks(design, scenario)
    model = scenario.model
    split, *_ = rank_share(design, scenario, False)
    gemms, parts = layer_gemms(model, split)
    every = gemm_roofline(gemms, scenario, design.clock)
    times, flops, moved = (quantity[0] for quantity in every)
    nothing = again(jnp.eye(len(RECOMPUTE))[0], scenario.recompute, 0.0)
    passes, _ = layer_times(scenario, split, nothing, design.clock, jnp.inf)
    dense, experts = model.dense_layers, model.layers - model.dense_layers
    layers = {
        "attention": model.layers,
        "dense": dense,
        "expert": experts,
        "head": 1.0,
        # Layers that predict ahead are not shown, nor what goes before them.
        "ahead": 0.0,
    }
    rows = OrderedDict()
    for part, places in parts.items():
        for index in range(len(gemms.names))[places]:
            one = jnp.stack([flops[index], moved[index], times[index]])
            rows[gemms.names[index]] = layers[part] * one
    rows["attention core"] = model.layers * jnp.stack(
        [
            attention_flops(model, scenario.training, split),
            attention_bytes(model, split),
            passes.attention[0, 0],
        ]
    )
    traffic = elementwise_bytes(model, split)
    streamed = model.layers * traffic.norm + dense * traffic.dense
    streamed = streamed + experts * traffic.expert
    streaming = dense * passes.elementwise[0, 0] + experts * passes.elementwise[1, 0]
    rows["elementwise"] = jnp.stack([jnp.zeros_like(streamed), streamed, streaming])
    # A chip holds one of the pipeline's stages.
    return OrderedDict(
        (name, row / design.pipeline_parallel) for name, row in rows.items()
    )


_TABLE = Kept(_table, "operators", quick=True)
